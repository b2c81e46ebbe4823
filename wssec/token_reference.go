package wssec

import (
	"crypto/sha1"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// A baseKey is the key of a token: that of the client's token, or one that came
// encrypted under it.
type baseKey struct {
	octets    []byte
	profile   tokenProfile
	hash      TokenHash // how a reply names it
	tokenType string    // of the SecurityTokenReference
	node      xmltext.Node
}

// boundKey is a key as a SecurityTokenReference names it: a base key, or one
// derived from it.
type boundKey struct {
	octets []byte
	base   *baseKey
	dkt    *derivedKeyToken // nil for a base key
}

// token returns the element that the key comes from: a DerivedKeyToken, or the
// token itself.
func (k *boundKey) token() xmltext.Node {
	switch {
	case k == nil:
		return xmltext.Node{}
	case k.dkt != nil:
		return k.dkt.node
	}
	return k.base.node
}

// keyOf returns the key that a KeyInfo names: it holds exactly one
// SecurityTokenReference (BSP R5402, R5424).
func (v *verification) keyOf(keyInfo, owner xmltext.Node) (*boundKey, error) {
	if keyInfo.IsZero() {
		return nil, errAt(CodeSecurityInvalid, owner, "has no KeyInfo")
	}
	str := keyInfo.FirstChild()
	if str.IsZero() || !str.Is(NSWSSE, "SecurityTokenReference") || !str.NextSibling().IsZero() {
		return nil, errAt(CodeSecurityInvalid, keyInfo, "does not hold exactly one SecurityTokenReference")
	}
	return v.resolve(str, true)
}

// resolve finds the key that a SecurityTokenReference names (WSS §7). A
// DerivedKeyToken is followed once: it never derives from another.
func (v *verification) resolve(str xmltext.Node, derived bool) (*boundKey, error) {
	ref := str.FirstChild()
	if ref.IsZero() || !ref.NextSibling().IsZero() {
		return nil, errAt(CodeSecurityInvalid, str, "does not hold exactly one reference (BSP R3061)")
	}
	switch {
	case ref.Is(NSWSSE, "Reference"):
		return v.direct(ref, derived)
	case ref.Is(NSWSSE, "KeyIdentifier"):
		return v.keyIdentifier(ref)
	case ref.Is(NSWSSE, "Embedded"):
		return v.embedded(ref)
	}
	return nil, errAt(CodeUnsupportedToken, ref, "no reference form that is supported")
}

// direct follows wsse:Reference URI="#id" (WSS §7.2). The ValueType may be
// absent; if it is there it must be that of the token.
func (v *verification) direct(ref xmltext.Node, derived bool) (*boundKey, error) {
	uri, _ := ref.Attr("", "URI")
	if len(uri) < 2 || uri[0] != '#' {
		valueType, _ := ref.Attr("", "ValueType")
		name := tokenName{valueType: valueType, uri: uri}
		if p := profileNamed(name); p != nil && uri != "" {
			return p.named(v, name, ref)
		}
		return nil, errAt(CodeTokenUnavailable, ref, "URI is not #id of a token in this message")
	}
	n, err := v.ids.target(uri, ref)
	if err != nil {
		return nil, err
	}
	if n.Parent() == v.security {
		if n.Local() == "DerivedKeyToken" && isSC(n.Space()) && derived {
			return v.derivedKey(n)
		}
		if p := profileOf(n); p != nil {
			return p.key(v, n, ref)
		}
	}
	return nil, errAt(CodeReference, ref, "does not lead to a token of this Security header")
}

// base returns a base key as it is, after the check of its length against the
// suite.
func (v *verification) base(b *baseKey, at xmltext.Node) (*boundKey, error) {
	if s := v.p.suite; len(b.octets) < s.MinKey || len(b.octets) > s.MaxKey {
		return nil, errAt(CodeKeyLength, at,
			"the key has %d octets; %s takes %d to %d: choose another algorithm-suite or another encryption type for the "+
				"service's account",
			len(b.octets), s.Name, s.MinKey, s.MaxKey)
	}
	return &boundKey{octets: b.octets, base: b}, nil
}

// embedded takes the token inside the reference (WSS §7.4).
func (v *verification) embedded(ref xmltext.Node) (*boundKey, error) {
	n := ref.FirstChild()
	if n.IsZero() || !n.NextSibling().IsZero() {
		return nil, errAt(CodeUnsupportedToken, ref, "does not hold one BinarySecurityToken")
	}
	if p := profileOf(n); p != nil {
		return p.key(v, n, ref)
	}
	return nil, errAt(CodeUnsupportedToken, ref, "does not hold one BinarySecurityToken")
}

// keyIdentifier follows wsse:KeyIdentifier (WSS §7.3): the SHA-1 of a token.
func (v *verification) keyIdentifier(ref xmltext.Node) (*boundKey, error) {
	if enc, ok := ref.Attr("", "EncodingType"); ok && enc != EncodingBase64 {
		return nil, errAt(CodeSecurityInvalid, ref, "EncodingType is not Base64Binary")
	}
	if _, start, end, _ := ref.SourceRange(); end-start > 256 {
		return nil, errAt(CodeSecurityInvalid, ref, "is not a SHA-1")
	}
	octets, err := xmlenc.AppendBase64(nil, ref)
	if err != nil || len(octets) != sha1.Size {
		return nil, errAt(CodeSecurityInvalid, ref, "is not a SHA-1")
	}
	name := tokenName{hash: TokenHash(octets)}
	name.valueType, _ = ref.Attr("", "ValueType")
	if p := profileNamed(name); p != nil {
		return p.named(v, name, ref)
	}
	return nil, errAt(CodeUnsupportedToken, ref, "ValueType is not Kerberosv5APREQSHA1 or EncryptedKeySHA1")
}

// signatureKey returns the octets that a key signs with, after the policy's
// demands on it.
func (v *verification) signatureKey(k *boundKey, at xmltext.Node) ([]byte, error) {
	if err := v.checkDerivation(k, at); err != nil {
		return nil, err
	}
	if k.dkt != nil && len(k.octets) < v.p.suite.SignatureKey {
		return nil, errAt(CodeKeyLength, at,
			"the derived key has %d octets; %s signs with at least %d",
			len(k.octets), v.p.suite.Name, v.p.suite.SignatureKey)
	}
	return k.octets, nil
}

// encryptionKey returns the octets that the suite's cipher is run with.
func (v *verification) encryptionKey(k *boundKey, at xmltext.Node) ([]byte, error) {
	if err := v.checkDerivation(k, at); err != nil {
		return nil, err
	}
	octets := k.octets
	if k.dkt == nil {
		octets = v.p.policy.KeyFit.fit(v.p.suite.Encryption, octets)
	} else if len(octets) != v.p.suite.EncryptionKey {
		octets = nil
	}
	if octets == nil {
		return nil, errAt(CodeKeyLength, at,
			"the key has %d octets, which does not fit %s (key-fit %s)",
			len(k.octets), v.p.suite.Name, v.p.policy.KeyFit)
	}
	return octets, nil
}

// checkDerivation holds the use of a key against the policy's derived-keys, and
// all keys of a message against one base.
func (v *verification) checkDerivation(k *boundKey, at xmltext.Node) error {
	if k.dkt == nil && v.p.policy.DerivedKeys == DerivedKeysRequired {
		return errAt(CodeDerivedKey, at, "uses the token's key itself; the policy requires derived keys (derived-keys)")
	}
	if v.baseUsed != nil && v.baseUsed != k.base {
		return errAt(CodeReference, at, "uses another key than the rest of the message")
	}
	v.baseUsed = k.base
	return nil
}
