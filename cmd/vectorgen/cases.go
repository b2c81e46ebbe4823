package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// groups are the makers of vectors, in the order of the index.
func groups() []func(*set) {
	return []func(*set){
		valid, tokens, structure, references, signatures, encryption, coverage, timestamps,
		derivedKeys, contexts, replies, xmlCases, limits, soapCases, packages, c14n,
		kerberosTokens, perMessage, negotiations, derivations, exchanges,
		trustExchanges, relayed, attackFiles,
	}
}

// on makes a message of a kind with changes.
func (s *set) on(name string, kind change, changes ...change) *message {
	m := &message{s: s, name: name, dropped: map[string]bool{}}
	s.rnd.seed(name)
	kind(m)
	for _, c := range changes {
		c(m)
	}
	return m
}

// case_ adds a case: a message of a kind with changes, and what a receiver has
// to make of it.
func (s *set) case_(name, expect, comment, flags string, kind change, changes ...change) {
	m := s.on(name, kind, changes...)
	if m.before != nil && m.before.envelope == "" {
		s.rnd.seed("build " + m.before.name)
		m.before.build()
	}
	s.rnd.seed("build " + m.name)
	m.build()
	sections := m.sections(expect == "ok")
	lines := m.lines()
	s.add("message", "cases/"+name+".txtar", expect, comment, flags, lines, sections)
}

// Kinds of messages.

// symmetric is a Kerberos token whose key signs and encrypts the Body.
func symmetric(m *message) {
	m.p = policy{Binding: "symmetric", ProtectionToken: "kerberos", AlgorithmSuite: "Basic128",
		SignedParts: &parts{Body: true}, EncryptedParts: &parts{Body: true}}
}

// signed is symmetric without encryption: small, and enough for most.
func signed(m *message) {
	symmetric(m)
	m.p.EncryptedParts = nil
}

// derived uses the key through DerivedKeyTokens.
func derived(m *message) {
	symmetric(m)
	m.p.DerivedKeys = "required"
}

// wcf is what WCF writes by default: derived keys, an encrypted Signature.
func wcf(m *message) {
	derived(m)
	m.p.EncryptSignature, m.p.KeyFit = true, "whole"
}

// transport is a token whose key signs the Timestamp under TLS.
func transport(m *message) {
	m.tls = true
	m.p = policy{Binding: "transport", SupportingTokens: []supportingToken{{"kerberos", "endorsing"}},
		AlgorithmSuite: "Basic128"}
}

// bearer is a token under TLS, and nothing else.
func bearer(m *message) {
	m.tls = true
	m.p = policy{Binding: "none", SupportingTokens: []supportingToken{{"kerberos", "plain"}}, Timestamp: "optional"}
}

// context signs and encrypts under a security context.
func context(m *message) {
	symmetric(m)
	m.sc = &scContext{Identifier: "urn:uuid:7c1fb1c5-0ed1-4bb2-8c2c-0f9a70a6d7b1", Namespace: nsSC05,
		Token: "spnego-context", Key: fmt.Sprintf("%x", m.s.rnd.octets(32))}
	m.p.ProtectionToken = "spnego-context"
}

// Changes.

func all(changes ...change) change {
	return func(m *message) {
		for _, c := range changes {
			c(m)
		}
	}
}

func with(f func(*policy)) change { return func(m *message) { f(&m.p) } }

func without(kids ...string) change {
	return func(m *message) {
		for _, k := range kids {
			m.dropped[k] = true
		}
	}
}

func usingSuite(name string) change { return with(func(p *policy) { p.AlgorithmSuite = name }) }

func encryptFirst(m *message) { m.p.ProtectionOrder = "encrypt-before-sign" }

func header(key string, value any) change {
	return func(m *message) { m.extra = append(m.extra, line{key, value}) }
}

func at(t time.Time) change { return func(m *message) { m.now = t } }

func signsOnly(ids ...string) change {
	return func(m *message) { m.signs = append([]string{}, ids...) }
}

func inOrder(kids ...string) change { return func(m *message) { m.order = kids } }

// flipped changes one bit of octets.
func flipped(i int) func(string) string {
	return func(s string) string {
		b := []byte(s)
		b[(i+len(b))%len(b)] ^= 1
		return string(b)
	}
}

// to is a signed wsa:To.
func to(m *message) {
	m.blocks = append(m.blocks, block{id: "to", sign: true,
		text: `<wsa:To xmlns:wsa="` + nsWSA + `" xmlns:wsu="` + nsWSU +
			`" wsu:Id="to">http://gw.example.com/orders</wsa:To>`})
	m.p.SignedParts = &parts{Body: m.p.SignedParts != nil && m.p.SignedParts.Body,
		Headers: []string{"{" + nsWSA + "}*"}}
}

// secret is a header block that is signed and encrypted.
func secret(m *message) {
	m.blocks = append(m.blocks, block{id: "card", sign: true, encrypt: true, text: `<o:card xmlns:o="` + nsApp +
		`" xmlns:wsu="` + nsWSU + `" wsu:Id="card">4711</o:card>`})
	name := "{" + nsApp + "}card"
	m.p.SignedParts.Headers = append(slices.Clone(m.p.SignedParts.Headers), name)
	m.p.EncryptedParts = &parts{Body: m.p.encrypts(), Headers: []string{name}}
}

// lower is the name of a suite in the name of a case.
func lower(s string) string { return strings.ToLower(s) }

// valid are messages as senders write them.
func valid(s *set) {
	for _, suite := range suiteNames() {
		for _, order := range []string{"sbe", "ebs"} {
			for _, keys := range []string{"raw", "derived", "ek"} {
				s.validSuite(suite, order, keys)
			}
		}
	}
	s.validForms()
	s.validTypes()
	s.validMethods()
}

// validSuite is a message under a suite, in both orders, with all uses of the
// key.
func (s *set) validSuite(suite, order, keys string) {
	if keys == "ek" && (strings.HasPrefix(suite, "TripleDes") || order == "ebs") {
		return // kw-tripledes is not AES key wrap (RFC 3394), and the order makes no difference to it
	}
	kind, what := symmetric, "the key of the ticket"
	switch keys {
	case "derived":
		kind, what = derived, "keys that DerivedKeyTokens derive from that of the ticket"
	case "ek":
		what = "the key in an EncryptedKey under that of the ticket"
	}
	changes := []change{usingSuite(suite), func(m *message) {
		m.ek = keys == "ek"
		m.soap12 = order == "ebs"
	}}
	words := "signed, then encrypted"
	if order == "ebs" {
		changes, words = append(changes, encryptFirst), "encrypted, then signed"
	}
	s.case_(fmt.Sprintf("valid-%s-%s-%s", lower(suite), order, keys), "ok",
		fmt.Sprintf("Body %s under %s, with %s.", words, suite, what), "valid suite", kind, changes...)
}

// validForms are the ways in which a message names its key.
func (s *set) validForms() {
	for _, v := range []bool{false, true} {
		tag, set12 := "soap11", func(m *message) { m.soap12 = v }
		if v {
			tag = "soap12"
		}
		add := func(name, comment string, kind change, changes ...change) {
			s.case_("valid-"+name+"-"+tag, "ok", comment, "valid form", kind, append(changes, set12)...)
		}
		add("signed", "Body and Timestamp signed, nothing encrypted.", signed)
		add("encrypted-signature", "Body encrypted and the Signature too, both under DerivedKeyTokens, as WCF has it.",
			wcf)
		add("encrypted-signature-ebs", "The Signature over the encrypted Body is encrypted itself.", wcf, encryptFirst,
			inOrder("timestamp", "token", "dkt-sig", "dkt-enc", "signature", "list"))
		add("embedded", "The token stands in the reference that names it (WSS §7.4).", signed, without("token"),
			func(m *message) { m.form = "embedded" })
		add("keyidentifier", "A KeyIdentifier names the token of the same message by its SHA-1 (KTP §3.3).", signed,
			func(m *message) { m.form = "hash" })
		add("implied", "wsc:Nonce on the reference implies a derived key (WSC §8).", signed,
			func(m *message) { m.implied = true }, with(func(p *policy) { p.DerivedKeys = "allowed" }))
		add("transport", "Under TLS the key of the token signs the Timestamp.", transport)
		add("transport-to", "Under TLS the key of the token signs the Timestamp and wsa:To.", transport, to)
		add("bearer", "Under TLS a token that signs nothing.", bearer, without("timestamp"))
		add("bearer-timestamp", "Under TLS a token that signs nothing, beside a Timestamp.", bearer)
		add("to", "A signed wsa:To beside the Body.", symmetric, to)
		add("to-2004", "A signed wsa:To of WS-Addressing of August 2004.", symmetric, to, func(m *message) {
			m.blocks[0].text = strings.Replace(m.blocks[0].text, nsWSA, nsWSA04, 1)
			m.p.SignedParts.Headers = []string{"{" + nsWSA04 + "}*"}
		})
		add("secret", "A header block is encrypted into an EncryptedHeader (WSS §9.3).", symmetric, secret)
		add("strtransform", "The signature covers the token by the STR-Transform, in WSS4J's form (WSS §8.3).", signed,
			func(m *message) { m.strRef = true }, with(func(p *policy) { p.ProtectTokens = true }))
		add("strtransform-wcf", "The signature covers the token by the STR-Transform, as the canonical form without "+
			`xmlns="" has it.`, signed, func(m *message) { m.strRef = true },
			with(func(p *policy) { p.ProtectTokens, p.STRTransform = true, "wcf" }))
		add("protect-tokens", "The signature covers its own token by its wsu:Id (SP §6.5).", signed,
			with(func(p *policy) { p.ProtectTokens = true }))
		add("prefixlist", "References with a PrefixList.", signed, func(m *message) {
			m.prefix = map[string][]string{"body": {"s", "wsu"}, "ts": {"#default", "wsu", "unused"}}
		})
		add("ek-list", "An EncryptedKey with the ReferenceList; the EncryptedData has no KeyInfo (WSS §9.2).",
			symmetric,
			func(m *message) { m.ek, m.ekList = true, true })
		add("ek-sha1", "References to the EncryptedKey by EncryptedKeySHA1 (WSS 1.1 §7.3).", symmetric,
			func(m *message) { m.ek, m.form = true, "ek-hash" })
		add("ek-derived", "DerivedKeyTokens derive from the key in an EncryptedKey.", derived,
			func(m *message) { m.ek = true })
		add("sc13", "DerivedKeyTokens of WS-SecureConversation 1.3.", derived, func(m *message) { m.scNS = nsSC13 })
		add("actor-next", "The Security header is for the actor next.", signed,
			edit("security", `s:mustUnderstand="1"`, nextActor(v)))
		add("actor", "The Security header is for an actor of the policy.", signed,
			edit("security", `s:mustUnderstand="1"`, actorAttr(v)+`="urn:example:gateway"`),
			with(func(p *policy) { p.Actors = []string{"urn:example:gateway"} }))
		add("lax-streaming", "Layout lax: the Signature stands before the token that it names, as CXF's streaming "+
			"client "+
			"writes it.", signed, inOrder("signature", "timestamp", "token"))
		add("strict", "Layout strict: the token stands before its uses.", derived,
			with(func(p *policy) { p.Layout = "strict" }))
		add("timestamp-first", "Layout lax-timestamp-first.", signed,
			with(func(p *policy) { p.Layout = "lax-timestamp-first" }))
		add("timestamp-last", "Layout lax-timestamp-last.", signed, inOrder("token", "signature", "timestamp"),
			with(func(p *policy) { p.Layout = "lax-timestamp-last" }))
		add("no-timestamp", "Without a Timestamp where the policy makes it optional: the token is new.", signed,
			without("timestamp"), with(func(p *policy) { p.Timestamp = "optional" }))
		add("optional-encryption", "The sender encrypts a Body that it need not encrypt.", symmetric,
			with(func(p *policy) { p.OptionalEncrypted = &parts{Body: true} }))
		add("context-13", "A SecurityContextToken of WS-SecureConversation 1.3.", context,
			func(m *message) { m.sc.Namespace = nsSC13 }, with(func(p *policy) { p.DerivedKeys = "required" }))
		add("context-05", "A SecurityContextToken of February 2005.", context,
			with(func(p *policy) { p.DerivedKeys = "required" }))
		add("context-raw", "The key of a security context signs and encrypts without derivation.", context)
		add("context-unattached", "References name the context by its Identifier; the token is not in the message.",
			context,
			without("token"), func(m *message) { m.form = "unattached" })
		add("context-conversation", "A SecurityContextToken that was issued in a conversation.", context, conversation)
	}
}

// conversation makes the context one of WS-SecureConversation.
func conversation(m *message) {
	m.sc.Token, m.p.ProtectionToken = "secure-conversation", "secure-conversation"
	m.p.DerivedKeys = "required"
	m.extra = append(m.extra, line{"bootstrap", policy{Binding: "transport", AlgorithmSuite: "Basic128",
		SupportingTokens: []supportingToken{{"kerberos", "endorsing"}}}})
}

// actorAttr is the attribute that names a node, with its prefix.
func actorAttr(v12 bool) string {
	if v12 {
		return "s:role"
	}
	return "s:actor"
}

func nextActor(v12 bool) string {
	if v12 {
		return `s:role="` + nsSOAP12 + `/role/next"`
	}
	return `s:actor="http://schemas.xmlsoap.org/soap/actor/next"`
}

// validTypes are the ValueTypes and encryption types of tokens.
func (s *set) validTypes() {
	for _, t := range []string{"GSS_Kerberosv5_AP_REQ", "GSS_Kerberosv5_AP_REQ1510", "GSS_Kerberosv5_AP_REQ4120",
		"Kerberosv5_AP_REQ", "Kerberosv5_AP_REQ1510", "Kerberosv5_AP_REQ4120"} {
		framed := strings.HasPrefix(t, "GSS")
		for _, form := range []string{"", "hash"} {
			name := "valid-valuetype-" + strings.ReplaceAll(lower(t), "_", "-")
			if form != "" {
				name += "-sha1"
			}
			s.case_(name, "ok", "A token of ValueType "+t+" (KTP §3.2).", "valid valuetype", signed,
				func(m *message) { m.valueType, m.ap.Bare, m.form = ktp+t, !framed, form })
		}
	}
	for _, e := range []int32{17, 18, 19, 20, 23} {
		for _, sub := range []int32{0, 17, 18} {
			name := fmt.Sprintf("valid-etype-%d", e)
			comment := fmt.Sprintf("Ticket and session key of encryption type %d, without a subkey: the session key "+
				"signs.", e)
			if sub != 0 {
				name += fmt.Sprintf("-subkey-%d", sub)
				comment = fmt.Sprintf("Ticket and session key of encryption type %d; the subkey, of type %d, signs.", e,
					sub)
			}
			s.case_(name, "ok", comment, "valid etype", symmetric, func(m *message) {
				m.ap.Ticket.Etype, m.ap.Subkey, m.ap.NoSubkey = e, sub, sub == 0
				m.etypes = []int32{17, 18, 19, 20, 23}
			})
		}
	}
}

// validMethods are signature and digest methods.
func (s *set) validMethods() {
	for _, method := range []string{"hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512"} {
		for _, hash := range []string{"sha1", "sha256", "sha384", "sha512"} {
			s.case_("valid-"+method+"-"+hash, "ok", "SignatureMethod "+method+" over digests of "+hash+".",
				"valid algorithm",
				signed, with(func(p *policy) { p.SignatureMethod, p.DigestMethod = method, hash }))
		}
	}
	s.case_("valid-keyfit-whole", "ok", "A key of 32 octets is used whole under aes128-cbc, as WCF does.",
		"valid key-fit", symmetric, with(func(p *policy) { p.KeyFit = "whole" }))
	s.case_("valid-keyfit-exact", "ok", "A key of just the cipher's length.", "valid key-fit", symmetric,
		usingSuite("Basic256"), with(func(p *policy) { p.KeyFit = "exact" }))
}
