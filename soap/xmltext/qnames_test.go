package xmltext

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

const xsi = `xmlns:xsi="` + NamespaceXSI + `"`

func TestUncoveredQNameFindsNamesOutsideTheForm(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		doc      string
		prefixes []string
		names    []Name
		want     string // name of the holder, "" if all are covered
	}{
		"declared on an ancestor outside": {doc: `<r xmlns:t="urn:t" ` + xsi + `><p><q xsi:type="t:x"/></p></r>`,
			want: "type"},
		"declared on the element": {doc: `<r ` + xsi + `><p><q xmlns:t="urn:t" xsi:type="t:x"/></p></r>`,
			want: "type"},
		"used by the element":  {doc: `<r ` + xsi + `><p><t:q xmlns:t="urn:t" xsi:type="t:x"/></p></r>`},
		"used by an attribute": {doc: `<r ` + xsi + `><p><q xmlns:t="urn:t" t:a="" xsi:type="t:x"/></p></r>`},
		"used by an ancestor": {doc: `<r ` + xsi +
			` xmlns:t="urn:t"><p><t:m><q xsi:type="t:x"/></t:m></p></r>`},
		"used by the part": {doc: `<r ` + xsi +
			` xmlns:t="urn:t"><t:p><q><q xsi:type=" t:x "/></q></t:p></r>`},
		"used by an element before": {doc: `<r ` + xsi + ` xmlns:t="urn:t"><p><t:m/><q xsi:type="t:x"/></p></r>`,
			want: "type"},
		"used outside of the part": {doc: `<t:r ` + xsi + ` xmlns:t="urn:t"><p><q xsi:type="t:x"/></p></t:r>`,
			want: "type"},
		"declared anew": {doc: `<r ` + xsi +
			` xmlns:t="urn:t"><t:p><q xmlns:t="urn:u" xsi:type="t:x"/></t:p></r>`, want: "type"},
		"used anew": {doc: `<r ` + xsi +
			` xmlns:t="urn:t"><t:p><t:q xmlns:t="urn:u"><q xsi:type="t:x"/></t:q></t:p></r>`},
		"listed": {doc: `<r xmlns:t="urn:t" ` + xsi + `><p><q xsi:type="t:x"/></p></r>`,
			prefixes: []string{"a", "t"}},
		"not declared":           {doc: `<r ` + xsi + `><p><q xsi:type="t:x"/></p></r>`, want: "type"},
		"not declared, listed":   {doc: `<r ` + xsi + `><p><q xsi:type="t:x"/></p></r>`, prefixes: []string{"t"}},
		"no default namespace":   {doc: `<r ` + xsi + `><p><q xsi:type="x"/></p></r>`},
		"default namespace used": {doc: `<r xmlns="urn:d" ` + xsi + `><p><q xsi:type="x"/></p></r>`},
		"default namespace of outside": {doc: `<r xmlns="urn:d" ` + xsi +
			`><a:p xmlns:a="urn:a"><a:q xsi:type="x"/></a:p></r>`, want: "type"},
		"default namespace listed": {doc: `<r xmlns="urn:d" ` + xsi +
			`><a:p xmlns:a="urn:a"><a:q xsi:type="x"/></a:p></r>`, prefixes: []string{"#default"}},
		"predefined": {doc: `<r ` + xsi + `><p><q xsi:type="xml:x"/></p></r>`},
		"outside of the part": {doc: `<r ` + xsi +
			` xmlns:t="urn:t" xsi:type="t:x"><p/><q xsi:type="t:x"/></r>`},
		"no QName is asked for": {doc: `<r xmlns:t="urn:t"><p type="t:x">t:x</p></r>`},
		"attribute that is asked for": {doc: `<r xmlns:t="urn:t"><p type="t:x"/></r>`, names: []Name{{"", "type"}},
			want: "type"},
		"attribute with namespace": {doc: `<r xmlns:t="urn:t" xmlns:a="urn:a"><p a:k="xml:x t:x"/></r>`,
			names: []Name{{"urn:a", "k"}}, want: "{urn:a}k"},
		"element that is asked for": {doc: `<r xmlns:t="urn:t" xmlns:a="urn:a"><p><a:k> t:x</a:k></p></r>`,
			names: []Name{{"urn:a", "k"}}, want: "{urn:a}k"},
		"element whose text is covered": {doc: `<r xmlns:a="urn:a"><p><a:k>a:x</a:k></p></r>`,
			names: []Name{{"urn:a", "k"}}},
		"element of another name": {doc: `<r xmlns:t="urn:t" xmlns:a="urn:a"><p><a:l>t:x</a:l></p></r>`,
			names: []Name{{"urn:a", "k"}}},
		"text of an element, not a prefix": {doc: `<r xmlns:a="urn:a"><p><a:k/></p></r>`, names: []Name{{"urn:a", "k"}}},
	} {
		t.Run(name, func(t *testing.T) {
			part := mustScan(t, tc.doc).Root().FirstChild()
			at, ok := part.UncoveredQName(C14N{Prefixes: tc.prefixes}, QNames{Names: tc.names})
			got := strings.TrimPrefix(at.String(), "{"+NamespaceXSI+"}")
			if ok != (tc.want != "") || got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
			if _, ok := part.UncoveredQName(C14N{Method: Inclusive10}, QNames{Names: tc.names}); ok {
				t.Error("an inclusive form has all declarations")
			}
		})
	}
}

// TestUncoveredQNameSearchesGrafts: plaintext is part of the form, unless the
// form was that of the ciphertext: then what it declares itself is covered too.
func TestUncoveredQNameSearchesGrafts(t *testing.T) {
	t.Parallel()
	const host = `<s:E xmlns:s="urn:s" xmlns:t="urn:t" ` + xsi +
		`><s:B><e:ED xmlns:e="urn:e" xsi:type="t:x"/></s:B></s:E>`
	for plaintext, want := range map[string][2]bool{ // uncovered as plaintext, as ciphertext
		`<a xsi:type="t:x"/>`:                                            {true, true},
		`<a xsi:type="s:x"/>`:                                            {false, false},
		`<a xmlns:u="urn:u" xsi:type="u:x"/>`:                            {true, false},
		`<u:a xmlns:u="urn:u"/><a xsi:type="t:x"/>`:                      {true, true},
		`<a xmlns:t="urn:t"><b xsi:type="t:x"/></a><c xmlns:t="urn:t"/>`: {true, false},
		`<a/>`: {false, false},
	} {
		body := mustScan(t, host).Root().FirstChild()
		if err := body.FirstChild().Graft([]byte(plaintext), GraftContent, Options{}); err != nil {
			t.Fatal(err)
		}
		for i, signed := range []bool{false, true} {
			if _, ok := body.UncoveredQName(C14N{}, QNames{CiphertextSigned: signed}); ok != want[i] {
				t.Errorf("%s, ciphertext signed %v: %v", plaintext, signed, ok)
			}
		}
	}
}

// TestUncoveredQNameAgreesWithTheForm compares with the definition: a QName is
// covered if it means the same when the canonical form is read.
func TestUncoveredQNameAgreesWithTheForm(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 20_000 {
		var b strings.Builder
		randomQNames(&b, r, 0)
		doc := mustScan(t, `<r `+xsi+` xmlns="urn:d" xmlns:a="urn:1" xmlns:b="urn:2"><part>`+b.String()+`</part></r>`)
		part := doc.Root().FirstChild()
		c := C14N{}
		if r.IntN(3) == 0 {
			c.Prefixes = []string{[]string{"a", "b", "#default"}[r.IntN(3)]}
		}
		form := mustScan(t, string(part.AppendCanonical(nil, c)))
		want := false
		read := func(n Node) (types []string) {
			for e := range n.Descendants() {
				if v, ok := e.Attr(NamespaceXSI, "type"); ok {
					prefix, _, _ := strings.Cut(v, ":")
					if prefix == v {
						prefix = ""
					}
					uri, ok := e.LookupNamespace(prefix)
					types = append(types, fmt.Sprint(uri, ok))
				}
			}
			return types
		}
		as, is := read(part), read(form.Root())
		for i := range as {
			want = want || as[i] != is[i]
		}
		if want {
			found++
		}
		if _, got := part.UncoveredQName(c, QNames{}); got != want {
			t.Fatalf("%v, want %v, with %v:\n%s\n%s", got, want, c.Prefixes, doc.Source(), form.Source())
		}
	}
	if found < 1000 || found > 19_000 {
		t.Errorf("%d of 20,000 have an uncovered QName", found)
	}
}

// randomQNames writes elements with few prefixes that are declared often.
func randomQNames(b *strings.Builder, r *rand.Rand, depth int) {
	for range r.IntN(3) {
		name := []string{"e", "a:e", "b:e"}[r.IntN(3)]
		b.WriteString("<" + name)
		for _, declaration := range []string{` xmlns:a="urn:1"`, ` xmlns:b="urn:3"`, ` xmlns=""`} {
			if r.IntN(5) == 0 {
				b.WriteString(declaration)
			}
		}
		if r.IntN(4) == 0 {
			b.WriteString(` b:k=""`)
		}
		if r.IntN(3) == 0 {
			b.WriteString([]string{` xsi:type="a:x"`, ` xsi:type="b:x"`, ` xsi:type="x"`}[r.IntN(3)])
		}
		b.WriteString(">")
		if depth < 4 {
			randomQNames(b, r, depth+1)
		}
		b.WriteString("</" + name + ">")
	}
}

// BenchmarkUncoveredQName is a message with one type, as many are, and one with
// a type on every element.
func BenchmarkUncoveredQName(b *testing.B) {
	for name, item := range map[string]string{"none": `<o:i no="1"><o:n>x</o:n></o:i>`,
		"all": `<o:i xsi:type="o:I"><o:n xsi:type="o:N">x</o:n></o:i>`} {
		n := mustScan(b, `<o:r xmlns:o="urn:o" `+xsi+` xsi:type="o:R">`+strings.Repeat(item, 30_000)+`</o:r>`).Root()
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, ok := n.UncoveredQName(C14N{}, QNames{}); ok {
					b.Fatal("not covered")
				}
			}
		})
	}
}
