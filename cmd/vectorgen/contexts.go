package main

import (
	"bytes"
	"strings"
	"time"
)

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
