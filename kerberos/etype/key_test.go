package etype

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

func TestKeyComparesAndCopiesOctets(t *testing.T) {
	t.Parallel()
	octets := make([]byte, 32)
	a, err := NewKey(AES256SHA1, octets)
	if err != nil {
		t.Fatal(err)
	}
	octets[0] = 1
	b, _ := NewKey(AES256SHA1, octets)
	c, _ := NewKey(AES256SHA2, octets)
	exposed := b.ExposeKeyOctets()
	exposed[0] = 9
	if a.Equal(b) || b.Equal(c) || !b.Equal(b) || !(Key{}).Equal(Key{}) || a.Equal(Key{}) || (Key{}).Equal(a) ||
		b.ExposeKeyOctets()[0] != 1 {
		t.Error("Equal, or shared memory")
	}
	if !(Key{}).IsZero() || (Key{}).ExposeKeyOctets() != nil || (Key{}).String() != "no key" {
		t.Error("zero key")
	}
	for etype, n := range map[int32]int{18: 31, 17: 32, 23: 0, 16: 24} {
		if _, err := NewKey(etype, make([]byte, n)); err == nil {
			t.Errorf("key of %d octets for etype %d", n, etype)
		}
	}
}

// TestDerivedKeysPrintNoOctets prints what is derived from a key in every way,
// and looks for its octets.
func TestDerivedKeysPrintNoOctets(t *testing.T) {
	t.Parallel()
	key, err := NewKey(AES256SHA1, []byte("0123456789abcdefghijklmnopqrstuv"))
	if err != nil {
		t.Fatal(err)
	}
	u, c := NewUsageKey(key, UsageTicket), NewChecksumKey(key, UsageTicket)
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb+verb, u, *u, c, &c)
	}
	for _, secret := range [][]byte{u.ki[:8], c.kc[:8]} {
		for _, form := range []string{strings.Trim(fmt.Sprint(secret), "[]"), hex.EncodeToString(secret),
			strings.ToUpper(hex.EncodeToString(secret)), string(secret)} {
			if strings.Contains(out.String(), form) {
				t.Errorf("octets are printed as %q", form)
			}
		}
	}
}
