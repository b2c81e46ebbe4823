package main

import (
	"fmt"
	"strings"
)

// signatures are refusals of the Signature (XMLDSig §3.2, §4, BSP R5401 to
// R5440).
func signatures(s *set) {
	add := func(name, expect, comment string, kind change, changes ...change) {
		s.case_("signature-"+name, expect, comment, "signature", kind, changes...)
	}
	const invalid, hmac, algorithm, wrong = "security-header-invalid", "signature-invalid", "unsupported-algorithm",
		"digest-invalid"
	for _, kind := range []struct {
		name string
		f    change
	}{{"signed", signed}, {"derived", derived}, {"transport", transport}, {"context", context}} {
		add("hmac-flipped-"+kind.name, hmac, "One bit of the HMAC was changed.", kind.f, rewrite("hmac", flipped(0)))
		add("hmac-last-"+kind.name, hmac, "The last bit of the HMAC was changed.", kind.f, rewrite("hmac", flipped(-1)))
		add("hmac-cut-"+kind.name, hmac, "The first 10 octets of the HMAC (CVE-2009-0217).", kind.f,
			rewrite("hmac", func(s string) string { return s[:10] }))
		add("hmac-empty-"+kind.name, hmac, "An empty SignatureValue.", kind.f, rewrite("hmac",
			func(string) string { return "" }))
		add("hmac-long-"+kind.name, hmac, "The HMAC with an octet behind it.", kind.f,
			rewrite("hmac", func(s string) string { return s + "\x00" }))
		add("hmac-key-"+kind.name, hmac, "The HMAC under another key.", kind.f,
			func(m *message) { m.sigKey = m.s.rnd.octets(32) })
		add("hmac-zero-key-"+kind.name, hmac, "The HMAC under a key of zeros.", kind.f,
			func(m *message) { m.sigKey = make([]byte, 32) })
		add("timestamp-changed-"+kind.name, wrong, "The Timestamp was changed after it was signed.", kind.f,
			edit("security", "2026-03-02T10:05:00", "2026-03-02T10:06:00"))
	}
	add("value-not-base64", invalid, "A SignatureValue that is not base64.", signed,
		edit("signature", "</ds:SignatureValue>", "!</ds:SignatureValue>"))
	add("value-absent", invalid, "A Signature without SignatureValue.", signed, rewrite("signature",
		func(s string) string {
			return s[:strings.Index(s, "<ds:SignatureValue>")] + s[strings.Index(s, "<ds:KeyInfo>"):]
		}))
	for _, bits := range []string{"1", "8", "80", "96", "160"} {
		add("hmacoutputlength-"+bits, invalid, "HMACOutputLength "+bits+" (BSP R5401, CVE-2009-0217).", signed,
			edit("signedinfo", `hmac-sha1"></ds:SignatureMethod>`,
				`hmac-sha1"><ds:HMACOutputLength>`+bits+`</ds:HMACOutputLength></ds:SignatureMethod>`))
	}
	s.algorithms(add)
	s.signedInfos(add)
	s.sameForm(add)
	add("body-changed", wrong, "The Body was changed after it was signed.", signed, edit("last-body", "25", "26"))
	add("body-attribute", wrong, "An attribute was added to the Body.", signed, edit("last-body", "<o:item>",
		`<o:item x="1">`))
	add("body-space", wrong, "White space was added to the Body.", signed, edit("last-body", "<o:item>", " <o:item>"))
	add("body-namespace", wrong, "A namespace name in the Body was changed.", signed,
		edit("last-body", nsApp, "urn:example:other"))
	add("to-changed", wrong, "wsa:To was changed after it was signed.", signed, to,
		edit("block-to", "/orders", "/admin"))
	add("digest-flipped", wrong, "One bit of a digest is wrong, under a right HMAC.", signed,
		rewrite("digested-body", func(s string) string { return s + " " }))
	add("session-key", hmac, "The HMAC is under the session key, and the authenticator has a subkey.", signed,
		func(m *message) {
			m.ap.Ticket.SessionKey = m.s.rnd.octets(32)
			m.sigKey = m.ap.Ticket.SessionKey
		})
	add("encryption-key", hmac, "The HMAC is under the key that the DerivedKeyToken for encryption derives.", derived,
		edit("sig-str", "#dk-sig", "#dk-enc"))
	add("references-64", "ok", "64 References: the most.", signed, manyBlocks(62))
	add("references-65", invalid, "65 References.", signed, manyBlocks(63))
}

// manyBlocks adds signed header blocks.
func manyBlocks(n int) change {
	return func(m *message) {
		for i := range n {
			id := fmt.Sprintf("b%d", i)
			m.blocks = append(m.blocks, block{id: id, sign: true,
				text: `<o:b xmlns:o="` + nsApp + `" xmlns:wsu="` + nsWSU +
					`" wsu:Id="` + id + `"></o:b>`})
		}
	}
}

// algorithms are those that the policy does not name. The HMAC is right for
// what SignedInfo says.
func (s *set) algorithms(add func(string, string, string, change, ...change)) {
	const algorithm = "unsupported-algorithm"
	for name, uri := range map[string]string{
		"hmac-sha224": nsMore + "hmac-sha224", "hmac-sha256": nsMore + "hmac-sha256", "hmac-md5": nsMore + "hmac-md5",
		"rsa-sha1": nsDS + "rsa-sha1", "dsa-sha1": nsDS + "dsa-sha1", "empty": "", "case": nsDS + "HMAC-SHA1",
	} {
		add("method-"+name, algorithm, "SignatureMethod "+name+" where the policy has hmac-sha1.", signed,
			edit("signedinfo", `SignatureMethod Algorithm="`+hmacSHA1, `SignatureMethod Algorithm="`+uri))
	}
	add("method-absent", algorithm, "A SignatureMethod without Algorithm.", signed,
		edit("signedinfo", `SignatureMethod Algorithm="`+hmacSHA1+`"`, `SignatureMethod`))
	add("method-downgrade", algorithm, "hmac-sha1 where the policy has hmac-sha256, as an attacker would have it.",
		signed,
		edit("signedinfo", nsMore+"hmac-sha256", hmacSHA1), with(func(p *policy) { p.SignatureMethod = "hmac-sha256" }))
	for name, uri := range map[string]string{"sha256": sha256URI, "md5": nsMore + "md5", "sha224": nsMore + "sha224",
		"empty": ""} {
		add("digest-"+name, algorithm, "DigestMethod "+name+" where the suite has sha1.", signed,
			edit("reference-body", `DigestMethod Algorithm="`+sha1URI, `DigestMethod Algorithm="`+uri))
	}
	add("digest-downgrade", algorithm, "DigestMethod sha1 where the suite has sha256.", signed,
		usingSuite("Basic128Sha256"),
		edit("reference-body", sha256URI, sha1URI))
	for name, uri := range map[string]string{
		"inclusive": "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
		"c14n11":    "http://www.w3.org/2006/12/xml-c14n11",
		"comments":  nsEC + "WithComments", "empty": "", "unknown": "urn:example:none",
	} {
		add("c14n-"+name, algorithm, "CanonicalizationMethod "+name+" (BSP R5404).", signed,
			edit("signedinfo", `CanonicalizationMethod Algorithm="`+nsEC, `CanonicalizationMethod Algorithm="`+uri))
		add("transform-"+name, algorithm, "Transform "+name+" (BSP R5423).", signed,
			edit("reference-body", `Transform Algorithm="`+nsEC, `Transform Algorithm="`+uri))
	}
	for name, uri := range map[string]string{
		"enveloped": nsDS + "enveloped-signature", "base64": nsDS + "base64",
		"xpath": "http://www.w3.org/TR/1999/REC-xpath-19991116", "xslt": "http://www.w3.org/TR/1999/REC-xslt-19991116",
		"filter2": "http://www.w3.org/2002/06/xmldsig-filter2",
	} {
		add("transform-"+name, algorithm, "Transform "+name+".", signed,
			edit("reference-body", `Transform Algorithm="`+nsEC, `Transform Algorithm="`+uri))
	}
}

// signedInfos are shapes of SignedInfo that BSP does not allow, under a right
// HMAC.
func (s *set) signedInfos(add func(string, string, string, change, ...change)) {
	const invalid, wrong = "security-header-invalid", "reference-invalid"
	ref := func(name, expect, comment, old, new string) {
		add(name, expect, comment, signed, edit("reference-body", old, new))
	}
	add("no-reference", invalid, "A SignedInfo without Reference signs nothing.", signed, signsOnly())
	ref("no-transforms", invalid, "A Reference without Transforms (BSP R5411).",
		`<ds:Transforms><ds:Transform Algorithm="`+nsEC+`"></ds:Transform></ds:Transforms>`, "")
	ref("empty-transforms", invalid, "Transforms without Transform (BSP R5411).",
		`<ds:Transform Algorithm="`+nsEC+`"></ds:Transform>`, "")
	ref("two-transforms", invalid, "Two Transforms.", `<ds:Transform `, `<ds:Transform Algorithm="`+nsDS+
		`enveloped-signature"></ds:Transform><ds:Transform `)
	ref("no-digestmethod", invalid, "A Reference without DigestMethod.",
		`<ds:DigestMethod Algorithm="`+sha1URI+`"></ds:DigestMethod>`, "")
	add("digest-empty-value", "digest-invalid", "An empty DigestValue.", signed, rewrite("reference-body",
		func(s string) string {
			i, j := strings.Index(s, "<ds:DigestValue>")+len("<ds:DigestValue>"), strings.Index(s, "</ds:DigestValue>")
			return s[:i] + s[j:]
		}))
	ref("uri-absent", invalid, "A Reference without URI.", ` URI="#body"`, "")
	ref("uri-empty", invalid, "A Reference to the whole document.", `URI="#body"`, `URI=""`)
	ref("uri-external", invalid, "A Reference to another document.", `URI="#body"`,
		`URI="http://attacker.example.com/x"`)
	ref("uri-file", invalid, "A Reference to a file.", `URI="#body"`, `URI="file:///etc/passwd"`)
	ref("uri-cid", invalid, "A Reference to an attachment.", `URI="#body"`, `URI="cid:body@example.com"`)
	ref("uri-xpointer", wrong, "A Reference by XPointer is that to an Id that no element has.", `URI="#body"`,
		`URI="#xpointer(id('body'))"`)
	ref("uri-nowhere", wrong, "A Reference to an Id that no element has.", `URI="#body"`, `URI="#nowhere"`)
	ref("uri-self", wrong, "A Signature that covers itself.", `URI="#body"`, `URI="#sig"`)
	ref("uri-content", wrong, "A Reference to an element inside the Body.", `URI="#body"`, `URI="#item"`)
	add("twice", wrong, "Two References to the same part.", signed, signsOnly("ts", "body", "body"))
	add("manifest", invalid, "A Manifest (BSP R5403).", signed, edit("signature", "</ds:Signature>",
		`<ds:Object><ds:Manifest></ds:Manifest></ds:Object></ds:Signature>`))
	add("object", invalid, "An Object in the Signature (BSP R3102).", signed, edit("signature", "</ds:Signature>",
		`<ds:Object></ds:Object></ds:Signature>`))
	add("text", invalid, "Text in SignedInfo.", signed, edit("signedinfo", "<ds:SignatureMethod",
		"x<ds:SignatureMethod"))
	add("order", invalid, "SignatureValue before SignedInfo.", signed, rewrite("signature", func(s string) string {
		i, j := strings.Index(s, "<ds:SignedInfo"), strings.Index(s, "<ds:SignatureValue>")
		k := strings.Index(s, "<ds:KeyInfo>")
		return s[:i] + s[j:k] + s[i:j] + s[k:]
	}))
	add("prefixlist-64", "ok", "A PrefixList of 64 prefixes: the most.", signed, prefixes(64))
	add("prefixlist-65", invalid, "A PrefixList of 65 prefixes.", signed, prefixes(65))
	add("prefixlist-absent", invalid, "InclusiveNamespaces without PrefixList.", signed, edit("reference-body",
		`"></ds:Transform>`, `"><ec:InclusiveNamespaces xmlns:ec="`+nsEC+`"></ec:InclusiveNamespaces></ds:Transform>`))
}

// prefixes is a PrefixList on the Body.
func prefixes(n int) change {
	return func(m *message) {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("p%d", i))
		}
		m.prefix = map[string][]string{"body": list}
	}
}

// sameForm are changes on the way that the canonical form does not show. They
// do not break a signature, and must not change what the receiver reads.
func (s *set) sameForm(add func(string, string, string, change, ...change)) {
	same := func(name, comment, old, new string) {
		add("same-"+name, "ok", comment+" The canonical form is the same.", signed, edit("envelope", old, new))
	}
	same("comment", "A comment was put into the Body.", "<o:item>25", "<o:item>2<!-- 5 -->5")
	same("cdata", "Text in the Body became a CDATA section.", "<o:item>25", "<o:item><![CDATA[25]]>")
	same("cdata-split", "Text in the Body was split.", "<o:item>25", "<o:item>2<![CDATA[]]>5")
	same("reference", "Text in the Body became a character reference.", "<o:item>25", "<o:item>&#x32;5")
	same("attribute-order", "The order of attributes was changed.", ` xmlns:wsu="`+nsWSU+`" wsu:Id="body"`,
		` wsu:Id="body" xmlns:wsu="`+nsWSU+`"`)
	same("quotes", "Quotes were changed.", `wsu:Id="body"`, `wsu:Id='body'`)
	same("tag-space", "White space in a tag.", "<o:item>", "<o:item\n >")
	same("unused-namespace", "A declaration that no name uses.", "<o:item>",
		`<o:item xmlns:unused="urn:example:unused">`)
	same("xml-declaration", "An XML declaration.", "<s:Envelope ",
		"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<s:Envelope ")
}
