package etype

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
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

func TestTypesAreKnownByNumberAndName(t *testing.T) {
	t.Parallel()
	var ids []int32
	for _, et := range All() {
		ids = append(ids, et.ID)
		if id, ok := ByName(et.Name); !ok || id != et.ID || Name(et.ID) != et.Name {
			t.Errorf("%s is %d, %t", et.Name, id, ok)
		}
	}
	if want := []int32{17, 18, 19, 20, 23}; !slices.Equal(ids, want) {
		t.Errorf("all are %d, want %d", ids, want)
	}
	if got := Supported(16, 18, 3, 23, 17); !slices.Equal(got, []int32{18, 23, 17}) {
		t.Errorf("supported are %d", got)
	}
	if id, ok := ByName("des-cbc-crc"); ok || Name(3) != "etype 3" {
		t.Errorf("DES is %d, and 3 is %s", id, Name(3))
	}
	if _, err := GenerateKey(3); err == nil || err.Error() != "unsupported encryption type 3" {
		t.Error(err)
	}
	if _, err := NewKey(3, nil); err == nil || err.Error() != "unsupported encryption type 3" {
		t.Error(err)
	}
}

// A key prints and marshals as its type, whatever the verb, and in a log.
func TestKeyPrintsNoOctets(t *testing.T) {
	t.Parallel()
	key, err := NewKey(AES128SHA1, []byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	const want = "aes128-cts-hmac-sha1-96 key (redacted)"
	text, err := key.MarshalText()
	if err != nil || string(text) != want || key.LogValue().String() != want {
		t.Errorf("%s, %v, %v", text, err, key.LogValue())
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		if got := fmt.Sprintf(verb, key); got != want {
			t.Errorf("%s: %s", verb, got)
		}
	}
}

// A copy of a key is wiped with it, a clone is not; both have the clock of its
// authenticators.
func TestKeyCloneHasItsOwnOctets(t *testing.T) {
	t.Parallel()
	key, err := GenerateKey(AES256SHA2)
	if err != nil {
		t.Fatal(err)
	}
	duplicate, clone := key, key.Clone()
	if !clone.Equal(key) || clone.Etype() != AES256SHA2 {
		t.Errorf("the clone is %v", clone)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	first, second := key.AuthenticatorTime(now), clone.AuthenticatorTime(now)
	if !first.Equal(now) || second.Sub(first) != time.Microsecond {
		t.Errorf("%v and %v", first, second)
	}
	shared := new(AuthenticatorClock)
	other, err := GenerateKey(AES256SHA2)
	if err != nil {
		t.Fatal(err)
	}
	a, b := clone.ShareClock(shared).AuthenticatorTime(now), other.ShareClock(shared).AuthenticatorTime(now)
	if !a.Equal(now) || b.Sub(a) != time.Microsecond {
		t.Errorf("with one clock %v and %v", a, b)
	}
	key.Wipe()
	(Key{}).Wipe()
	if zero := make([]byte, 32); string(duplicate.ExposeKeyOctets()) != string(zero) || clone.Equal(duplicate) {
		t.Error("a copy is left, or the clone was wiped")
	}
}

func TestChecksumKeyVerifiesItsSums(t *testing.T) {
	t.Parallel()
	for _, et := range All() {
		if et.ID == RC4 {
			continue // its messages have other sums
		}
		key, err := GenerateKey(et.ID)
		if err != nil {
			t.Fatal(err)
		}
		c, other := NewChecksumKey(key, 23), NewChecksumKey(key, 25)
		sum := c.AppendSum(nil, []byte("a mess"), []byte("age"))
		if len(sum) != et.MACLen || !c.Verify(sum, []byte("a message")) {
			t.Errorf("%s: %d octets, or not its own", et.Name, len(sum))
		}
		if c.Verify(sum, []byte("a messagE")) || other.Verify(sum, []byte("a message")) ||
			c.Verify(sum[:len(sum)-1], []byte("a message")) {
			t.Errorf("%s: the sum of another message or usage, or a part of one", et.Name)
		}
	}
}
