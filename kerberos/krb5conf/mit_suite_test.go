package krb5conf_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krb5conf"
)

var krb5Source = flag.String("krb5", "", "folder of MIT's sources, krb5 1.20 or later")

// mitProfile reads files of MIT's tests one after the other, as KRB5_CONFIG
// lists them.
func mitProfile(paths ...string) (*krb5conf.Config, error) {
	var all strings.Builder
	for _, path := range paths {
		text, err := krb5conf.Read(path)
		if err != nil {
			return nil, err
		}
		all.WriteString(text)
	}
	return krb5conf.Parse(all.String())
}

// What MIT's profile library is to say of the files of its tests (src/util/profile:
// t_profile.c, prtest.script, final.expected) is what Values returns.
func TestReadMatchesMITsTests(t *testing.T) {
	if *krb5Source == "" {
		t.Skip("the sources are fetched by .ci/suites, and read with -krb5 DIR")
	}
	source, dir := filepath.Join(*krb5Source, "src/util/profile"), t.TempDir()
	test, err := os.ReadFile(filepath.Join(source, "test.ini"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"no file":                 "include " + dir + "/does-not-exist",
		"no directory":            "includedir " + dir + "/does-not-exist",
		"include":                 "include " + source + "/test.ini",
		"includedir":              "includedir " + dir + "/included",
		"independent":             "[sec1]\nvar = {\na = 1\ninclude " + dir + "/inner\nc = 3\n}",
		"inner":                   "[sec2]\nb = 2",
		"included/a":              string(test),
		"included/a~":             string(test),
		"included/b.conf":         string(test),
		"included/b.conf.rpmsave": string(test),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"no file", "no directory"} {
		if _, err := mitProfile(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is read", name)
		}
	}
	for _, c := range []struct{ files, path, want string }{
		{"test.ini", "test section 1/child_section/child", "slick,harry,john"},
		{"test.ini", "test section 1/quux", "zap"},
		{"test.ini", "test section 1/foo", "bar ,bar2,bar3"},
		{"test.ini", "test section 2/child_section2/child", "slick,harry,john\tb ,ron"},
		{"test.ini", "test section 2/child_section2/chores", "cleaning"},
		{"test.ini", "test section 2/child_section2", "one,foo"},
		{"test.ini", "test section 2/test_child", "foo\nbar"},
		{"test.ini", "realms/ATHENA.MIT.EDU/server", "KERBEROS.MIT.EDU:88,KERBEROS1.MIT.EDU,KERBEROS2.MIT.EDU"},
		{dir + "/include", "test section 1/bar", "foo"},
		{dir + "/includedir", "test section 1/bar", "foo,foo"},
		{dir + "/included", "test section 1/bar", "foo,foo"},
		{dir + "/independent", "sec1/var/a", "1"},
		{dir + "/independent", "sec2/b", "2"},
		{dir + "/independent", "sec1/var/c", "3"},
		{"krb5.conf", "realms/ATHENA.MIT.EDU/kdc",
			"kerberos.mit.edu,kerberos-1.mit.edu,kerberos-2.mit.edu,kerberos-3.mit.edu"},
		{"krb5.conf", "libdefaults/default_realm", "ATHENA.MIT.EDU"},
		{"krb5.conf", "libdefaults/not_present", ""},
		{"final1.ini:final1.ini", "section/subsection/key", "value1,value1"},
		// Of 1.22 on, as krb5.conf(5) has it; before, the library passed over this mark.
		{"final2.ini:final1.ini", "section/subsection/key", "value2"},
		{"final3.ini:final1.ini", "section/subsection/key", "value3"},
		{"final4.ini:final1.ini", "section/subsection/key", "value4"},
		{"final5.ini:final1.ini", "section/subsection/key", "value5"},
	} {
		files := strings.Split(c.files, ":")
		for i, name := range files {
			if !filepath.IsAbs(name) {
				files[i] = filepath.Join(source, name)
			}
		}
		conf, err := mitProfile(files...)
		if err != nil {
			t.Errorf("%s: %v", c.files, err)
			continue
		}
		if got := strings.Join(conf.Values(strings.Split(c.path, "/")...), ","); got != c.want {
			t.Errorf("%s: %s is %q, want %q", c.files, c.path, got, c.want)
		}
	}
}

// The cases that MIT's tests have since 1.22 of what "*" ends within one file
// (final6.ini): later relations and sections of a name, not earlier ones, and
// empty sections in one that does not count.
func TestParseMatchesMITsFinals(t *testing.T) {
	t.Parallel()
	conf, err := krb5conf.Parse(`
[before]
	r = 1
	r* = 2
	r = 3
	r* = 4
	s* = 1
[before]
	s = 2
	s* = 3
	s = 4
[whole]*
	r = 1
	r* = 2
	in = {
		r = 1
	}
[whole]
	r = 3
	in = {
		r = 2
	}
	in = {
	}
	in = {
	}
[parts]
	named* = {
		r* = 1
	}
	closed = {
		r = 1
	}*
	r = 1
[parts]
	named = {
		r = 2
	}
	closed* = {
		r = 2
	}
	r = 2
`)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"before/r": "1,2", "before/s": "1", "whole/r": "1,2", "whole/in/r": "1",
		"parts/named/r": "1", "parts/closed/r": "1", "parts/r": "1,2"} {
		if got := strings.Join(conf.Values(strings.Split(path, "/")...), ","); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}
