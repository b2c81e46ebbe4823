package mtom

import (
	"bytes"
	"errors"
	"strings"

	"github.com/wssgate/wssgate/soap"
)

const (
	cxfType = `multipart/related; type="application/xop+xml"; boundary="uuid:7aa37bca-014c-458d-adce-a6b1fcfb5317"; ` +
		`start="<root.message@cxf.apache.org>"; start-info="text/xml"`
	wcfType = `multipart/related; type="application/xop+xml";start="<http://tempuri.org/0>";` +
		`boundary="uuid:c9dcfcb4-5d28-4b0c-9b4e-9a1d26ab32a6+id=1";start-info="application/soap+xml"; action="urn:a"`
)

func envelope(v soap.Version, body string) string {
	return `<s:Envelope xmlns:s="` + v.Namespace() + `"><s:Body>` + body + `</s:Body></s:Envelope>`
}

func includeTag(href string) string {
	return `<x:Include xmlns:x="` + NSXOP + `" href="` + href + `"/>`
}

// crlfs writes lines as MIME has them.
func crlfs(text string) []byte { return []byte(strings.ReplaceAll(text, "\n", "\r\n")) }

// simple is a package of one attachment, after an edit of it.
func simple(old, new string) []byte {
	return bytes.Replace(crlfs("--b\nContent-ID: <root>\n"+
		"Content-Type: application/xop+xml; charset=utf-8; type=\"text/xml\"\n\n"+
		envelope(soap.V11, "<f>"+includeTag("cid:a")+"</f>")+
		"\n--b\nContent-ID: <a>\nContent-Transfer-Encoding: binary\n\nhello\n--b--\n"), crlfs(old), crlfs(new), 1)
}

var simpleType = Type{Boundary: "b", Start: "root", Version: soap.V11}

func codeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// counting returns a Reserve that counts.
func counting(held *int) func(int) error { return func(n int) error { *held += n; return nil } }
