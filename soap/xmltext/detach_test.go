package xmltext

import (
	"errors"
	"testing"

	"github.com/beevik/etree"
)

func TestAppendDetached(t *testing.T) {
	for _, tc := range []struct{ doc, want, content string }{
		{`<r><x/></r>`, `<x/>`, ``},
		{`<r xmlns:a="urn:a" xmlns="urn:d"><x b='1'  c = "&#9;" ><y/> <!-- c --></x ></r>`,
			`<x xmlns="urn:d" xmlns:a="urn:a" b='1' c="&#9;"><y/> </x >`,
			`<y xmlns="urn:d" xmlns:a="urn:a"/> `},
		{`<r xmlns="urn:d"><x xmlns="" xmlns:p="urn:p&amp;&quot;">t<p:y xmlns:p="urn:q"/>u</x></r>`,
			`<x xmlns="" xmlns:p="urn:p&amp;&quot;">t<p:y xmlns:p="urn:q"/>u</x>`,
			`t<p:y xmlns="" xmlns:p="urn:q"/>u`},
		{`<r><x><![CDATA[a]]><!--c--><?p i?><y><!--c--></y></x></r>`,
			`<x><![CDATA[a]]><?p i?><y></y></x>`, `<![CDATA[a]]><?p i?><y></y>`},
		// Octets that a dropped comment kept apart.
		{`<r><x>]<!---->]<!---->></x></r>`, `<x>]]&gt;</x>`, `]]&gt;`},
		{`<r><x>]]<!---->></x></r>`, `<x>]]&gt;</x>`, `]]&gt;`},
		{`<r><x>]<!---->]></x></r>`, `<x>]]&gt;</x>`, `]]&gt;`},
		{"<r><x>a\r<!---->\nb</x></r>", "<x>a\r&#xA;b</x>", "a\r&#xA;b"},
		{`<r><x>]<!----><y/>></x></r>`, `<x>]<y/>></x>`, `]<y/>>`},
		{`<r xmlns:xsi="urn:xsi" xmlns:xs="urn:xs"><x xsi:type="xs:int">1</x></r>`,
			`<x xmlns:xs="urn:xs" xmlns:xsi="urn:xsi" xsi:type="xs:int">1</x>`, `1`},
	} {
		n := mustScan(t, tc.doc).Root().FirstChild()
		if got := string(n.AppendDetached([]byte("."))); got != "."+tc.want {
			t.Errorf("%q\n got %q\nwant %q", tc.doc, got, tc.want)
		}
		if got := string(n.AppendDetachedContent([]byte("."))); got != "."+tc.content {
			t.Errorf("content of %q\n got %q\nwant %q", tc.doc, got, tc.content)
		}
	}
}

// TestDetachedSeams: a graft must not make "]]>" or a line end with the text
// around it.
func TestDetachedSeams(t *testing.T) {
	for _, tc := range []struct{ before, plain, after, want string }{
		{"]]", ">", "", "<x>]]&gt;</x>"},
		{"]", "]", ">", "<x>]]&gt;</x>"},
		{"]", "]>", "", "<x>]]&gt;</x>"},
		{"]", "", "]>", "<x>]]&gt;</x>"},
		{"\r", "\n", "", "<x>\r&#xA;</x>"},
		{"", "\r", "\n", "<x>\r&#xA;</x>"},
		{"]", "<y/>", ">", "<x>]<y/>></x>"},
	} {
		n := mustScan(t, "<r><x>"+tc.before+"<ED/>"+tc.after+"</x></r>").Root().FirstChild()
		if err := n.FirstChild().Graft([]byte(tc.plain), GraftContent, Options{}); err != nil {
			t.Fatal(err)
		}
		got := string(n.AppendDetached(nil))
		if got != tc.want {
			t.Errorf("%q %q %q: %q, want %q", tc.before, tc.plain, tc.after, got, tc.want)
		}
		if again := mustScan(t, got).Root(); string(again.AppendCanonical(nil, C14N{})) != string(n.AppendCanonical(nil, C14N{})) {
			t.Errorf("%q %q %q: another canonical form", tc.before, tc.plain, tc.after)
		}
	}
}

func TestElementCopies(t *testing.T) {
	n := mustScan(t, `<r xmlns:p="urn:p" xmlns="urn:d"><p:x a="1&#10;2" p:b="3"><!--c-->t&#13;<y xmlns=""/></p:x></r>`).Root().FirstChild()
	e := n.Element()
	if e.FullTag() != "p:x" || e.NamespaceURI() != "urn:p" || e.SelectAttrValue("a", "") != "1\n2" || e.Text() != "t\r" {
		t.Errorf("%s %s %q %q", e.FullTag(), e.NamespaceURI(), e.SelectAttrValue("a", ""), e.Text())
	}
	text, err := FromElement(e)
	if err != nil {
		t.Fatal(err)
	}
	const want = `<p:x xmlns="urn:d" xmlns:p="urn:p" a="1&#xA;2" p:b="3">t&#xD;<y xmlns=""/></p:x>`
	got := mustScan(t, string(text)).Root()
	if string(got.AppendCanonical(nil, C14N{Method: Inclusive10})) != string(mustScan(t, want).Root().AppendCanonical(nil, C14N{Method: Inclusive10})) {
		t.Errorf("%s, want %s", text, want)
	}
	e.CreateAttr("a", "changed")
	if v, _ := n.Attr("", "a"); v != "1\n2" {
		t.Error("the copy is no copy")
	}
}

// TestFromElementRefuses: etree itself would write all of these.
func TestFromElementRefuses(t *testing.T) {
	undeclared := etree.NewElement("p:a")
	name := etree.NewElement("a b")
	character := etree.NewElement("a")
	character.SetText("\x00")
	utf8Error := etree.NewElement("a")
	utf8Error.CreateAttr("b", "\xff")
	relative := etree.NewElement("a")
	relative.CreateAttr("xmlns", "foo")
	for _, e := range []*etree.Element{undeclared, name, character, utf8Error, relative} {
		if text, err := FromElement(e); !errors.Is(err, ErrNotSerializable) {
			t.Errorf("%s: %q %v", e.FullTag(), text, err)
		}
	}
}
