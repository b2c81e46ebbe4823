package xmltext

import (
	"errors"
	"testing"

	"github.com/beevik/etree"
)

func TestElementCopiesTheSubtree(t *testing.T) {
	t.Parallel()
	doc := mustScan(t, `<r xmlns:p="urn:p" xmlns="urn:d"><p:x a="1&#10;2" p:b="3"><!--c-->t&#13;<y xmlns=""/></p:x></r>`)
	n := doc.Root().FirstChild()
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
	if string(got.AppendCanonical(nil, C14N{Method: Inclusive10})) != string(mustScan(t,
		want).Root().AppendCanonical(nil, C14N{Method: Inclusive10})) {
		t.Errorf("%s, want %s", text, want)
	}
	e.CreateAttr("a", "changed")
	if v, _ := n.Attr("", "a"); v != "1\n2" {
		t.Error("the copy is no copy")
	}
}

// TestFromElementRejectsWhatIsNotXML: etree itself would write all of these.
func TestFromElementRejectsWhatIsNotXML(t *testing.T) {
	t.Parallel()
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
