package xmltext

import (
	"maps"
	"slices"
	"testing"
)

const nodeDoc = `<?xml version="1.0"?>
<s:E xmlns:s="urn:s" xmlns="urn:d">
 <s:H/><s:B i="1" s:j='&lt;2&gt;' xml:lang="en"><x xmlns="">1<y/>2</x><x>a</x><p:z xmlns:p="urn:p"/></s:B>
</s:E>`

func TestNavigation(t *testing.T) {
	root := mustScan(t, nodeDoc).Root()
	if !root.Is("urn:s", "E") || root.Is("urn:s", "B") || root.Is("", "E") || root.Prefix() != "s" ||
		root.Name() != (Name{"urn:s", "E"}) || root.Name().String() != "{urn:s}E" {
		t.Errorf("name of the root: %v", root.Name())
	}
	if !root.Parent().IsZero() || !root.NextSibling().IsZero() {
		t.Error("the root has relatives")
	}
	body := root.Child("urn:s", "B")
	if body.Parent() != root || root.FirstChild().NextSibling() != body || !root.Child("", "B").IsZero() {
		t.Error("Body not found")
	}
	var names []string
	for c := range body.Children() {
		names = append(names, c.Name().String())
	}
	if want := []string{"x", "{urn:d}x", "{urn:p}z"}; !slices.Equal(names, want) {
		t.Errorf("Children %q, want %q", names, want)
	}
	names = nil
	for c := range root.Descendants() {
		names = append(names, c.Local())
	}
	if want := []string{"H", "B", "x", "y", "x", "z"}; !slices.Equal(names, want) {
		t.Errorf("Descendants %q, want %q", names, want)
	}
	names = nil
	for c := range body.FirstChild().Descendants() {
		names = append(names, c.Path())
	}
	if want := []string{"/E/B/x[1]/y"}; !slices.Equal(names, want) {
		t.Errorf("Descendants of x: %q, want %q", names, want)
	}
	deep := mustScan(t, `<r><a><b><c/><d><e/></d></b><f/></a><g><h/></g></r>`).Root().FirstChild()
	var inside string
	for c := range deep.Descendants() {
		inside += c.Local()
	}
	if inside != "bcdef" {
		t.Errorf("Descendants of a: %s", inside)
	}
	for range root.Children() {
		break // an early end is fine
	}
	for range root.Descendants() {
		break
	}
	if !root.Contains(body) || body.Contains(root) || !body.Contains(body) || body.Contains(Node{}) ||
		body.Contains(mustScan(t, nodeDoc).Root()) {
		t.Error("Contains")
	}
	start, contentStart, contentEnd, end := root.FirstChild().SourceRange()
	if src := root.Doc().Source(); string(src[start:end]) != "<s:H/>" || contentStart != end || contentEnd != end ||
		root.FirstChild().Offset() != int64(start) {
		t.Errorf("SourceRange %d %d %d %d", start, contentStart, contentEnd, end)
	}
}

func TestAttributes(t *testing.T) {
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

func TestAttributeNormalization(t *testing.T) {
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

func TestText(t *testing.T) {
	for content, want := range map[string]struct {
		text  string
		plain bool
		mixed bool
	}{
		"":                           {"", true, false},
		"abc":                        {"abc", true, true},
		" \n\t":                      {" \n\t", true, false},
		"a > b":                      {"a > b", true, true},
		"a&amp;b":                    {"a&b", false, true},
		"a\r\nb\rc&#13;\n":           {"a\nb\nc\r\n", false, true},
		"a<!-- x -->b":               {"ab", false, true},
		"a<![CDATA[<&amp;\r\n>]]>b":  {"a<&amp;\n>b", false, true},
		"a<?p x?>b":                  {"ab", false, true},
		"a<x>c</x>b":                 {"ab", false, true},
		"&lt;<x/>\r<y/>b":            {"<\nb", false, true},
		"<!-- c --> <x/> ":           {"  ", false, false},
		"<![CDATA[&]]><x/>":          {"&", false, true},
		" <x>c</x> ":                 {"  ", false, false},
		"<x>c</x>":                   {"", false, false},
		" <!-- x --><![CDATA[ ]]> ":  {"   ", false, false},
		"&#32;&#x9;":                 {" \t", false, false},
		"<x/>&#46;":                  {".", false, true},
		"<![CDATA[]]>":               {"", false, false},
		"\ufeff":                     {"\ufeff", true, true},
		"user<!-- -->@evil.example":  {"user@evil.example", false, true},
		"&#x1F600;\U0001F600&#8364;": {"😀😀€", false, true},
	} {
		n := mustScan(t, "<a>"+content+"</a>").Root()
		if got := n.Text(); got != want.text {
			t.Errorf("Text of %q = %q, want %q", content, got, want.text)
		}
		if plain, ok := n.PlainText(); ok != want.plain || ok && string(plain) != want.text {
			t.Errorf("PlainText of %q = %q %v", content, plain, ok)
		}
		if got := n.HasMixedText(); got != want.mixed {
			t.Errorf("HasMixedText of %q = %v", content, got)
		}
	}
	if text, ok := mustScan(t, "<a/>").Root().PlainText(); !ok || len(text) != 0 {
		t.Error("PlainText of an empty-element tag")
	}
}

func TestLookupNamespace(t *testing.T) {
	root := mustScan(t, `<a xmlns="urn:d" xmlns:p="urn:1"><b xmlns="" xmlns:p="urn:2"><c xmlns:q="urn:q"/></b><d/></a>`).Root()
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

// TestZeroNode: a look-up that found nothing can be used on.
func TestZeroNode(t *testing.T) {
	var n Node
	n = n.Child("", "a").FirstChild().NextSibling().Parent()
	for range n.Children() {
		t.Error("a child")
	}
	for range n.Descendants() {
		t.Error("a descendant")
	}
	for range n.Attrs() {
		t.Error("an attribute")
	}
	_, attr := n.Attr("", "a")
	_, plain := n.PlainText()
	_, _, _, end := n.SourceRange()
	if !n.IsZero() || n.Doc() != nil || n.Local() != "" || n.Space() != "" || n.Prefix() != "" || n.Is("", "") || attr || plain ||
		n.HasMixedText() || n.Text() != "" || n.Contains(n) || n.Offset() != 0 || end != 0 || n.Path() != "/" || n.Grafted() ||
		n.Element() != nil || len(n.AppendCanonical(nil, C14N{})) != 0 || len(n.AppendDetached(nil)) != 0 ||
		len(n.AppendDetachedContent(nil)) != 0 || n.WriteCanonical(nil, C14N{}) != nil {
		t.Error("the zero Node is something")
	}
	if n.Graft(nil, GraftContent, Options{}) == nil {
		t.Error("grafted in the place of nothing")
	}
}

func TestEscape(t *testing.T) {
	const in = "a&<>\"'\t\n\rä"
	if got := string(AppendEscapedText([]byte("."), in)); got != ".a&amp;&lt;&gt;\"'\t\n&#xD;ä" {
		t.Errorf("text %q", got)
	}
	if got := string(AppendEscapedAttr([]byte("."), in)); got != ".a&amp;&lt;>&quot;'&#x9;&#xA;&#xD;ä" {
		t.Errorf("attribute %q", got)
	}
}
