package xmltext

import (
	"slices"
	"testing"
)

const nodeDoc = `<?xml version="1.0"?>
<s:E xmlns:s="urn:s" xmlns="urn:d">
 <s:H/><s:B i="1" s:j='&lt;2&gt;' xml:lang="en"><x xmlns="">1<y/>2</x><x>a</x><p:z xmlns:p="urn:p"/></s:B>
</s:E>`

func TestNodeNavigation(t *testing.T) {
	t.Parallel()
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

// TestZeroNodeIsNoElement: a look-up that found nothing can be used on.
func TestZeroNodeIsNoElement(t *testing.T) {
	t.Parallel()
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
	if !n.IsZero() || n.Doc() != nil || n.Local() != "" || n.Space() != "" || n.Prefix() != "" || n.Is("", "") ||
		attr || plain ||
		n.HasMixedText() || n.Text() != "" || n.Contains(n) || n.Offset() != 0 || end != 0 || n.Path() != "/" ||
		n.Grafted() ||
		n.Element() != nil || len(n.AppendCanonical(nil, C14N{})) != 0 || len(n.AppendDetached(nil)) != 0 ||
		len(n.AppendDetachedContent(nil)) != 0 || n.WriteCanonical(nil, C14N{}) != nil {
		t.Error("the zero Node is something")
	}
	if n.Graft(nil, GraftContent, Options{}) == nil {
		t.Error("grafted in the place of nothing")
	}
}

func TestCountLeavesOutNamespaceDeclarations(t *testing.T) {
	t.Parallel()
	d, err := Scan([]byte(`<a xmlns="urn:a" b="1"><c xmlns:p="urn:p" p:d="2" e="3"/><f/></a>`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if elements, attributes := d.Count(); elements != 3 || attributes != 3 {
		t.Errorf("%d elements, %d attributes", elements, attributes)
	}
}
