package xmltext

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// seedDocuments adds every document of the other tests to f.
func seedDocuments(f *testing.F) {
	for _, v := range loadVectors(f) {
		f.Add(v.in)
	}
	for _, tc := range refusals {
		f.Add([]byte(tc.in))
	}
	f.Add([]byte(graftHost))
	f.Add(benchDocument(2 << 10))
	for i, unit := range quickInserts { // among what quick scans
		f.Add([]byte(`<q:r xmlns:q="urn:q">` + strings.Repeat("x", i) + unit + usualMarkup + unit + usualMarkup + `</q:r>`))
	}
	f.Add(toUTF16(`<a b="ä">𐍈</a>`, true))
}

// usualMarkup is more than quick needs.
var usualMarkup = strings.Repeat(`<q:a k="v" l="">te&amp;xt</q:a><q:b/>`, 12)

// FuzzScan: whatever is accepted is accepted by encoding/xml too and survives
// every way back to octets.
func FuzzScan(f *testing.F) {
	seedDocuments(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		before := bytes.Clone(src)
		d, err := Scan(src, Options{AllowPI: true})
		if !bytes.Equal(src, before) {
			t.Fatal("input modified")
		}
		sameIndex(t, before, Options{AllowPI: true}) // for quick, up to the end
		const ends = ahead + behind
		sameIndex(t, append(before, bytes.Repeat([]byte{' '}, ends)...), Options{AllowPI: true})
		if err != nil {
			checkError(t, err, len(src))
			return
		}
		checkIndex(t, d)
		// encoding/xml knows no minor version, which the fifth edition allows (2.8).
		err = readStd(d.Source())
		if err != nil && !nonASCIINames(d) && !strings.Contains(err.Error(), "unsupported version") {
			t.Fatalf("encoding/xml: %v", err)
		}
		for _, n := range sampleNodes(d) {
			checkForms(t, n)
		}
	})
}

func checkError(t *testing.T, err error, size int) {
	t.Helper()
	var se *SyntaxError
	if !errors.As(err, &se) {
		t.Fatalf("%T: %v", err, err)
	}
	if se.Offset < 0 || se.Offset > int64(3*size) || !strings.HasPrefix(se.Path, "/") || !utf8.ValidString(err.Error()) {
		t.Fatalf("%+v", se)
	}
}

// checkIndex compares the index with the source at its offsets.
func checkIndex(t *testing.T, d *Doc) {
	t.Helper()
	src := d.Source()
	for i := range d.elements {
		if d.stub(uint32(i)) {
			continue
		}
		n := Node{d, uint32(i)}
		start, contentStart, contentEnd, end := n.SourceRange()
		if start >= contentStart || contentStart > contentEnd || contentEnd > end || end > len(src) ||
			src[start] != '<' || src[contentStart-1] != '>' || src[end-1] != '>' {
			t.Fatalf("%s: range %d %d %d %d", n.Path(), start, contentStart, contentEnd, end)
		}
		if p := n.Parent(); !p.IsZero() {
			if _, from, to, _ := p.SourceRange(); p.Doc() == d && (start < from || end > to) || !p.Contains(n) ||
				n.Contains(p) {
				t.Fatalf("%s: not inside its parent", n.Path())
			}
		}
		if text, ok := n.PlainText(); ok && !bytes.Equal(text, n.AppendText(nil)) {
			t.Fatalf("%s: PlainText %q, AppendText %q", n.Path(), text, n.AppendText(nil))
		}
		for name := range n.Attrs() {
			if _, ok := n.Attr(name.Space, name.Local); !ok {
				t.Fatalf("%s: attribute %v not found", n.Path(), name)
			}
		}
		if uri, ok := n.LookupNamespace(n.Prefix()); !ok || uri != n.Space() {
			t.Fatalf("%s: prefix %q is %q, element is in %q", n.Path(), n.Prefix(), uri, n.Space())
		}
	}
}

// readStd reads all tokens with encoding/xml.
func readStd(src []byte) error {
	dec := xml.NewDecoder(bytes.NewReader(src))
	dec.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for {
		if _, err := dec.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// nonASCIINames reports whether d has names that encoding/xml, which follows
// the fourth edition of XML 1.0, may refuse. Targets of instructions are not
// indexed, so any instruction counts.
func nonASCIINames(d *Doc) bool {
	ascii := func(b []byte) bool { return asciiOnly(b) }
	if !asciiOnly(d.src) && bytes.Contains(d.src, []byte("<?")) {
		return true
	}
	for i := range d.elements {
		if !d.stub(uint32(i)) && !ascii(d.qname(uint32(i))) {
			return true
		}
	}
	for i := range d.attrs {
		if !ascii(d.src[d.attrs[i].name:][:d.attrs[i].nameLen]) {
			return true
		}
	}
	for _, p := range d.names.prefixes.list {
		if !ascii([]byte(p)) {
			return true
		}
	}
	return false
}

// sampleNodes returns the root and a few other elements.
func sampleNodes(d *Doc) []Node {
	nodes := []Node{d.Root()}
	step := max(1, len(d.elements)/4)
	i := 0
	for n := range d.Root().Descendants() {
		if i++; i%step == 0 {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// checkForms checks what must hold between the ways to write n.
func checkForms(t *testing.T, n Node) {
	t.Helper()
	detached := n.AppendDetached(nil)
	alone, err := Scan(detached, Options{AllowPI: true, Limits: Limits{AttributesPerElement: -1, Attributes: -1}})
	if err != nil {
		t.Fatalf("AppendDetached: %v\n%q", err, detached)
	}
	tree, err := FromElement(n.Element())
	if err != nil {
		t.Fatalf("Element: %v", err)
	}
	hasPI := bytes.Contains(detached, []byte("<?"))
	for _, m := range methods {
		c := C14N{Method: m.method}
		form := n.AppendCanonical(nil, c)
		var b bytes.Buffer
		if err := n.WriteCanonical(&b, c); err != nil || !bytes.Equal(b.Bytes(), form) {
			t.Fatalf("%s: WriteCanonical differs: %v\n%q\n%q", m.name, err, b.Bytes(), form)
		}
		again, err := Scan(form, Options{AllowPI: true, Limits: Limits{AttributesPerElement: -1, Attributes: -1,
			ValueBytes: -1}})
		if err != nil {
			t.Fatalf("%s: canonical form: %v\n%q", m.name, err, form)
		}
		if twice := again.Root().AppendCanonical(nil, c); !bytes.Equal(twice, form) {
			t.Fatalf("%s: not idempotent\n%q\n%q", m.name, form, twice)
		}
		if m.method != Exclusive {
			continue
		}
		if got := alone.Root().AppendCanonical(nil, c); !bytes.Equal(got, form) {
			t.Fatalf("AppendDetached changes the canonical form\n%q\n%q", form, got)
		}
		if hasPI {
			continue // the tree has none
		}
		back, err := Scan(tree, Options{Limits: Limits{AttributesPerElement: -1, Attributes: -1, ValueBytes: -1}})
		if err != nil {
			t.Fatal(err)
		}
		if got := back.Root().AppendCanonical(nil, c); !bytes.Equal(got, form) {
			t.Fatalf("Element changes the canonical form\n%q\n%q", form, got)
		}
	}
}

// FuzzPrefixList: any list of prefixes results in a form that is well-formed
// and means the same as the one without.
func FuzzPrefixList(f *testing.F) {
	for _, v := range loadVectors(f) {
		f.Add(v.in, v.header["prefixes"])
	}
	f.Add([]byte(`<a xmlns="urn:d" xmlns:p="urn:p"/>`), "#default p xml xmlns")
	f.Fuzz(func(t *testing.T, src []byte, list string) {
		d, err := Scan(src, Options{AllowPI: true})
		if err != nil {
			return
		}
		c := C14N{Prefixes: strings.Fields(list)}
		for _, n := range sampleNodes(d) {
			form := n.AppendCanonical(nil, c)
			again, err := Scan(form, Options{AllowPI: true, Limits: Limits{AttributesPerElement: -1, Attributes: -1,
				ValueBytes: -1}})
			if err != nil {
				t.Fatalf("%v\n%q", err, form)
			}
			if got, want := again.Root().AppendCanonical(nil, C14N{}), n.AppendCanonical(nil, C14N{}); !bytes.Equal(got, want) {
				t.Fatalf("prefix list changes the meaning\n%q\n%q", want, got)
			}
			if got := again.Root().AppendCanonical(nil, c); !bytes.Equal(got, form) {
				t.Fatalf("not idempotent\n%q\n%q", form, got)
			}
			for _, p := range c.Prefixes {
				if p == "#default" {
					p = ""
				} else if p == "" {
					continue
				}
				if want, ok := n.LookupNamespace(p); ok && p != "xml" {
					if got, _ := again.Root().LookupNamespace(p); got != want {
						t.Fatalf("prefix %q is %q, want %q", p, got, want)
					}
				}
			}
		}
	})
}

// FuzzGraft: a graft has the canonical form of the document in which the
// plaintext was substituted as text.
func FuzzGraft(f *testing.F) {
	for _, plain := range []string{
		``, `x`, `<a/>`, `<p:a/>`, `1<p:a><q xmlns="urn:q"/></p:a>2<b/>3`, ` `, `]`, `>`, "\n", "\r", `<!-- c -->`,
		`<![CDATA[x]]>`, `&amp;`, `<?p i?>`, `<a xmlns="urn:a"/><a/>`, `</B><B>`, "\ufeff", `<s:ED/>`,
	} {
		f.Add([]byte(`<s:E xmlns:s="urn:s" xmlns:p="urn:p"><B>x`), []byte(plain), []byte(`y</B></s:E>`))
		f.Add([]byte(`<E xmlns="urn:d" xmlns:p="urn:p"><B xml:lang="en">]`), []byte(plain), []byte("\n</B><!-- x --></E>"))
		f.Add([]byte(`<q:E xmlns:q="urn:q" xmlns:p="urn:p">`+usualMarkup+"<q:B>"), []byte(usualMarkup+plain+usualMarkup),
			[]byte("</q:B>"+usualMarkup+"</q:E>"))
	}
	f.Fuzz(func(t *testing.T, before, plain, after []byte) {
		const ed = `<e:EncryptedData xmlns:e="urn:e" xmlns:p="urn:not-this" xmlns="urn:nor-this"/>`
		d, err := Scan(slices.Concat(before, []byte(ed), after), Options{AllowPI: true})
		if err != nil {
			return
		}
		var node Node
		for n := range d.Root().Descendants() {
			if n.Offset() == int64(len(before)) {
				node = n
			}
		}
		if node.IsZero() {
			return // it became the root, text or a comment
		}
		whole, wholeErr := Scan(slices.Concat(before, plain, after), Options{AllowPI: true})
		err = node.Graft(plain, GraftContent, Options{AllowPI: true})
		if err != nil {
			checkError(t, err, len(plain))
			// The text may still be well-formed with tags across the seam.
			return
		}
		if wholeErr != nil {
			if seam(before, plain, after) || errors.Is(wholeErr, ErrLimit) {
				return
			}
			t.Fatalf("graft accepted, substituted text refused: %v", wholeErr)
		}
		if seam(before, plain, after) {
			return
		}
		for _, c := range []C14N{{}, {Method: ExclusiveWithComments}, {Method: Inclusive10},
			{Prefixes: []string{"p", "#default"}}} {
			if got, want := d.Root().AppendCanonical(nil, c), whole.Root().AppendCanonical(nil, c); !bytes.Equal(got, want) {
				t.Fatalf("canonical form across the graft\n%q\n%q", got, want)
			}
		}
		checkForms(t, d.Root())
		checkIndex(t, d.graftAt(node.index))
		var a, b []string
		for n := range d.Root().Descendants() {
			a = append(a, n.Name().String()+n.Text())
		}
		for n := range whole.Root().Descendants() {
			b = append(b, n.Name().String()+n.Text())
		}
		if !slices.Equal(a, b) {
			t.Fatalf("walkers across the graft\n%q\n%q", a, b)
		}
	})
}

// seam reports whether text on both sides of a graft's edge would read
// differently as one: as a line end or as the end of a section.
func seam(before, plain, after []byte) bool {
	for _, joint := range [][2][]byte{{before, append(bytes.Clone(plain), after...)},
		{append(bytes.Clone(before), plain...), after}} {
		left, right := joint[0], joint[1]
		if bytes.HasSuffix(left, []byte("\r")) && bytes.HasPrefix(right, []byte("\n")) ||
			bytes.HasSuffix(left, []byte("]")) && bytes.HasPrefix(bytes.TrimLeft(right, "]"), []byte(">")) {
			return true
		}
	}
	return false
}
