package xmltext

import "testing"

func TestAppendDetachedMeansTheSameAnywhere(t *testing.T) {
	t.Parallel()
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

// TestAppendDetachedKeepsSeamsApart: a graft must not make "]]>" or a line end
// with the text around it.
func TestAppendDetachedKeepsSeamsApart(t *testing.T) {
	t.Parallel()
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
		if again := mustScan(t, got).Root(); string(again.AppendCanonical(nil, C14N{})) != string(n.AppendCanonical(nil,
			C14N{})) {
			t.Errorf("%q %q %q: another canonical form", tc.before, tc.plain, tc.after)
		}
	}
}
