package main

import "strings"

// coverage are messages whose protection covers less than the policy asks for,
// or covers it in another place (SP §4, §6.5; signature wrapping).
func coverage(s *set) {
	for _, v := range []bool{false, true} {
		s.coverageOf(v)
	}
}

func (s *set) coverageOf(v bool) {
	tag, set12 := "-soap11", func(m *message) { m.soap12 = v }
	if v {
		tag = "-soap12"
	}
	add := func(name, expect, comment string, kind change, changes ...change) {
		s.case_("coverage-"+name+tag, expect, comment, "coverage", kind, append([]change{set12}, changes...)...)
	}
	const not = "part-not-signed"
	add("body", not, "The signature does not cover the Body.", signed, signsOnly("ts"))
	add("timestamp", not, "The signature does not cover the Timestamp.", signed, signsOnly("body"))
	add("timestamp-transport", "security-header-invalid", "The endorsing signature covers nothing.", transport,
		signsOnly())
	add("timestamp-optional", not, "A Timestamp that is optional and not signed.", signed, signsOnly("body"),
		with(func(p *policy) { p.Timestamp = "optional" }))
	add("to", not, "The signature does not cover wsa:To.", signed, to, signsOnly("ts", "body"))
	add("to-transport", not, "The endorsing signature does not cover wsa:To.", transport, to, signsOnly("ts"))
	add("second-to", not, "A second wsa:To that is not signed, beside the one that is.", signed, to,
		rewrite("security", func(s string) string {
			return `<wsa:To xmlns:wsa="` + nsWSA + `">http://gw.example.com/admin</wsa:To>` + s
		}))
	add("token", not, "The signature does not cover its token (SP §6.5).", signed, signsOnly("ts", "body"),
		with(func(p *policy) { p.ProtectTokens = true }))
	add("extra", "ok", "The signature covers a header block more than the policy asks for.", signed, func(m *message) {
		m.blocks = append(m.blocks, block{id: "note", sign: true,
			text: `<o:note xmlns:o="` + nsApp + `" xmlns:wsu="` + nsWSU +
				`" wsu:Id="note">x</o:note>`})
	})
	add("unsigned-body", "ok", "A Body that nothing signs, where the policy says so.", signed, func(m *message) {
		m.p.SignedParts, m.p.AllowUnsignedBody, m.tls = nil, true, true
	})
	s.wrapping(v, tag, set12)
	s.contentPrefixes(tag, set12)
}

// wrapping are the elementary shapes of signature wrapping: the signed element
// stands elsewhere, and another in its place.
func (s *set) wrapping(v bool, tag string, set12 change) {
	add := func(name, expect, comment string, kind change, changes ...change) {
		s.case_("wrapping-"+name+tag, expect, comment, "signature-wrapping", kind, append([]change{set12},
			changes...)...)
	}
	const wrong = "reference-invalid"
	moved := func(id, open, end string) change {
		return rewrite("envelope", func(env string) string {
			start := strings.LastIndex(env, "<s:Body")
			body := env[start : strings.Index(env[start:], "</s:Body>")+start+len("</s:Body>")]
			other := strings.Replace(strings.Replace(body, "25", "26", 1), `wsu:Id="body"`, id, 1)
			env = env[:start] + other + env[start+len(body):]
			return strings.Replace(env, "<s:Header>", "<s:Header>"+open+body+end, 1)
		})
	}
	wrapper := `<o:w xmlns:o="urn:example:wrapper">`
	add("header-deep", wrong, "The signed Body stands in a header block, and another in its place.", signed,
		moved(`wsu:Id="other"`, wrapper, "</o:w>"))
	add("header-noid", wrong, "The same, and the Body in its place has no Id.", signed, moved("", wrapper, "</o:w>"))
	add("header-sameid", "duplicate-id", "The same, and both have the Id.", signed, moved(`wsu:Id="body"`, wrapper,
		"</o:w>"))
	add("header-block", "part-not-signed", "The signed Body is a header block, and another stands in its place.",
		signed,
		moved(`wsu:Id="other"`, "", ""))
	inSecurity := func(open, end string) change {
		return rewrite("envelope", func(env string) string {
			start := strings.LastIndex(env, "<s:Body")
			body := env[start : strings.Index(env[start:], "</s:Body>")+start+len("</s:Body>")]
			other := strings.Replace(strings.Replace(body, "25", "26", 1), `wsu:Id="body"`, `wsu:Id="other"`, 1)
			env = env[:start] + other + env[start+len(body):]
			return strings.Replace(env, "</wsse:Security>", open+body+end+"</wsse:Security>", 1)
		})
	}
	add("security-child", "unsupported-security-token", "The signed Body is a child of the Security header.", signed,
		inSecurity("", ""))
	add("object", "security-header-invalid", "The signed Body stands in an Object of the Signature.", signed,
		rewrite("envelope", func(env string) string {
			start := strings.LastIndex(env, "<s:Body")
			body := env[start : strings.Index(env[start:], "</s:Body>")+start+len("</s:Body>")]
			other := strings.Replace(strings.Replace(body, "25", "26", 1), `wsu:Id="body"`, `wsu:Id="other"`, 1)
			env = env[:start] + other + env[start+len(body):]
			return strings.Replace(env, "</ds:Signature>", "<ds:Object>"+body+"</ds:Object></ds:Signature>", 1)
		}))
	add("body-child", wrong, "The signed Body stands in the new Body.", signed, rewrite("envelope",
		func(env string) string {
			start := strings.LastIndex(env, "<s:Body")
			return env[:start] + "<s:Body>" + strings.Replace(env[start:], "</s:Body>", "</s:Body></s:Body>", 1)
		}))
	stamp := func(f func(ts, rest string) string) change {
		return rewrite("envelope", func(env string) string {
			i, j := strings.Index(env, "<wsu:Timestamp"), strings.Index(env, "</wsu:Timestamp>")+len("</wsu:Timestamp>")
			return f(env[i:j], env[:i]+env[j:])
		})
	}
	add("timestamp-block", "reference-invalid",
		"The signed Timestamp is a header block, and the Security header has none.",
		signed, with(func(p *policy) { p.Timestamp = "optional" }), stamp(func(ts, rest string) string {
			return strings.Replace(rest, "<s:Header>", "<s:Header>"+ts, 1)
		}))
	add("timestamp-replaced", "part-not-signed",
		"The signed Timestamp is a header block, and another stands in its place.",
		signed, stamp(func(ts, rest string) string {
			other := strings.Replace(strings.Replace(ts, `wsu:Id="ts"`, `wsu:Id="ts2"`, 1), "10:05", "10:09", 1)
			rest = strings.Replace(rest, `s:mustUnderstand="1">`, `s:mustUnderstand="1">`+other, 1)
			return strings.Replace(rest, "<s:Header>", "<s:Header>"+ts, 1)
		}))
	add("other-security", wrong, "The signed Timestamp stands in the Security header of another actor.", signed,
		with(func(p *policy) { p.Timestamp = "optional" }), stamp(func(ts, rest string) string {
			return strings.Replace(rest, "</s:Header>", `<wsse:Security xmlns:wsse="`+nsWSSE+`" `+actorAttr(v)+
				`="urn:example:elsewhere">`+ts+`</wsse:Security></s:Header>`, 1)
		}))
	add("to-wrapped", wrong, "The signed wsa:To stands in another header block.", signed, to,
		edit("block-to", "<wsa:To", wrapper+"<wsa:To"), edit("block-to", "</wsa:To>", "</wsa:To></o:w>"))
}

// contentPrefixes are qualified names in content, whose prefix no digest covers.
func (s *set) contentPrefixes(tag string, set12 change) {
	add := func(name, expect, comment string, changes ...change) {
		s.case_("content-prefix-"+name+tag, expect, comment, "content-prefix", signed, append([]change{set12,
			func(m *message) {
				m.body = `<o:order xmlns:o="` + nsApp + `" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ` +
					`xmlns:t="urn:example:types" xsi:type="t:Rush">25</o:order>`
			}}, changes...)...)
	}
	covered := header("content-prefixes", "covered")
	add("as-received", "ok", "xsi:type with a prefix that no digest covers, where that is accepted.")
	add("refused", "content-prefix", "xsi:type with a prefix that no digest covers (exc-c14n §1.1).", covered)
	add("listed", "ok", "The prefix is in a PrefixList.", covered,
		func(m *message) { m.prefix = map[string][]string{"body": {"t"}} })
	add("used", "ok", "An element uses the prefix.", covered, func(m *message) {
		m.body = strings.Replace(m.body, ">25<", "><t:n></t:n>25<", 1)
		m.body = strings.Replace(m.body, `xmlns:t="urn:example:types" xsi:type="t:Rush"`,
			`xmlns:t="urn:example:types" `+
				`xsi:type="t:Rush" t:a="1"`, 1)
	})
}
