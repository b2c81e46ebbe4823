package krbmsg_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

func TestReadNameReadsAndRejectsComponents(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		components []string
		text       string // "" for refused
	}{
		"one":                  {[]string{"alice"}, "alice"},
		"two":                  {[]string{"soap", "gw.example.com"}, "soap/gw.example.com"},
		"escaped":              {[]string{`a/b@c\d`}, `a\/b\@c\\d`},
		"in UTF-8":             {[]string{"jürgen"}, "jürgen"},
		"none":                 {nil, ""},
		"an empty one":         {[]string{"soap", ""}, ""},
		"a control character":  {[]string{"a\nb"}, ""},
		"a NUL":                {[]string{"a\x00"}, ""},
		"not in UTF-8":         {[]string{"a\xff"}, ""},
		"too many":             {slices.Repeat([]string{"a"}, kerberos.MaxComponents+1), ""},
		"too long":             {[]string{strings.Repeat("a", kerberos.MaxNameBytes+1)}, ""},
		"too long, in several": {slices.Repeat([]string{strings.Repeat("a", 100)}, 12), ""},
	} {
		p := der.Parser{In: "test"}
		b := der.Element(der.TagContext(2), krbmsg.EncodeName(krbmsg.NamePrincipal, test.components))
		n := krbmsg.ReadName(&p, &b, 2, "cname")
		if (p.Err == nil) != (test.text != "") || string(n.AppendText(nil)) != test.text {
			t.Errorf("%s: %q, %v", name, n.AppendText(nil), p.Err)
		}
		if p.Err == nil && !slices.Equal(n.Components(), test.components) {
			t.Errorf("%s: %q", name, n.Components())
		}
	}
}

func TestReadRealmRejectsIllegalNames(t *testing.T) {
	t.Parallel()
	for realm, ok := range map[string]bool{"EXAMPLE.COM": true, "": false, "A\nB": false, "\xff": false} {
		p := der.Parser{In: "test"}
		b := der.Field(1, der.TagGeneralString, []byte(realm))
		if got := krbmsg.ReadRealm(&p, &b, 1, "realm"); (p.Err == nil) != ok || ok && string(got) != realm {
			t.Errorf("%q: %q, %v", realm, got, p.Err)
		}
	}
}
