package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// limits are the bounds of a message, at the edge and one over. What fills the
// message stands in a header block that nothing signs.
func limits(s *set) {
	edge := func(name, what, over string, n int, at func(n int) change) {
		for _, size := range []int{n, n + 1} {
			expect, comment := "ok", fmt.Sprintf("%s: %d, the most.", what, n)
			if size > n {
				expect, comment = over, fmt.Sprintf("%s: %d, one over.", what, size)
			}
			s.case_(fmt.Sprintf("limit-%s-%d", name, size), expect, comment, "limit", signed, at(size))
		}
	}
	const over = "xml-limit"
	edge("depth", "Depth of the innermost element", over, 128, filled(func(_ string, n int) string {
		return `<f:f xmlns:f="urn:f">` + strings.Repeat("<f:f>", n-3) + strings.Repeat("</f:f>", n-3) + `</f:f>`
	}))
	edge("attributes-per-element", "Attributes of one element, declarations included", over, 256,
		filled(func(_ string, n int) string {
			return `<f:f xmlns:f="urn:f"` + numbered(` a%d=""`, n-1) + `></f:f>`
		}))
	edge("namespaces-in-scope", "Namespace declarations on an element and those around it", over, 512,
		filled(func(_ string, n int) string { // one is on the Envelope
			return `<f:f xmlns:f="urn:f"` + numbered(` xmlns:a%d="u:"`, 199) + `><f:f` + numbered(` xmlns:b%d="u:"`,
				200) +
				`><f:f` + numbered(` xmlns:c%d="u:"`, n-401) + `></f:f></f:f></f:f>`
		}))
	edge("name", "Octets of a name", over, 1024, filled(func(_ string, n int) string {
		name := "f:" + strings.Repeat("n", n-2)
		return `<` + name + ` xmlns:f="urn:f"></` + name + `>`
	}))
	edge("namespace-name", "Octets of a namespace name", over, 1024, filled(func(_ string, n int) string {
		return `<f:f xmlns:f="urn:` + strings.Repeat("n", n-4) + `"></f:f>`
	}))
	limited := func(key string, n int, f func(string, int) string) func(int) change {
		return func(size int) change { return all(filled(f)(size), header("limits", map[string]int{key: n})) }
	}
	edge("value", "Octets of an attribute value, with a limit of 4,096", over, 4096, limited("value-bytes", 4096,
		func(_ string, n int) string { return `<f:f xmlns:f="urn:f" a="` + strings.Repeat("v", n) + `"></f:f>` }))
	edge("elements", "Elements, with a limit of 100", over, 100, limited("elements", 100, func(env string,
		n int) string {
		there := len(regexp.MustCompile(`<[a-z0-9]+:`).FindAllString(env, -1))
		return `<f:f xmlns:f="urn:f">` + strings.Repeat("<f:f></f:f>", n-there-1) + `</f:f>`
	}))
	edge("attributes", "Attributes, with a limit of 100", over, 100, limited("attributes", 100, func(env string,
		n int) string {
		there := strings.Count(env, `="`)
		return `<f:f xmlns:f="urn:f"` + numbered(` a%d=""`, n-there-1) + `></f:f>`
	}))
	edge("message", "Octets of the message, with a limit of 8,192", over, 8192, limited("message-bytes", 8192,
		func(env string, n int) string {
			const open, end = `<f:f xmlns:f="urn:f">`, `</f:f>`
			return open + strings.Repeat(" ", n-len(env)-len(open+end)) + end
		}))
	spaced := func(step, open string) func(int) change { // white space in base64
		return func(n int) change {
			return rewrite(step, func(s string) string {
				i := strings.Index(s, open) + len(open)
				text := strings.Index(s[i:], "</")
				return s[:i] + strings.Repeat(" ", n-text) + s[i:]
			})
		}
	}
	edge("signaturevalue", "Characters of a SignatureValue, white space included", "security-header-invalid", 256,
		spaced("signature", "<ds:SignatureValue>"))
	edge("digestvalue", "Characters of a DigestValue, white space included", "security-header-invalid", 256,
		spaced("reference-body", "<ds:DigestValue>"))
	edge("keyidentifier", "Characters of a KeyIdentifier, white space included", "security-header-invalid", 256,
		func(n int) change {
			return all(func(m *message) { m.form = "hash" }, spaced("str", tokenSHA1+`">`)(n))
		})
	edge("header-blocks", "Header blocks", "security-limit", 256, filled(func(_ string, n int) string {
		return strings.Repeat(`<f:f xmlns:f="urn:f"/>`, n-1) // the Security header is one
	}))
	s.packageLimits()
	s.keyLimits()
	s.nameLimits()
}

// pairOf calls add at a limit and one over it: at says what expect is there, and
// over what it is one over.
func pairOf(name, what string, most int, at, over string, add func(name, expect, comment string, n int)) {
	add(fmt.Sprintf("%s-%d", name, most), at, fmt.Sprintf("%s: %d, the most.", what, most), most)
	add(fmt.Sprintf("%s-%d", name, most+1), over, fmt.Sprintf("%s: %d, one over.", what, most+1), most+1)
}

// packageLimits are those of a package of MTOM.
func (s *set) packageLimits() {
	edge := func(name, what string, most int, change func(*mime, int)) {
		pairOf("limit-"+name, what, most, "ok", "mtom-package", func(name, expect, comment string, n int) {
			s.case_(name, expect, comment, "limit mtom", signed, attached(1, func(p *mime) { change(p, n) }))
		})
	}
	space := func(n int) string { return strings.Repeat(" ", n) }
	edge("part-fields", "Header fields of a part", 32, func(p *mime, n int) { // there are three
		p.parts[0] = strings.Repeat("X: x\r\n", n-3) + p.parts[0]
	})
	edge("part-field-octets", "Octets of a part's header fields, with the empty line behind them", 4096,
		func(p *mime, n int) {
			there := strings.Index(p.parts[0], "\r\n\r\n") + len("\r\n\r\n")
			p.parts[0] = "X: " + strings.Repeat("x", n-there-len("X: \r\n")) + "\r\n" + p.parts[0]
		})
	edge("boundary", "Characters of a boundary (RFC 2046 §5.1.1)", 70, func(p *mime, n int) {
		p.boundary = strings.Repeat("b", n)
		p.contentType = strings.Replace(p.contentType, "boundary-1", p.boundary, 1)
	})
	edge("preamble", "Octets of white space before the first boundary", 1024, func(p *mime, n int) {
		p.before = space(n-len("\r\n")) + "\r\n"
	})
	edge("boundary-line", "Octets of white space behind a boundary in its line", 1024, func(p *mime, n int) {
		p.behind = space(n)
	})
	edge("epilogue", "Octets of white space behind the last boundary", 1024, func(p *mime, n int) {
		p.end = "--\r\n" + space(n-len("\r\n"))
	})
	edge("package-type", "Octets of the Content-Type of a package", 8192, func(p *mime, n int) {
		p.contentType += "; x=" + strings.Repeat("x", n-len(p.contentType)-len("; x="))
	})
}

// keyLimits are those of keys that a message brings.
func (s *set) keyLimits() {
	for n, expect := range map[int]string{32: "ok", 40: "key-length"} { // the wrap takes whole blocks of 8
		s.case_(fmt.Sprintf("limit-encrypted-key-%d", n), expect,
			fmt.Sprintf("An EncryptedKey of %d octets; the suite has 32 as the most (SP §6.1).", n), "limit encryption",
			derived, func(m *message) { m.ek, m.ekOctets = true, n })
	}
	for n, expect := range map[int]string{9: "message-expired", 10: "timestamp-invalid"} {
		s.case_(fmt.Sprintf("limit-year-%d", n), expect,
			fmt.Sprintf("A year of %d digits; with nine it is read, and far off.", n), "limit timestamp", signed,
			editAll("timestamp", "2026-", strings.Repeat("9", n)+"-"))
	}
}

// nameLimits are those of names in a ticket: RFC 4120 has none.
func (s *set) nameLimits() {
	type t = krbtest.TicketOptions
	ticket := func(name, what string, most int, over string, of func(n int) krbtest.TokenOptions) {
		pairOf("limit-"+name, what, most, "ok", over, func(name, expect, comment string, n int) {
			o := of(n)
			who, from := client, realm
			if o.ClientName != nil {
				who = strings.Join(o.ClientName, "/")
			}
			if o.ClientRealm != "" {
				from = o.ClientRealm
			}
			s.apReq(name, expect, comment, "kerberos limit", o, line{"client", who + "@" + from})
		})
	}
	ticket("components", "Components of the client's name", 16, "ticket-malformed", func(n int) krbtest.TokenOptions {
		name := strings.Split(strings.Repeat("a/", n-1)+"a", "/")
		return krbtest.TokenOptions{Ticket: t{ClientName: name}, ClientName: name}
	})
	ticket("name", "Octets of the client's name, encoded", 1024, "ticket-malformed", func(n int) krbtest.TokenOptions {
		name := []string{strings.Repeat("a", n-4)} // behind tag and length
		return krbtest.TokenOptions{Ticket: t{ClientName: name}, ClientName: name}
	})
	ticket("realm", "Octets of the client's realm", 1024, "ticket-malformed", func(n int) krbtest.TokenOptions {
		name := strings.Repeat("A", n)
		return krbtest.TokenOptions{Ticket: t{ClientRealm: name}, ClientRealm: name}
	})
	s.rnd.seed("spnego limit")
	token, key, err := s.kdc.Token(client, service, krbtest.TokenOptions{})
	check(err)
	pairOf("limit-mechanisms", "Mechanisms of a NegTokenInit", 32, "ok", "token-malformed",
		func(name, expect, comment string, n int) {
			list := [][]byte{krbtest.OIDKRB5}
			for len(list) < n {
				list = append(list, krbtest.OIDNTLM)
			}
			s.tokenFile("spnego", name, expect, comment, "spnego limit",
				krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(list...), MechToken: token}.Token(), key.ExposeKeyOctets())
		})
}

// filled puts what f returns behind the last header block; env is the message
// without it.
func filled(f func(env string, n int) string) func(int) change {
	return func(n int) change {
		return rewrite("envelope", func(env string) string {
			return strings.Replace(env, "</s:Header>", f(env, n)+"</s:Header>", 1)
		})
	}
}

// numbered repeats a text with numbers in it.
func numbered(text string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, text, i)
	}
	return b.String()
}

// soapCases are messages that are not an Envelope of SOAP 1.1 or 1.2 (SOAP 1.1
// §4, SOAP 1.2 §5).
func soapCases(s *set) {
	for _, v := range []bool{false, true} {
		tag, set12 := "-soap11", func(m *message) { m.soap12 = v }
		if v {
			tag = "-soap12"
		}
		s.soapOf(func(name, expect, comment string, kind change, changes ...change) {
			s.case_("soap-"+name+tag, expect, comment, "soap", kind, append([]change{set12}, changes...)...)
		})
	}
}

func (s *set) soapOf(add adder) {
	const invalid, version = "envelope-invalid", "version-mismatch"
	env := func(name, expect, comment, old, new string) {
		add(name, expect, comment, signed, edit("envelope", old, new))
	}
	env("namespace", version, "An Envelope of another namespace.", "<s:Envelope xmlns:s=\"http://",
		"<s:Envelope xmlns:s=\"urn:")
	add("root", version, "Another root element.", signed, editAll("envelope", "s:Envelope", "s:Message"))
	env("after-body", invalid, "An element behind the Body.", "</s:Body></s:Envelope>",
		`</s:Body><x xmlns="urn:x"></x></s:Envelope>`)
	env("two-bodies", invalid, "Two Bodies.", "</s:Body></s:Envelope>", `</s:Body><s:Body></s:Body></s:Envelope>`)
	env("two-headers", invalid, "Two Headers.", "</s:Header>", `</s:Header><s:Header></s:Header>`)
	env("header-behind", invalid, "A Header behind the Body.", "</s:Body></s:Envelope>",
		`</s:Body><s:Header></s:Header></s:Envelope>`)
	env("before-header", invalid, "An element before the Header.", "<s:Header>", `<x xmlns="urn:x"></x><s:Header>`)
	env("text", invalid, "Text between Header and Body.", "</s:Header>", "</s:Header>x")
	env("header-text", invalid, "Text between header blocks.", "</s:Header>", "x</s:Header>")
	env("block-namespace", invalid, "A header block without namespace.", "</s:Header>", `<x></x></s:Header>`)
	env("white-space", "ok", "White space between Header and Body.", "</s:Header>", "</s:Header>\n")
	add("no-body", invalid, "No Body.", signed, rewrite("envelope", func(s string) string {
		return s[:strings.LastIndex(s, "<s:Body")] + "</s:Envelope>\n"
	}))
	add("no-header", "security-header-missing", "No Header.", signed, rewrite("envelope", func(s string) string {
		i, j := strings.Index(s, "<s:Header>"), strings.Index(s, "</s:Header>")
		return s[:i] + s[j+len("</s:Header>"):]
	}))
	add("body-namespace", invalid, "A Body of the other version's namespace.", signed, rewrite("last-body",
		func(s string) string {
			other := map[bool]string{true: nsSOAP11, false: nsSOAP12}[strings.Contains(s, nsSOAP12)]
			return strings.Replace(strings.Replace(s, nsSOAP11, other, 1), nsSOAP12, other, 1)
		}))
}
