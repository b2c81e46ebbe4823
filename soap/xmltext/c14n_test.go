package xmltext

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestAppendCanonicalAddsExtra: adding an attribute to the form is the same as
// adding it to the source.
func TestAppendCanonicalAddsExtra(t *testing.T) {
	t.Parallel()
	const doc = `<r xmlns="urn:d" xmlns:s="urn:s" xmlns:u="urn:u" xmlns:q="urn:u"><s:x%s b="2" s:k="1"><u:y/></s:x></r>`
	for _, tc := range []struct {
		name   string
		extra  []ApexAttr
		inText string // the same in the source
	}{
		{"prefix in scope", []ApexAttr{{"u", "urn:u", "Id", "i"}}, ` u:Id="i"`},
		{"other prefix of the namespace", []ApexAttr{{"q", "urn:u", "Id", "i"}}, ` q:Id="i"`},
		{"unknown prefix", []ApexAttr{{"w", "urn:u", "Id", "i"}}, ` xmlns:w="urn:u" w:Id="i"`},
		{"unknown prefix and namespace", []ApexAttr{{"w", "urn:w", "Id", "i"}}, ` xmlns:w="urn:w" w:Id="i"`},
		{"no prefix", []ApexAttr{{"", "", "a", "i"}}, ` a="i"`},
		{"escaped", []ApexAttr{{"u", "urn:u", "Id", "<&\">\t\n\r"}}, ` u:Id="&lt;&amp;&quot;>&#9;&#10;&#13;"`},
		{"xml", []ApexAttr{{"xml", namespaceXML, "lang", "en"}}, ` xml:lang="en"`},
		{"several", []ApexAttr{{"w", "urn:w", "Id", "i"}, {"", "", "a", "1"}, {"v", "urn:v", "Id", "j"}},
			` xmlns:w="urn:w" w:Id="i" a="1" xmlns:v="urn:v" v:Id="j"`},
	} {
		for _, m := range methods {
			c := C14N{Method: m.method, Prefixes: []string{"s"}}
			want := mustScan(t, fmt.Sprintf(doc, tc.inText)).Root().FirstChild().AppendCanonical(nil, c)
			n := mustScan(t, fmt.Sprintf(doc, "")).Root().FirstChild()
			c.Extra = tc.extra
			if got := n.AppendCanonical(nil, c); !bytes.Equal(got, want) {
				t.Errorf("%s, %s\n got %s\nwant %s", tc.name, m.name, got, want)
			}
		}
	}
	n := mustScan(t, `<r xmlns:u="urn:u"><x><u:y/></x></r>`).Root().FirstChild()
	conflict := n.AppendCanonical(nil, C14N{Extra: []ApexAttr{{"u", "urn:w", "Id", "i"}}})
	if string(conflict) != `<x xmlns:u="urn:w" u:Id="i"><u:y xmlns:u="urn:u"></u:y></x>` {
		t.Errorf("prefix bound otherwise: %s", conflict)
	}
	n = mustScan(t, `<a b="1" c="2"/>`).Root()
	got := n.AppendCanonical(nil, C14N{Extra: []ApexAttr{{"", "", "b", "3"}}})
	if string(got) != `<a b="3" c="2"></a>` {
		t.Errorf("replaced attribute: %s", got)
	}
}

func TestAppendCanonicalAddsDefaultNS(t *testing.T) {
	t.Parallel()
	const doc = `<r xmlns="urn:d" xmlns:p="urn:p"><p:x/><x/><n xmlns=""><y/></n></r>`
	want := []string{`<p:x xmlns="" xmlns:p="urn:p"></p:x>`, `<x xmlns="urn:d"></x>`, `<n xmlns=""><y></y></n>`}
	i := 0
	for n := range mustScan(t, doc).Root().Children() {
		if got := string(n.AppendCanonical(nil, C14N{DefaultNS: true})); got != want[i] {
			t.Errorf("got %s, want %s", got, want[i])
		}
		i++
	}
	n := mustScan(t, doc).Root().FirstChild()
	if got := string(n.AppendCanonical(nil, C14N{DefaultNS: true,
		Prefixes: []string{"#default"}})); got != `<p:x xmlns="urn:d" xmlns:p="urn:p"></p:x>` {
		t.Errorf("with #default: %s", got)
	}
}

// TestAppendCanonicalOfManyPrefixes takes the canonicalizer out of its small
// tables.
func TestAppendCanonicalOfManyPrefixes(t *testing.T) {
	t.Parallel()
	var open, shut strings.Builder
	for i := range 100 {
		fmt.Fprintf(&open, `<p%d:e xmlns:p%d="urn:%d">`, i, i, i)
		fmt.Fprintf(&shut, `</p%d:e>`, 99-i)
	}
	src := open.String() + shut.String()
	n := mustScan(t, src).Root()
	if got := string(n.AppendCanonical(nil, C14N{})); got != src {
		t.Errorf("%s", got)
	}
	inner := n
	for range 99 {
		inner = inner.FirstChild()
	}
	got := string(inner.AppendCanonical(nil, C14N{Method: Inclusive10}))
	if strings.Count(got, "xmlns:") != 100 || !strings.HasPrefix(got,
		`<p99:e xmlns:p0="urn:0" xmlns:p1="urn:1" xmlns:p10="urn:10"`) {
		t.Errorf("%s", got)
	}
}

func TestAppendCanonicalIgnoresUnknownPrefixes(t *testing.T) {
	t.Parallel()
	n := mustScan(t, `<a xmlns:p="urn:p"/>`).Root()
	got := string(n.AppendCanonical(nil, C14N{Prefixes: []string{"", "nope", "xmlns", "xml", "#default"}}))
	if got != `<a></a>` {
		t.Errorf("%s", got)
	}
}

// TestAppendCanonicalRepairsOneFlaw: start and end tags with one thing in them
// that is not canonical.
func TestAppendCanonicalRepairsOneFlaw(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, want string }{
		{`<a b="1"></a>`, `<a b="1"></a>`}, // none
		{"<a\tb=\"1\"></a>", `<a b="1"></a>`},
		{"<a\nb=\"1\"></a>", `<a b="1"></a>`},
		{"<a\rb=\"1\"></a>", `<a b="1"></a>`},
		{`<a  b="1"></a>`, `<a b="1"></a>`},
		{`<a b="1" ></a>`, `<a b="1"></a>`},
		{"<a b=\"1\"\n></a>", `<a b="1"></a>`},
		{`<a ></a>`, `<a></a>`},
		{`<a></a >`, `<a></a>`},
		{"<a></a\n>", `<a></a>`},
		{`<a/>`, `<a></a>`},
		{`<a />`, `<a></a>`},
		{`<a b="1"/>`, `<a b="1"></a>`},
		{`<a b="1" />`, `<a b="1"></a>`},
		{`<a b ="1"></a>`, `<a b="1"></a>`},
		{`<a b= "1"></a>`, `<a b="1"></a>`},
		{"<a b\n=\t\"1\"></a>", `<a b="1"></a>`},
		{`<a b='1'></a>`, `<a b="1"></a>`},
		{`<a b='"'></a>`, `<a b="&quot;"></a>`},
		{`<a b="'"></a>`, `<a b="'"></a>`},
		{"<a b=\"\t\"></a>", `<a b=" "></a>`},
		{"<a b=\"\n\"></a>", `<a b=" "></a>`},
		{"<a b=\"\r\"></a>", `<a b=" "></a>`},
		{`<a b="&#x9;"></a>`, `<a b="&#x9;"></a>`},
		{`<a b="&#9;"></a>`, `<a b="&#x9;"></a>`},
		{`<a b="&gt;"></a>`, `<a b=">"></a>`},
		{`<a b="&apos;"></a>`, `<a b="'"></a>`},
		{`<a b="&quot;&amp;&lt;&#xA;&#xD;"></a>`, `<a b="&quot;&amp;&lt;&#xA;&#xD;"></a>`},
		{`<a b="&#xa;"></a>`, `<a b="&#xA;"></a>`},
		{`<a b="&#32;"></a>`, `<a b=" "></a>`},
		{`<a c="1" b="2"></a>`, `<a b="2" c="1"></a>`},
		{`<a b="1" xmlns="urn:a"></a>`, `<a xmlns="urn:a" b="1"></a>`},
		{`<p:a xmlns:p="urn:p" xmlns:o="urn:o" o:b="1"></p:a>`, `<p:a xmlns:o="urn:o" xmlns:p="urn:p" o:b="1"></p:a>`},
		{`<p:a xmlns:p='urn:p'></p:a>`, `<p:a xmlns:p="urn:p"></p:a>`},
		{`<p:a xmlns:p="urn:&#112;"></p:a>`, `<p:a xmlns:p="urn:p"></p:a>`},
		{`<p:a xmlns:p="urn:p" xmlns:q="urn:q"></p:a>`, `<p:a xmlns:p="urn:p"></p:a>`},
		{`<a>&quot;</a>`, `<a>"</a>`},
		{`<a>&gt;&lt;&amp;&#xD;</a>`, `<a>&gt;&lt;&amp;&#xD;</a>`},
		{`<a>&#13;</a>`, `<a>&#xD;</a>`},
		{`<a>></a>`, `<a>&gt;</a>`},
		{"<a>\r</a>", "<a>\n</a>"},
		{`<a>x<!-- c --></a>`, `<a>x</a>`},
		{`<a><![CDATA[x]]></a>`, `<a>x</a>`},
	} {
		// Alone, inside, before an element, and behind another flaw.
		for _, frame := range [][2]string{{"", ""}, {"<r>", "</r>"}, {"<r>t", "<s></s></r>"}, {"<r>t", "u</r>"}} {
			in, want := frame[0]+tc.in+frame[1], frame[0]+tc.want+frame[1]
			if got := string(mustScan(t, in).Root().AppendCanonical(nil, C14N{})); got != want {
				t.Errorf("%q\n got %q\nwant %q", in, got, want)
			}
			in, want = "<d  >"+in+"<e/></d>", "<d>"+want+"<e></e></d>"
			if got := string(mustScan(t, in).Root().AppendCanonical(nil, C14N{})); got != want {
				t.Errorf("%q\n got %q\nwant %q", in, got, want)
			}
		}
	}
	// The same texts before an element.
	for in, want := range map[string]string{
		"&quot;": `"`, ">": "&gt;", "\r\n": "\n", "<!-- c -->": "", "<![CDATA[&]]>": "&amp;", "&amp;": "&amp;",
	} {
		if got := string(mustScan(t, "<a>"+in+"<b></b>"+in+"</a>").Root().AppendCanonical(nil, C14N{})); got != "<a>"+want+
			"<b></b>"+want+"</a>" {
			t.Errorf("%q: %q", in, got)
		}
	}
}
