package main

import (
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
