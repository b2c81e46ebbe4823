package xmltext

import (
	"bytes"
	"strings"
	"testing"
)

// TestTakenTextIsGone: all that reads the document finds an element without text,
// whatever is written over it.
func TestTakenTextIsGone(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{
		`<a>%</a>`, `<r><a>%</a></r>`, `<r>x<a>%</a>y<b>z</b></r>`, `<r><b/><a>%</a ><b></b></r>`,
		`<r><p:a xmlns:p="urn:p">%</p:a><!--c--><b>z</b></r>`, `<r><a  k='v'>%</a>&#65;</r>`,
		`<r><m><a>%</a></m><n/></r>`, `<r><m><a b="2" a="1">%</a>  </m >` + "\r\n" + `</r>`,
		`<r xmlns="urn:r"><m xmlns="urn:m"><a xmlns="urn:r">%</a></m></r>`,
	} {
		for _, text := range []string{"", "QUJD", "QU JD\n", "x>y", strings.Repeat("QUJD", 500)} {
			d, err := Scan([]byte(strings.ReplaceAll(doc, "%", text)), Options{Overwrite: true})
			if err != nil {
				t.Fatal(err)
			}
			n := named(d, "a")
			taken, ok := n.TakeText()
			if !ok || string(taken) != text || cap(taken) != len(taken) {
				t.Fatalf("%s: %q, %v", doc, taken, ok)
			}
			for i := range taken {
				taken[i] = "</a><x y=\"&"[i%11]
			}
			sameWritten(t, d, mustScan(t, strings.ReplaceAll(doc, "%", "")))
			if again, ok := n.TakeText(); !ok || len(again) != 0 || n.Text() != "" || n.HasMixedText() {
				t.Errorf("%s: then %q, %v, %q", doc, again, ok, n.Text())
			}
		}
	}
}

// named returns the first element with a local name.
func named(d *Doc, local string) Node {
	for i := range d.elements {
		if n := (Node{d, uint32(i)}); n.Local() == local {
			return n
		}
	}
	return Node{}
}

// sameWritten compares all that writes a document.
func sameWritten(t *testing.T, d, want *Doc) {
	t.Helper()
	for name, write := range map[string]func(n Node) []byte{
		"exclusive": func(n Node) []byte { return n.AppendCanonical(nil, C14N{}) },
		"inclusive": func(n Node) []byte { return n.AppendCanonical(nil, C14N{Method: Inclusive10WithComments}) },
		"written": func(n Node) []byte {
			var b bytes.Buffer
			_ = n.WriteCanonical(&b, C14N{DefaultNS: true})
			return b.Bytes()
		},
		"source":   func(n Node) []byte { return n.AppendSource(nil) },
		"content":  func(n Node) []byte { return n.AppendSourceContent(nil) },
		"detached": func(n Node) []byte { return n.AppendDetachedContent(nil) },
		"tree": func(n Node) []byte {
			text, err := FromElement(n.Element())
			if err != nil {
				t.Error(err)
			}
			return text
		},
	} {
		for i := range d.elements {
			if got, want := write(Node{d, uint32(i)}), write(Node{want, uint32(i)}); !bytes.Equal(got, want) {
				t.Errorf("%s of element %d of %q:\n%q, want\n%q", name, i, d.src, got, want)
			}
		}
	}
}

// TestTextIsTakenOnlyWhereThatIsAllowed: Overwrite, text that stands for itself, and
// no graft.
func TestTextIsTakenOnlyWhereThatIsAllowed(t *testing.T) {
	t.Parallel()
	overwrite := Options{Overwrite: true}
	for _, tt := range []struct {
		doc  string
		opt  Options
		want bool
	}{
		{`<a>x</a>`, overwrite, true}, {`<a/>`, overwrite, true}, {`<a>x</a>`, Options{}, false},
		{`<a>x<b/></a>`, overwrite, false}, {`<a>&amp;</a>`, overwrite, false}, {"<a>\r</a>", overwrite, false},
		{`<a>x<!--c--></a>`, overwrite, false}, {`<a><![CDATA[x]]></a>`, overwrite, false},
	} {
		d, err := Scan([]byte(tt.doc), tt.opt)
		if err != nil {
			t.Fatal(err)
		}
		before := string(d.Root().AppendCanonical(nil, C14N{}))
		text, ok := d.Root().TakeText()
		if ok != tt.want || !ok && (text != nil || string(d.Root().AppendCanonical(nil, C14N{})) != before) {
			t.Errorf("%s: %q, %v", tt.doc, text, ok)
		}
	}
	d, _ := Scan([]byte(`<a><b/></a>`), overwrite)
	if err := d.Root().FirstChild().Graft([]byte(`<c>x</c>`), GraftElement, overwrite); err != nil {
		t.Fatal(err)
	}
	if _, ok := d.Root().FirstChild().TakeText(); ok {
		t.Error("text of a graft is taken")
	}
	if _, ok := (Node{}).TakeText(); ok {
		t.Error("text of no element is taken")
	}
}
