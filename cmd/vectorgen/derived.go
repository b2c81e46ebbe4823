package main

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// derivedKeys are refusals of DerivedKeyTokens and of implied derived keys
// (WS-SecureConversation §7, §8).
func derivedKeys(s *set) {
	for _, ns := range []string{nsSC05, nsSC13} {
		tag, version := "-sc05", func(m *message) { m.scNS = ns }
		if ns == nsSC13 {
			tag = "-sc13"
		}
		s.derivations(func(name, expect, comment string, kind change, changes ...change) {
			s.case_("derived-"+name+tag, expect, comment, "derived-key", kind, append([]change{version}, changes...)...)
		})
	}
	s.impliedKeys()
}

// sig changes the DerivedKeyToken of the signature.
func sig(d derivation) change { return func(m *message) { m.dkt = map[string]*derivation{"sig": &d} } }

// signedDerived is signed with a derived key.
func signedDerived(m *message) {
	signed(m)
	m.p.DerivedKeys = "required"
}

func (s *set) derivations(add adder) {
	const invalid = "derived-key-invalid"
	edge := func(name, comment, over string, at, past derivation) {
		add(name, "ok", comment+": the most.", signedDerived, sig(at))
		add(name+"-over", invalid, over, signedDerived, sig(past))
	}
	edge("length-64", "A key of 64 octets", "A key of 65 octets.", derivation{length: 64}, derivation{length: 65})
	edge("offset-64", "An Offset of 64", "An Offset of 65.", derivation{offset: 64}, derivation{offset: 65})
	edge("nonce-128", "A Nonce of 128 octets", "A Nonce of 129 octets.", derivation{nonce: make([]byte, 128)},
		derivation{nonce: make([]byte, 129)})
	edge("label-128", "A Label of 128 octets", "A Label of 129 octets.", derivation{label: strings.Repeat("l", 128)},
		derivation{label: strings.Repeat("l", 129)})
	edge("generation", "Generation 4 of keys of 16 octets", "Generation 5 of keys of 16 octets.",
		derivation{offset: 64, length: 16, xml: "<wsc:Generation>4</wsc:Generation><wsc:Length>16</wsc:Length>"},
		derivation{offset: 80, length: 16, xml: "<wsc:Generation>5</wsc:Generation><wsc:Length>16</wsc:Length>"})
	add("length-absent", "ok", "Without Length, which is 32 then, and Offset, which is 0.", signedDerived,
		sig(derivation{length: 32, xml: " "}))
	add("label", "ok", "A Label of the sender's choice.", signedDerived, sig(derivation{label: "Label of a sender"}))
	add("label-empty", "ok", "An empty Label is one.", signedDerived, func(m *message) {
		m.dkt = map[string]*derivation{"sig": {label: "\x00"}}
	})
	add("nonce-1", "ok", "A Nonce of one octet.", signedDerived, sig(derivation{nonce: []byte{7}}))
	add("order", "ok", "The Nonce before the Length.", signedDerived, rewrite("dkt-sig", func(s string) string {
		i, j := strings.Index(s, "<wsc:Offset>"), strings.Index(s, "<wsc:Nonce>")
		k := strings.Index(s, "</wsc:DerivedKeyToken>")
		return s[:i] + s[j:k] + s[i:j] + s[k:]
	}))
	add("algorithm", "ok", "Algorithm P_SHA1 by name.", signedDerived, edit("dkt-sig", ` wsu:Id="dk-sig"`,
		` wsu:Id="dk-sig" Algorithm="`+nsSC05+`/dk/p_sha1"`))
	add("algorithm-other", "unsupported-algorithm", "Another algorithm.", signedDerived, edit("dkt-sig",
		` wsu:Id="dk-sig"`,
		` wsu:Id="dk-sig" Algorithm="urn:example:p_sha256"`))
	xml := func(name, comment, old, new string) {
		add(name, invalid, comment, signedDerived, edit("dkt-sig", old, new))
	}
	const length, offset = "<wsc:Length>16</wsc:Length>", "<wsc:Offset>0</wsc:Offset>"
	xml("length-0", "A key of no octets.", length, "<wsc:Length>0</wsc:Length>")
	xml("length-negative", "A negative Length.", length, "<wsc:Length>-16</wsc:Length>")
	xml("length-words", "A Length that is no number.", length, "<wsc:Length>sixteen</wsc:Length>")
	xml("length-huge", "A Length of gigabytes.", length, "<wsc:Length>4294967296</wsc:Length>")
	xml("length-wraps", "A Length that is 16 in 16 bits.", length, "<wsc:Length>65552</wsc:Length>")
	xml("length-two", "Two Lengths.", length, length+length)
	xml("offset-negative", "A negative Offset.", offset, "<wsc:Offset>-1</wsc:Offset>")
	xml("offset-huge", "An Offset of gigabytes.", offset, "<wsc:Offset>99999999999999</wsc:Offset>")
	xml("offset-generation", "Offset and Generation.", offset, offset+"<wsc:Generation>0</wsc:Generation>")
	xml("properties", "Properties, which no peer uses.", offset, offset+"<wsc:Properties></wsc:Properties>")
	xml("unknown", "An element that the specification does not have.", offset, offset+`<x xmlns=""></x>`)
	add("nonce-absent", invalid, "Without Nonce.", signedDerived, rewrite("dkt-sig", func(s string) string {
		return s[:strings.Index(s, "<wsc:Nonce>")] + "</wsc:DerivedKeyToken>"
	}))
	add("nonce-empty", invalid, "An empty Nonce.", signedDerived, rewrite("dkt-sig", func(s string) string {
		return s[:strings.Index(s, "<wsc:Nonce>")] + "<wsc:Nonce></wsc:Nonce></wsc:DerivedKeyToken>"
	}))
	xml("nonce-not-base64", "A Nonce that is not base64.", "<wsc:Nonce>", "<wsc:Nonce>!")
	add("reference-absent", invalid, "Without SecurityTokenReference.", signedDerived, rewrite("dkt-sig",
		func(s string) string {
			const end = "</wsse:SecurityTokenReference>"
			return s[:strings.Index(s, "<wsse:Sec")] + s[strings.Index(s, end)+len(end):]
		}))
	add("forbidden", invalid, "The policy forbids derived keys.", signedDerived,
		func(m *message) { m.forbidDerived = true })
	add("required", invalid, "The policy requires derived keys, and the token's own signs.", signed,
		func(m *message) { m.requireDerived = true })
	add("required-encryption", invalid, "The policy requires derived keys, and the token's own encrypts.", derived,
		func(m *message) { m.encRaw = true })
	add("allowed", "ok", "The policy allows derived keys.", derived, func(m *message) {
		m.p.DerivedKeys = "allowed"
		m.dkt = map[string]*derivation{"sig": {}, "enc": {}}
	})
	add("short", "key-length", "A derived key of 15 octets, where the suite signs with 16.", signedDerived,
		sig(derivation{length: 15}))
	add("short-basic256", "key-length", "A derived key of 23 octets, where the suite signs with 24.", signedDerived,
		usingSuite("Basic256"), sig(derivation{length: 23}))
	enc := func(n int) change {
		return func(m *message) {
			m.dkt = map[string]*derivation{"sig": {}, "enc": {length: n}}
			m.encKey = make([]byte, 16)
		}
	}
	add("encryption-long", "key-length", "A derived key of 32 octets under aes128-cbc.", derived, enc(32))
	add("encryption-short", "key-length", "A derived key of 8 octets under aes128-cbc.", derived, enc(8))
	add("chain", "reference-invalid", "A DerivedKeyToken that derives from another.", derived,
		edit("dkt-sig", `URI="#token" ValueType="`+gssToken+`"`, `URI="#dk-enc"`))
	add("self", "reference-invalid", "A DerivedKeyToken that derives from itself.", derived,
		edit("dkt-sig", `URI="#token" ValueType="`+gssToken+`"`, `URI="#dk-sig"`))
	add("nonce-changed", "signature-invalid", "The Nonce was changed.", signedDerived,
		rewrite("security", func(s string) string {
			i := strings.Index(s, "<wsc:Nonce>") + len("<wsc:Nonce>")
			return s[:i] + "AAAAAAAA" + s[i+8:]
		}))
	add("tokens-8", "ok", "Eight DerivedKeyTokens: the most.", signedDerived, moreTokens(7))
	add("tokens-9", "security-limit", "Nine DerivedKeyTokens.", signedDerived, moreTokens(8))
	add("other-version", "unsupported-security-token", "A DerivedKeyToken of a version that is not supported.",
		signedDerived,
		rewrite("dkt-sig", func(s string) string {
			return strings.Replace(strings.Replace(s, nsSC05, "http://schemas.xmlsoap.org/ws/2004/04/sc", 1), nsSC13,
				"http://schemas.xmlsoap.org/ws/2004/04/sc", 1)
		}))
}

// moreTokens adds DerivedKeyTokens that nothing uses.
func moreTokens(n int) change {
	return rewrite("dkt-sig", func(s string) string {
		all := s
		for i := range n {
			all += strings.Replace(s, `"dk-sig"`, fmt.Sprintf(`"dk-%d"`, i), 1)
		}
		return all
	})
}

// impliedKeys are derived keys without a DerivedKeyToken (WSC §8).
func (s *set) impliedKeys() {
	add := func(name, expect, comment string, changes ...change) {
		s.case_("implied-"+name, expect, comment, "derived-key", signed, append([]change{
			func(m *message) { m.implied = true }, with(func(p *policy) { p.DerivedKeys = "allowed" })}, changes...)...)
	}
	const invalid = "derived-key-invalid"
	attr := func(name, expect, comment, old, new string) { add(name, expect, comment, edit("str", old, new)) }
	add("sc13", "ok", "Attributes of WS-SecureConversation 1.3.", func(m *message) { m.scNS = nsSC13 })
	add("length-absent", "ok", "Without wsc:Length, which is 32 then.", sig(derivation{length: 32}),
		edit("str", ` wsc:Length="32"`, ""))
	add("length-64", "ok", "A key of 64 octets: the most.", sig(derivation{length: 64}))
	add("length-65", invalid, "A key of 65 octets.", sig(derivation{length: 65}))
	attr("length-0", invalid, "A key of no octets.", `wsc:Length="16"`, `wsc:Length="0"`)
	attr("length-words", invalid, "A Length that is no number.", `wsc:Length="16"`, `wsc:Length="x"`)
	attr("nonce-not-base64", invalid, "A Nonce that is not base64.", `wsc:Nonce="`, `wsc:Nonce="!`)
	add("nonce-absent", invalid, "wsc:Length without wsc:Nonce.", rewrite("str", func(s string) string {
		i := strings.Index(s, ` wsc:Nonce="`)
		return s[:i] + s[strings.Index(s, ` wsc:Length`):]
	}))
	add("nonce-128", "ok", "A Nonce of 128 octets: the most.", sig(derivation{nonce: make([]byte, 128)}))
	add("nonce-129", invalid, "A Nonce of 129 octets.", sig(derivation{nonce: make([]byte, 129)}))
	add("short", "key-length", "A key of 15 octets.", sig(derivation{length: 15}))
	add("forbidden", invalid, "The policy forbids derived keys.", func(m *message) { m.forbidDerived = true })
	add("of-derived", invalid, "An implied key of a DerivedKeyToken's key.", func(m *message) { m.implied = false },
		with(func(p *policy) { p.DerivedKeys = "required" }), edit("dk-str", "<wsse:SecurityTokenReference ",
			`<wsse:SecurityTokenReference xmlns:wsc="`+nsSC05+`" wsc:Nonce="AAAA" `))
	add("in-derived", invalid, "A DerivedKeyToken of an implied key.", func(m *message) { m.implied = false },
		with(func(p *policy) { p.DerivedKeys = "required" }), edit("dkt-sig", "<wsse:SecurityTokenReference ",
			`<wsse:SecurityTokenReference wsc:Nonce="AAAA" `))
}

// A derivationVector is one of derivedkeys/p_sha1.json.
type derivationVector struct {
	Comment string `json:"comment"`
	Secret  string `json:"secret"` // octets in hexadecimal
	Label   string `json:"label"`
	Nonce   string `json:"nonce"`
	Offset  int    `json:"offset"`
	Length  int    `json:"length"`
	Key     string `json:"key"`
}

// derivations are derived keys with all that leads to them
// (WS-SecureConversation §7.1, RFC 4346 §5).
func derivations(s *set) {
	var list []derivationVector
	add := func(comment string, secret []byte, label string, nonce []byte, offset, length int) {
		list = append(list, derivationVector{comment, hex.EncodeToString(secret), label, hex.EncodeToString(nonce),
			offset,
			length, hex.EncodeToString(pSHA1(secret, label, nonce, offset, length))})
	}
	count := func(from, n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(from + i)
		}
		return b
	}
	s.rnd.seed("derivations")
	add("the first 32 octets", count(0, 32), defaultLabel, count(16, 16), 0, 32)
	add("over two blocks of SHA-1", count(0, 32), defaultLabel, count(16, 16), 24, 32)
	for _, n := range []int{1, 19, 20, 21, 40, 41, 64} {
		add(fmt.Sprintf("%d octets", n), count(0, 32), defaultLabel, count(16, 16), 0, n)
		add(fmt.Sprintf("Offset %d", n), count(0, 32), defaultLabel, count(16, 16), n, 16)
	}
	for _, n := range []int{5, 16, 24, 32, 63, 64, 65, 128} {
		add(fmt.Sprintf("a secret of %d octets", n), s.rnd.octets(n), defaultLabel, s.rnd.octets(16), 0, 32)
	}
	for _, n := range []int{0, 1, 20, 128} {
		add(fmt.Sprintf("a Nonce of %d octets", n), s.rnd.octets(32), defaultLabel, s.rnd.octets(n), 0, 32)
	}
	add("an empty Label", s.rnd.octets(32), "", s.rnd.octets(16), 0, 32)
	add("a Label outside ASCII, in UTF-8", s.rnd.octets(32), "Schl\u00fcssel \u20ac", s.rnd.octets(16), 0, 32)
	add("a Label of 128 octets", s.rnd.octets(32), strings.Repeat("l", 128), s.rnd.octets(16), 0, 32)
	add("the Authenticator of a negotiation: the Nonce is the SHA-1 of its messages", s.rnd.octets(32), "AUTH-HASH",
		s.rnd.octets(20), 0, 32)
	add("a computed key: the secret is the requestor's entropy and the Nonce the issuer's", s.rnd.octets(32), "",
		s.rnd.octets(32), 0, 32)
	s.files["derivedkeys/p_sha1.json"] = indented(list)
	s.index = append(s.index, entry{"derivedkeys/p_sha1.json", "derivation", "ok", []string{"valid", "derived-key"},
		fmt.Sprintf("P_SHA1: %d derived keys with secret, Label, Nonce, Offset and Length.", len(list))})
}
