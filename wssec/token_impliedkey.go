package wssec

import (
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// An implied derived key has no DerivedKeyToken (WS-SecureConversation §8): the
// SecurityTokenReference that names a token has the Nonce, and the Length unless
// that is 32, as attributes. Offset and Label are those of a DerivedKeyToken
// without them. WCF reads this form and writes DerivedKeyTokens; so do we.

// impliedAttrs returns the values of wsc:Nonce and wsc:Length on a
// SecurityTokenReference and their namespace, "" if it has neither.
func impliedAttrs(str xmltext.Node) (nonce, length, space string) {
	for _, ns := range contextNamespaces() {
		n, hasNonce := str.Attr(ns, "Nonce")
		l, hasLength := str.Attr(ns, "Length")
		if hasNonce || hasLength {
			return n, l, ns
		}
	}
	return "", "", ""
}

// implied returns the key that a SecurityTokenReference to from implies, which
// is from itself without those attributes.
func (v *verification) implied(str xmltext.Node, from *boundKey) (*boundKey, error) {
	nonce, length, space := impliedAttrs(str)
	switch {
	case space == "":
		return from, nil
	case v.p.policy.DerivedKeys == DerivedKeysForbidden:
		return nil, errAt(CodeDerivedKey, str,
			"wsc:Nonce implies a derived key; the policy forbids derived keys (derived-keys)")
	case from.dkt != nil:
		return nil, errAt(CodeDerivedKey, str, "wsc:Nonce implies a key that is derived from a derived key")
	}
	d := &derivedKeyToken{str: str, space: space, label: DefaultLabel, length: 32}
	var err error
	if length != "" {
		if d.length, err = parseSmall(length, maxDerivedLength); err != nil || d.length == 0 {
			return nil, errAt(CodeDerivedKey, str, "wsc:Length is not a number from 1 to %d", maxDerivedLength)
		}
	}
	if len(nonce) <= 4*maxDerivedNonce {
		d.nonce, err = xmlenc.DecodeBase64(nonce)
	}
	if err != nil || len(d.nonce) == 0 || len(d.nonce) > maxDerivedNonce {
		return nil, errAt(CodeDerivedKey, str, "wsc:Nonce is not 1 to %d octets of base64", maxDerivedNonce)
	}
	return &boundKey{octets: DeriveKey(from.octets, d.label, d.nonce, 0, d.length), base: from.base, dkt: d}, nil
}
