package xmlenc

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// nsDS is the namespace of KeyInfo.
const nsDS = "http://www.w3.org/2000/09/xmldsig#"

// EncryptedData is a parsed EncryptedData or the like-shaped part of an
// EncryptedKey (§3.1).
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

// errorf says what is wrong with an element of this namespace.
func errorf(n xmltext.Node, format string, args ...any) error {
	return fmt.Errorf("xmlenc: %s: %s", n.Path(), fmt.Sprintf(format, args...))
}

// ParseEncryptedData reads an EncryptedData element in the shape that BSP 1.1
// allows: EncryptionMethod, KeyInfo?, CipherData/CipherValue, nothing else but
// EncryptionProperties; Type is #Element or #Content.
func ParseEncryptedData(n xmltext.Node) (EncryptedData, error) {
	ed, rest, err := parseEncrypted(n)
	if err != nil {
		return ed, err
	}
	if !rest.IsZero() {
		return ed, errorf(rest, "unexpected element")
	}
	if ed.Type != TypeElement && ed.Type != TypeContent {
		return ed, errorf(n, "Type is %q, neither #Element nor #Content", ed.Type)
	}
	return ed, nil
}

// ParseEncryptedKey reads an EncryptedKey element: as EncryptedData without
// Type, followed by an optional ReferenceList of DataReferences, at most
// maxRefs.
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

// parseEncrypted reads what EncryptedData and EncryptedKey have in common and
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
		return ed, rest, errorf(n, "no CipherData")
	}
	ed.cipher = c.FirstChild()
	if c := ed.cipher; c.IsZero() || !c.Is(NS, "CipherValue") || !c.NextSibling().IsZero() || !c.FirstChild().IsZero() {
		return ed, rest, errorf(c, "CipherData does not hold one CipherValue (references are not followed)")
	}
	if ed.Algorithm == "" {
		return ed, rest, errorf(n, "no EncryptionMethod Algorithm (BSP R5601)")
	}
	return ed, c.NextSibling(), nil
}

// checkMethodContent reads the parameters of an EncryptionMethod as its schema
// has them (§3.2): KeySize?, OAEPparams?, then elements of other namespaces.
// The algorithms here need none, and what they have no use for is passed over,
// as other receivers do: WSS4J for one has written a ds:DigestMethod for a key
// wrap. Refused are a KeySize that contradicts the algorithm, which the
// specification calls an error, and what the schema does not have.
func checkMethodContent(m xmltext.Node, algorithm string) error {
	c := m.FirstChild()
	if c.Is(NS, "KeySize") {
		if bits := keyBits(algorithm); bits != 0 && strings.Trim(c.Text(), " \t\r\n") != strconv.Itoa(bits) {
			return errorf(c, "is not the %d bits of the algorithm", bits)
		}
		c = c.NextSibling()
	}
	if c.Is(NS, "OAEPparams") {
		c = c.NextSibling()
	}
	for ; !c.IsZero(); c = c.NextSibling() {
		if c.Space() == NS || c.Space() == "" {
			return errorf(c, "no parameter that an EncryptionMethod has at this place")
		}
	}
	return nil
}

// keyBits is the key size that an algorithm's URI implies, 0 for one that is
// not known here; the caller refuses that.
func keyBits(algorithm string) int {
	if m, ok := LookupMethod(algorithm); ok {
		return 8 * m.KeySize
	}
	size, _ := WrapKeySize(algorithm)
	return 8 * size
}

// ParseReferenceList returns the URIs of a ReferenceList of at most max
// DataReferences, in order.
func ParseReferenceList(n xmltext.Node, max int) ([]string, error) {
	if n.HasMixedText() {
		return nil, errorf(n, "text between elements")
	}
	var uris []string
	for c := range n.Children() {
		uri, ok := c.Attr("", "URI")
		if !c.Is(NS, "DataReference") || !ok || len(uri) < 2 || uri[0] != '#' {
			return nil, errorf(c, "expected a DataReference with URI #id")
		}
		if len(uris) == max {
			return nil, errorf(n, "more than %d DataReferences", max)
		}
		uris = append(uris, uri)
	}
	return uris, nil
}

// CipherLen returns the room in octets that AppendCipher needs: those of the
// decoded CipherValue or, if it does not stand there in one piece, those of its
// text.
func (e EncryptedData) CipherLen() int {
	if text, ok := e.cipher.PlainText(); ok && !hasBlank(text) {
		return base64.StdEncoding.DecodedLen(len(text))
	}
	_, start, end, _ := e.cipher.SourceRange()
	return end - start
}

// AppendCipher appends the decoded CipherValue to dst; white space is allowed
// as XML Schema's base64Binary allows it. The error does not repeat the value.
func (e EncryptedData) AppendCipher(dst []byte) ([]byte, error) {
	return AppendBase64(dst, e.cipher)
}

// AppendBase64 appends the octets of an element whose content is
// xs:base64Binary. It needs no room but that of its text behind dst.
func AppendBase64(dst []byte, n xmltext.Node) ([]byte, error) {
	if !n.FirstChild().IsZero() {
		return dst, errorf(n, "element inside base64")
	}
	start := len(dst)
	if src, ok := n.PlainText(); ok && !hasBlank(src) { // the decoder passes over line ends
		out, err := base64.StdEncoding.AppendDecode(dst, src)
		if err != nil {
			return dst, errorf(n, "not base64")
		}
		return out, nil
	}
	out := n.AppendText(dst)
	text := withoutSpace(out[start:])
	size, err := base64.StdEncoding.Decode(text, text)
	if err != nil {
		return dst, errorf(n, "not base64")
	}
	return out[:start+size], nil
}

// hasBlank reports whether there is white space that is no line end.
func hasBlank(b []byte) bool {
	return bytes.IndexByte(b, ' ') >= 0 || bytes.IndexByte(b, '\t') >= 0
}

// withoutSpace removes XML white space in place.
func withoutSpace(b []byte) []byte {
	out := b[:0]
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			out = append(out, c)
		}
	}
	return out
}

// DecodeBase64 decodes an xs:base64Binary attribute value.
func DecodeBase64(s string) ([]byte, error) {
	b := withoutSpace([]byte(s))
	n, err := base64.StdEncoding.Decode(b, b)
	if err != nil {
		return nil, errors.New("xmlenc: not base64")
	}
	return b[:n], nil
}
