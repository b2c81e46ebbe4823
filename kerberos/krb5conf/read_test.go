package krb5conf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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

// TestReadBeginsIncludedFilesOutsideSections: a file that includes another goes
// on in the section and the braces where it was, and what it leaves open ends
// with it.
func TestReadBeginsIncludedFilesOutsideSections(t *testing.T) {
	t.Parallel()
	dir, write := confWriter(t)
	write("d/realms.conf", "[realms]\n EXAMPLE.COM = {\n  kdc = one\n")
	write("map", "text of no section\n[domain_realm]\n .example.com = EXAMPLE.COM")
	for name, text := range map[string]string{
		"in a section": "[libdefaults]\nincludedir " + dir + "/d\n default_realm = EXAMPLE.COM\ninclude\t" + dir + "/map\n",
		"in braces": "[realms]\n EXAMPLE.COM = {\nincludedir " + dir + "/d\n  kdc = two\n }\ninclude  " + dir +
			"/map\r\n[libdefaults]\ndefault_realm = EXAMPLE.COM\n",
		"before all": "include " + dir + "/map\nincludedir \t" + dir + "/d\n[libdefaults]\ndefault_realm = EXAMPLE.COM\n",
		"before a brace": "include " + dir + "/map\n[realms]\nEXAMPLE.COM =\nincludedir " + dir +
			"/d\n{ kdc = passed over\n}\n[libdefaults]\n" +
			"default_realm = EXAMPLE.COM\n",
	} {
		c := readConf(t, write("krb5.conf", text))
		want := map[bool]string{false: "[one]", true: "[one two]"}[name == "in braces"]
		if got := fmt.Sprint(c.Values("realms", "EXAMPLE.COM", "kdc")); got != want || c.DefaultRealm() != "EXAMPLE.COM" ||
			fmt.Sprint(c.Realms()) != "[EXAMPLE.COM]" ||
			c.RealmOfHost("gw.example.com") != "EXAMPLE.COM" {
			t.Errorf("%s: KDCs %s, default realm %q, realms %q", name, got, c.DefaultRealm(), c.Realms())
		}
	}
}

// TestReadFollowsIncludes: included files stand where they are named; those
// that include themselves end.
func TestReadFollowsIncludes(t *testing.T) {
	dir, write := confWriter(t)
	main := write("krb5.conf", "includedir "+filepath.Join(dir, "d")+"\ninclude "+filepath.Join(dir, "more")+
		"\n[libdefaults]\r\ndefault_realm = LAST")
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
		if err == nil || !strings.Contains(err.Error(), c.says) || errors.Is(err, errors.ErrUnsupported) != c.unsupported ||
			errors.Is(err, os.ErrNotExist) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	if _, err := Read(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
