package wssec

import (
	"errors"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// DetachedToken is a Kerberos token that does not stand in the Security header
// for us, but elsewhere in the message or in HTTP. Nothing signs it there. Unless
// the policy asks for a signature of its key, it is a bearer token, which TLS
// has to protect, as one in a header that is not signed.
//
// A signature may refer to it by its SHA-1 (Kerberos Token Profile 1.1.1 §3.3)
// or, if it stands in the SOAP Header, by its wsu:Id. A policy that asks for a
// signature over the token refuses it.
type DetachedToken struct {
	Octets []byte       // AP-REQ in its GSS-API frame, or bare
	Node   xmltext.Node // the element that it stands in; zero outside the message
}

// KerberosTokenOctets returns the octets of a wsse:BinarySecurityToken that
// holds an AP-REQ (WSS §6.3, Kerberos Token Profile 1.1.1 §3.2). It verifies
// nothing.
func KerberosTokenOctets(n xmltext.Node) ([]byte, error) {
	_, octets, err := parseBST(n)
	if e := (*Error)(nil); errors.As(err, &e) {
		return nil, e.Err
	}
	return octets, err
}

// acceptDetached verifies a token that stands elsewhere.
func (p kerberosProfile) acceptDetached(v *verification, t *DetachedToken) error {
	switch {
	case v.sent != nil:
		return errAt(CodeUnsupportedToken, t.Node, "a reply must not have a token of its own")
	case v.taken(p) == nil:
		return errAt(CodeUnsupportedToken, t.Node, "a Kerberos token; the policy accepts %s", v.p.policy.requiredToken())
	case len(t.Octets) == 0 || len(t.Octets) > MaxTokenText:
		return errAt(CodeInvalidToken, t.Node, "a token of %d octets", len(t.Octets))
	}
	valueType, _ := t.Node.Attr("", "ValueType")
	if _, ok := isKerberosValueType(valueType); !ok {
		valueType = valueTypeOf(t.Octets)
	}
	return v.verifyKerberos(t.Node, valueType, t.Octets)
}

// isDetached reports whether n is the token of the message and stands outside
// the Security header.
func (v *verification) isDetached(n xmltext.Node) bool {
	return v.ch.Token != nil && v.token != nil && !n.IsZero() && n == v.ch.Token.Node && n.Parent() != v.security
}

// valueTypeOf returns the ValueType of a token by its form (Kerberos Token
// Profile 1.1.1 §3.2).
func valueTypeOf(token []byte) string {
	if token[0] != 0x60 {
		return KerberosAPREQ
	}
	return GSSKerberosAPREQ
}
