package inspect_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/wssgate/wssgate/kerberos/inspect"
	"github.com/wssgate/wssgate/kerberos/internal/seeds"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// TestInspectReadsLongLengthsAlike: a token whose lengths are longer than they
// need to be is explained as the one with the shortest.
func TestInspectReadsLongLengthsAlike(t *testing.T) {
	t.Parallel()
	k := newKDC()
	token, _ := mustToken(t, k, krbtest.TokenOptions{GSSFlags: 0x3e})
	octets := regexp.MustCompile(`[0-9]+ octets?`)
	text := func(b []byte) string {
		i := inspect.New(inspect.Config{Keytab: k.Keytab(nil), Time: fixedTime}).Inspect(b)
		if !i.Sound || i.Err != nil {
			t.Errorf("%x: sound %t, %v", b, i.Sound, i.Err)
		}
		return string(octets.ReplaceAll(i.Node.AppendText(nil), []byte("n octets")))
	}
	for name, b := range map[string][]byte{
		"GSS-API": token,
		"SPNEGO":  krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(krbtest.OIDKRB5), MechToken: token}.Token(),
		"answer":  krbtest.NegTokenResp{State: 0, SupportedMech: krbtest.OIDKRB5}.Token(),
	} {
		want := text(b)
		for _, n := range []int{2, 3, 4, 9} {
			if got := text(seeds.LongLengths(slices.Clone(b), n)); got != want {
				t.Errorf("%s, lengths in %d octets:\n%s\nwant\n%s", name, n, got, want)
			}
		}
	}
}
