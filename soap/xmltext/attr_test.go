package xmltext

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestAttrFindsAttributes(t *testing.T) {
	t.Parallel()
	body := mustScan(t, nodeDoc).Root().Child("urn:s", "B")
	for _, tc := range []struct{ space, local, want string }{
		{"", "i", "1"}, {"urn:s", "j", "<2>"}, {namespaceXML, "lang", "en"},
	} {
		if got, ok := body.Attr(tc.space, tc.local); !ok || got != tc.want {
			t.Errorf("Attr(%q, %q) = %q %v", tc.space, tc.local, got, ok)
		}
	}
	for _, name := range []Name{{"", "j"}, {"urn:s", "i"}, {"urn:d", "i"}, {"", "xmlns"}, {namespaceXMLNS, "p"}} {
		if _, ok := body.Attr(name.Space, name.Local); ok {
			t.Errorf("Attr(%v) found", name)
		}
	}
	want := map[Name]string{{"", "i"}: "1", {"urn:s", "j"}: "<2>", {namespaceXML, "lang"}: "en"}
	if got := maps.Collect(body.Attrs()); !maps.Equal(got, want) {
		t.Errorf("Attrs %v", got)
	}
	for range body.Attrs() {
		break
	}
}

func TestAttrNormalizesValues(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"a\tb\nc\rd\r\ne": "a b c d e",
		"&#9;&#10;&#13;":  "\t\n\r",
		"&amp;#65;":       "&#65;",
		"\r\r\n\n":        "   ",
	} {
		if got, _ := mustScan(t, `<a b="`+raw+`"/>`).Root().Attr("", "b"); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}

func TestLookupNamespaceFollowsTheScope(t *testing.T) {
	t.Parallel()
	doc := mustScan(t, `<a xmlns="urn:d" xmlns:p="urn:1"><b xmlns="" xmlns:p="urn:2"><c xmlns:q="urn:q"/></b><d/></a>`)
	root := doc.Root()
	b := root.FirstChild()
	for _, tc := range []struct {
		n      Node
		prefix string
		uri    string
		ok     bool
	}{
		{root, "", "urn:d", true}, {root, "p", "urn:1", true}, {root, "q", "", false}, {root, "nope", "", false},
		{b, "", "", true}, {b, "p", "urn:2", true}, {b, "q", "", false},
		{b.FirstChild(), "p", "urn:2", true}, {b.FirstChild(), "q", "urn:q", true},
		{b.NextSibling(), "", "urn:d", true}, {b.NextSibling(), "p", "urn:1", true},
		{b, "xml", namespaceXML, true}, {b, "xmlns", "", false}, {Node{}, "", "", false},
	} {
		if uri, ok := tc.n.LookupNamespace(tc.prefix); uri != tc.uri || ok != tc.ok {
			t.Errorf("%s: %q = %q %v, want %q %v", tc.n.Path(), tc.prefix, uri, ok, tc.uri, tc.ok)
		}
	}
}

// TestRankOrdersFewAndManyAlike: by namespace name, then by local name, in
// both ways of sorting (Canonical XML 1.0, 2.2).
func TestRankOrdersFewAndManyAlike(t *testing.T) {
	t.Parallel()
	for m := range 12 {
		n := []int{1, 2, fewAttrs - 1, fewAttrs, fewAttrs + 1, 3 * fewAttrs}[m/2]
		name := []string{"n%02d", "as-long-as-a-head-%02d"}[m%2] // told apart by their first octets or not
		var written, sorted []string
		for i := range n {
			space := []string{"", "urn:a", "urn:b"}[i%3]
			prefix := []string{"", "y:", "x:"}[i%3] // the order of prefixes is another than that of namespaces
			written = append(written, fmt.Sprintf(` %s`+name+`=""`, prefix, n-i))
			sorted = append(sorted, fmt.Sprintf("%s\x00"+name+"\x00%s", space, n-i, prefix))
		}
		slices.Sort(sorted)
		want := `<a xmlns:x="urn:b" xmlns:y="urn:a"`
		if n < 3 {
			want = map[int]string{1: `<a`, 2: `<a xmlns:y="urn:a"`}[n]
		}
		for _, s := range sorted {
			part := strings.Split(s, "\x00")
			want += " " + part[2] + part[1] + `=""`
		}
		doc := `<a xmlns:x="urn:b" xmlns:y="urn:a"` + strings.Join(written, "") + `/>`
		if got := string(mustScan(t, doc).Root().AppendCanonical(nil, C14N{})); got != want+`></a>` {
			t.Errorf("%d attributes\n got %s\nwant %s", n, got, want)
		}
	}
}

// TestScanFindsTheFirstDuplicateAttribute: among few and many, whatever their
// order, and whether the first octets tell names apart or not.
func TestScanFindsTheFirstDuplicateAttribute(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 3, fewAttrs, fewAttrs + 1, 200} {
		for _, name := range []string{"%03d", "a%03d", "head-of-8-%03d"} {
			name = strings.Replace("n"+name, "%03d", "%03d=''", 1)
			for first := range n {
				var b strings.Builder
				b.WriteString("<a xmlns:p='urn:p' xmlns:q='urn:p' p:x=''")
				for i := range n {
					fmt.Fprintf(&b, " "+name, (n-i)*7%1000)
				}
				b.WriteString(" q:y='' x=''")
				if _, err := Scan([]byte(b.String()+"/>"), Options{}); err != nil {
					t.Fatalf("no duplicate: %v", err)
				}
				for _, i := range []int{first, first, (first + 1) % n} { // the second of the three is named
					fmt.Fprintf(&b, " "+name, (n-i)*7%1000)
				}
				src := b.String() + "/>"
				want := len(src) - len("/>") - 3*len(fmt.Sprintf(" "+name, 0)) + 1
				_, err := Scan([]byte(src), Options{})
				var syntax *SyntaxError
				if !errors.As(err, &syntax) || !errors.Is(err, ErrDuplicateAttribute) || syntax.Offset != int64(want) {
					t.Fatalf("%v, want at %d\n%s", err, want, src)
				}
			}
			if _, err := Scan([]byte("<a xmlns:p='urn:p' xmlns:q='urn:p' q:x='' b='' p:x=''/>"), Options{}); !errors.Is(err,
				ErrDuplicateAttribute) {
				t.Fatal("by another prefix:", err)
			}
		}
	}
}
