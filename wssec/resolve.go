package wssec

import (
	"crypto/sha1"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// baseKey is a key that a token carries: that of the Kerberos token, or one that came
// encrypted under it.
type baseKey struct {
	octets    []byte
	hash      TokenHash // how a reply names it
	tokenType string    // of the SecurityTokenReference: a Kerberos ValueType or EncryptedKeyToken
	node      xmltext.Node
}

// boundKey is a key as a SecurityTokenReference gives it: a base key, or one derived from it.
type boundKey struct {
	octets []byte
	base   *baseKey
	dkt    *derivedKeyToken // nil for a base key
}

// token gives the element that the key comes from: a DerivedKeyToken, or the token itself.
func (k *boundKey) token() xmltext.Node {
	switch {
	case k == nil:
		return xmltext.Node{}
	case k.dkt != nil:
		return k.dkt.node
	}
	return k.base.node
}

// keyOf gives the key that a KeyInfo names: it holds exactly one SecurityTokenReference
// (BSP R5402, R5424).
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

// resolve finds the key that a SecurityTokenReference names (WSS §7). A DerivedKeyToken is
// followed once: it never derives from another.
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

// direct follows wsse:Reference URI="#id" (WSS §7.2). The ValueType may be absent; if it is
// there it must be that of the token.
func (v *verification) direct(ref xmltext.Node, derived bool) (*boundKey, error) {
	uri, _ := ref.Attr("", "URI")
	if len(uri) < 2 || uri[0] != '#' {
		return nil, errAt(CodeTokenUnavailable, ref, "URI is not #id of a token in this message")
	}
	n, err := v.ids.target(uri, ref)
	if err != nil {
		return nil, err
	}
	valueType, _ := ref.Attr("", "ValueType")
	switch {
	case n.Parent() != v.security:
	case n.Is(NSWSSE, "BinarySecurityToken"):
		if err := v.acceptBST(n); err != nil {
			return nil, err
		}
		return v.kerberosKey(v.token, valueType, ref)
	case n.Local() == "DerivedKeyToken" && isSC(n.Space()) && derived:
		return v.derivedKey(n)
	case n.Is(nsXenc, "EncryptedKey"):
		return v.encryptedKey(n)
	}
	return nil, errAt(CodeReference, ref, "does not lead to a token of this Security header")
}

// kerberosKey gives the key of a token under the reference's ValueType.
func (v *verification) kerberosKey(t *token, valueType string, ref xmltext.Node) (*boundKey, error) {
	if valueType != "" && valueType != t.ValueType {
		return nil, errAt(CodeReference, ref, "ValueType differs from that of the token")
	}
	if v.kerberos == nil {
		v.kerberos = &baseKey{octets: t.Key.octets, hash: t.hash, tokenType: t.ValueType, node: t.node}
	}
	return v.base(v.kerberos, ref)
}

// base gives a base key as it is, after the check of its length against the suite.
func (v *verification) base(b *baseKey, at xmltext.Node) (*boundKey, error) {
	if s := v.p.suite; len(b.octets) < s.MinKey || len(b.octets) > s.MaxKey {
		return nil, errAt(CodeKeyLength, at, "the key has %d octets; %s takes %d to %d: choose another algorithm-suite or another encryption type for the service's account",
			len(b.octets), s.Name, s.MinKey, s.MaxKey)
	}
	return &boundKey{octets: b.octets, base: b}, nil
}

// embedded takes the token inside the reference (WSS §7.4).
func (v *verification) embedded(ref xmltext.Node) (*boundKey, error) {
	n := ref.FirstChild()
	if n.IsZero() || !n.Is(NSWSSE, "BinarySecurityToken") || !n.NextSibling().IsZero() {
		return nil, errAt(CodeUnsupportedToken, ref, "does not hold one BinarySecurityToken")
	}
	if err := v.acceptBST(n); err != nil {
		return nil, err
	}
	valueType, _ := ref.Attr("", "ValueType")
	return v.kerberosKey(v.token, valueType, ref)
}

// keyIdentifier follows wsse:KeyIdentifier (WSS §7.3): the SHA-1 of a Kerberos token or of
// an EncryptedKey.
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
	hash := TokenHash(octets)
	switch valueType, _ := ref.Attr("", "ValueType"); valueType {
	case KerberosAPREQSHA1:
		if v.sent != nil && v.sent.base.tokenType != EncryptedKeyToken && hash == v.sent.base.hash {
			return v.base(&v.sent.base, ref)
		}
		t, err := v.tokenByHash(hash, ref)
		if err != nil {
			return nil, err
		}
		return v.kerberosKey(t, "", ref)
	case EncryptedKeySHA1:
		if v.sent != nil && v.sent.base.tokenType == EncryptedKeyToken && hash == v.sent.base.hash {
			return v.base(&v.sent.base, ref)
		}
		for _, n := range v.encryptedKeys {
			if k, err := v.encryptedKey(n); err == nil && k.base.hash == hash {
				return k, nil
			}
		}
		return nil, errAt(CodeTokenUnavailable, ref, "names no EncryptedKey of this message")
	}
	return nil, errAt(CodeUnsupportedToken, ref, "ValueType is not Kerberosv5APREQSHA1 or EncryptedKeySHA1")
}

// derivedKey derives the key of a DerivedKeyToken (WSC §7).
func (v *verification) derivedKey(n xmltext.Node) (*boundKey, error) {
	if k, ok := v.derived[n]; ok {
		return k, nil
	}
	if v.p.policy.DerivedKeys == DerivedKeysForbidden {
		return nil, errAt(CodeDerivedKey, n, "the policy forbids derived keys (derived-keys)")
	}
	d, err := parseDerivedKeyToken(n)
	if err != nil {
		return nil, err
	}
	from, err := v.resolve(d.str, false)
	if err != nil {
		return nil, err
	}
	k := &boundKey{octets: DeriveKey(from.octets, d.label, d.nonce, d.offset, d.length), base: from.base, dkt: d}
	if v.derived == nil {
		v.derived = make(map[xmltext.Node]*boundKey, 2)
	}
	v.derived[n] = k
	return k, nil
}

// encryptedKey unwraps an EncryptedKey under the Kerberos key (WSS §9.2, XML Encryption §5.6).
func (v *verification) encryptedKey(n xmltext.Node) (*boundKey, error) {
	if b, ok := v.unwrapped[n]; ok {
		return v.base(b, n)
	}
	if v.unwrapping {
		return nil, errAt(CodeReference, n, "an EncryptedKey under an EncryptedKey")
	}
	v.unwrapping = true
	defer func() { v.unwrapping = false }()
	ek, err := xmlenc.ParseEncryptedKey(n, maxDataReferences)
	if err != nil {
		return nil, wrapAt(CodeSecurityInvalid, err)
	}
	size, ok := xmlenc.WrapKeySize(ek.Algorithm)
	if !ok || ek.Algorithm != v.p.suite.KeyWrap {
		return nil, errAt(CodeUnsupportedAlg, n, "key wrap %.120q is not %q", ek.Algorithm, v.p.suite.KeyWrap)
	}
	kek, err := v.keyOf(ek.KeyInfo, n)
	if err != nil {
		return nil, err
	}
	if len(kek.octets) < size || ek.CipherLen() > 256 {
		return nil, errAt(CodeKeyLength, n, "the Kerberos key is too short for the key wrap")
	}
	wrapped, err := ek.AppendCipher(nil)
	if err != nil {
		return nil, errAt(CodeDecryption, n, "CipherValue is not base64")
	}
	octets, err := xmlenc.UnwrapKey(kek.octets[:size], wrapped)
	if err != nil {
		return nil, errAt(CodeDecryption, n, "%w", err)
	}
	if v.unwrapped == nil {
		v.unwrapped = make(map[xmltext.Node]*baseKey, 1)
	}
	v.unwrapped[n] = &baseKey{octets: octets, hash: sha1.Sum(wrapped), tokenType: EncryptedKeyToken, node: n}
	return v.base(v.unwrapped[n], n)
}

// signatureKey gives the octets that a key signs with, after the policy's demands on it.
func (v *verification) signatureKey(k *boundKey, at xmltext.Node) ([]byte, error) {
	if err := v.checkDerivation(k, at); err != nil {
		return nil, err
	}
	if k.dkt != nil && len(k.octets) < v.p.suite.SignatureKey {
		return nil, errAt(CodeKeyLength, at, "the derived key has %d octets; %s signs with at least %d", len(k.octets), v.p.suite.Name, v.p.suite.SignatureKey)
	}
	return k.octets, nil
}

// encryptionKey gives the octets that the suite's cipher is run with.
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
		return nil, errAt(CodeKeyLength, at, "the key has %d octets, which does not fit %s (key-fit %s)", len(k.octets), v.p.suite.Name, v.p.policy.KeyFit)
	}
	return octets, nil
}

// checkDerivation holds the use of a key against the policy's derived-keys, and all keys
// of a message against one base.
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
