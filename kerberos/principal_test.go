package kerberos

import (
	"testing"
)

func TestParsePrincipal(t *testing.T) {
	for _, s := range []string{"alice@EXAMPLE.COM", "soap/gw.example.com@EXAMPLE.COM", "soap/gw.example.com", `a\/b\@c\\d/e@R`, "jürgen@EXAMPLE.COM"} {
		p, err := ParsePrincipal(s)
		if err != nil || p.String() != s {
			t.Errorf("%s: %v, %v", s, p, err)
		}
	}
	for _, s := range []string{"", "@R", "a@", "a//b@R", "a@b@c", "a@b/c", `a\`, `a\n@R`, "a\x00@R", "a\x7f@R", "a\u0085@R", "\xff@R", "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a@R"} {
		if p, err := ParsePrincipal(s); err == nil {
			t.Errorf("%q: %v", s, p)
		}
	}
}
