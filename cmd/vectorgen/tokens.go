package main

import (
	"bytes"
	"strings"
	"time"
)

// tokens are refusals of the token itself (WSS §6.3, KTP §3.2, BSP R3029 to
// R3032).
func tokens(s *set) {
	add := func(name, expect, comment string, kind change, changes ...change) {
		s.case_("token-"+name, expect, comment, "token", kind, changes...)
	}
	const unsupported, invalid = "unsupported-security-token", "invalid-security-token"
	valueType := func(uri string) change { return func(m *message) { m.valueType = uri } }
	add("valuetype-unknown", unsupported, "A ValueType that the Kerberos Token Profile does not have.", signed,
		valueType(ktp+"Kerberosv5_AS_REQ"))
	add("valuetype-old", unsupported, "The ValueType of a draft of 2004.", signed,
		valueType("http://www.docs.oasis-open.org/wss/2004/07/"+
			"oasis-000000-wss-kerberos-token-profile-1.0#Kerberosv5_AP_REQ"))
	add("valuetype-x509", unsupported, "The ValueType of an X.509 certificate.", signed,
		valueType("http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"))
	add("valuetype-case", unsupported, "URIs are compared with case.", signed, valueType(strings.ToLower(gssToken)))
	add("valuetype-absent", unsupported, "A BinarySecurityToken needs a ValueType (BSP R3031).", signed,
		edit("token", ` ValueType="`+gssToken+`"`, ""))
	add("encoding-hex", invalid, "An EncodingType other than Base64Binary (BSP R3030).", signed,
		edit("token", "#Base64Binary", "#HexBinary"))
	add("encoding-absent", "ok", "WCF's custom bindings leave EncodingType out: it is Base64Binary.", signed,
		edit("token", ` EncodingType="`+base64URI+`"`, ""))
	add("not-base64", invalid, "A character that base64 does not have.", signed, edit("token", ">YII", ">Y!I"))
	add("cut-base64", invalid, "Base64 that ends within a group.", signed, edit("token", ">YII", ">YI"))
	add("empty", invalid, "A BinarySecurityToken without content.", signed, rewrite("token", func(s string) string {
		return s[:strings.Index(s, ">")+1] + s[strings.LastIndex(s, "<"):]
	}))
	add("element-inside", invalid, "An element in the place of base64.", signed, edit("token", ">YII",
		"><x xmlns=\"\"></x>YII"))
	add("white-space", "ok", "White space in base64, as XML Schema allows it.", signed,
		edit("token", ">YII", ">\n YII"), edit("token", "</wsse", "\n</wsse"))
	add("frame-missing", invalid, "The ValueType is of a GSS-API frame, and the token has none.", signed,
		func(m *message) { m.ap.Bare = true })
	add("frame-unexpected", invalid, "The ValueType is of a bare AP-REQ, and the token has a frame.", signed,
		valueType(ktp+"Kerberosv5_AP_REQ"))
	add("two", unsupported, "A second BinarySecurityToken.", signed, rewrite("token", func(s string) string {
		return s + strings.Replace(s, `wsu:Id="token"`, `wsu:Id="token-2"`, 1)
	}))
	add("embedded-second", unsupported, "A token in the reference beside one in the header.", signed,
		func(m *message) { m.form = "embedded" })
	add("missing-bearer", "security-token-missing", "The token that the policy asks for is not there.", bearer,
		without("token"))
	for name, xml := range map[string]string{
		"username": `<wsse:UsernameToken><wsse:Username>alice</wsse:Username></wsse:UsernameToken>`,
		"saml":     `<a:Assertion xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion"></a:Assertion>`,
		"unknown":  `<x:Token xmlns:x="urn:example:other"></x:Token>`,
		"context": `<c:SecurityContextToken xmlns:c="` + nsSC05 +
			`"><c:Identifier>urn:x</c:Identifier></c:SecurityContextToken>`,
	} {
		add("other-"+name, unsupported, "Another token beside that of the policy.", signed, edit("security",
			"</wsse:Security>",
			xml+"</wsse:Security>"))
	}
	add("under-context-policy", unsupported, "A Kerberos token where the policy is for a security context.", signed,
		with(func(p *policy) { p.ProtectionToken = "spnego-context" }))
	const limit = 128 << 10
	padded := func(size int) change {
		return rewrite("token", func(s string) string {
			i := strings.Index(s, ">") + 1
			text := strings.LastIndex(s, "<") - i
			return s[:i] + strings.Repeat(" ", size-text) + s[i:]
		})
	}
	add("longest", "ok", "A token of 131,072 characters, white space included: the most.", signed, padded(limit))
	add("too-long", invalid, "A token of 131,073 characters.", signed, padded(limit+1))
	s.accepted()
	s.remembered()
}

// accepted are refusals of the AP-REQ, once as a message each; kerberos/ has
// them as tokens.
func (s *set) accepted() {
	add := func(name, expect, comment string, changes ...change) {
		s.case_("apreq-"+name, expect, comment, "token kerberos", signed, changes...)
	}
	add("expired", "ticket-expired", "The ticket has ended.", func(m *message) {
		m.ap.Ticket.StartTime, m.ap.Ticket.EndTime = epoch.Add(-10*time.Hour), epoch.Add(-6*time.Minute)
	})
	add("not-yet", "ticket-not-yet-valid", "The ticket begins later.", func(m *message) {
		m.ap.Ticket.StartTime = epoch.Add(6 * time.Minute)
	})
	add("skew", "clock-skew", "The authenticator is of six minutes ago.", func(m *message) {
		m.ap.Time = epoch.Add(-6 * time.Minute)
	})
	add("other-client", "client-mismatch", "Ticket and authenticator name two clients.", func(m *message) {
		m.ap.ClientName = []string{"bob"}
	})
	add("other-key", "authenticator-integrity", "The authenticator is under another key than the session key.",
		func(m *message) { m.ap.AuthKey = m.s.rnd.octets(32) })
	add("changed-ticket", "ticket-integrity", "One bit of the ticket was changed.", rewrite("ap-req",
		func(s string) string {
			i := strings.Index(s, "gw.example.com") + 40
			return flipped(i)(s)
		}))
	add("rc4", "etype-not-allowed", "RC4 where it is not switched on.", func(m *message) { m.ap.Ticket.Etype = 23 })
	add("garbage", "token-malformed", "The octets are no AP-REQ.", rewrite("ap-req", func(s string) string {
		return s[:len(s)-3]
	}))
	replayed := func(kind change, changes ...change) change {
		return func(m *message) {
			m.before = m.s.on(m.name, kind, changes...)
		}
	}
	s.case_("replay-message", "ticket-replay", "The same message a second time.", "replay", signed, replayed(signed))
	s.case_("replay-token", "ticket-replay", "The token of another message, under a signature of its own.", "replay",
		signed,
		replayed(signed), func(m *message) { m.body = `<o:order xmlns:o="` + nsApp + `">26</o:order>` })
	s.case_("replay-token-transport", "ticket-replay", "The same token a second time under TLS.", "replay", transport,
		replayed(transport))
	s.case_("replay-token-bearer", "ticket-replay", "The same token a second time.", "replay", bearer, replayed(bearer))
	s.case_("replay-context", "message-replayed", "Under a security context, the same message a second time.", "replay",
		context, replayed(context))
	s.case_("replay-context-key", "ok", "Under a security context, another message with the same key.", "valid replay",
		context, replayed(context), func(m *message) { m.body = `<o:order xmlns:o="` + nsApp + `">26</o:order>` })
}

// once lets a message name the token of the one before it.
func once(m *message) {
	m.before = m.s.on(m.name+" before", signed, with(func(p *policy) { p.TokenOnce = true }))
	m.p.TokenOnce = true
	m.form = "hash"
	m.dropped["token"] = true
}

// remembered are references to a token of an earlier message (KTP §3.3).
func (s *set) remembered() {
	add := func(name, expect, comment string, changes ...change) {
		s.case_("once-"+name, expect, comment, "token reference", signed, append([]change{once,
			func(m *message) { m.body = `<o:order xmlns:o="` + nsApp + `">26</o:order>` }}, changes...)...)
	}
	const unavailable = "security-token-unavailable"
	add("valid", "ok", "A KeyIdentifier names the token of the message before (KTP §3.3).")
	add("forbidden", unavailable, "The policy does not let a message name a token of an earlier one.",
		func(m *message) { m.p.TokenOnce, m.before.p.TokenOnce = false, false })
	add("unknown", unavailable, "A SHA-1 of no token.", editAll("envelope", `Kerberosv5APREQSHA1">`,
		`Kerberosv5APREQSHA1">AAAA`), rewrite("envelope", func(s string) string {
		i := strings.Index(s, `Kerberosv5APREQSHA1">AAAA`) + len(`Kerberosv5APREQSHA1">`)
		return s[:i+4] + s[i+8:]
	}))
	add("expired", unavailable, "The ticket of the token that is named has ended since.", func(m *message) {
		m.before = m.s.on(m.name+" before", signed, with(func(p *policy) { p.TokenOnce = true }))
		m.before.ap.Ticket.EndTime = epoch
	})
	add("no-timestamp", "timestamp-missing", "A message without its own token needs a Timestamp.", without("timestamp"))
	add("other-key", "signature-invalid", "The key is not that of the token that is named.",
		func(m *message) { m.sigKey = m.s.rnd.octets(32) })
}

// contexts are refusals of SecurityContextTokens (WS-SecureConversation §2,
// §5, §9).
func contexts(s *set) {
	for _, ns := range []string{nsSC05, nsSC13} {
		tag, version := "-sc05", func(m *message) { m.sc.Namespace = ns }
		if ns == nsSC13 {
			tag = "-sc13"
		}
		s.contextsOf(func(name, expect, comment string, kind change, changes ...change) {
			s.case_("context-"+name+tag, expect, comment, "security-context", kind, append([]change{version},
				changes...)...)
		})
	}
}

// signedContext is signed under a security context.
func signedContext(m *message) {
	context(m)
	m.p.EncryptedParts = nil
}

func (s *set) contextsOf(add adder) {
	const unknown, invalid, unavailable = "security-context-unknown", "invalid-security-token",
		"security-token-unavailable"
	unattached := func(m *message) { m.form, m.dropped["token"] = "unattached", true }
	add("unknown", unknown, "A context that there is not.", signedContext,
		func(m *message) { m.sc.used = "urn:uuid:00000000-0000-0000-0000-000000000000" })
	add("unknown-unattached", unknown, "A reference to a context that there is not.", signedContext, unattached,
		edit("str", "urn:uuid:7c", "urn:uuid:00"))
	add("case", unknown, "Identifiers are compared with case.", signedContext,
		func(m *message) { m.sc.used = strings.ToUpper(m.sc.Identifier) })
	add("expired", "security-context-expired", "The context expired a minute ago.", signedContext,
		func(m *message) { m.sc.Expires = epoch.Add(-time.Minute).Format(time.RFC3339) })
	add("cancelled", "security-context-cancelled", "The context was cancelled.", signedContext,
		func(m *message) { m.sc.Cancelled = true })
	add("type", "security-context-type",
		"The context is from a negotiation, and the policy takes those of conversations.",
		signedContext, conversation, func(m *message) {
			m.sc.Token, m.p.DerivedKeys = "spnego-context", ""
		})
	add("instance", "ok", "The Instance of a renewed context.", signedContext,
		func(m *message) { m.sc.Instance = "urn:uuid:1" })
	add("instance-unknown", "security-context-instance", "An Instance that there never was.", signedContext,
		edit("token", "</wsc:Identifier>", "</wsc:Identifier><wsc:Instance>urn:uuid:9</wsc:Instance>"))
	add("instance-absent", "signature-invalid", "A renewed context without Instance has the key before the renewal.",
		signedContext, func(m *message) { m.sc.Instance, m.sc.OldKey = "urn:uuid:1", strings.Repeat("07", 32) },
		edit("token", "<wsc:Instance>urn:uuid:1</wsc:Instance>", ""))
	add("cookie", "ok", "Other content of a SecurityContextToken is its issuer's, as the Cookie of WCF.", signedContext,
		edit("token", "</wsc:Identifier>",
			`</wsc:Identifier><d:Cookie xmlns:d="http://schemas.microsoft.com/ws/2006/05/`+
				`security">AAAA</d:Cookie>`))
	add("instance-before", "ok", "The key before a renewal is good for five minutes more.", signedContext,
		func(m *message) {
			m.sc.Instance, m.sc.OldKey = "urn:uuid:1", strings.Repeat("07", 32)
			m.sigKey = bytes.Repeat([]byte{7}, 32)
			m.keyUsed = m.sc.OldKey
		}, edit("token", "<wsc:Instance>urn:uuid:1</wsc:Instance>", ""))
	add("no-identifier", invalid, "Without Identifier.", signedContext, rewrite("token", func(s string) string {
		i, j := strings.Index(s, "<wsc:Identifier>"), strings.Index(s, "</wsc:Identifier>")
		return s[:i] + s[j+len("</wsc:Identifier>"):]
	}))
	add("two-identifiers", invalid, "Two Identifiers.", signedContext, edit("token", "</wsc:Identifier>",
		"</wsc:Identifier><wsc:Identifier>urn:x</wsc:Identifier>"))
	add("identifier-space", invalid, "An Identifier with a space.", signedContext, edit("token", "urn:uuid:",
		"urn: uuid:"))
	add("identifier-element", invalid, "An element in the Identifier.", signedContext,
		edit("token", "urn:uuid:", `<x xmlns=""></x>urn:uuid:`))
	add("identifier-256", "ok", "An Identifier of 256 characters: the most.", signedContext,
		func(m *message) { m.sc.Identifier = "urn:x:" + strings.Repeat("a", 250) })
	add("identifier-257", invalid, "An Identifier of 257 characters.", signedContext,
		func(m *message) { m.sc.used = "urn:x:" + strings.Repeat("a", 251) })
	add("two", "unsupported-security-token", "Two SecurityContextTokens.", signedContext, rewrite("token",
		func(s string) string { return s + strings.Replace(s, `"token"`, `"two"`, 1) }))
	add("valuetype", "reference-invalid", "A Reference whose ValueType is of another token.", signedContext,
		edit("str", `ValueType="`, `ValueType="urn:example:`))
	add("other-reference", unavailable, "The signature is under another context than that of the token.", signedContext,
		func(m *message) { m.form = "unattached" }, edit("str", "urn:uuid:7c", "urn:uuid:00"))
	add("embedded", "unsupported-security-token", "A SecurityContextToken in a reference.", signedContext,
		without("token"),
		func(m *message) { m.form = "embedded" })
	add("no-reference", "signature-missing", "A SecurityContextToken proves nothing without a signature.",
		signedContext,
		without("signature"))
	add("other-key", "signature-invalid", "The name of a context without its key.", signedContext,
		func(m *message) { m.sigKey = m.s.rnd.octets(32) })
	add("no-timestamp", "timestamp-missing", "Messages of a context need a Timestamp against replay.", signedContext,
		without("timestamp"))
	add("kerberos-beside", "unsupported-security-token", "A Kerberos token beside that of the context.", signedContext,
		edit("security", "</wsse:Security>", `<wsse:BinarySecurityToken ValueType="`+gssToken+
			`">YII=</wsse:BinarySecurityToken></wsse:Security>`))
}

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
