package xmltext

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// sameIndex scans a document with and without quick, and compares verdict and
// index, one of them in tables of another document; then the canonical forms by
// that index and by one in which each element has to be looked at. It reports whether src is accepted.
func sameIndex(t interface{ Fatalf(string, ...any) }, src []byte, opt Options) bool {
	d, err := Scan(src, opt)
	opt.careful, opt.fresh = true, true
	want, carefully := Scan(src, opt)
	if fmt.Sprint(err) != fmt.Sprint(carefully) {
		t.Fatalf("%q:\n%v, carefully\n%v", src, err, carefully)
	}
	if err != nil {
		return false
	}
	compareIndex(t, d, want)
	for i := range want.elements {
		want.elements[i].flags |= varied
	}
	listed := []string{"p", "#default"}
	for _, c := range []C14N{
		{}, {Method: ExclusiveWithComments, Prefixes: listed}, {Method: Inclusive11},
		{DefaultNS: true, Extra: []ApexAttr{{"extra", "urn:other", "k", "v"}}},
	} {
		for _, n := range sampleNodes(d) {
			if a, b := n.AppendCanonical(nil, c), (Node{want, n.index}).AppendCanonical(nil, c); !bytes.Equal(a, b) {
				t.Fatalf("%+v of %s:\n%q, element by element\n%q", c, n.Path(), a, b)
			}
		}
	}
	d.Release() // the next quick scan uses its tables, and not the careful one
	return true
}

func compareIndex(t interface{ Fatalf(string, ...any) }, d, want *Doc) {
	for what, x := range map[string][2]any{
		"elements": {d.elements, want.elements}, "attributes": {some(d.attrs), some(want.attrs)},
		"bindings": {d.bindings, want.bindings}, "comments": {d.comments, want.comments},
		"prefixes": {d.names.prefixes.list, want.names.prefixes.list},
		"names":    {d.names.uris.list, want.names.uris.list},
	} {
		if !reflect.DeepEqual(x[0], x[1]) {
			t.Fatalf("%s of %q:\n%+v, carefully\n%+v", what, d.src, x[0], x[1])
		}
	}
}

// some returns a list, nil if it is empty.
func some(list []attribute) []attribute { return append([]attribute(nil), list...) }

// TestQuickMakesTheSameIndex: all documents of the tests, each behind enough
// usual markup that quick reaches it, at all offsets from the masks' first
// octet.
func TestQuickMakesTheSameIndex(t *testing.T) {
	t.Parallel()
	docs := acceptances()
	for _, r := range refusals {
		docs = append(docs, r.in)
	}
	for _, v := range loadVectors(t) {
		docs = append(docs, string(v.in))
	}
	for _, s := range shapes {
		docs = append(docs, s.open+strings.Repeat(s.unit, 50)+s.shut)
	}
	for _, doc := range docs {
		sameIndex(t, []byte(doc), Options{})
		for shift := range 66 {
			around := "<q:all xmlns:q='urn:q'>" + strings.Repeat("<q:a k=\"v\">t</q:a>", 3) + strings.Repeat("x", shift)
			sameIndex(t, []byte(around+doc+strings.Repeat("<q:a k=\"v\">t</q:a>", 30)+"</q:all>"), Options{})
		}
	}
}

// TestQuickEndsWithTheRoot: however much stands behind it.
func TestQuickEndsWithTheRoot(t *testing.T) {
	t.Parallel()
	usual := strings.Repeat("<a>t</a>", 20)
	for _, behind := range []string{
		"x", "&amp;", "]]>", "\n", "\nx", "<a>", "<b/>", "</a>", "</r>", "<!-- c -->", "<?p?>",
	} {
		for _, more := range []string{"", "x", "\n", "<a/>"} {
			src := "<r>" + usual + "</r>" + behind + strings.Repeat(more, 2*ahead)
			_, err := Scan([]byte(src), Options{})
			allowed := (behind == "\n" || behind == "<!-- c -->") && (more == "" || more == "\n")
			if allowed != (err == nil) {
				t.Errorf("%q and %q behind the root: %v", behind, more, err)
			}
			sameIndex(t, []byte(src), Options{})
		}
	}
}

// TestQuickKeepsToTheLimits: what is refused is refused at the same place.
func TestQuickKeepsToTheLimits(t *testing.T) {
	t.Parallel()
	src := string(benchDocument(3000))
	for n := 1; n < 120; n++ {
		for _, l := range []Limits{
			{Depth: n}, {Elements: n}, {Attributes: n}, {AttributesPerElement: n}, {NamespacesInScope: n}, {NameBytes: n},
			{ValueBytes: n}, {MessageBytes: 30 * n},
		} {
			sameIndex(t, []byte(src), Options{Limits: l})
		}
	}
}

func TestQuickMakesTheSameIndexOfGeneratedDocuments(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		doc := genDocument(t, false)
		sameIndex(t, []byte(doc), Options{AllowPI: true})
		for range 3 {
			b := []byte(doc + strings.Repeat(" ", ahead+behind))
			at := rapid.IntRange(0, len(doc)-1).Draw(t, "at")
			b[at] = rapid.SampledFrom([]byte("<>/=\"'& \n\r:]a-9_\x00\x80")).Draw(t, "octet")
			sameIndex(t, b, Options{AllowPI: true})
		}
	})
}

// TestQuickScansUsualMessages: with AVX2 it leaves the first tags of a message,
// which declare namespaces, and the last octets to the rest of the scanner.
func TestQuickScansUsualMessages(t *testing.T) {
	t.Parallel()
	src := benchDocument(64 << 10)
	s := scanner{opt: Options{Limits: Limits{}.filled()}, cur: noElement, floor: noElement}
	if err := s.init(&Doc{src: src}); err != nil {
		t.Fatal(err)
	}
	if s.window.Fill(src) == 0 {
		t.Skip("this build or processor has no AVX2")
	}
	left := 0 // tags that quick leaves to the rest
	for pos := 0; len(src)-pos > ahead; left++ {
		scan := s.startTag
		if src[pos+1] == '/' {
			scan = s.endTag
		}
		var err error
		if pos, err = scan(pos); err == nil {
			pos, err = s.quick(pos)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if left > 10 {
		t.Errorf("%d tags were left", left)
	}
}

// TestQuickMakesTheSameIndexOfGrafts: also with every rule for names.
func TestQuickMakesTheSameIndexOfGrafts(t *testing.T) {
	t.Parallel()
	const host = `<s:E xmlns:s="urn:s" xmlns:p="urn:p"><s:B><e:D xmlns:e="urn:e"/></s:B></s:E>`
	graft := func(plain string, opt Options) (*Doc, error) {
		d, err := Scan([]byte(host), Options{})
		if err != nil {
			t.Fatal(err)
		}
		at := d.Root().FirstChild().FirstChild()
		err = at.Graft([]byte(plain), GraftContent, opt)
		return d.graftAt(at.index), err
	}
	for _, unit := range []string{
		"<s:a/>", "<p:a>x</p:a>", `<o:a xmlns:o="urn:o"><o:b/></o:a>`, "<b/>", "</s:B>", "<s:a>", "x",
	} {
		for _, names := range []GraftNames{NamesInScope, NamesParent, NamesOwn} {
			for at := range 40 {
				usual := strings.Repeat(`<a k="v">text</a>`, 20)
				plain := usual + strings.Repeat("x", at) + unit + usual + usual
				d, err := graft(plain, Options{Names: names})
				want, carefully := graft(plain, Options{Names: names, careful: true})
				if fmt.Sprint(err) != fmt.Sprint(carefully) {
					t.Fatalf("%q: %v, carefully %v", plain, err, carefully)
				}
				if err == nil {
					compareIndex(t, d, want)
				}
			}
		}
	}
}
