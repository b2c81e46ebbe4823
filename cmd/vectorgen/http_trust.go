package main

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// trustExchanges are what a service refuses in requests of WS-Trust that lead to
// a security context, or are about one (WS-Trust §3 and §8,
// WS-SecureConversation §3 to §6).
func trustExchanges(s *set) {
	for _, trust := range []string{nsWST05, nsWST13} {
		s.negotiationRefusals(trust)
		s.conversationRefusals(trust)
	}
	s.severalPolicies()
	s.tokenPlaces()
	s.httpTokens()
}

// plainMessage is a message of the service's kind whose envelope is another.
func plainMessage(kind change, envelope func(*message) string) change {
	return all(kind, func(m *message) {
		rewrite("envelope", func(string) string { return envelope(m) })(m)
	})
}

// trustHead is the head of a request with an action.
func trustHead(action string) func(string) string {
	return func(head string) string {
		return strings.Replace(head, "urn:example:orders/order", action, 1)
	}
}

// negotiationRefusals are first and further messages of a negotiation.
func (s *set) negotiationRefusals(trust string) {
	leg := func(which int, edits ...func(string) string) change {
		return plainMessage(context, func(m *message) string {
			n := s.newNegotiation("http", trust, 17, true)
			token, _ := s.tokensOf(n)
			n.request(token)
			n.between(token)
			text := n.legs[which]
			for _, e := range edits {
				text = e(text)
			}
			m.plain = ""
			return text
		})
	}
	in := func(old, new string) func(string) string { return changed(old, new) }
	sct := map[string]string{nsWST05: nsSC05, nsWST13: nsSC13}[trust] + "/sct"
	appliesTo := func(n int) func(string) string {
		const open = `<p:AppliesTo xmlns:p="http://www.w3.org/ns/ws-policy"><x:x xmlns:x="urn:x">`
		const end = `</x:x></p:AppliesTo>`
		return in("<t:BinaryExchange", open+strings.Repeat("x", n-len(open+end))+end+"<t:BinaryExchange")
	}
	tag := "-trust" + versionTag(trust)
	add := func(name, expect, comment string, which int, edits ...func(string) string) exchange {
		action := []string{trust + "/RST/Issue", trust + "/RSTR/Issue"}[which]
		e := exchange{name: "trust-" + name + tag, expect: expect, comment: comment, kind: leg(which, edits...),
			head: trustHead(action), extra: []line{{"keytab", "service.keytab"}}}
		if expect == "ok" {
			e.status = 200
		}
		return e
	}
	for _, e := range []exchange{
		add("first", "ok", "The first message of a negotiation is answered.", 0),
		add("no-context", "trust-invalid-request", "No Context, by which the messages of a negotiation are known.", 0,
			in(` Context="`+negotiationContext+`"`, "")),
		add("two-requesttypes", "trust-invalid-request", "A second RequestType.", 0,
			in("</t:RequestType>", "</t:RequestType><t:RequestType>"+trust+"/Issue</t:RequestType>")),
		add("text", "trust-invalid-request", "Text between elements.", 0, in("<t:TokenType>", "x<t:TokenType>")),
		add("renew", "trust-invalid-request", "A negotiation is for Issue.", 0,
			in("/Issue</t:RequestType>", "/Renew</t:RequestType>")),
		add("not-base64", "trust-invalid-request", "A token that is not base64.", 0, in(`Binary">YI`, `Binary">Y!`)),
		add("tokentype", "trust-token-type", "A TokenType other than that of a SecurityContextToken.", 0,
			in("/sct</t:TokenType>", "/x509</t:TokenType>")),
		add("keysize", "trust-key-size", "A KeySize that no cipher of the suite has.", 0, in(">256<", ">100<")),
		add("mandatory", "trust-not-understood", "A mandatory header block that is not understood.", 0,
			in("</s:Header>", `<x:x xmlns:x="urn:example:x" s:mustUnderstand="1"></x:x></s:Header>`)),
		add("context-256", "ok", "A Context of 256 octets: the most.", 0, in(negotiationContext, strings.Repeat("c", 256))),
		add("context-257", "trust-invalid-request", "A Context of 257 octets.", 0,
			in(negotiationContext, strings.Repeat("c", 257))),
		add("elements-64", "ok", "An RST of 64 elements of WS-Trust: the most.", 0,
			in("<t:BinaryExchange", numbered(`<t:x%d/>`, 60)+"<t:BinaryExchange")),
		add("elements-65", "trust-invalid-request", "An RST of 65 elements of WS-Trust.", 0,
			in("<t:BinaryExchange", numbered(`<t:x%d/>`, 61)+"<t:BinaryExchange")),
		add("uri-1024", "trust-token-type", "A TokenType of 1,024 octets, the most: it is read, and another's.", 0,
			in(sct+"</t:TokenType>", sct+strings.Repeat("x", 1024-len(sct))+"</t:TokenType>")),
		add("uri-1025", "trust-invalid-request", "A TokenType of 1,025 octets.", 0,
			in(sct+"</t:TokenType>", sct+strings.Repeat("x", 1025-len(sct))+"</t:TokenType>")),
		add("appliesto-4096", "ok", "An AppliesTo of 4,096 octets: the most.", 0, appliesTo(4096)),
		add("appliesto-4097", "trust-invalid-request", "An AppliesTo of 4,097 octets.", 0, appliesTo(4097)),
		add("token", "authenticator-integrity", "An AP-REQ of which one bit was changed.", 0, flipToken),
		add("further", "trust-context-unknown", "A further message of a negotiation that was not begun.", 1),
	} {
		s.exchangeFile(e)
	}
	s.halfOpenNegotiations(trust, tag)
	s.negotiationsOverTLS(trust, tag)
}

// flipToken changes the last octet of the token of a BinaryExchange.
func flipToken(text string) string {
	i, j := strings.Index(text, `Binary">`)+len(`Binary">`), strings.Index(text, "</t:BinaryExchange>")
	b, err := base64.StdEncoding.DecodeString(text[i:j])
	check(err)
	return text[:i] + b64([]byte(flipped(-1)(string(b)))) + text[j:]
}

// halfOpenNegotiations are those of four messages, of which two have passed.
func (s *set) halfOpenNegotiations(trust, tag string) {
	leg := func(which int, edit func(*negotiation, []byte) []byte) change {
		return plainMessage(context, func(m *message) string {
			n := s.newNegotiation("http four", trust, 17, true)
			token, _ := s.tokensOf(n)
			n.request(krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(krbtest.OIDNTLM, krbtest.OIDKRB5),
				MechToken: []byte("NTLMSSP\x00\x01\x00\x00\x00")}.Token())
			ap := mechToken(token)
			next := krbtest.NegTokenResp{ResponseToken: ap}
			octets := next.Token()
			if edit != nil {
				octets = edit(n, ap)
			}
			n.between(octets)
			m.plain = ""
			return n.legs[which]
		})
	}
	first := exchange{kind: leg(0, nil), head: trustHead(trust + "/RST/Issue")}
	keytab := []line{{"keytab", "service.keytab"}}
	for _, e := range []exchange{
		{name: "trust-first-twice", expect: "trust-context-in-use", kind: leg(0, nil), head: trustHead(trust + "/RST/Issue"),
			comment: "The first message again, while the negotiation goes on."},
		{name: "trust-no-mic", expect: "ok", status: 200, kind: leg(1, nil), head: trustHead(trust + "/RSTR/Issue"),
			comment: "The service has chosen the client's second mechanism, and no mechListMIC shows yet that the list is " +
				"the client's (RFC 4178 §5): the answer is no context, and asks for it."},
		{name: "trust-wrong-mic", expect: "spnego-mic", kind: leg(1, func(_ *negotiation, ap []byte) []byte {
			return krbtest.NegTokenResp{ResponseToken: ap, MIC: make([]byte, 28)}.Token()
		}), head: trustHead(trust + "/RSTR/Issue"), comment: "A mechListMIC that is not of the key."},
	} {
		e.name, e.before, e.extra = e.name+tag, &first, keytab
		s.exchangeFile(e)
	}
}

// mechToken returns the mechanism's token in a NegTokenInit: its last octets.
func mechToken(token []byte) []byte {
	i := strings.Index(string(token), "\x60\x82")
	for j := strings.Index(string(token[i+1:]), "\x60\x82"); j >= 0; j = strings.Index(string(token[i+1:]), "\x60\x82") {
		i += 1 + j
	}
	return token[i:]
}

// negotiationsOverTLS have a Timestamp of their own.
func (s *set) negotiationsOverTLS(trust, tag string) {
	over := func(m *message) {
		context(m)
		m.tls = true
		m.p = policy{Binding: "transport", AlgorithmSuite: "Basic128",
			SupportingTokens: []supportingToken{{"spnego-context", "endorsing"}}}
	}
	leg := func(made time.Time) change {
		return plainMessage(over, func(m *message) string {
			n := s.newNegotiation("http tls", trust, 17, true)
			token, _ := s.tokensOf(n)
			n.request(token)
			m.created, m.plain = made, ""
			return strings.Replace(n.legs[0], "</s:Header>", `<o:Security xmlns:o="`+nsWSSE+`" s:mustUnderstand="1">`+
				m.timestamp()+`</o:Security></s:Header>`, 1)
		})
	}
	for _, e := range []exchange{
		{name: "trust-timestamp", expect: "ok", status: 200, kind: leg(epoch), comment: "Over TLS the first message has a " +
			"Timestamp."},
		{name: "trust-timestamp-old", expect: "trust-timestamp", kind: leg(epoch.Add(-time.Hour)),
			comment: "A Timestamp of an hour ago."},
		{name: "trust-timestamp-future", expect: "trust-timestamp", kind: leg(epoch.Add(time.Hour)), comment: "A Timestamp " +
			"of an hour from now."},
	} {
		e.name, e.head, e.extra = e.name+tag, trustHead(trust+"/RST/Issue"), []line{{"keytab", "service.keytab"}}
		s.exchangeFile(e)
	}
}

// bootstrapped is a policy for contexts that are issued under a message that a
// Kerberos token protects.
func bootstrapped(m *message) {
	symmetric(m)
	m.p.EncryptedParts = nil
}

// conversationRefusals are requests to issue, renew and cancel contexts.
func (s *set) conversationRefusals(trust string) {
	tag := "-trust" + versionTag(trust)
	sc := map[string]string{nsWST05: nsSC05, nsWST13: nsSC13}[trust]
	rst := func(kind, inner string) string {
		return `<t:RequestSecurityToken xmlns:t="` + trust + `"><t:RequestType>` + trust + "/" + kind + `</t:RequestType>` +
			inner + `</t:RequestSecurityToken>`
	}
	entropy := `<t:Entropy><t:BinarySecret>` + b64(make([]byte, 32)) + `</t:BinarySecret></t:Entropy>`
	issue := func(tokenType, size, entropy string) string {
		return rst("Issue", `<t:TokenType>`+tokenType+`</t:TokenType><t:KeySize>`+size+`</t:KeySize>`+entropy)
	}
	target := func(kind, id string) string {
		return rst(kind, `<t:`+kind+`Target><o:SecurityTokenReference xmlns:o="`+nsWSSE+`"><o:Reference URI="`+id+
			`" ValueType="`+sc+`/sct"></o:Reference></o:SecurityTokenReference></t:`+kind+`Target>`)
	}
	own := "urn:uuid:7c1fb1c5-0ed1-4bb2-8c2c-0f9a70a6d7b1" // that of func context
	conversing := policy{Binding: "symmetric", ProtectionToken: "secure-conversation", AlgorithmSuite: "Basic128",
		SignedParts: &parts{Body: true}}
	add := func(name, expect, comment, operation, body string, kind change, changes ...change) {
		e := exchange{name: "context-" + name + tag, expect: expect, comment: comment, kind: kind,
			head:    trustHead(trust + "/RST/" + operation),
			changes: append([]change{func(m *message) { m.body = body }}, changes...)}
		if expect == "ok" {
			e.status = 200
		}
		e.changes = append(e.changes, wsaBlock(nsWSA, "Action", trust+"/RST/"+operation), func(m *message) {
			if m.p.Binding == "transport" { // TLS protects them
				m.p.SignedParts, m.blocks[0].sign = nil, false
			}
		})
		e.issues = &conversing
		s.exchangeFile(e)
	}
	sct := sc + "/sct"
	add("issue", "ok", "A request for a context under the bootstrap policy, with entropy of the client.", "SCT",
		issue(sct, "256", entropy), symmetric)
	add("issue-tokentype", "trust-token-type", "A request for another type of token.", "SCT",
		issue("urn:example:token", "256", entropy), symmetric)
	add("issue-keysize", "trust-key-size", "A KeySize that no cipher of the suite has.", "SCT",
		issue(sct, "100", entropy), symmetric)
	add("issue-unprotected", "trust-unprotected", "The Body is not encrypted: whoever sees both entropies has the key.",
		"SCT", issue(sct, "256", entropy), bootstrapped)
	for n, expect := range map[int]string{15: "trust-invalid-request", 16: "ok", 256: "ok",
		257: "trust-invalid-request"} {
		add(fmt.Sprintf("issue-entropy-%d", n), expect,
			fmt.Sprintf("Entropy of %d octets; 16 are the fewest and 256 the most.", n), "SCT",
			issue(sct, "256", strings.Replace(entropy, b64(make([]byte, 32)), b64(make([]byte, n)), 1)), symmetric)
	}
	add("issue-computed", "trust-entropy", "A ComputedKeyAlgorithm that is not P_SHA1.", "SCT",
		issue(sct, "256", entropy+`<t:ComputedKeyAlgorithm>urn:example:hash</t:ComputedKeyAlgorithm>`), symmetric)
	add("issue-two-entropies", "trust-invalid-request", "A second Entropy.", "SCT", issue(sct, "256", entropy+entropy),
		symmetric)
	add("message-bootstrap", "policy-mismatch", "A message for the service under the bootstrap policy.", "SCT",
		`<o:order xmlns:o="`+nsApp+`"></o:order>`, symmetric)
	version := func(m *message) { m.sc.Namespace = sc }
	held := func(m *message) {
		context(m)
		m.extra = append(m.extra, line{"keytab", "service.keytab"})
	}
	inConversation := func(m *message) {
		held(m)
		conversation(m)
		m.p.DerivedKeys = ""
	}
	add("cancel", "ok", "A context is cancelled by a message under it.", "SCT/Cancel", target("Cancel", own), held,
		version)
	add("cancel-other", "trust-bad-context", "The CancelTarget is another context than that of the message.", "SCT/Cancel",
		target("Cancel", "urn:uuid:00000000-0ed1-4bb2-8c2c-0f9a70a6d7b1"), held, version)
	for n, expect := range map[int]string{1024: "trust-bad-context", 1025: "trust-invalid-request"} {
		add(fmt.Sprintf("cancel-uri-%d", n), expect, fmt.Sprintf("A CancelTarget with a URI of %d octets, of another "+
			"context than the message's; 1,024 are the most.", n), "SCT/Cancel",
			target("Cancel", "urn:"+strings.Repeat("x", n-4)),
			held, version)
	}
	renewal := strings.Replace(target("Renew", own), "</t:RequestSecurityToken>", entropy+"</t:RequestSecurityToken>", 1)
	add("renew", "ok", "A context is renewed by a message under it.", "SCT/Renew", renewal, inConversation, version)
	add("renew-other", "trust-bad-context", "The RenewTarget is another context than that of the message.", "SCT/Renew",
		target("Renew", "urn:uuid:00000000-0ed1-4bb2-8c2c-0f9a70a6d7b1"), inConversation, version)
	add("renew-negotiated", "trust-unable-to-renew", "A negotiated context is not renewed but negotiated anew.",
		"SCT/Renew", target("Renew", own), held, version)
	add("renew-endorsed", "ok", "A message under the bootstrap policy that the context endorses asks to renew it, as WCF "+
		"does (SP §8.3).", "SCT/Renew", renewal, transport, endorsedBy(own, sc, client))
	add("renew-another", "endorsing-client", "The context that endorses the message is another client's.", "SCT/Renew",
		renewal, transport, endorsedBy(own, sc, "bob"))
	add("cookie", "security-context-cookie", "The state of contexts is in their Cookie, and the token has none.", "SCT",
		`<o:order xmlns:o="`+nsApp+`"></o:order>`, held, version, header("route", setting{"context-storage": "token"}))
}

// endorsedBy adds the token of a client's context, and a Signature by its key
// over the Timestamp.
func endorsedBy(id, sc, owner string) change {
	return func(m *message) {
		key := m.s.rnd.octets(32)
		var reference string
		rewrite("reference-ts", func(s string) string {
			reference = s
			return s
		})(m)
		rewrite("signature", func(s string) string {
			info := `<ds:SignedInfo xmlns:ds="` + nsDS + `"><ds:CanonicalizationMethod Algorithm="` + nsEC +
				`"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="` + hmacSHA1 + `"></ds:SignatureMethod>` +
				reference + `</ds:SignedInfo>`
			return s + `<wsc:SecurityContextToken xmlns:wsc="` + sc + `" xmlns:wsu="` + nsWSU +
				`" wsu:Id="sct"><wsc:Identifier>` + id + `</wsc:Identifier></wsc:SecurityContextToken><ds:Signature xmlns:ds="` +
				nsDS + `" Id="sig-2">` + info + `<ds:SignatureValue>` + b64(mac(hmacSHA1, key, canonical(info))) +
				`</ds:SignatureValue><ds:KeyInfo><wsse:SecurityTokenReference xmlns:wsse="` + nsWSSE +
				`"><wsse:Reference URI="#sct" ValueType="` + sc + `/sct"></wsse:Reference></wsse:SecurityTokenReference>` +
				`</ds:KeyInfo></ds:Signature>`
		})(m)
		m.extra = append(m.extra, line{"contexts", []*scContext{{Identifier: id, Namespace: sc,
			Token: "secure-conversation", Key: fmt.Sprintf("%x", key), Client: owner + "@" + realm}}})
	}
}

// severalPolicies are messages to a service that accepts any of two policies.
func (s *set) severalPolicies() {
	first := policy{Binding: "symmetric", ProtectionToken: "kerberos", AlgorithmSuite: "Basic256",
		SignedParts: &parts{Body: true}, EncryptedParts: &parts{Body: true}}
	add := func(name, expect, comment string, status int, kind change, changes ...change) {
		s.exchangeFile(exchange{name: "policies-" + name, expect: expect, comment: comment, status: status, kind: kind,
			changes: changes, route: setting{"policies": []policy{first}}})
	}
	add("own", "ok", "A message under the first of two policies.", 202, transport)
	add("other", "ok", "A message under the second of two policies.", 202, all(symmetric, usingSuite("Basic256")),
		func(m *message) { m.receiverPolicy = transportPolicy() })
	add("none", "policy-mismatch", "A message that fits neither of two policies.", 500, bearerContext,
		func(m *message) { m.receiverPolicy = transportPolicy() })
	for n, expect := range map[int]string{64: "unsupported-security-token", 65: "security-limit"} {
		add(fmt.Sprintf("elements-%d", n), expect, fmt.Sprintf("%d elements of the Security header, of which 64 are "+
			"looked at for the policy that they fit; most are tokens that no policy has.", n), 500, transport,
			rewrite("security", func(sec string) string { // three are there
				return strings.Replace(sec, "</wsse:Security>", strings.Repeat(`<x:t xmlns:x="urn:x"></x:t>`, n-3)+
					"</wsse:Security>", 1)
			}))
	}
}

func transportPolicy() *policy {
	return &policy{Binding: "transport", SupportingTokens: []supportingToken{{"kerberos", "endorsing"}},
		AlgorithmSuite: "Basic128"}
}

// bearerContext is a message with no token at all under the symmetric binding.
func bearerContext(m *message) {
	context(m)
	m.p.EncryptedParts = nil
}

// tokenPlaces are messages whose token stands at one of several places.
func (s *set) tokenPlaces() {
	add := func(name, expect, comment string, status int, places []string, kind change, changes ...change) {
		s.exchangeFile(exchange{name: "token-" + name, expect: expect, comment: comment, status: status, kind: kind,
			changes: changes, route: setting{"token-location": places}})
	}
	const block = `<t:token xmlns:t="urn:example:token">`
	out := func(m *message) { // the token stands in a header block of its own
		rewrite("envelope", func(env string) string {
			i, j := strings.Index(env, "<wsse:Security "), strings.Index(env, "</wsse:Security>")+len("</wsse:Security>")
			return env[:i] + block + b64(m.raw) + `</t:token>` + env[j:]
		})(m)
	}
	xpath := `xpath://*[local-name()='token']`
	add("block", "ok", "The token stands in a header block of the client's own.", 202, []string{xpath}, bearer,
		without("timestamp"), out)
	add("two", "security-token-ambiguous", "The expression selects two tokens.", 500, []string{xpath}, bearer,
		without("timestamp"), out, rewrite("envelope", func(env string) string {
			return strings.Replace(env, "</s:Header>", block+`YII=</t:token></s:Header>`, 1)
		}))
	add("places", "security-token-ambiguous", "Tokens at two of the places.", 500, []string{"security-header", xpath},
		bearer, without("timestamp"), rewrite("envelope", func(env string) string {
			return strings.Replace(env, "</s:Header>", block+`YII=</t:token></s:Header>`, 1)
		}))
	add("search", "security-token-search", "An expression that takes more work than the message is worth.", 500,
		[]string{`xpath://*[count(//*[count(//*[count(//*) > 0]) > 0]) > 0]`}, bearer, without("timestamp"), out,
		func(m *message) { m.body = strings.Repeat(`<f:f xmlns:f="urn:f"></f:f>`, 500) })
}

// httpTokens are requests of any kind that HTTP Negotiate authenticates (RFC
// 4559 §4), and their paths.
func (s *set) httpTokens() {
	token := func(name string, o krbtest.TokenOptions) string {
		s.rnd.seed("http token " + name)
		t, _, err := s.kdc.Token(client, service, o)
		check(err)
		return b64(krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(krbtest.OIDKRB5), MechToken: t}.Token())
	}
	add := func(name, expect, comment string, status int, head string) {
		lines := []line{{"kind", "http"}, {"status", status},
			{"route", setting{"standard": "spnego-http", "session": true}},
			{"time", epoch.Format(time.RFC3339)}, {"tls", false}, {"service", service + "@" + realm},
			{"client", client + "@" + realm}, {"keytab", "service.keytab"}}
		flags := "http negotiate"
		if expect == "ok" {
			flags = "valid " + flags
		}
		s.add("http", "http/negotiate-"+name+".txtar", expect, comment, flags, lines,
			[]section{{"request", []byte(head)}})
	}
	get := func(path string) string { return "GET " + path + " HTTP/1.1\nHost: gw.example.com\n" }
	with := func(value string) string { return get("/orders/1") + "Authorization: " + value + "\n" }
	add("first", "ok", "A request with a token.", 202, with("Negotiate "+token("first", krbtest.TokenOptions{})))
	add("scheme-case", "ok", "The name of a scheme is compared without case (RFC 9110 §11.1).", 202,
		with("nEGOTIATE "+token("scheme", krbtest.TokenOptions{})))
	add("none", "negotiate-no-token", "A request without a token is challenged.", 401, get("/orders/1"))
	add("basic", "negotiate-no-token", "A request with another scheme is challenged.", 401, with("Basic YTpi"))
	add("not-base64", "negotiate-authorization", "A token that is not base64.", 400, with("Negotiate YI!!"))
	add("two", "negotiate-authorization", "Two tokens.", 400, with("Negotiate YIIA")+"Authorization: Negotiate YIIB\n")
	add("further", "negotiate-unknown", "A token that goes on with a negotiation that was not begun.", 401,
		with("Negotiate "+b64(krbtest.NegTokenResp{ResponseToken: []byte{0x60, 0}}.Token())))
	add("session", "negotiate-session", "A cookie of a session that was not begun here.", 401,
		get("/orders/1")+"Cookie: negotiate=s"+strings.Repeat("A", 86)+"\n")
	add("expired", "ticket-expired", "A ticket that has ended.", 401, with("Negotiate "+token("expired",
		krbtest.TokenOptions{Ticket: krbtest.TicketOptions{StartTime: epoch.Add(-10 * time.Hour),
			EndTime: epoch.Add(-time.Hour)}})))
	add("method-trace", "method-not-allowed", "TRACE never passes: its answer would show the token.", 405,
		"TRACE /orders/1 HTTP/1.1\nHost: gw.example.com\n")
	for name, path := range map[string]string{"dots": "/x/../orders", "case": "/Orders/1", "parameter": "/orders;x=1",
		"backslash": `/x\..\orders`, "double": "/%256frders", "slashes": "//orders", "dots-out": "/orders/../x",
		"escaped-dots": "/orders/%2e%2e/x"} {
		add("path-"+name, "path-ambiguous", fmt.Sprintf("The path %s is below that of the service to some readers, and not "+
			"to others.", path), 400, get(path))
	}
}
