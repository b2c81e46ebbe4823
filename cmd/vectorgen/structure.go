package main

import "strings"

// structure are refusals of the Security header as a whole (WSS §5, SP §6.7).
func structure(s *set) {
	for _, v := range []bool{false, true} {
		s.structureOf(v)
	}
}

func (s *set) structureOf(v bool) {
	tag, set12 := "-soap11", func(m *message) { m.soap12 = v }
	if v {
		tag = "-soap12"
	}
	add := func(name, expect, comment string, kind change, changes ...change) {
		s.case_("header-"+name+tag, expect, comment, "header", kind, append([]change{set12}, changes...)...)
	}
	const invalid = "security-header-invalid"
	drop := rewrite("security", func(string) string { return "" })
	add("missing", "security-header-missing", "No Security header.", signed, drop)
	add("missing-bearer", "security-header-missing", "No Security header under TLS.", bearer, drop)
	add("other-actor", "security-header-missing", "The Security header is for another actor.", signed,
		edit("security", `s:mustUnderstand="1"`, actorAttr(v)+`="urn:example:elsewhere"`))
	add("other-namespace", "security-header-missing", "A Security element of a draft's namespace.", signed,
		edit("security", `<wsse:Security xmlns:wsse="`+nsWSSE+`" s:mustUnderstand="1">`,
			`<w:Security xmlns:w="http://schemas.xmlsoap.org/ws/2003/06/secext">`),
		edit("security", `</wsse:Security>`, `</w:Security>`))
	add("two", "security-header-duplicate", "Two Security headers without actor (WSS §5).", signed,
		rewrite("security", func(s string) string {
			return s + `<wsse:Security xmlns:wsse="` + nsWSSE +
				`"></wsse:Security>`
		}))
	add("two-next", "security-header-duplicate", "One Security header without actor, and one for next.", signed,
		rewrite("security", func(s string) string {
			return `<wsse:Security xmlns:wsse="` + nsWSSE + `" ` + nextActor(v) + `></wsse:Security>` + s
		}))
	add("two-actors", "ok", "One Security header for us, and one for another actor.", signed,
		rewrite("security", func(s string) string {
			return s + `<wsse:Security xmlns:wsse="` + nsWSSE + `" ` + actorAttr(v) +
				`="urn:example:elsewhere"></wsse:Security>`
		}))
	add("text", invalid, "Text between the elements of the Security header.", signed,
		edit("security", "</wsse:Security>", "text</wsse:Security>"))
	add("white-space", "ok", "White space between the elements of the Security header.", signed,
		edit("security", "</wsse:Security>", "\n  </wsse:Security>"))
	add("comment", "ok", "A comment between the elements of the Security header.", signed,
		edit("security", "</wsse:Security>", "<!-- x --></wsse:Security>"))
	add("must-understand", "envelope-invalid",
		"A mustUnderstand that is no truth value (SOAP 1.1 §4.2.3, 1.2 §5.2.3).",
		signed,
		edit("security", `s:mustUnderstand="1"`, `s:mustUnderstand="yes"`))
	add("signature-missing", "signature-missing", "The policy asks for a signature.", signed, without("signature"))
	add("signature-missing-transport", "signature-missing", "The policy asks for an endorsing signature.", transport,
		without("signature"))
	add("signature-two", "signature-unexpected", "A second Signature.", signed, rewrite("signature",
		func(s string) string {
			return s + strings.Replace(s, `Id="sig"`, `Id="sig-2"`, 1)
		}))
	add("signature-bearer", "signature-unexpected", "A Signature where the policy has none.", transport,
		with(func(p *policy) { p.SupportingTokens = []supportingToken{{"kerberos", "plain"}} }),
		rewrite("security", func(string) string { return "" }), func(m *message) { s.addUnexpected(m) })
	add("layout-first", "layout", "Layout lax-timestamp-first, and the Timestamp is behind the token.", signed,
		inOrder("token", "timestamp", "signature"), with(func(p *policy) { p.Layout = "lax-timestamp-first" }))
	add("layout-last", "layout", "Layout lax-timestamp-last, and the Timestamp is before the Signature.", signed,
		with(func(p *policy) { p.Layout = "lax-timestamp-last" }))
	add("layout-strict-signature", "layout", "Layout strict, and the Signature is before its token (SP §6.7.1).",
		signed,
		inOrder("timestamp", "signature", "token"), with(func(p *policy) { p.Layout = "strict" }))
	add("layout-strict-derived", "layout", "Layout strict, and a DerivedKeyToken is before its token.", derived,
		inOrder("timestamp", "dkt-sig", "dkt-enc", "token", "list", "signature"),
		with(func(p *policy) { p.Layout = "strict" }))
	add("layout-strict-use", "layout",
		"Layout strict, and a ReferenceList is before the DerivedKeyToken that decrypts.",
		derived, inOrder("timestamp", "token", "dkt-sig", "list", "dkt-enc", "signature"),
		with(func(p *policy) { p.Layout = "strict" }))
	add("plain-http", "transport-not-secure", "The policy relies on TLS, and the message came without.", transport,
		func(m *message) { m.tls = false })
	add("plain-http-bearer", "transport-not-secure", "A token that signs nothing, without TLS.", bearer,
		func(m *message) { m.tls = false })
	add("plain-http-allowed", "ok", "A policy that relies on TLS, told to do without.", transport,
		func(m *message) { m.tls = false }, with(func(p *policy) { p.AllowPlainHTTP = true }))
}

// addUnexpected adds to a message of binding none the Signature of one that
// endorses.
func (s *set) addUnexpected(m *message) {
	t := s.on(m.name, transport, func(o *message) { o.soap12 = m.soap12 })
	t.build()
	start := strings.Index(t.envelope, "<wsse:Security ")
	end := strings.Index(t.envelope, "</wsse:Security>") + len("</wsse:Security>")
	m.edits["security"] = []func(string) string{func(string) string { return t.envelope[start:end] }}
	s.rnd.seed(m.name)
}
