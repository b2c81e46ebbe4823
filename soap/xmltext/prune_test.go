package xmltext

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/pool"
)

// largeBody is an envelope whose index is too large to be used again.
func largeBody(content string) string {
	unit := `<p:i xmlns:p="urn:p" k="v" p:l="w"><p:j>text</p:j><j  k='v'/></p:i>`
	return `<e:E xmlns:e="urn:e"><e:H><h k="v">x</h></e:H><e:B k="v" j="w"><o:all xmlns:o="urn:o" a="1" o:b="2">` +
		strings.Repeat(unit, pool.Largest/elementBytes/3+1) + `</o:all>` + content + `</e:B></e:E>`
}

// TestPrunedBodyIsWrittenAsBefore: its children have all that they had but what is
// inside, and the index is small.
func TestPrunedBodyIsWrittenAsBefore(t *testing.T) {
	t.Parallel()
	const plain = `text<q:all xmlns:q="urn:q" z="1" y="2">x</q:all>]]&gt;`
	for name, scan := range map[string]func() *Doc{
		"alone": func() *Doc { return mustScan(t, largeBody(plain)) },
		"graft": func() *Doc {
			d := mustScan(t, `<e:E xmlns:e="urn:e"><e:H><h k="v">x</h></e:H><e:B k="v" j="w"><x/></e:B></e:E>`)
			whole := largeBody(plain)
			content := whole[strings.Index(whole, "<o:all") : len(whole)-len(`</e:B></e:E>`)]
			if err := d.Root().Child("urn:e", "B").FirstChild().Graft([]byte(content), GraftContent, Options{}); err != nil {
				t.Fatal(err)
			}
			return d
		},
	} {
		d, pruned := scan(), scan()
		body, prunedBody := d.Root().Child("urn:e", "B"), pruned.Root().Child("urn:e", "B")
		prunedBody.Prune()
		prunedBody.Prune() // does nothing more
		for what, write := range map[string]func(n Node) []byte{
			"source":           func(n Node) []byte { return n.AppendSource(nil) },
			"source content":   func(n Node) []byte { return n.AppendSourceContent(nil) },
			"detached content": func(n Node) []byte { return n.AppendDetachedContent(nil) },
			"children": func(n Node) (b []byte) {
				for c := range n.Children() {
					k, _ := c.Attr("", "a")
					l, _ := c.Attr("urn:o", "b")
					z, _ := c.Attr("", "z")
					start, from, to, end := c.SourceRange()
					b = fmt.Appendf(b, "%v %q %q %q %d %d %d %d;", c.Name(), k, l, z, start, from, to, end)
				}
				return b
			},
			"header": func(n Node) []byte { return n.Parent().FirstChild().AppendCanonical(nil, C14N{}) },
		} {
			if got, want := write(prunedBody), write(body); !bytes.Equal(got, want) {
				t.Errorf("%s, %s: %d octets, want %d", name, what, len(got), len(want))
			}
		}
		if n := prunedBody.FirstChild().Doc(); cap(n.elements) > 20 || cap(n.tables.elements) > 0 {
			t.Errorf("%s: room for %d elements", name, cap(n.elements))
		}
		for what, use := range map[string]func(n Node){
			"FirstChild": func(n Node) { n.FirstChild() }, "Text": func(n Node) { n.Text() },
			"AppendCanonical": func(n Node) { n.Parent().AppendCanonical(nil, C14N{}) },
			"UncoveredQName":  func(n Node) { n.UncoveredQName(C14N{}, QNames{Names: []Name{{"urn:p", "j"}}}) },
			"Element":         func(n Node) { n.Parent().Element() },
			"Descendants": func(n Node) {
				for range n.Parent().Descendants() {
				}
			},
		} {
			if panics(func() { use(prunedBody.FirstChild()) }) == "" {
				t.Errorf("%s: %s works", name, what)
			}
		}
		pruned.Release()
		d.Release()
	}
}

// panics returns what f panics with.
func panics(f func()) (with string) {
	defer func() {
		if p := recover(); p != nil {
			with = fmt.Sprint(p)
		}
	}()
	f()
	return ""
}

// TestPruneLeavesWhatIsNotWrittenAsAWhole: nor does it where there is little to gain.
func TestPruneLeavesWhatIsNotWrittenAsAWhole(t *testing.T) {
	t.Parallel()
	many := func(unit string) string {
		return `<e:E xmlns:e="urn:e"><e:B>` + strings.Repeat(unit, pool.Largest/elementBytes/10+1) + `</e:B></e:E>`
	}
	flat := `<e:E xmlns:e="urn:e"><e:B>` + strings.Repeat(`<a>x</a>`, pool.Largest/elementBytes+1) + `</e:B></e:E>`
	for name, doc := range map[string]string{
		"small":     `<e:E xmlns:e="urn:e"><e:B><a><b/></a></e:B></e:E>`,
		"a comment": largeBody(`<!--c-->`), "many children": flat,
		"a ninth are children": many(`<a>` + strings.Repeat(`<b/>`, 9) + `</a>`),
		"attributes":           many(`<a` + numbered(` z%d=""`, 20) + `>` + strings.Repeat(`<b/>`, 19) + `</a>`),
		"not last":             strings.Replace(largeBody(``), `</e:E>`, `<x/></e:E>`, 1),
	} {
		d := mustScan(t, doc)
		n := len(d.elements)
		if d.Root().Child("urn:e", "B").Prune(); len(d.elements) != n {
			t.Errorf("%s: %d elements of %d", name, len(d.elements), n)
		}
	}
	d := mustScan(t, largeBody(`<g/>`))
	body := d.Root().Child("urn:e", "B")
	for c := range body.Children() {
		if c.Local() == "g" {
			if err := c.Graft([]byte(`<x/>`), GraftElement, Options{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	n := len(d.elements)
	if body.Prune(); len(d.elements) != n {
		t.Error("a document with a graft is pruned")
	}
	Node{}.Prune()
}
