package pac_test

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

var krb5Source = flag.String("krb5", "", "folder of MIT's sources, krb5 1.20 or later")

// cOctets returns the octets of an array or of a key in a C source: numbers and
// escapes in hexadecimal.
func cOctets(t *testing.T, source []byte, name string) (octets []byte) {
	t.Helper()
	m := regexp.MustCompile(`(?s)` + name + `(?:\[\])? = \{(.*?)\};`).FindSubmatch(source)
	if m == nil {
		t.Fatalf("no %s", name)
	}
	for _, hex := range regexp.MustCompile(`(?:0x|\\x)([0-9A-Fa-f]{2})`).FindAllSubmatch(m[1], -1) {
		n, err := strconv.ParseUint(string(hex[1]), 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		octets = append(octets, byte(n))
	}
	return octets
}

// The PACs of Windows 2003 and 2008 in MIT's test program t_pac are signed by the
// keys that stand there, and name their clients; its two broken ones are refused.
func TestVerifyAcceptsThePACsOfMITsTests(t *testing.T) {
	if *krb5Source == "" {
		t.Skip("the sources are fetched by .ci/suites, and read with -krb5 DIR")
	}
	source, err := os.ReadFile(*krb5Source + "/src/lib/krb5/krb/t_pac.c")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		pac, key string
		etype    int32
		client   string
	}{
		{"saved_pac", "member_keyblock", 23, "w2003final$"},
		{"s4u_pac_regular", "s4u_srv_key", 18, "w2k8u"},
		{"s4u_pac_enterprise", "s4u_srv_key", 18, "w2k8u@abc"},
		{"s4u_pac_xrealm", "s4u_tgt_srv_key", 18, "w2k8u@ACME.COM"},
		{"s4u_pac_ent_xrealm", "s4u_tgt_srv_key", 18, "w2k8u@abc@ACME.COM"},
	} {
		octets, key := cOctets(t, source, c.pac), cOctets(t, source, c.key)
		if err := verify(octets, c.etype, key); err != nil {
			t.Errorf("%s: %v", c.pac, err)
		}
		p, err := parse(octets)
		if err != nil || p.ClientName != c.client {
			t.Errorf("%s: %+v, %v", c.pac, p, err)
		}
		changed := slices.Clone(octets)
		changed[len(changed)/2] ^= 1
		if verify(changed, c.etype, key) == nil {
			t.Errorf("%s: changed, and accepted", c.pac)
		}
	}
	for _, name := range []string{"fuzz1", "fuzz2"} {
		if _, err := parse(cOctets(t, source, name)); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}
