package xmlenc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/wssgate/wssgate/internal/base64"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// nsDS is the namespace of KeyInfo.
const nsDS = "http://www.w3.org/2000/09/xmldsig#"

// EncryptedData is a parsed EncryptedData (§3.4), or the part of an
// [EncryptedKey] that has the same form (§3.1).
type EncryptedData struct {
	Node      xmltext.Node
	Type      string       // TypeElement, TypeContent or "" (EncryptedKey has none)
	Algorithm string       // of EncryptionMethod
	KeyInfo   xmltext.Node // zero if absent
	cipher    xmltext.Node
}

// EncryptedKey is a parsed EncryptedKey (§3.5.1).
type EncryptedKey struct {
	EncryptedData
	References []string // URIs of its ReferenceList, "#id" form
	HasList    bool     // a ReferenceList is present
}

// errorf makes an error about an element of this namespace.
func errorf(n xmltext.Node, format string, args ...any) error {
	return fmt.Errorf("xmlenc: %s: %s", n.Path(), fmt.Sprintf(format, args...))
}

// ParseEncryptedData parses an EncryptedData element in the shape that BSP 1.1
// allows: EncryptionMethod, KeyInfo?, CipherData/CipherValue, nothing else;
// Type is #Element or #Content. The error has the path of the element that is
// wrong.
func ParseEncryptedData(n xmltext.Node) (EncryptedData, error) {
	ed, rest, err := parseEncrypted(n)
	if err != nil {
		return ed, err
	}
	if !rest.IsZero() {
		return ed, errorf(rest, "unexpected element")
	}
	if ed.Type != TypeElement && ed.Type != TypeContent {
		return ed, errorf(n, "Type is %.120q, neither %q nor %q", ed.Type, TypeElement, TypeContent)
	}
	return ed, nil
}

// ParseEncryptedKey parses an EncryptedKey element: the form of an
// EncryptedData without Type, then an optional ReferenceList of at most maxRefs
// DataReferences. The error has the path of the element that is wrong.
func ParseEncryptedKey(n xmltext.Node, maxRefs int) (EncryptedKey, error) {
	ed, rest, err := parseEncrypted(n)
	ek := EncryptedKey{EncryptedData: ed}
	if err != nil {
		return ek, err
	}
	if ed.Type != "" {
		return ek, errorf(n, "EncryptedKey has a Type (BSP R3209)")
	}
	if rest.IsZero() {
		return ek, nil
	}
	if !rest.Is(NS, "ReferenceList") || !rest.NextSibling().IsZero() {
		return ek, errorf(rest, "unexpected element")
	}
	ek.HasList = true
	ek.References, err = ParseReferenceList(rest, maxRefs)
	return ek, err
}

// parseEncrypted parses what EncryptedData and EncryptedKey have in common and
// returns the first child after it.
func parseEncrypted(n xmltext.Node) (ed EncryptedData, rest xmltext.Node, err error) {
	ed.Node = n
	ed.Type, _ = n.Attr("", "Type")
	if n.HasMixedText() {
		return ed, rest, errorf(n, "text between elements")
	}
	c := n.FirstChild()
	if !c.IsZero() && c.Is(NS, "EncryptionMethod") {
		ed.Algorithm, _ = c.Attr("", "Algorithm")
		if err := checkMethodContent(c, ed.Algorithm); err != nil {
			return ed, rest, err
		}
		c = c.NextSibling()
	}
	if !c.IsZero() && c.Is(nsDS, "KeyInfo") {
		ed.KeyInfo = c
		c = c.NextSibling()
	}
	if c.IsZero() || !c.Is(NS, "CipherData") {
		return ed, rest, errorf(n, "expected CipherData after EncryptionMethod and KeyInfo")
	}
	ed.cipher = c.FirstChild()
	if c := ed.cipher; c.IsZero() || !c.Is(NS, "CipherValue") || !c.NextSibling().IsZero() || !c.FirstChild().IsZero() {
		return ed, rest, errorf(c, "CipherData does not hold exactly one CipherValue; a CipherReference is refused")
	}
	if ed.Algorithm == "" {
		return ed, rest, errorf(n, "no EncryptionMethod with an Algorithm (BSP R5601)")
	}
	return ed, c.NextSibling(), nil
}

// checkMethodContent checks the parameters of an EncryptionMethod as its schema
// has them (§3.2): KeySize?, OAEPparams?, then elements of other namespaces.
// The algorithms here need none and ignore them, as other receivers do: some
// versions of WSS4J write a ds:DigestMethod for a key wrap. Refused are a
// KeySize that contradicts the algorithm, which the specification calls an
// error, and elements that the schema does not allow.
func checkMethodContent(m xmltext.Node, algorithm string) error {
	c := m.FirstChild()
	if c.Is(NS, "KeySize") {
		if bits := keyBits(algorithm); bits != 0 && strings.Trim(c.Text(), " \t\r\n") != strconv.Itoa(bits) {
			return errorf(c, "KeySize is not the %d bits of the algorithm (§3.2)", bits)
		}
		c = c.NextSibling()
	}
	if c.Is(NS, "OAEPparams") {
		c = c.NextSibling()
	}
	for ; !c.IsZero(); c = c.NextSibling() {
		if c.Space() == NS || c.Space() == "" {
			return errorf(c, "unexpected element: an EncryptionMethod has no such parameter at this place (§3.2)")
		}
	}
	return nil
}

// keyBits returns the key size in bits that an algorithm's URI implies, 0 for
// an unknown one, which the caller refuses.
func keyBits(algorithm string) int {
	if m, ok := LookupMethod(algorithm); ok {
		return 8 * m.KeySize
	}
	size, _ := WrapKeySize(algorithm)
	return 8 * size
}

// ParseReferenceList returns the URIs, "#id", of a ReferenceList of at most max
// DataReferences, in order. The error has the path of the element that is
// wrong.
func ParseReferenceList(n xmltext.Node, max int) ([]string, error) {
	if n.HasMixedText() {
		return nil, errorf(n, "text between elements")
	}
	var uris []string
	for c := range n.Children() {
		uri, ok := c.Attr("", "URI")
		if !c.Is(NS, "DataReference") || !ok || len(uri) < 2 || uri[0] != '#' {
			return nil, errorf(c, "expected a DataReference with a URI of the form #id")
		}
		if len(uris) == max {
			return nil, errorf(n, "more than %d DataReferences", max)
		}
		uris = append(uris, uri)
	}
	return uris, nil
}

// CipherLen returns the room in octets that [EncryptedData.AppendCipher] needs:
// for the decoded CipherValue or, if that is not one run of text, for its text.
func (e EncryptedData) CipherLen() int {
	if text, ok := e.cipher.PlainText(); ok {
		return base64.DecodedLen(len(text))
	}
	_, start, end, _ := e.cipher.SourceRange()
	return end - start
}

// AppendCipher appends the decoded CipherValue to dst; white space is allowed
// as XML Schema's base64Binary allows it. The error does not quote the value.
func (e EncryptedData) AppendCipher(dst []byte) ([]byte, error) {
	return AppendBase64(dst, e.cipher)
}

// TakeCipher decodes the CipherValue in its own place, if [xmltext.Node.TakeText]
// allows that: taken reports whether it does. The error is that of AppendCipher;
// the CipherValue is lost then, too.
func (e EncryptedData) TakeCipher() (octets []byte, taken bool, err error) {
	text, taken := e.cipher.TakeText()
	if !taken {
		return nil, false, nil
	}
	if octets, err = base64.AppendDecode(text[:0], text); err != nil {
		return text[:0], true, errorf(e.cipher, "not base64")
	}
	return octets, true, nil
}

// AppendBase64 appends the octets of an element whose content is
// xs:base64Binary. Apart from room for its text in dst it allocates nothing.
// The error does not quote the content.
func AppendBase64(dst []byte, n xmltext.Node) ([]byte, error) {
	if !n.FirstChild().IsZero() {
		return dst, errorf(n, "an element inside base64")
	}
	text, ok := n.PlainText()
	if !ok {
		out := n.AppendText(dst)
		dst, text = out[:len(dst)], out[len(dst):]
	}
	out, err := base64.AppendDecode(dst, text)
	if err != nil {
		return dst, errorf(n, "not base64")
	}
	return out, nil
}

// DecodeBase64 decodes an attribute value that is xs:base64Binary. The error
// does not quote the value.
func DecodeBase64(s string) ([]byte, error) {
	b, err := base64.AppendDecode(nil, []byte(s))
	if err != nil {
		return nil, errors.New("xmlenc: not base64")
	}
	return b, nil
}
