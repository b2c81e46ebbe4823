package main

import (
	"strings"
)

// replies are what a client makes of the answer to its request (KTP §3.3, WSS
// §8.5).
func replies(s *set) {
	for _, v := range []bool{false, true} {
		tag, set12 := "-soap11", func(m *message) { m.soap12 = v }
		if v {
			tag = "-soap12"
		}
		s.repliesOf(func(name, expect, comment string, kind change, changes ...change) {
			s.case_("reply-"+name+tag, expect, comment, "reply", kind, append([]change{set12, answer(kind, set12)},
				changes...)...)
		})
	}
}

// answer makes a message the reply to a request of its kind: it names the token
// of the request by its SHA-1.
func answer(kind, version change) change {
	return func(m *message) {
		m.before = m.s.on(m.name+" request", kind, version)
		m.reply = true
		m.dropped["token"] = true
		m.body = `<o:receipt xmlns:o="` + nsApp + `">ok</o:receipt>`
		if m.sc == nil {
			m.form = "hash"
		} else {
			m.form, m.sc = "unattached", m.before.sc
		}
	}
}

func (s *set) repliesOf(add adder) {
	const unavailable = "security-token-unavailable"
	add("signed", "ok", "A signed reply.", signed)
	add("encrypted", "ok", "A signed and encrypted reply.", symmetric)
	add("derived", "ok", "A reply under derived keys of its own.", derived)
	add("encrypted-signature", "ok", "A reply with an encrypted Signature.", wcf)
	add("context", "ok", "A reply under a security context.", context)
	add("transport", "ok", "Under TLS a reply has a Timestamp alone: the endorsing token is the client's.", transport,
		without("signature"))
	add("transport-signed", "signature-unexpected", "Under TLS a reply with a signature.", transport)
	add("token", "unsupported-security-token", "A reply with a token of its own.", signed, func(m *message) {
		m.form = ""
		delete(m.dropped, "token")
	})
	add("other-token", unavailable, "A reply that names another token than that of the request.", signed,
		rewrite("str", otherKeyIdentifier))
	add("other-key", "signature-invalid", "A reply under another key.", signed,
		func(m *message) { m.sigKey = m.s.rnd.octets(32) })
	add("unsigned", "signature-missing", "A reply without signature.", signed, without("signature"))
	add("clear", "security-header-missing", "A reply without Security header.", signed,
		rewrite("security", func(string) string { return "" }))
	add("fault-clear", "security-header-missing", "A fault in clear: anybody can have written it.", signed,
		rewrite("security", func(string) string { return "" }), func(m *message) { m.body = fault(m.soap12) })
	add("fault", "ok", "A fault that is signed.", signed, func(m *message) { m.body = fault(m.soap12) })
	add("body", "part-not-signed", "A reply whose Body is not signed.", signed, signsOnly("ts"))
	add("body-clear", "part-not-encrypted", "A reply whose Body is not encrypted.", symmetric, func(m *message) {
		m.p.EncryptedParts, m.encryptedBody = nil, true
	})
	add("reflected", "message-replayed", "The request, sent back as its reply.", signed, func(m *message) {
		rewrite("envelope", func(string) string {
			env := m.before.envelope
			i, j := strings.Index(env, "<wsse:BinarySecurityToken"), strings.Index(env, "</wsse:BinarySecurityToken>")
			env = env[:i] + env[j+len("</wsse:BinarySecurityToken>"):]
			i, j = strings.Index(env, "<wsse:SecurityTokenReference"), strings.Index(env, "</ds:KeyInfo>")
			return env[:i] + m.tokenSTR("") + env[j:]
		})(m)
	})
	add("old", "message-expired", "A reply of an hour ago.", signed,
		func(m *message) { m.created = epoch.Add(-60 * 60e9) })
	confirming := func(values ...string) change {
		return func(m *message) {
			m.p.Confirmation = true
			m.before.p.Confirmation = true
			m.s.rnd.seed("build " + m.before.name)
			m.before.build()
			for _, v := range values {
				if v == "" {
					v = m.before.value
				}
				m.confirm = append(m.confirm, v)
			}
		}
	}
	const confirmation, other = "signature-confirmation", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="
	add("confirmation", "ok", "A SignatureConfirmation of the request's signature (WSS §8.5).", signed, confirming(""))
	add("confirmation-missing", confirmation, "No SignatureConfirmation.", signed, confirming())
	add("confirmation-other", confirmation, "A SignatureConfirmation of another signature.", signed, confirming(other))
	add("confirmation-two", confirmation, "Two SignatureConfirmations, of which one is of no signature.", signed,
		confirming("", other))
	add("confirmation-four", confirmation, "Four SignatureConfirmations, the most that are read, of which three are of "+
		"no signature.", signed, confirming("", other, other, other))
	add("confirmation-five", "security-limit", "Five SignatureConfirmations.", signed, confirming("", other, other,
		other, other))
	add("confirmation-unsigned", confirmation, "A SignatureConfirmation that is not signed.", signed, confirming(""),
		signsOnly("ts", "body"))
	add("confirmation-empty", confirmation, "A SignatureConfirmation without Value.", signed, confirming(""),
		edit("confirmation", ` Value="`, ` Other="`))
}

// fault is the content of a Body with a fault.
func fault(v12 bool) string {
	if v12 {
		return `<s:Fault xmlns:s="` + nsSOAP12 + `"><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text ` +
			`xml:lang="en">no</s:Text></s:Reason></s:Fault>`
	}
	return `<s:Fault xmlns:s="` + nsSOAP11 + `"><faultcode>s:Server</faultcode><faultstring>no</faultstring></s:Fault>`
}
