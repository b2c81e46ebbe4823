package main

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// packages are messages of MTOM: what is signed is the envelope with the
// octets of each part in the place of the xop:Include that names it (XOP 1.0
// §3.2, MTOM §3.2).
func packages(s *set) {
	for _, v := range []bool{false, true} {
		tag, set12 := "-soap11", func(m *message) { m.soap12 = v }
		if v {
			tag = "-soap12"
		}
		s.packagesOf(func(name, expect, comment string, kind change, changes ...change) {
			s.case_("mtom-"+name+tag, expect, comment, "mtom", kind, append([]change{set12}, changes...)...)
		})
	}
}

// A mime is a package before it is written; edits come in between.
type mime struct {
	contentType string
	root        string // header fields and the envelope
	parts       []string
	boundary    string
	before      string // the first boundary
	behind      string // it, in its line
	end         string
}

// attached makes a package of a message whose Body has base64, with the octets
// in parts.
func attached(n int, change func(*mime)) change {
	return func(m *message) {
		var files []string
		m.body = `<o:order xmlns:o="` + nsApp + `">`
		for i := range n {
			octets := m.s.rnd.octets(300 + i)
			files = append(files, string(octets))
			m.body += `<o:file>` + base64.StdEncoding.EncodeToString(octets) + `</o:file>`
		}
		m.body += `</o:order>`
		m.mime = func(envelope string) (string, []byte) {
			p := newMime(m.soap12, envelope, files)
			if change != nil {
				change(p)
			}
			return p.contentType, p.octets()
		}
	}
}

// attachedSmall makes a package with parts of three octets.
func attachedSmall(n int) change {
	return func(m *message) {
		var parts, elements strings.Builder
		m.body = `<o:order xmlns:o="` + nsApp + `">`
		for i := range n {
			octets := fmt.Sprintf("%03d", i)
			m.body += `<o:f>` + base64.StdEncoding.EncodeToString([]byte(octets)) + `</o:f>`
			fmt.Fprintf(&parts, "\r\nContent-ID: <%d>\r\nContent-Transfer-Encoding: binary\r\n\r\n%s\r\n--boundary-1", i,
				octets)
			fmt.Fprintf(&elements, `<o:f><x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:%d"/></o:f>`, i)
		}
		m.body += `</o:order>`
		content := m.body[strings.Index(m.body, "><")+1 : len(m.body)-len(`</o:order>`)]
		m.mime = func(envelope string) (string, []byte) {
			p := newMime(m.soap12, strings.Replace(envelope, content, elements.String(), 1), nil)
			p.end = parts.String() + "--\r\n"
			return p.contentType, p.octets()
		}
	}
}

func newMime(v12 bool, envelope string, files []string) *mime {
	media := "text/xml"
	if v12 {
		media = "application/soap+xml"
	}
	p := &mime{boundary: "boundary-1", end: "--\r\n"}
	p.contentType = `multipart/related; type="application/xop+xml"; start="<root@example.com>"; start-info="` + media +
		`"; boundary="boundary-1"`
	for i, octets := range files {
		id := fmt.Sprintf("part-%d@example.com", i)
		envelope = strings.Replace(envelope, base64.StdEncoding.EncodeToString([]byte(octets)),
			`<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:`+id+`"/>`, 1)
		p.parts = append(p.parts, "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n"+
			"Content-ID: <"+id+">\r\n\r\n"+octets)
	}
	p.root = `Content-Type: application/xop+xml; charset=utf-8; type="` + media + "\"\r\nContent-Transfer-Encoding: " +
		"binary\r\n" +
		"Content-ID: <root@example.com>\r\n\r\n" + envelope
	return p
}

func (p *mime) octets() []byte {
	var b strings.Builder
	b.WriteString(p.before)
	for i, part := range append([]string{p.root}, p.parts...) {
		b.WriteString("--" + p.boundary)
		if i == 0 {
			b.WriteString(p.behind)
		}
		b.WriteString("\r\n" + part + "\r\n")
	}
	b.WriteString("--" + p.boundary + p.end)
	return []byte(b.String())
}

func (s *set) packagesOf(add adder) {
	const packing, include = "mtom-package", "mtom-include"
	one := func(name, expect, comment string, change func(*mime)) {
		add(name, expect, comment, signed, attached(1, change))
	}
	in := func(text *string, old, new string) {
		if !strings.Contains(*text, old) {
			panic("a package has no " + old)
		}
		*text = strings.Replace(*text, old, new, 1)
	}
	one("one", "ok", "A package with one part.", nil)
	add("three", "ok", "A package with three parts.", signed, attached(3, nil))
	add("none", "ok", "A package of the envelope alone.", signed, attached(0, nil))
	add("encrypted", "ok", "A package whose encrypted Body stands in the envelope.", symmetric, attached(0, nil))
	add("order", "ok", "The parts in another order than their xop:Include.", signed, attached(2, func(p *mime) {
		p.parts[0], p.parts[1] = p.parts[1], p.parts[0]
	}))
	for n, expect := range map[int]string{999: "ok", 1000: "request-too-large"} {
		add(fmt.Sprintf("parts-%d", n), expect, fmt.Sprintf("A package with %d parts beside the envelope; 999 are the most.",
			n), signed, attachedSmall(n))
	}
	one("no-start", "ok", "Without the parameter start: the first part has the envelope (RFC 2387 §3.2).",
		func(p *mime) { in(&p.contentType, ` start="<root@example.com>";`, "") })
	one("changed", "digest-invalid", "The octets of a part were changed.", func(p *mime) {
		p.parts[0] = flipped(-1)(p.parts[0])
	})
	one("cut", "digest-invalid", "The octets of a part were cut.", func(p *mime) {
		p.parts[0] = p.parts[0][:len(p.parts[0])-3]
	})
	add("swapped", "digest-invalid", "Two parts have each other's Content-ID.", signed, attached(2, func(p *mime) {
		in(&p.parts[0], "part-0@", "part-x@")
		in(&p.parts[1], "part-1@", "part-0@")
		in(&p.parts[0], "part-x@", "part-1@")
	}))
	one("attachments", "attachments", "SOAP Messages with Attachments: nothing in the envelope need name a part.",
		func(p *mime) { in(&p.contentType, `type="application/xop+xml"`, `type="text/xml"`) })
	one("no-boundary", packing, "Content-Type without boundary.",
		func(p *mime) { in(&p.contentType, `; boundary="boundary-1"`, "") })
	one("other-boundary", packing, "The boundary is not that of Content-Type.",
		func(p *mime) { p.boundary = "boundary-2" })
	one("no-end", packing, "The last boundary is missing.", func(p *mime) { p.end = "\r\n" })
	one("root-type", packing, "The first part is of another type.",
		func(p *mime) { in(&p.root, "application/xop+xml", "text/xml") })
	one("epilogue", packing, "Text behind the last boundary.", func(p *mime) { p.end = "--\r\nmore" })
	one("no-id", include, "A part without Content-ID, so that the xop:Include names no part.", func(p *mime) {
		in(&p.parts[0], "Content-ID: <part-0@example.com>\r\n", "")
	})
	one("encoding", packing, "A part whose Content-Transfer-Encoding would change its octets.", func(p *mime) {
		in(&p.parts[0], "Encoding: binary", "Encoding: base64")
	})
	one("unnamed", include, "A part that no xop:Include names.", func(p *mime) {
		p.parts = append(p.parts, strings.Replace(p.parts[0], "part-0@", "part-9@", 1))
	})
	one("missing", include, "An xop:Include that names no part.", func(p *mime) { p.parts = nil })
	add("twice", include, "Two xop:Include name one part.", signed, attached(1, func(p *mime) {
		i, j := strings.Index(p.root, "<o:file>"), strings.Index(p.root, "</o:file>")+len("</o:file>")
		p.root = p.root[:j] + p.root[i:j] + p.root[j:]
	}))
	one("http", include, "An xop:Include that names something elsewhere.", func(p *mime) {
		in(&p.root, "cid:part-0@example.com", "http://attacker.example.com/")
	})
	one("beside", include, "Text beside an xop:Include.", func(p *mime) {
		in(&p.root, "<xop:Include",
			"AAAA<xop:Include")
	})
	one("same-id", packing, "Two parts with one Content-ID (RFC 2045 §7).", func(p *mime) {
		p.parts = append(p.parts,
			p.parts[0])
	})
}
