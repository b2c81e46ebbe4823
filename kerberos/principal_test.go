package kerberos

import (
	"testing"
)

func TestParsePrincipalReadsAndRejectsNames(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"alice@EXAMPLE.COM", "soap/gw.example.com@EXAMPLE.COM", "soap/gw.example.com",
		`a\/b\@c\\d/e@R`, "jürgen@EXAMPLE.COM"} {
		p, err := ParsePrincipal(s)
		if err != nil || p.String() != s {
			t.Errorf("%s: %v, %v", s, p, err)
		}
	}
	for _, s := range []string{"", "@R", "a@", "a//b@R", "a@b@c", "a@b/c", `a\`, `a\n@R`, "a\x00@R", "a\x7f@R",
		"a\u0085@R", "\xff@R", "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a@R"} {
		if p, err := ParsePrincipal(s); err == nil {
			t.Errorf("%q: %v", s, p)
		}
	}
}

// FuzzParsePrincipal: the text form of what is parsed parses to the same name.
func FuzzParsePrincipal(f *testing.F) {
	for _, s := range []string{"alice@EXAMPLE.COM", `soap/gw.example.com`, `a\/b\@c\\/d@R`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePrincipal(s)
		if err != nil {
			return
		}
		if q, err := ParsePrincipal(p.String()); err != nil || q.String() != p.String() ||
			len(q.Components) != len(p.Components) {
			t.Errorf("%q: %v, %v", s, q, err)
		}
	})
}

func TestPrincipalMatchesWithAndWithoutRealm(t *testing.T) {
	t.Parallel()
	full := Principal{Components: []string{"soap", "a"}, Realm: "R"}
	for _, test := range []struct {
		p    Principal
		want bool
	}{
		{full, true},
		{Principal{Components: full.Components}, true},
		{Principal{Components: full.Components, Realm: "r"}, false},
		{Principal{Components: []string{"soap"}, Realm: "R"}, false},
		{Principal{Components: []string{"soap/a"}, Realm: "R"}, false},
		{Principal{Components: []string{"soap", "A"}, Realm: "R"}, false},
	} {
		if got := test.p.Matches(full); got != test.want {
			t.Errorf("%v matches %v: %t", test.p, full, got)
		}
	}
}
