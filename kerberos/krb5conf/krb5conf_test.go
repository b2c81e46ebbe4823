package krb5conf

import (
	"fmt"
	"os"
	"os/user"
	"reflect"
	"strings"
	"testing"
	"time"
)

const sampleConf = `
# a comment
; another
[libdefaults]
	default_realm = EXAMPLE.COM
	dns_lookup_kdc = Yes
	ticket_lifetime = 10h
	renew_lifetime = 7d
	clockskew = 120
	permitted_enctypes = aes256-cts, aes128-cts-hmac-sha256-128 rc4-hmac camellia256-cts
	default_tkt_enctypes = DEFAULT -aes256-sha1 +rc4
	allow_rc4 = true
	default_realm = OTHER
[realms]
	EXAMPLE.COM = {
		kdc = kdc1.example.com
		kdc = kdc2.example.com:8888
		v4_instance_convert = {
			rcmd = host
		}
	}
	FINAL* =
	{
		kdc = a
	}
[domain_realm]
	.example.com = EXAMPLE.COM
	example.com = BARE
	gw.sub.example.com = GW
[capaths]
	A.COM = {
		B.COM = C.COM
		B.COM = D.COM
		E.COM = .
	}
[realms]
	EXAMPLE.COM = {
		kdc = [2001:db8::1]:89
		auth_to_local = "RULE:[1:$1] \"quoted\" \\ \n"
	}*
	EXAMPLE.COM = {
		kdc = ignored
	}
	FINAL = {
		kdc = ignored
	}
[plugins]*
`

// TestParseReadsSettings: sections and realms that come twice count together,
// until one is final; the first value of a setting counts.
func TestParseReadsSettings(t *testing.T) {
	t.Parallel()
	c, err := Parse(sampleConf)
	if err != nil {
		t.Fatal(err)
	}
	lifetime, _ := c.Duration("renew_lifetime")
	skew, _ := c.Duration("clockskew")
	for what, pair := range map[string][2]any{
		"realm":  {c.DefaultRealm(), "EXAMPLE.COM"},
		"realms": {c.Realms(), []string{"EXAMPLE.COM", "FINAL"}},
		"kdcs": {c.Values("realms", "EXAMPLE.COM", "kdc"),
			[]string{"kdc1.example.com", "kdc2.example.com:8888", "[2001:db8::1]:89"}},
		"final":      {c.Values("realms", "FINAL", "kdc"), []string{"a"}},
		"quoted":     {c.Values("realms", "EXAMPLE.COM", "auth_to_local"), []string{"RULE:[1:$1] \"quoted\" \\ \n"}},
		"deep":       {c.Values("realms", "EXAMPLE.COM", "v4_instance_convert", "rcmd"), []string{"host"}},
		"on":         {c.Bool("dns_lookup_kdc"), true},
		"off":        {c.Bool("forwardable"), false},
		"days":       {lifetime, 7 * 24 * time.Hour},
		"seconds":    {skew, 2 * time.Minute},
		"etypes":     {c.Etypes("permitted_enctypes"), []int32{18, 19, 23}},
		"tkt etypes": {c.Etypes("default_tkt_enctypes"), []int32{17, 20, 19, 23}},
		"no etypes":  {c.Etypes("default_tgs_enctypes"), []int32(nil)},
		"has": {[]bool{c.HasRealm("EXAMPLE.COM"), c.HasRealm("OTHER"), c.HasRealm(""), c.HasRealm("FINAL")},
			[]bool{true, false, false, true}},
		"hosts": {[]string{c.RealmOfHost("GW.sub.example.com."), c.RealmOfHost("x.sub.example.com"),
			c.RealmOfHost("example.com"), c.RealmOfHost("com"), c.RealmOfHost("")},
			[]string{"GW", "EXAMPLE.COM", "BARE", "", ""}},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: %v, want %v", what, pair[0], pair[1])
		}
	}
	rc4, err := Parse("[libdefaults]\npermitted_enctypes = rc4-hmac")
	if err != nil || len(rc4.Etypes("permitted_enctypes")) != 0 {
		t.Error("RC4 without allow_rc4", err)
	}
	if c, err := Parse(""); err != nil || c.DefaultRealm() != "" || len(c.Realms()) != 0 {
		t.Error("empty file:", err)
	}
}

func TestDurationReadsUnits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"": 0, "90": 90 * time.Second, "1h": time.Hour,
		"1d 2h": 26 * time.Hour, "10m30s": 630 * time.Second,
		"2:30": 150 * time.Minute, "1:2:3": time.Hour + 2*time.Minute + 3*time.Second, "x": -1, "1w": -1, "-1": -1,
		"1h x": -1, "99999999999999999999": -1, "1:2:3:4": -1, "999999d": -1} {
		if got, err := parseConfDuration(text); got != max(want, 0) && want >= 0 || (err != nil) != (want < 0) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// TestRealmPathFollowsCapaths: capaths first; else up to the common suffix of
// both names and down again (RFC 4120 1.2).
func TestRealmPathFollowsCapaths(t *testing.T) {
	t.Parallel()
	c, err := Parse(sampleConf)
	if err != nil {
		t.Fatal(err)
	}
	for pair, want := range map[[2]string]string{
		{"A.COM", "B.COM"}:                          "[A.COM C.COM D.COM B.COM] true",
		{"A.COM", "E.COM"}:                          "[A.COM E.COM] true",
		{"B.COM", "A.COM"}:                          "[B.COM COM A.COM] false",
		{"X.A.COM", "A.COM"}:                        "[X.A.COM A.COM] false",
		{"A.COM", "X.A.COM"}:                        "[A.COM X.A.COM] false",
		{"X.A.COM", "Y.Z.A.COM"}:                    "[X.A.COM A.COM Z.A.COM Y.Z.A.COM] false",
		{"A.COM", "B.ORG"}:                          "[A.COM B.ORG] false",
		{strings.Repeat("a.", 30) + "COM", "B.COM"}: "[" + strings.Repeat("a.", 30) + "COM B.COM] false",
	} {
		path, configured := c.RealmPath(pair[0], pair[1])
		if got := fmt.Sprint(path, configured); got != want {
			t.Errorf("%v: %s, want %s", pair, got, want)
		}
	}
}

// TestDefaultCCacheExpandsParameters: the environment first, then krb5.conf,
// then MIT's own default.
func TestDefaultCCacheExpandsParameters(t *testing.T) {
	t.Parallel()
	uid, name := fmt.Sprint(os.Getuid()), "%{username}"
	if u, err := user.LookupId(fmt.Sprint(os.Geteuid())); err == nil {
		name = u.Username
	}
	for text, want := range map[string]string{
		"": "FILE:/tmp/krb5cc_" + uid,
		"[libdefaults]\ndefault_ccache_name = FILE:/run/user/%{uid}/krb5cc%{null}": "FILE:/run/user/" + uid + "/krb5cc",
		"[libdefaults]\ndefault_ccache_name = KEYRING:persistent:%{uid}":           "KEYRING:persistent:" + uid,
		"[libdefaults]\ndefault_ccache_name = FILE:/tmp/%{username}.%{USERID}":     "FILE:/tmp/" + name + "." + uid,
		"[libdefaults]\ndefault_ccache_name = FILE:%{TEMP}/%{euid}/%{LIBDIR}": "FILE:" + os.TempDir() + "/" +
			fmt.Sprint(os.Geteuid()) + "/%{LIBDIR}",
	} {
		c, err := Parse(text)
		if err != nil || c.DefaultCCache("") != want || c.DefaultCCache("FILE:/x") != "FILE:/x" {
			t.Errorf("%q: %s, want %s, %v", text, c.DefaultCCache(""), want, err)
		}
	}
}

// FuzzParseKrb5Conf: neither parsing nor a look-up panics, and the text that
// Read returns parses to the same settings.
func FuzzParseKrb5Conf(f *testing.F) {
	f.Add(sampleConf)
	f.Add("[capaths]\nA = {\nB = .\n}")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err != nil {
			return
		}
		for _, realm := range append(c.Realms(), "A", "") {
			if path, _ := c.RealmPath("A", realm); path[0] != "A" || path[len(path)-1] != realm {
				t.Errorf("path from A to %q: %q", realm, path)
			}
			c.Values("realms", realm, "kdc")
		}
		again, err := Parse(c.root.text())
		if err != nil || DumpKrb5Conf(again, true) != DumpKrb5Conf(c, true) || again.root.text() != c.root.text() {
			t.Errorf("becomes %q, %v", c.root.text(), err)
		}
		c.RealmOfHost("gw.example.com")
		c.Etypes("permitted_enctypes")
		c.Duration("ticket_lifetime")
	})
}
