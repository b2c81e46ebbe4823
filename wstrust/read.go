package wstrust

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// Bounds of what is read. The longest that peers send is a fraction of them.
const (
	maxChildren  = 64        // elements in an RST or RSTR
	maxURI       = 1 << 10   // octets of a URI
	maxContext   = 256       // octets of the Context attribute
	maxAppliesTo = 4 << 10   // octets of AppliesTo in canonical form: it is kept and echoed
	maxExchange  = 256 << 10 // octets of a SPNEGO token in base64: more than an acceptor takes
	maxSecret    = 256       // octets of a BinarySecret
	minSecret    = 16        // fewer are no entropy
)

// checkChildren refuses what makes two readers differ: text between elements,
// and an element of WS-Trust that is there twice.
func checkChildren(n xmltext.Node) error {
	if n.HasMixedText() {
		return errAt(CodeInvalidRequest, n, "text between elements")
	}
	var seen [maxChildren]string
	count := 0
	for c := range n.Children() {
		if count == len(seen) {
			return errAt(CodeInvalidRequest, n, "more than %d elements", maxChildren)
		}
		if versionOf(c.Space()) == 0 {
			continue
		}
		for _, local := range seen[:count] {
			if local == c.Local() {
				return errAt(CodeInvalidRequest, c, "a second %s", local)
			}
		}
		seen[count] = c.Local()
		count++
	}
	return nil
}

// textOf returns the text of an element without white space around it, "" for
// the zero Node. It has at most so many octets, and there is no element in it.
func textOf(n xmltext.Node, most int) (string, error) {
	if n.IsZero() {
		return "", nil
	}
	if !n.FirstChild().IsZero() {
		return "", errAt(CodeInvalidRequest, n, "an element where text belongs")
	}
	if _, start, end, _ := n.SourceRange(); end-start > 2*most {
		return "", errAt(CodeInvalidRequest, n, "%d octets; at most %d are taken", end-start, most)
	}
	text := strings.Trim(n.Text(), " \t\r\n")
	if len(text) > most {
		return "", errAt(CodeInvalidRequest, n, "%d octets; at most %d are taken", len(text), most)
	}
	return text, nil
}

// uriOf is textOf for URIs.
func uriOf(n xmltext.Node) (string, error) { return textOf(n, maxURI) }

// octetsOf decodes the base64 text of an element; white space in it is allowed
// (XML Schema Part 2 §3.2.16).
func octetsOf(n xmltext.Node, most int) ([]byte, error) {
	text, err := textOf(n, most)
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(text, " \t\r\n") {
		text = strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(text)
	}
	octets, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errAt(CodeInvalidRequest, n, "not base64")
	}
	if len(octets) == 0 {
		return nil, errAt(CodeInvalidRequest, n, "no octets")
	}
	return octets, nil
}

// numberOf reads a KeySize: digits, no sign. Absent is 0.
func numberOf(n xmltext.Node) (int, error) {
	text, err := textOf(n, 16)
	if err != nil || n.IsZero() {
		return 0, err
	}
	value := 0
	for _, c := range []byte(text) {
		if c < '0' || c > '9' || value > 1<<20 {
			return 0, errAt(CodeInvalidRequest, n, "%.16q is no key size in bits", text)
		}
		value = value*10 + int(c-'0')
	}
	if text == "" {
		return 0, errAt(CodeInvalidRequest, n, "a key size without digits")
	}
	return value, nil
}

// contextOf reads the Context attribute, "" when it is absent.
func contextOf(n xmltext.Node) (string, error) {
	context, _ := n.Attr("", "Context")
	if len(context) > maxContext {
		return "", errAt(CodeInvalidRequest, n, "a Context of %d octets; at most %d are taken", len(context),
			maxContext)
	}
	return strings.Clone(context), nil
}

// appliesToOf returns the AppliesTo in n, nil when there is none, in exclusive
// canonical form: that has start and end tags alone, and means the same in any
// place but for qualified names in values, which no endpoint reference has.
func appliesToOf(n xmltext.Node) ([]byte, error) {
	a := n.Child(nsPolicy04, "AppliesTo")
	if a.IsZero() {
		a = n.Child(nsPolicy15, "AppliesTo")
	}
	if a.IsZero() {
		return nil, nil
	}
	if start, _, _, end := a.SourceRange(); end-start > maxAppliesTo {
		return nil, errAt(CodeInvalidRequest, a, "%d octets; at most %d are taken", end-start, maxAppliesTo)
	}
	return canonicalOf(a, maxAppliesTo)
}

// errAt makes an Error about an element.
func errAt(code Code, n xmltext.Node, format string, args ...any) *Error {
	e := &Error{Code: code, Err: fmt.Errorf(format, args...)}
	if !n.IsZero() {
		e.Path = n.Path()
	}
	return e
}
