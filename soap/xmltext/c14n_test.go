package xmltext

import "testing"

func TestAppendCanonical(t *testing.T) {
	for _, tc := range []struct{ in, out string }{
		{`<a/>`, `<a></a>`},
		{`<a   b = 'x"y'  a="1" />`, `<a a="1" b="x&quot;y"></a>`},
		{`<p:a xmlns:p="urn:p" xmlns:q="urn:q"><q:b/><p:c q:z="1" p:y="2" x="3">t&amp;&#13;<!-- c --><![CDATA[<>]]></p:c></p:a>`,
			`<p:a xmlns:p="urn:p"><q:b xmlns:q="urn:q"></q:b><p:c xmlns:q="urn:q" x="3" p:y="2" q:z="1">t&amp;&#xD;&lt;&gt;</p:c></p:a>`},
		{"<a xmlns='urn:a'><b xmlns=''>\r\n<c/></b><b xmlns=\"\">x > y</b ></a>", "<a xmlns=\"urn:a\"><b xmlns=\"\">\n<c></c></b><b xmlns=\"\">x &gt; y</b></a>"},
	} {
		d, err := Scan([]byte(tc.in), Options{})
		if err != nil {
			t.Errorf("%s: %v", tc.in, err)
			continue
		}
		if got := string(d.Root().AppendCanonical(nil, C14N{})); got != tc.out {
			t.Errorf("%s:\n got %s\nwant %s", tc.in, got, tc.out)
		}
	}
}
