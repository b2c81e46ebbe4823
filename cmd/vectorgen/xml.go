package main

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf16"
)

// xmlCases are messages that are not XML 1.0 with namespaces, or that SOAP
// forbids: nothing of them may be looked at (XML 1.0, Namespaces 1.0, SOAP 1.1
// §3, SOAP 1.2 §5).
func xmlCases(s *set) {
	add := func(name, expect, comment string, changes ...change) {
		s.case_("xml-"+name, expect, comment, "xml", signed, changes...)
	}
	const syntax, encoding = "xml-syntax", "xml-encoding"
	// in puts text into the Body after all else is done.
	in := func(name, expect, comment, text string) {
		add(name, expect, comment, edit("envelope", "25<", text+"25<"))
	}
	before := func(name, expect, comment, text string) {
		add(name, expect, comment, rewrite("envelope", func(s string) string { return text + s }))
	}
	after := func(name, expect, comment, text string) {
		add(name, expect, comment, rewrite("envelope", func(s string) string { return s + text }))
	}
	tag := func(name, expect, comment, text string) {
		add(name, expect, comment, edit("envelope", "<o:item>", "<o:item "+text+">"))
	}
	before("doctype", "xml-doctype", "A DOCTYPE.", "<!DOCTYPE x>\n")
	before("doctype-entity", "xml-doctype", "A DOCTYPE that declares an entity.", `<!DOCTYPE x [<!ENTITY e "x">]>`+"\n")
	before("doctype-external", "xml-doctype", "A DOCTYPE with an external entity.",
		`<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>`+"\n")
	before("doctype-bomb", "xml-doctype", "Entities of entities.",
		`<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">]>`+"\n")
	before("doctype-parameter", "xml-doctype", "A parameter entity.", `<!DOCTYPE x [<!ENTITY % p "x"> %p;]>`+"\n")
	in("doctype-inside", "xml-doctype", "A DOCTYPE inside the root element.", "<!DOCTYPE x>")
	before("pi-before", "xml-instruction", "A processing instruction before the root element.", "<?x y?>\n")
	in("pi-inside", "xml-instruction", "A processing instruction inside.", "<?x y?>")
	after("pi-after", "xml-instruction", "A processing instruction behind the root element.", "<?x y?>\n")
	before("version-11", "ok", "Version 1.1 is processed as 1.0 (XML 1.0 5th edition §2.8).",
		`<?xml version="1.1"?>`+"\n")
	before("version-20", syntax, "Version 2.0.", `<?xml version="2.0"?>`+"\n")
	before("text-before", syntax, "Text before the root element.", "x")
	after("text-after", syntax, "Text behind the root element.", "x")
	after("second-root", syntax, "A second root element.", "<x/>\n")
	add("empty", syntax, "A message without content but white space.", rewrite("envelope",
		func(string) string { return " \n" }))
	add("cut", syntax, "A message that ends early.", rewrite("envelope",
		func(s string) string { return s[:len(s)-20] + "\n" }))
	in("end-tag", syntax, "An end tag without start.", "</x>")
	in("crossed", syntax, "End tags in the wrong order.", `<o:a><o:b></o:a></o:b>`)
	in("prefix-undeclared", syntax, "A prefix that is declared nowhere.", "<nowhere:x/>")
	in("prefix-undone", syntax, "A prefix declared with an empty namespace name.", `<x xmlns="" xmlns:p=""/>`)
	in("prefix-xml", syntax, "The prefix xml with another namespace.", `<x xmlns="" xmlns:xml="urn:x"/>`)
	in("prefix-xmlns", syntax, "The prefix xmlns declared.", `<x xmlns="" xmlns:xmlns="urn:x"/>`)
	in("namespace-xml", syntax, "Another prefix for the namespace of xml.",
		`<x xmlns="" xmlns:p="http://www.w3.org/XML/1998/namespace"/>`)
	in("namespace-relative", syntax, "A relative namespace name, which Canonical XML forbids.", `<x xmlns="relative"/>`)
	in("name-colons", syntax, "A name with two colons.", `<o:a:b/>`)
	in("name-colon-first", syntax, "A name that begins with a colon.", `<:a/>`)
	in("name-digit", syntax, "A name that begins with a digit.", `<1a/>`)
	tag("attribute-twice", syntax, "An attribute twice.", `a="1" a="2"`)
	tag("attribute-twice-prefixes", syntax, "An attribute twice, by two prefixes of one namespace.",
		`xmlns:p="urn:x" xmlns:q="urn:x" p:a="1" q:a="2"`)
	tag("attribute-no-space", syntax, "Attributes without space between them.", `a="1"b="2"`)
	tag("attribute-no-quotes", syntax, "An attribute value without quotes.", `a=1`)
	tag("attribute-no-value", syntax, "An attribute without value.", `a`)
	tag("attribute-less-than", syntax, "< in an attribute value.", `a="<"`)
	in("entity", syntax, "An entity that is not declared.", "&nbsp;")
	in("ampersand", syntax, "An ampersand that begins no reference.", "& ")
	in("reference-zero", syntax, "A reference to the character 0.", "&#0;")
	in("reference-surrogate", syntax, "A reference to half of a surrogate pair.", "&#xD800;")
	in("reference-ffff", syntax, "A reference to U+FFFF.", "&#xFFFF;")
	in("reference-huge", syntax, "A reference beyond Unicode.", "&#x110000;")
	in("cdata-end", syntax, "]]> in character data.", "]]>")
	in("comment-dashes", syntax, "-- in a comment.", "<!-- -- -->")
	in("comment-open", syntax, "A comment that does not end.", "<!-- ")
	in("control", syntax, "A control character.", "\x01")
	in("nul", syntax, "The character 0.", "\x00")
	in("not-utf8", encoding, "Octets that are not UTF-8 (XML 1.0 §4.3.3).", "\xff")
	in("overlong", encoding, "An overlong form of UTF-8.", "\xc0\xbc")
	in("surrogate", encoding, "Half of a surrogate pair in UTF-8.", "\xed\xa0\x80")
	in("ffff", syntax, "U+FFFF.", "\uffff")
	s.encodings()
}

// encodings are forms of characters that a receiver reads, or refuses.
func (s *set) encodings() {
	add := func(name, expect, comment string, changes ...change) {
		s.case_("encoding-"+name, expect, comment, "xml encoding", signed, changes...)
	}
	whole := func(f func(string) string) change { return rewrite("envelope", f) }
	utf16As := func(big, bom bool) func(string) string {
		return func(s string) string {
			var b strings.Builder
			if bom {
				s = "\ufeff" + s
			}
			for _, u := range utf16.Encode([]rune(s)) {
				hi, lo := byte(u>>8), byte(u)
				if !big {
					hi, lo = lo, hi
				}
				b.WriteByte(hi)
				b.WriteByte(lo)
			}
			return b.String()
		}
	}
	declared := func(encoding string) func(string) string {
		return func(s string) string { return `<?xml version="1.0" encoding="` + encoding + `"?>` + "\n" + s }
	}
	add("utf8-bom", "ok", "UTF-8 with a byte order mark.", whole(func(s string) string { return "\ufeff" + s }))
	add("utf8-declared", "ok", "UTF-8, declared.", whole(declared("UTF-8")))
	add("ascii-declared", "ok", "US-ASCII, declared.", whole(declared("US-ASCII")))
	add("utf16be", "ok", "UTF-16, the more significant octet first, with a byte order mark.", whole(utf16As(true,
		true)))
	add("utf16le", "ok", "UTF-16, the less significant octet first, with a byte order mark.", whole(utf16As(false,
		true)))
	add("line-ends", "ok", "CR LF in text is LF.", func(m *message) {
		m.body = "<o:order xmlns:o=\"" + nsApp + "\">\n25\n</o:order>"
	}, whole(func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }))
	add("latin1-declared", "xml-encoding", "ISO-8859-1, declared.", whole(declared("ISO-8859-1")))
	add("unknown-declared", "xml-encoding", "An encoding that nobody knows, declared.", whole(declared("x-none")))
	add("utf7-declared", "xml-encoding", "UTF-7, declared.", whole(declared("UTF-7")))
	add("utf16-declared-utf8", "xml-encoding", "UTF-8 that declares UTF-16.", whole(declared("UTF-16")))
	add("charset-other", "xml-encoding", "The charset of HTTP contradicts the XML declaration (RFC 7303 §3).",
		whole(declared("UTF-8")), header("charset", "utf-16"))
	add("charset-latin1", "xml-encoding", "A charset of HTTP that is not read.", header("charset", "iso-8859-1"))
	add("charset-utf8", "ok", "The charset of HTTP is utf-8.", header("charset", "utf-8"))
}

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
