package krb5conf

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
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

// TestKrb5Conf: sections and realms that come twice count together, until one is final; the first value of a setting
// counts.
func TestKrb5Conf(t *testing.T) {
	c, err := Parse(sampleConf)
	if err != nil {
		t.Fatal(err)
	}
	lifetime, _ := c.Duration("renew_lifetime")
	skew, _ := c.Duration("clockskew")
	for what, pair := range map[string][2]any{
		"realm":      {c.DefaultRealm(), "EXAMPLE.COM"},
		"realms":     {c.Realms(), []string{"EXAMPLE.COM", "FINAL"}},
		"kdcs":       {c.Values("realms", "EXAMPLE.COM", "kdc"), []string{"kdc1.example.com", "kdc2.example.com:8888", "[2001:db8::1]:89"}},
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
		"has":        {[]bool{c.HasRealm("EXAMPLE.COM"), c.HasRealm("OTHER"), c.HasRealm(""), c.HasRealm("FINAL")}, []bool{true, false, false, true}},
		"hosts": {[]string{c.RealmOfHost("GW.sub.example.com."), c.RealmOfHost("x.sub.example.com"), c.RealmOfHost("example.com"), c.RealmOfHost("com"), c.RealmOfHost("")},
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

func TestConfDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 0, "90": 90 * time.Second, "1h": time.Hour, "1d 2h": 26 * time.Hour, "10m30s": 630 * time.Second,
		"2:30": 150 * time.Minute, "1:2:3": time.Hour + 2*time.Minute + 3*time.Second, "x": -1, "1w": -1, "-1": -1, "1h x": -1, "99999999999999999999": -1, "1:2:3:4": -1, "999999d": -1} {
		if got, err := parseConfDuration(text); got != max(want, 0) && want >= 0 || (err != nil) != (want < 0) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// TestRealmPath: capaths first; else up to what both names have in common and down again (RFC 4120 1.2).
func TestRealmPath(t *testing.T) {
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

// confWriter writes files into a directory of the test's.
func confWriter(t *testing.T) (dir string, write func(name, text string) string) {
	dir = t.TempDir()
	return dir, func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
		return path
	}
}

// readConf reads a file with those that it includes.
func readConf(t *testing.T, path string) *Config {
	t.Helper()
	text, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestIncludedFilesHaveTheirOwnSections: a file that includes another goes on in the section and the braces where it
// was, and what it leaves open ends with it.
func TestIncludedFilesHaveTheirOwnSections(t *testing.T) {
	dir, write := confWriter(t)
	write("d/realms.conf", "[realms]\n EXAMPLE.COM = {\n  kdc = one\n")
	write("map", "text of no section\n[domain_realm]\n .example.com = EXAMPLE.COM")
	for name, text := range map[string]string{
		"in a section": "[libdefaults]\nincludedir " + dir + "/d\n default_realm = EXAMPLE.COM\ninclude\t" + dir + "/map\n",
		"in braces":    "[realms]\n EXAMPLE.COM = {\nincludedir " + dir + "/d\n  kdc = two\n }\ninclude  " + dir + "/map\r\n[libdefaults]\ndefault_realm = EXAMPLE.COM\n",
		"before all":   "include " + dir + "/map\nincludedir \t" + dir + "/d\n[libdefaults]\ndefault_realm = EXAMPLE.COM\n",
		"before a brace": "include " + dir + "/map\n[realms]\nEXAMPLE.COM =\nincludedir " + dir + "/d\n{ kdc = passed over\n}\n[libdefaults]\n" +
			"default_realm = EXAMPLE.COM\n",
	} {
		c := readConf(t, write("krb5.conf", text))
		want := map[bool]string{false: "[one]", true: "[one two]"}[name == "in braces"]
		if got := fmt.Sprint(c.Values("realms", "EXAMPLE.COM", "kdc")); got != want || c.DefaultRealm() != "EXAMPLE.COM" || fmt.Sprint(c.Realms()) != "[EXAMPLE.COM]" ||
			c.RealmOfHost("gw.example.com") != "EXAMPLE.COM" {
			t.Errorf("%s: KDCs %s, default realm %q, realms %q", name, got, c.DefaultRealm(), c.Realms())
		}
	}
}

// TestKrb5ConfThatMITTakes: text that looks wrong, and is not.
func TestKrb5ConfThatMITTakes(t *testing.T) {
	const realm = "[realms]\n EXAMPLE.COM = {\n  kdc = one\n }"
	for _, text := range []string{
		"This file is managed elsewhere\nkdc = none\n" + realm,
		" [realms]\n EXAMPLE.COM = {\n kdc = not yet\n" + realm + "\n",
		realm + " # end of EXAMPLE.COM\n[libdefaults]\n",
		strings.ReplaceAll(realm, "\n", "\r\n"),
		strings.TrimSuffix(realm, " }"),
		"[realms]\nEXAMPLE.COM=\n\t{ # begins\nkdc=\"one\" # in quotes\n}\n",
		"[libdefaults]\n[realms] \t\nEXAMPLE.COM\t= {\n# } no\n; } no\nkdc\t=\tone\t\n}\n[libdefaults]",
		"[realms]\n" + strings.Repeat("x = {\n", 1000) + strings.Repeat("}\n", 1000) + realm,
		"[realms]\nEXAMPLE.COM = {\nkdc* = one\nkdc = late\n}*\nEXAMPLE.COM = {\nkdc = late\nx = {\nkdc = late\n}\nkdc = late\n}\n[realms]*\n[realms]\nEXAMPLE.COM = {\nkdc = late\n}\n",
	} {
		c, err := Parse(text)
		if err != nil || fmt.Sprint(c.Values("realms", "EXAMPLE.COM", "kdc")) != "[one]" {
			t.Errorf("%.200q: %q, %v", text, c.Values("realms", "EXAMPLE.COM", "kdc"), err)
		}
	}
}

// TestReadKrb5Conf: included files stand where they are named; those that include themselves end.
func TestReadKrb5Conf(t *testing.T) {
	dir, write := confWriter(t)
	main := write("krb5.conf", "includedir "+filepath.Join(dir, "d")+"\ninclude "+filepath.Join(dir, "more")+"\n[libdefaults]\r\ndefault_realm = LAST")
	write("more", "[realms]\nM = {\nkdc = m\n}\n")
	write("d/10-site", "[realms]\nS = {\nkdc = s\n}\n")
	write("d/20.conf", "[realms]\nC = {\nkdc = c\n}\n")
	write("d/.hidden.conf", "[realms]\nH = {\nkdc = h\n}\n")
	write("d/x.rpmsave", "[realms]\nX = {\nkdc = x\n}\n")
	text, err := Read(main)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(text)
	if err != nil || fmt.Sprint(c.Realms()) != "[LAST S C M]" {
		t.Error(c.Realms(), err)
	}
	if c := readConf(t, filepath.Join(dir, "d")); fmt.Sprint(c.Realms()) != "[S C]" {
		t.Error("a directory:", c.Realms())
	}
	t.Setenv("HOME", dir)
	if c := readConf(t, "~/more"); fmt.Sprint(c.Realms()) != "[M]" {
		t.Error("of the home directory:", c.Realms())
	}
	for text, c := range map[string]struct {
		says        string
		unsupported bool // by this package, not by MIT's
	}{
		"include " + main:                       {"more than 512 files", true},
		"[a]\ninclude /no/such/file":            {"krb5.conf line 2: include: open /no/such/file", false},
		"\nincludedir /no/such/dir":             {"krb5.conf line 2: includedir: open /no/such/dir", false},
		"include " + write("wrong", "[a]\nx\n"): {"wrong line 2: \"x\" is no name = value", false},
		strings.Repeat("# much\n", 200_000):     {"more than 1048576 octets", true},
		"module /usr/lib/x.so:y\n[libdefaults]": {"line 1: module \"/usr/lib/x.so:y\"", true},
	} {
		_, err := Read(write("krb5.conf", text))
		if err == nil || !strings.Contains(err.Error(), c.says) || errors.Is(err, errors.ErrUnsupported) != c.unsupported || errors.Is(err, os.ErrNotExist) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	if _, err := Read(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// TestDefaultCCache: the environment first, then krb5.conf, then MIT's own default.
func TestDefaultCCache(t *testing.T) {
	uid, name := fmt.Sprint(os.Getuid()), "%{username}"
	if u, err := user.LookupId(fmt.Sprint(os.Geteuid())); err == nil {
		name = u.Username
	}
	for text, want := range map[string]string{
		"": "FILE:/tmp/krb5cc_" + uid,
		"[libdefaults]\ndefault_ccache_name = FILE:/run/user/%{uid}/krb5cc%{null}": "FILE:/run/user/" + uid + "/krb5cc",
		"[libdefaults]\ndefault_ccache_name = KEYRING:persistent:%{uid}":           "KEYRING:persistent:" + uid,
		"[libdefaults]\ndefault_ccache_name = FILE:/tmp/%{username}.%{USERID}":     "FILE:/tmp/" + name + "." + uid,
		"[libdefaults]\ndefault_ccache_name = FILE:%{TEMP}/%{euid}/%{LIBDIR}":      "FILE:" + os.TempDir() + "/" + fmt.Sprint(os.Geteuid()) + "/%{LIBDIR}",
	} {
		c, err := Parse(text)
		if err != nil || c.DefaultCCache("") != want || c.DefaultCCache("FILE:/x") != "FILE:/x" {
			t.Errorf("%q: %s, want %s, %v", text, c.DefaultCCache(""), want, err)
		}
	}
}

// FuzzParseKrb5Conf: no text panics, and looking up what is in it neither; what Read makes of it is read as the same.
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
