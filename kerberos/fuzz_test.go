package kerberos

import "testing"

// FuzzParsePrincipal: what is read is written as it was meant.
func FuzzParsePrincipal(f *testing.F) {
	for _, s := range []string{"alice@EXAMPLE.COM", `soap/gw.example.com`, `a\/b\@c\\/d@R`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePrincipal(s)
		if err != nil {
			return
		}
		if q, err := ParsePrincipal(p.String()); err != nil || q.String() != p.String() || len(q.Components) != len(p.Components) {
			t.Errorf("%q: %v, %v", s, q, err)
		}
	})
}
