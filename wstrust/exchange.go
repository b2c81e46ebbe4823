package wstrust

import (
	"encoding/base64"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A BinaryExchange carries a token of a negotiation (WS-Trust §7.4; 1.3 §8.5).
type BinaryExchange struct {
	ValueType string // one of SPNEGO's spellings; the answer has that of the request
	Token     []byte // the SPNEGO or GSS-API token
}

// readExchange reads the BinaryExchange in an RST or RSTR; nil when there is
// none. Both attributes are required.
func readExchange(n xmltext.Node, v Version) (*BinaryExchange, error) {
	e := n.Child(v.Trust(), "BinaryExchange")
	if e.IsZero() {
		return nil, nil
	}
	valueType, _ := e.Attr("", "ValueType")
	if !v.isSPNEGO(valueType) {
		return nil, errAt(CodeInvalidRequest, e, "ValueType %.100q is not that of SPNEGO", valueType)
	}
	if encoding, _ := e.Attr("", "EncodingType"); encoding != wssec.EncodingBase64 {
		return nil, errAt(CodeInvalidRequest, e, "EncodingType %.100q is not Base64Binary", encoding)
	}
	token, err := octetsOf(e, maxExchange)
	if err != nil {
		return nil, err
	}
	return &BinaryExchange{ValueType: strings.Clone(valueType), Token: token}, nil
}

// append writes the element.
func (e *BinaryExchange) append(dst []byte) []byte {
	if e == nil {
		return dst
	}
	dst = append(dst, `<t:BinaryExchange EncodingType="`+wssec.EncodingBase64+`" ValueType="`...)
	dst = xmltext.AppendEscapedAttr(dst, e.ValueType)
	dst = append(dst, `">`...)
	dst = base64.StdEncoding.AppendEncode(dst, e.Token)
	return append(dst, `</t:BinaryExchange>`...)
}

// readSecret reads the BinarySecret (WS-Trust §4.1, §4.4) in an Entropy or
// RequestedProofToken; the zero Key when n is the zero Node. Services do not agree
// on the Type of either, which is that of a symmetric key by default: both are
// octets.
func readSecret(n xmltext.Node, v Version) (wssec.Key, error) {
	if n.IsZero() {
		return wssec.Key{}, nil
	}
	s := n.Child(v.Trust(), "BinarySecret")
	if s.IsZero() {
		return wssec.Key{}, errAt(CodeInvalidRequest, n, "no BinarySecret; other forms are not supported")
	}
	if t, ok := s.Attr("", "Type"); ok && t != v.nonce() && t != v.symmetricKey() {
		return wssec.Key{}, errAt(CodeInvalidRequest, s, "Type %.100q is neither %s nor %s", t, v.nonce(), v.symmetricKey())
	}
	octets, err := octetsOf(s, 2*maxSecret)
	if err != nil {
		return wssec.Key{}, err
	}
	defer clear(octets)
	if len(octets) < minSecret || len(octets) > maxSecret {
		return wssec.Key{}, errAt(CodeInvalidRequest, s, "%d octets; %d to %d are taken", len(octets), minSecret,
			maxSecret)
	}
	return wssec.NewKey(octets), nil
}

// appendSecret writes a BinarySecret inside of an element.
func appendSecret(dst []byte, element, valueType string, secret wssec.Key) []byte {
	dst = append(dst, `<t:`+element+`><t:BinarySecret Type="`+valueType+`">`...)
	dst = base64.StdEncoding.AppendEncode(dst, secret.ExposeSecretOctets())
	return append(dst, `</t:BinarySecret></t:`+element+`>`...)
}

// appendText writes an element of WS-Trust that holds text.
func appendText(dst []byte, element, text string) []byte {
	dst = append(dst, `<t:`+element+`>`...)
	dst = xmltext.AppendEscapedText(dst, text)
	return append(dst, `</t:`+element+`>`...)
}
