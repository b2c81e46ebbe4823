package main

import (
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
