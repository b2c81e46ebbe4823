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
	context   contextName // of a security context
}

// A boundKey is a key as a SecurityTokenReference names it: a base key, or one
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
	case k.dkt != nil && !k.dkt.node.IsZero():
		return k.dkt.node
	}
	return k.base.node
}

// keyOf returns the key that a KeyInfo names: it holds exactly one
// SecurityTokenReference (BSP R5402, R5424).
func (v *verification) keyOf(keyInfo, owner xmltext.Node) (*boundKey, error) {
	str, err := onlySTR(keyInfo, owner)
	if err != nil {
		return nil, err
	}
	k, err := v.resolve(str, true)
	if err != nil {
		return nil, err
	}
	return v.implied(str, k)
}

// onlySTR returns the one SecurityTokenReference in the KeyInfo of owner.
func onlySTR(keyInfo, owner xmltext.Node) (str xmltext.Node, err error) {
	if keyInfo.IsZero() {
		return str, errAt(CodeSecurityInvalid, owner, "has no KeyInfo that names its key (BSP R5402)")
	}
	str = keyInfo.FirstChild()
	if str.IsZero() || !str.Is(NSWSSE, "SecurityTokenReference") || !str.NextSibling().IsZero() {
		return str, errAt(CodeSecurityInvalid, keyInfo, "does not hold exactly one SecurityTokenReference (BSP R5402, "+
			"R5424)")
	}
	return str, nil
}

// resolve returns the key that a SecurityTokenReference names (WSS §7). A
// DerivedKeyToken is followed if derived is set: it never derives from another.
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
	return nil, errAt(CodeUnsupportedToken, ref, "%s is not supported; a SecurityTokenReference must hold a Reference, "+
		"KeyIdentifier or Embedded (WSS §7)", ref.Name())
}

// direct follows wsse:Reference URI="#id" (WSS §7.2). The ValueType may be
// absent; if it is there it must be that of the token.
func (v *verification) direct(ref xmltext.Node, derived bool) (*boundKey, error) {
	uri, _ := ref.Attr("", "URI")
	valueType, _ := ref.Attr("", "ValueType")
	name := tokenName{valueType: valueType, uri: uri}
	if len(uri) < 2 || uri[0] != '#' {
		if p := v.profileNamed(name); p != nil && uri != "" {
			return p.named(v, name, ref)
		}
		return nil, errAt(CodeTokenUnavailable, ref, "URI is not #id, that of a token in this message")
	}
	if p := v.profileNamed(name); p != nil && !v.ids.has(uri[1:]) {
		return p.named(v, name, ref)
	}
	n, err := v.ids.target(uri, ref)
	if err != nil {
		return nil, err
	}
	if v.isDetached(n) {
		return v.kerberosKey(v.token, valueType, ref)
	}
	if n.Parent() == v.security {
		if n.Local() == "DerivedKeyToken" && isSC(n.Space()) && derived {
			return v.derivedKey(n)
		}
		if p := v.profileOf(n); p != nil {
			return p.key(v, n, ref)
		}
	}
	return nil, errAt(CodeReference, ref, "does not lead to a token of this Security header")
}

// base returns a base key as it is, after a check of its length with the suite.
func (v *verification) base(b *baseKey, at xmltext.Node) (*boundKey, error) {
	if s := v.p.suite; len(b.octets) < s.MinKey || len(b.octets) > s.MaxKey {
		return nil, errAt(CodeKeyLength, at,
			"the key has %d octets; %s takes %d to %d: choose another algorithm-suite, or another encryption type for "+
				"the service's account",
			len(b.octets), s.Name, s.MinKey, s.MaxKey)
	}
	if w := &v.rooms.whole; w.base == nil || w.base == b {
		*w = boundKey{octets: b.octets, base: b}
		return w, nil
	}
	return &boundKey{octets: b.octets, base: b}, nil
}

// embedded returns the key of the token inside the reference (WSS §7.4).
func (v *verification) embedded(ref xmltext.Node) (*boundKey, error) {
	n := ref.FirstChild()
	if n.IsZero() || !n.NextSibling().IsZero() {
		return nil, errAt(CodeUnsupportedToken, ref, "does not hold exactly one security token (WSS §7.4)")
	}
	if p := v.profileOf(n); p != nil {
		return p.key(v, n, ref)
	}
	return nil, errAt(CodeUnsupportedToken, ref, "%s is not a security token that is supported; the policy accepts %s",
		n.Name(), v.p.policy.requiredToken())
}

// keyIdentifier follows wsse:KeyIdentifier (WSS §7.3): the SHA-1 of a token.
func (v *verification) keyIdentifier(ref xmltext.Node) (*boundKey, error) {
	if enc, ok := ref.Attr("", "EncodingType"); ok && enc != EncodingBase64 {
		return nil, errAt(CodeSecurityInvalid, ref, "EncodingType %.120q is not Base64Binary (BSP R3071)", enc)
	}
	if _, start, end, _ := ref.SourceRange(); end-start > 256 {
		return nil, errAt(CodeSecurityInvalid, ref, "is longer than the base64 of a SHA-1")
	}
	octets, err := xmlenc.AppendBase64(nil, ref)
	if err != nil || len(octets) != sha1.Size {
		return nil, errAt(CodeSecurityInvalid, ref, "is not the base64 of a SHA-1")
	}
	name := tokenName{hash: TokenHash(octets)}
	name.valueType, _ = ref.Attr("", "ValueType")
	if p := v.profileNamed(name); p != nil {
		return p.named(v, name, ref)
	}
	return nil, errAt(CodeUnsupportedToken, ref, "ValueType %.120q is not that of a supported token; supported are "+
		"Kerberosv5APREQSHA1 and EncryptedKeySHA1", name.valueType)
}

// signatureKey returns the octets that a key signs with, if the policy allows
// the key to sign.
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

// encryptionKey returns the octets that the suite's cipher decrypts with, if
// the policy allows the key.
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
			"the key has %d octets, which does not fit %s (key-fit: %s)",
			len(k.octets), v.p.suite.Name, v.p.policy.KeyFit)
	}
	return octets, nil
}

// checkDerivation compares the use of a key with the policy's derived-keys, and
// requires that all keys of a message have one base.
func (v *verification) checkDerivation(k *boundKey, at xmltext.Node) error {
	if k.dkt == nil && v.p.policy.DerivedKeys == DerivedKeysRequired {
		return errAt(CodeDerivedKey, at, "uses the token's key itself; the policy requires derived keys (derived-keys)")
	}
	if v.baseUsed != nil && v.baseUsed != k.base {
		return errAt(CodeReference, at, "uses a key of another token than the rest of the message")
	}
	v.baseUsed = k.base
	return nil
}
