package main

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// c14n are documents with the exclusive canonical form of the element that has
// the attribute apex (Exclusive XML Canonicalization 1.0 §3, Canonical XML 1.0
// §2). The forms are typed here, not computed.
func c14n(s *set) {
	add := func(name, comment, input, form string, prefixes ...string) {
		lines := []line{{"sha1", hex.EncodeToString(digest(sha1URI, form))},
			{"sha256", hex.EncodeToString(digest(sha256URI, form))}}
		if len(prefixes) > 0 {
			lines = append(lines, line{"prefixes", prefixes})
		}
		flags := "valid c14n"
		if name == "escaped-namespace" {
			flags += " not-libxml2" // which does not escape it
		}
		s.add("c14n", "c14n/"+name+".txtar", "ok", comment, flags, lines,
			[]section{{"input.xml", []byte(input + "\n")}, {"canonical", []byte(form)}})
	}
	add("empty-element", "An empty element becomes a start and an end tag.", `<e apex=""/>`, `<e apex=""></e>`)
	add("attribute-order",
		"Attributes are in the order of namespace name, then local name; those without namespace first.",
		`<e xmlns:a="urn:z" xmlns:b="urn:a" b:x="1" a:x="2" z="3" y="4" apex=""/>`,
		`<e xmlns:a="urn:z" xmlns:b="urn:a" apex="" y="4" z="3" b:x="1" a:x="2"></e>`)
	add("namespace-order", "Declarations are in the order of prefixes, the default one first.",
		`<b:e xmlns:b="urn:b" xmlns:a="urn:a" xmlns="urn:d" a:x="" apex=""><f/></b:e>`,
		`<b:e xmlns:a="urn:a" xmlns:b="urn:b" apex="" a:x=""><f xmlns="urn:d"></f></b:e>`)
	add("unused", "Declarations that no name uses are left out.", `<e xmlns:u="urn:u" apex=""/>`, `<e apex=""></e>`)
	add("inherited", "A declaration of an element around is rendered where it is used.",
		`<r xmlns:p="urn:p"><e apex=""><p:f/><p:f/></e></r>`,
		`<e apex=""><p:f xmlns:p="urn:p"></p:f><p:f xmlns:p="urn:p"></p:f></e>`)
	add("once", "A declaration that was rendered around is not rendered again.",
		`<p:r xmlns:p="urn:p" apex=""><p:f xmlns:p="urn:p"><p:g/></p:f></p:r>`,
		`<p:r xmlns:p="urn:p" apex=""><p:f><p:g></p:g></p:f></p:r>`)
	add("redeclared", "A prefix with another namespace is rendered again.",
		`<p:r xmlns:p="urn:p" apex=""><p:f xmlns:p="urn:q"/><p:g/></p:r>`,
		`<p:r xmlns:p="urn:p" apex=""><p:f xmlns:p="urn:q"></p:f><p:g></p:g></p:r>`)
	add("default-undone", `xmlns="" is rendered inside a rendered default namespace.`,
		`<e xmlns="urn:d" apex=""><f xmlns=""/></e>`, `<e xmlns="urn:d" apex=""><f xmlns=""></f></e>`)
	add("default-never", `xmlns="" is not rendered where no default namespace was.`,
		`<p:r xmlns:p="urn:p" xmlns="urn:d"><e xmlns="" apex=""><f/></e></p:r>`, `<e apex=""><f></f></e>`)
	add("default-unused", "A default namespace that no name uses is left out.",
		`<r xmlns="urn:d"><p:e xmlns:p="urn:p" apex=""><p:f/></p:e></r>`,
		`<p:e xmlns:p="urn:p" apex=""><p:f></p:f></p:e>`)
	add("prefixlist", "A prefix of the PrefixList is rendered on the apex.",
		`<r xmlns:p="urn:p"><e apex=""><f>p:x</f></e></r>`, `<e xmlns:p="urn:p" apex=""><f>p:x</f></e>`, "p")
	add("prefixlist-inner", "A prefix of the PrefixList is rendered where it is declared.",
		`<e apex=""><f xmlns:p="urn:p"><g/></f></e>`, `<e apex=""><f xmlns:p="urn:p"><g></g></f></e>`, "p")
	add("prefixlist-default", "#default in the PrefixList is the default namespace.",
		`<r xmlns="urn:d"><p:e xmlns:p="urn:p" apex=""/></r>`, `<p:e xmlns="urn:d" xmlns:p="urn:p" apex=""></p:e>`,
		"#default")
	add("prefixlist-undeclared", "A prefix of the PrefixList that is not declared is ignored.", `<e apex=""/>`,
		`<e apex=""></e>`, "nowhere")
	add("prefixlist-redeclared", "A prefix of the PrefixList with another namespace is rendered again.",
		`<r xmlns:p="urn:p"><e apex=""><f xmlns:p="urn:q"/></e></r>`,
		`<e xmlns:p="urn:p" apex=""><f xmlns:p="urn:q"></f></e>`, "p")
	add("xml-attributes", "Attributes of the prefix xml are not inherited from elements around.",
		`<r xml:lang="de" xml:space="preserve"><e apex="" xml:lang="en"/></r>`, `<e apex="" xml:lang="en"></e>`)
	add("text-escapes", "Escapes in text.", "<e apex=\"\">&lt;&gt;&amp;&quot;&apos;&#13;&#9;&#10;\"'></e>",
		"<e apex=\"\">&lt;&gt;&amp;\"'&#xD;\t\n\"'&gt;</e>")
	add("attribute-escapes", "Escapes in attribute values.",
		`<e apex="" x="&lt;&gt;&amp;&quot;&apos;&#13;&#9;&#10;'>"/>`,
		`<e apex="" x="&lt;>&amp;&quot;'&#xD;&#x9;&#xA;'>"></e>`)
	add("attribute-quotes", "Single quotes become double ones.", `<e apex='' x='a"b'/>`, `<e apex="" x="a&quot;b"></e>`)
	add("attribute-space", "White space in an attribute value is normalized to spaces (XML 1.0 §3.3.3).",
		"<e apex=\"\" x=\"a\tb\nc\r\nd\"/>", `<e apex="" x="a b c d"></e>`)
	add("line-ends", "CR LF and CR in text are LF (XML 1.0 §2.11).", "<e apex=\"\">a\r\nb\rc\n</e>",
		"<e apex=\"\">a\nb\nc\n</e>")
	add("cdata", "CDATA sections are text.", `<e apex="">a<![CDATA[<b>&amp;]]>c</e>`,
		`<e apex="">a&lt;b&gt;&amp;amp;c</e>`)
	add("cdata-empty", "An empty CDATA section is nothing.", `<e apex="">a<![CDATA[]]>b</e>`, `<e apex="">ab</e>`)
	add("comments", "Comments are left out.", `<e apex="">a<!-- x -->b<f/><!-- y --></e>`, `<e apex="">ab<f></f></e>`)
	add("references", "Character references are characters.", `<e apex="">&#65;&#x42;&#x20AC;&#x1F600;</e>`,
		"<e apex=\"\">AB\u20ac\U0001f600</e>")
	add("characters", "Characters of four octets, and combining ones, are as they are.",
		"<e apex=\"\">e\u0301 \u00e9 \U00010000</e>", "<e apex=\"\">e\u0301 \u00e9 \U00010000</e>")
	add("white-space", "White space between elements is text.", "<e apex=\"\">\n <f/>\n</e>",
		"<e apex=\"\">\n <f></f>\n</e>")
	add("tag-space", "White space in tags is left out.", "<e  apex = \"\"\n\t><f\n></f ></e\n>",
		`<e apex=""><f></f></e>`)
	add("same-namespace", "Two prefixes of one namespace stay two.",
		`<p:e xmlns:p="urn:x" xmlns:q="urn:x" apex=""><q:f p:a="1" q:b="2"/></p:e>`,
		`<p:e xmlns:p="urn:x" apex=""><q:f xmlns:q="urn:x" p:a="1" q:b="2"></q:f></p:e>`)
	add("attribute-prefix", "An attribute's prefix is rendered, and the default namespace not for an attribute.",
		`<r xmlns="urn:d" xmlns:p="urn:p"><p:e apex="" x="1" p:y="2"/></r>`,
		`<p:e xmlns:p="urn:p" apex="" x="1" p:y="2"></p:e>`)
	add("siblings", "What was rendered on an element does not count for the next one.",
		`<r xmlns:p="urn:p"><e apex=""><p:a/><b/><p:a/></e></r>`,
		`<e apex=""><p:a xmlns:p="urn:p"></p:a><b></b><p:a xmlns:p="urn:p"></p:a></e>`)
	add("escaped-namespace", "A namespace name is escaped as an attribute value.",
		`<p:e xmlns:p='urn:x?a=1&amp;b=(2)' apex=""/>`, `<p:e xmlns:p="urn:x?a=1&amp;b=(2)" apex=""></p:e>`)
	add("deep", "Declarations come and go over 100 levels.", deep(false), deep(true))
	add("supplementary-order", "Attributes are sorted by code points, not by units of UTF-16.",
		"<e apex=\"\" \U00010400=\"2\" \uff21=\"1\"/>", "<e apex=\"\" \uff21=\"1\" \U00010400=\"2\"></e>")
	add("envelope", "The Body of SOAP, with declarations on the Envelope.", `<s:Envelope xmlns:s="`+nsSOAP11+
		`" xmlns:x="urn:unused"><s:Body apex=""><o:o xmlns:o="urn:o"/></s:Body></s:Envelope>`,
		`<s:Body xmlns:s="`+nsSOAP11+`" apex=""><o:o xmlns:o="urn:o"></o:o></s:Body>`)
}

// deep alternates two namespaces of one prefix.
func deep(form bool) string {
	var b strings.Builder
	for i := range 100 {
		b.WriteString("<p:e")
		fmt.Fprintf(&b, ` xmlns:p="urn:%d"`, i/10%2)
		if i%10 != 0 && form {
			s := strings.TrimSuffix(b.String(), fmt.Sprintf(` xmlns:p="urn:%d"`, i/10%2))
			b.Reset()
			b.WriteString(s)
		}
		if i == 0 {
			b.WriteString(` apex=""`)
		}
		b.WriteString(">")
	}
	return b.String() + strings.Repeat("</p:e>", 100)
}
