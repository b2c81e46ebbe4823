package main

import "strings"

// references are refusals of references to tokens and parts (WSS §7, BSP R3061,
// R5402), and of Ids (WSS §4).
func references(s *set) {
	add := func(name, expect, comment string, kind change, changes ...change) {
		s.case_("reference-"+name, expect, comment, "reference", kind, changes...)
	}
	const (
		invalid, wrong = "security-header-invalid", "reference-invalid"
		unavailable    = "security-token-unavailable"
		unsupported    = "unsupported-security-token"
		ref            = `<wsse:Reference URI="#token" ValueType="` + gssToken + `"></wsse:Reference>`
	)
	str := func(xml string) change { return edit("str", ref, xml) }
	hash := func(m *message) { m.form = "hash" }
	add("keyinfo-missing", invalid, "A Signature without KeyInfo (BSP R5402).", signed, rewrite("signature",
		func(s string) string {
			return s[:strings.Index(s, "<ds:KeyInfo>")] + s[strings.Index(s, "</ds:KeyInfo>")+len("</ds:KeyInfo>"):]
		}))
	add("keyname", invalid, "A KeyInfo with a KeyName (BSP R3027).", signed, rewrite("sig-str",
		func(string) string { return `<ds:KeyName>token</ds:KeyName>` }))
	add("keyinfo-empty", invalid, "An empty KeyInfo.", signed, rewrite("sig-str", func(string) string { return "" }))
	add("keyinfo-two", invalid, "A KeyInfo with two references (BSP R5424).", signed, rewrite("sig-str",
		func(s string) string { return s + s }))
	add("empty", invalid, "A SecurityTokenReference without reference (BSP R3061).", signed, str(""))
	add("two", invalid, "A SecurityTokenReference with two references (BSP R3061).", signed, str(ref+ref))
	add("nothing", wrong, "A Reference to an Id that no element has.", signed, edit("str", "#token", "#nowhere"))
	add("external", unavailable, "A Reference to another document.", signed,
		edit("str", "#token", "http://attacker.example.com/token"))
	add("uri-empty", unavailable, "A Reference with an empty URI.", signed, edit("str", `URI="#token"`, `URI=""`))
	add("uri-absent", unavailable, "A Reference without URI.", signed, edit("str", ` URI="#token"`, ""))
	add("valuetype-absent", "ok", "A Reference without ValueType, as WCF's custom bindings write it.", signed,
		edit("str", ` ValueType="`+gssToken+`"></wsse:Reference>`, `></wsse:Reference>`))
	add("tokentype-absent", "ok", "A SecurityTokenReference without TokenType.", signed,
		edit("str", ` wsse11:TokenType="`+gssToken+`"`, ""))
	add("valuetype-other", wrong, "A Reference whose ValueType is not that of the token (BSP R3058).", signed,
		str(`<wsse:Reference URI="#token" ValueType="`+ktp+`Kerberosv5_AP_REQ"></wsse:Reference>`))
	add("to-body", wrong, "A Reference to the Body.", signed, edit("str", "#token", "#body"))
	add("to-timestamp", wrong, "A Reference to the Timestamp.", signed, edit("str", "#token", "#ts"))
	add("to-signature", wrong, "A Reference to the Signature itself.", signed, edit("str", "#token", "#sig"))
	add("to-reference", wrong, "A Reference to a SecurityTokenReference (BSP R3057).", signed,
		edit("str", "#token", "#str"), edit("sig-str", "<wsse:SecurityTokenReference ",
			`<wsse:SecurityTokenReference xmlns:wsu="`+nsWSU+`" wsu:Id="str" `))
	add("to-block", wrong, "A Reference to a token that stands beside the Security header.", signed,
		edit("str", "#token", "#outside"), rewrite("security", func(s string) string {
			return s + `<wsse:BinarySecurityToken xmlns:wsse="` + nsWSSE + `" xmlns:wsu="` + nsWSU + `" ValueType="` +
				gssToken +
				`" wsu:Id="outside">YII=</wsse:BinarySecurityToken>`
		}))
	add("issuer-serial", unsupported, "A reference by issuer and serial number.", signed,
		str(`<ds:X509Data xmlns:ds="`+nsDS+`"><ds:X509IssuerSerial></ds:X509IssuerSerial></ds:X509Data>`))
	add("keyidentifier-ski", unsupported, "A KeyIdentifier of an X.509 token.", signed, hash, edit("str", tokenSHA1,
		"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509SubjectKeyIdentifier"))
	add("keyidentifier-hex", invalid, "A KeyIdentifier in hexadecimal (BSP R3071).", signed, hash,
		edit("str", "#Base64Binary", "#HexBinary"))
	add("keyidentifier-noencoding", "ok", "A KeyIdentifier without EncodingType.", signed, hash,
		edit("str", ` EncodingType="`+base64URI+`"`, ""))
	add("keyidentifier-short", invalid, "A KeyIdentifier of fewer octets than a SHA-1.", signed, hash,
		edit("str", "=</wsse:KeyIdentifier>", "</wsse:KeyIdentifier>"), rewrite("str", cutKeyIdentifier))
	add("keyidentifier-other", unavailable, "A KeyIdentifier that is not that of the token in the message.", signed,
		hash,
		rewrite("str", otherKeyIdentifier))
	add("embedded-empty", unsupported, "An empty Embedded.", signed, without("token"),
		str(`<wsse:Embedded></wsse:Embedded>`))
	add("embedded-two", unsupported, "An Embedded with two tokens.", signed, without("token"),
		func(m *message) { m.form = "embedded" }, rewrite("str", func(s string) string {
			i, j := strings.Index(s, "<wsse:Binary"), strings.Index(s, "</wsse:Embedded>")
			return s[:j] + strings.Replace(s[i:j], `wsu:Id="token"`, `wsu:Id="two"`, 1) + s[j:]
		}))
	add("embedded-username", unsupported, "An Embedded with another token.", signed, without("token"),
		str(`<wsse:Embedded><wsse:UsernameToken></wsse:UsernameToken></wsse:Embedded>`))
	s.ids()
	s.strTransforms()
}

func cutKeyIdentifier(s string) string {
	i := strings.Index(s, "</wsse:KeyIdentifier>")
	return s[:i-3] + s[i:]
}

func otherKeyIdentifier(s string) string {
	i := strings.Index(s, "</wsse:KeyIdentifier>")
	return s[:i-28] + "AAAA" + s[i-24:]
}

// ids are Ids that two elements carry, in all spellings that some stack reads.
func (s *set) ids() {
	add := func(name, expect, comment string, changes ...change) {
		s.case_("id-"+name, expect, comment, "duplicate-id signature-wrapping", signed, changes...)
	}
	for name, attr := range map[string]string{
		"wsu": `xmlns:wsu="` + nsWSU + `" wsu:Id`, "plain": `Id`, "upper": `ID`, "lower": `id`, "xml": `xml:id`,
	} {
		block := `<o:note xmlns:o="` + nsApp + `" ` + attr + `="body"></o:note>`
		add("block-"+name, "duplicate-id", "A header block has the Id of the Body, spelt "+name+".",
			rewrite("security", func(s string) string { return block + s }))
		add("inside-"+name, "duplicate-id", "An element inside a header block has the Id of the Body, spelt "+name+".",
			rewrite("security", func(s string) string {
				return `<o:n xmlns:o="` + nsApp + `">` + block + `</o:n>` +
					s
			}))
		add("envelope-"+name, "duplicate-id", "The Envelope has the Id of the Body, spelt "+name+".",
			edit("envelope", "<s:Envelope ", "<s:Envelope "+attr+`="body" `))
	}
	add("timestamp", "duplicate-id", "Timestamp and Body have the same Id.", edit("timestamp", `wsu:Id="ts"`,
		`wsu:Id="body"`), signsOnly("body"))
	add("unused", "ok", "Two elements with an Id that no reference names, inside header blocks.",
		rewrite("security", func(s string) string {
			return `<o:n xmlns:o="` + nsApp + `"><o:a Id="x"/><o:b Id="x"/></o:n>` + s
		}))
	add("in-body", "ok", "Ids in the content of the Body are the application's own.", func(m *message) {
		m.body = `<o:order xmlns:o="` + nsApp + `" Id="ts"><o:item Id="body">25</o:item></o:order>`
	})
}

// strTransforms are refusals of the STR-Transform (WSS §8.3).
func (s *set) strTransforms() {
	add := func(name, expect, comment string, changes ...change) {
		s.case_("strtransform-"+name, expect, comment, "strtransform", signed, append([]change{
			func(m *message) { m.strRef = true }, with(func(p *policy) { p.ProtectTokens = true })}, changes...)...)
	}
	add("wrong-form", "digest-invalid",
		`The sender rendered xmlns="" on the token, and the policy has the form without.`,
		func(m *message) { m.wssForm = true },
		with(func(p *policy) { p.STRTransform = "wcf" }))
	add("other-reference", "reference-invalid", "It names another element than the reference of this Signature.",
		edit("reference-str", `URI="#str"`, `URI="#token"`))
	add("keyidentifier", "reference-invalid",
		"The reference is a KeyIdentifier, and the token it stands for would have to "+
			"be made up.", func(m *message) { m.form = "hash" })
	add("no-parameters", "security-header-invalid", "Without TransformationParameters (WSS §8.3).",
		rewrite("reference-str", func(s string) string {
			i, j := strings.Index(s, "<wsse:Transformation"), strings.Index(s, "</ds:Transform>")
			return s[:i] + s[j:]
		}))
	add("inclusive", "unsupported-algorithm", "Its parameter is Canonical XML 1.0.", edit("reference-str",
		`<ds:CanonicalizationMethod Algorithm="`+nsEC+`"`,
		`<ds:CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"`))
	add("changed-token", "digest-invalid", "The token's attributes were changed.",
		edit("envelope", ` EncodingType="`+base64URI+`"`, ""))
	add("embedded", "ok", "The token stands in the reference.", without("token"),
		func(m *message) { m.form = "embedded" })
}
