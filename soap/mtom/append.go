package mtom

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"

	"github.com/wssgate/wssgate/internal/base64"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// MinPart is the least number of octets that become a part of their own. Fewer
// stay in the envelope: the header fields of a part cost as much as they save.
const MinPart = 1 << 10

// A Form is what the package of a message needs to be told.
type Form struct {
	Version soap.Version // of the envelope
	// Action is the parameter action of SOAP 1.2, a URI without quotes. "" means
	// none, and control characters are an error.
	Action string
}

// Append appends the package of an envelope in UTF-8 to dst, and returns it with
// its Content-Type. The content of an element becomes a part if it is base64 in
// the one form that XOP can restore (XML Schema Part 2, 3.2.16: canonical), of
// MinPart octets or more; whatever its type, the infoset of the package is the
// same. Of more than MaxParts the rest stays in the envelope.
//
// An envelope with an xop:Include of its own is refused (XOP 1.0 §3). Opt is for
// the envelope; the sum of all calls of its Reserve is the capacity that dst has
// grown by, or zero after an error. The error is an [*Error], an
// [*xmltext.SyntaxError] or that of Reserve.
func Append(dst, envelope []byte, f Form, opt xmltext.Options) (body []byte, contentType string, err error) {
	if strings.ContainsFunc(f.Action, unicode.IsControl) {
		return dst, "", errorf(CodePackage, "a control character in the action %.100q", f.Action)
	}
	r := reader{opt: opt}
	kept := 0
	defer func() { r.release(kept) }()
	opt.Reserve = r.reserve
	doc, err := xmltext.Scan(envelope, opt)
	if err != nil {
		return dst, "", err
	}
	defer doc.Release()
	w := writer{form: f, id: newID()}
	if err := w.choose(doc.Root(), r.reserve); err != nil {
		return dst, "", err
	}
	size := w.size(doc)
	if err := r.reserve(size); err != nil {
		return dst, "", err
	}
	if cap(dst)-len(dst) < size {
		dst = append(make([]byte, 0, len(dst)+size), dst...)
		kept = size
	}
	return w.append(dst, doc), w.contentType(), nil
}

// A writer writes one package.
type writer struct {
	form   Form
	id     string // that all names of the package are made of
	chosen []xmltext.Node
}

// newID returns a name that nobody could have written into a message before.
func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// choose finds the elements whose content becomes a part.
func (w *writer) choose(root xmltext.Node, reserve func(int) error) error {
	for e := range root.Descendants() {
		if e.Is(NSXOP, "Include") {
			return errorf(CodeInclude, "%s: the envelope is no infoset of a package", e.Path())
		}
		if len(w.chosen) == MaxParts-1 || !isCanonical(e) {
			continue
		}
		if err := reserve(partMemory); err != nil {
			return err
		}
		w.chosen = append(w.chosen, e)
	}
	return nil
}

// isCanonical reports whether the content of e is base64 in its canonical form,
// of MinPart octets or more.
func isCanonical(e xmltext.Node) bool {
	_, from, to, _ := e.SourceRange()
	if n := to - from; n < base64.EncodedLen(MinPart) || n%4 != 0 {
		return false
	}
	text, ok := e.PlainText()
	if !ok || len(text)%4 != 0 || len(text) < base64.EncodedLen(MinPart) {
		return false
	}
	return isCanonicalText(text)
}

// isCanonicalText reports whether text, whose length is a multiple of four, is
// what an encoder writes: of the alphabet, with padding at the end alone and no
// bits in it that are lost.
func isCanonicalText(text []byte) bool {
	last := text[len(text)-4:]
	var octets [3]byte
	decoded, err := base64.AppendDecode(octets[:0], last)
	if err != nil || string(base64.AppendEncode(nil, decoded)) != string(last) {
		return false
	}
	var scratch [3 << 10]byte
	for text = text[:len(text)-4]; len(text) > 0; {
		piece := text[:min(len(text), len(scratch)/3*4)]
		octets, err := base64.AppendDecode(scratch[:0], piece)
		if err != nil || len(octets) != len(piece)/4*3 { // white space, padding
			return false
		}
		text = text[len(piece):]
	}
	return true
}

// contentID returns the Content-ID of a part; that of the envelope is the first.
func (w *writer) contentID(i int) string {
	return strconv.Itoa(i) + "." + w.id + "@wssgate"
}

func (w *writer) boundary() string { return "wssgate-" + w.id }

// contentType returns the Content-Type of the package (XOP 1.0 §4.1, MTOM §3.2).
// The action stands in start-info, and beside it for those who look there, as
// WCF does.
func (w *writer) contentType() string {
	t := multipartRelated + `; type="` + xopXML + `"; start="<` + w.contentID(0) + `>"; boundary="` + w.boundary() +
		`"; start-info=` + quote(w.startInfo())
	if w.form.Action != "" && w.form.Version == soap.V12 {
		t += `; action=` + quote(w.form.Action)
	}
	return t
}

// startInfo returns the media type of the envelope, which its part has as its
// type: WCF's reader refuses a package in which the two differ.
func (w *writer) startInfo() string {
	if w.form.Action == "" || w.form.Version != soap.V12 {
		return w.form.Version.MediaType()
	}
	return w.form.Version.MediaType() + `; action=` + quote(w.form.Action)
}

var quotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// quote returns a quoted-string (RFC 9110 §5.6.4).
func quote(s string) string { return `"` + quotes.Replace(s) + `"` }

// fieldsOf returns the header fields of a part, with the boundary before them.
func (w *writer) fieldsOf(i int) string {
	contentType, line := "application/octet-stream", "\r\n--"
	if i == 0 {
		contentType = xopXML + `; charset=UTF-8; type=` + quote(w.startInfo())
		line = "--"
	}
	return line + w.boundary() + "\r\nContent-ID: <" + w.contentID(i) + ">\r\nContent-Type: " + contentType +
		"\r\nContent-Transfer-Encoding: binary\r\n\r\n"
}

// include returns the element that names a part.
func (w *writer) include(i int) string {
	return `<xop:Include xmlns:xop="` + NSXOP + `" href="cid:` + w.contentID(i) + `"/>`
}

func (w *writer) end() string { return "\r\n--" + w.boundary() + "--\r\n" }

// size returns the octets of the package.
func (w *writer) size(doc *xmltext.Doc) int {
	from, _, _, to := doc.Root().SourceRange()
	n := len(w.fieldsOf(0)) + to - from + len(w.end())
	for i, e := range w.chosen {
		text, _ := e.PlainText()
		n += len(w.fieldsOf(i+1)) + len(w.include(i+1)) - len(text) + base64.DecodedLen(len(text))
	}
	return n
}

// append appends the package. There is room for it.
func (w *writer) append(dst []byte, doc *xmltext.Doc) []byte {
	at, _, _, end := doc.Root().SourceRange()
	src := doc.Source()
	dst = append(dst, w.fieldsOf(0)...)
	for i, e := range w.chosen {
		_, from, to, _ := e.SourceRange()
		dst = append(append(dst, src[at:from]...), w.include(i+1)...)
		at = to
	}
	dst = append(dst, src[at:end]...)
	for i, e := range w.chosen {
		text, _ := e.PlainText()
		dst = append(dst, w.fieldsOf(i+1)...)
		dst, _ = base64.AppendDecode(dst, text) // cannot fail: it is canonical
	}
	return append(dst, w.end()...)
}
