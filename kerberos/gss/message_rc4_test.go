package gss

import (
	"bytes"
	"testing"

	"github.com/wssgate/wssgate/kerberos/etype"
)

// TestRC4DoesNotProtectSequence shows what the security considerations say of
// RFC 4757's tokens, of which this package is not the cause: an attacker on the
// path changes the number of a MIC token, or reflects it.
func TestRC4DoesNotProtectSequence(t *testing.T) {
	t.Parallel()
	a, b := messagePair(t, etype.RC4, false,
		func(c *MessageConfig) { c.Order = NoReplay; c.ReceiveSequence = c.SendSequence })
	mic, err := a.MIC([]byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	renumbered, reflected := bytes.Clone(mic), bytes.Clone(mic)
	const number = 2 + 11 + 8 // frame, mechanism, header
	renumbered[number+3] ^= 1
	for i := range 4 {
		reflected[number+4+i] ^= 0xff
	}
	for i, err := range []error{b.VerifyMIC([]byte("hello"), mic), b.VerifyMIC([]byte("hello"), renumbered),
		a.VerifyMIC([]byte("hello"), reflected)} {
		if err != nil {
			t.Errorf("%d: %v: no longer weak, so the documentation is wrong", i, err)
		}
	}
}
