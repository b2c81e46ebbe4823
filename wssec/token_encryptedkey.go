package wssec

import (
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// URIs of xenc:EncryptedKey as a token.
const (
	// EncryptedKeySHA1 names an EncryptedKey by the SHA-1 of its wrapped octets
	// (WSS 1.1 §7.3).
	EncryptedKeySHA1 = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#EncryptedKeySHA1"
	// EncryptedKeyToken is the TokenType and ValueType of an EncryptedKey (WSS
	// 1.1 §7.7).
	EncryptedKeyToken = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#EncryptedKey"
)

// encryptedKeyProfile is a key of the client's choice, encrypted under that of
// another token (WSS §9.2 and §7.7). It authenticates nobody.
type encryptedKeyProfile struct{}

// maxWrappedKey bounds the octets that are unwrapped. The key in them has to fit
// the suite, which ends long before.
const maxWrappedKey = 256

// encryptedKeyTokens is what a verification knows of them.
type encryptedKeyTokens struct {
	nodes      []xmltext.Node // in the Security header
	unwrapped  map[xmltext.Node]*baseKey
	unwrapping bool
}

func (encryptedKeyProfile) policyTypes() (none [2]TokenType) { return none }

func (encryptedKeyProfile) is(n xmltext.Node) bool { return n.Is(nsXenc, "EncryptedKey") }

// find enters an EncryptedKey and its ReferenceList.
func (encryptedKeyProfile) find(v *verification, n xmltext.Node) error {
	ek, err := xmlenc.ParseEncryptedKey(n, maxDataReferences)
	if err != nil {
		return wrapAt(CodeSecurityInvalid, err)
	}
	v.encryptedKeys.nodes = append(v.encryptedKeys.nodes, n)
	if ek.HasList {
		v.lists = append(v.lists, &referenceList{node: n, position: v.order.of(n), uris: ek.References, key: n})
	}
	return v.count(n, maxEncryptedKeys)
}

// accept does nothing: the key is unwrapped when something names it.
func (encryptedKeyProfile) accept(*verification) error { return nil }

// key unwraps an EncryptedKey under the client token's key (WSS §9.2, XML
// Encryption §5.6).
func (encryptedKeyProfile) key(v *verification, n, ref xmltext.Node) (*boundKey, error) {
	known := &v.encryptedKeys
	if n.Parent() != v.security {
		return nil, errAt(CodeUnsupportedToken, ref, "an EncryptedKey must stand in the Security header, not in a reference")
	}
	if b, ok := known.unwrapped[n]; ok {
		return v.base(b, n)
	}
	if known.unwrapping {
		return nil, errAt(CodeReference, n, "an EncryptedKey is encrypted under an EncryptedKey")
	}
	known.unwrapping = true
	defer func() { known.unwrapping = false }()
	ek, err := xmlenc.ParseEncryptedKey(n, maxDataReferences)
	if err != nil {
		return nil, wrapAt(CodeSecurityInvalid, err)
	}
	size, ok := xmlenc.WrapKeySize(ek.Algorithm)
	if !ok || ek.Algorithm != v.p.suite.KeyWrap {
		return nil, errAt(CodeUnsupportedAlg, n, "key wrap is %.120q; the policy's suite %s has %q (algorithm-suite)",
			ek.Algorithm, v.p.suite.Name, v.p.suite.KeyWrap)
	}
	kek, err := v.keyOf(ek.KeyInfo, n)
	if err != nil {
		return nil, err
	}
	if len(kek.octets) < size || ek.CipherLen() > maxWrappedKey {
		return nil, errAt(CodeKeyLength, n, "the key has %d octets and the wrapped key %d; the key wrap takes %d, and at "+
			"most %d", len(kek.octets), ek.CipherLen(), size, maxWrappedKey)
	}
	wrapped, err := ek.AppendCipher(nil)
	if err != nil {
		return nil, errAt(CodeDecryption, n, "CipherValue is not base64")
	}
	octets, err := xmlenc.UnwrapKey(kek.octets[:size], wrapped)
	if err != nil {
		return nil, errAt(CodeDecryption, n, "%w: another key, or the wrapped key was changed", err)
	}
	if known.unwrapped == nil {
		known.unwrapped = make(map[xmltext.Node]*baseKey, 1)
	}
	b := &baseKey{
		octets: octets, profile: encryptedKeyProfile{}, hash: hashName(wrapped),
		tokenType: EncryptedKeyToken, node: n,
	}
	known.unwrapped[n] = b
	return v.base(b, n)
}

func (encryptedKeyProfile) names(name tokenName) bool {
	return name.uri == "" && name.valueType == EncryptedKeySHA1
}

// named returns the key of the EncryptedKey with that SHA-1: that of the
// request, which a reply names, or one of this message.
func (p encryptedKeyProfile) named(v *verification, name tokenName, ref xmltext.Node) (*boundKey, error) {
	if v.sent != nil && v.sent.base.profile == tokenProfile(p) && name.hash == v.sent.base.hash {
		return v.base(&v.sent.base, ref)
	}
	for _, n := range v.encryptedKeys.nodes {
		if k, err := p.key(v, n, ref); err == nil && k.base.hash == name.hash {
			return k, nil
		}
	}
	return nil, errAt(CodeTokenUnavailable, ref, "its EncryptedKeySHA1 is that of no EncryptedKey of this message")
}

// cover does nothing: an EncryptedKey authenticates no client.
func (encryptedKeyProfile) cover(*verification) error { return nil }

func (encryptedKeyProfile) idPrefix() string { return "EK" }

// appendToken writes nothing: we send no EncryptedKey of our own.
func (encryptedKeyProfile) appendToken(dst []byte, _ *writer, _ string) []byte { return dst }

// reference writes a reference to the EncryptedKey of a request.
func (encryptedKeyProfile) reference(w *writer, _ string) []byte { return w.hashSTR(EncryptedKeySHA1) }
