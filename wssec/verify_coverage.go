package wssec

import (
	"cmp"
	"crypto/subtle"
	"maps"
	"slices"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// checkCoverage compares what was signed and encrypted with the policy, by node
// and place: the Body is the child of the Envelope, a header block the child of
// the Header, the Timestamp the child of this Security header.
func (v *verification) checkCoverage() error {
	for _, check := range [...]func(*verification) error{
		(*verification).coverToken, (*verification).coverSigned,
		(*verification).coverEncrypted, (*verification).coverConfirmation,
	} {
		if err := check(v); err != nil {
			return err
		}
	}
	return nil
}

// coverToken requires the token and its use.
func (v *verification) coverToken() error {
	if v.sent != nil {
		return nil
	}
	if v.token == nil {
		return v.tokenMissing()
	}
	if err := v.token.profile.cover(v); err != nil {
		return err
	}
	if v.needsTokenSigned() && !v.isVerified(v.token.node) {
		return errAt(CodeNotSigned, v.token.node, "the signature must cover the token (protect-tokens)")
	}
	return nil
}

// needsTokenSigned reports whether the signature must cover the token: by token
// protection, or because a signed endorsing token has no channel that would
// cover it.
func (v *verification) needsTokenSigned() bool {
	if v.token.node.IsZero() && v.ch.Token == nil {
		return false
	}
	use := UsePlain
	for _, t := range v.p.policy.SupportingTokens {
		use = t.Use
	}
	return v.p.policy.ProtectTokens && v.p.policy.signs() || use == UseSignedEndorsing && v.p.policy.Binding == NoBinding
}

// coverSigned requires that the signature covers the signed parts and the
// Timestamp.
func (v *verification) coverSigned() error {
	if !v.expectsSignature() {
		return nil
	}
	p := &v.p.policy
	if v.timestamp != nil && !v.isVerified(v.timestamp.node) {
		return errAt(CodeNotSigned, v.timestamp.node, "the signature must cover the Timestamp")
	}
	if p.SignedParts.Body && !v.isVerified(v.env.Body) {
		return errAt(CodeNotSigned, v.env.Body, "the signature must cover the Body (signed-parts)")
	}
	for b := range v.env.Blocks() {
		if b != v.security && p.SignedParts.matches(b) && !v.isVerified(b) {
			return errAt(CodeNotSigned, b, "the signature must cover this header block (signed-parts)")
		}
	}
	return nil
}

// coverEncrypted requires that the encrypted parts were encrypted.
func (v *verification) coverEncrypted() error {
	p := &v.p.policy
	if !p.encrypts() || !v.expectsSignature() {
		return nil
	}
	if p.EncryptedParts.Body && !v.wasEncrypted(v.env.Body) {
		return errAt(CodeNotEncrypted, v.env.Body, "the content of the Body must be encrypted (encrypted-parts)")
	}
	for b := range v.env.Blocks() {
		if b != v.security && p.EncryptedParts.matches(b) && !v.wasEncrypted(b) {
			return errAt(CodeNotEncrypted, b, "this header block must be encrypted (encrypted-parts)")
		}
	}
	for _, s := range v.sigs {
		if p.EncryptSignature && !s.encrypted {
			return errAt(CodeNotEncrypted, s.Node, "the Signature must be encrypted (encrypt-signature)")
		}
	}
	return nil
}

// wasEncrypted reports whether n was decrypted, as an element or, of the Body,
// as its content.
func (v *verification) wasEncrypted(n xmltext.Node) bool {
	for _, e := range v.encrypted {
		if e.opened && e.part == n {
			return true
		}
	}
	return false
}

// coverConfirmation requires in a reply one signed SignatureConfirmation for
// each signature of the request (WSS §8.5).
func (v *verification) coverConfirmation() error {
	if v.sent == nil || !v.p.policy.SignatureConfirmation {
		return nil
	}
	for _, want := range v.sent.signatureValues {
		if !v.confirms(want) {
			return errAt(CodeConfirmation, v.security, "no signed SignatureConfirmation for the request's signature "+
				"(signature-confirmation)")
		}
	}
	if len(v.confirmations) != len(v.sent.signatureValues) {
		return errAt(CodeConfirmation, v.security, "%d SignatureConfirmations for %d signatures of the request (WSS §8.5)",
			len(v.confirmations), len(v.sent.signatureValues))
	}
	return nil
}

// confirms reports whether a signed SignatureConfirmation has the value want.
func (v *verification) confirms(want []byte) bool {
	for _, n := range v.confirmations {
		text, _ := n.Attr("", "Value")
		got, err := xmlenc.DecodeBase64(text)
		if err == nil && subtle.ConstantTimeCompare(got, want) == 1 && v.isVerified(n) {
			return true
		}
	}
	return false
}

// checkHeaderLayout compares the order of the header with the Layout (SP §6.7).
// Lax allows forward references, which CXF's streaming client makes.
func (v *verification) checkHeaderLayout() error {
	if v.timestamp != nil {
		pos := v.order.of(v.timestamp.node)
		switch v.p.policy.Layout {
		case LayoutLaxTimestampFirst:
			if pos != 0 {
				return errAt(CodeLayout, v.timestamp.node, "must be the first element of the Security header (layout)")
			}
		case LayoutLaxTimestampLast:
			if pos != len(v.order)-1 {
				return errAt(CodeLayout, v.timestamp.node, "must be the last element of the Security header (layout)")
			}
		}
	}
	if v.p.policy.Layout == LayoutStrict {
		return v.checkStrict()
	}
	return nil
}

// checkStrict requires that a token stands before its use (SP §6.7.1).
func (v *verification) checkStrict() error {
	derived := slices.SortedFunc(maps.Keys(v.derived), func(m, n xmltext.Node) int { // the first is refused
		return cmp.Or(cmp.Compare(v.order.of(m), v.order.of(n)), cmp.Compare(m.Offset(), n.Offset()))
	})
	for _, n := range derived {
		if err := v.checkTokenBefore(v.derived[n].base.node, v.order.of(n), n); err != nil {
			return err
		}
	}
	for _, s := range v.sigs {
		if err := v.checkTokenBefore(s.key.token(), s.position, s.Node); err != nil {
			return err
		}
	}
	for _, e := range v.encrypted {
		if err := v.checkTokenBefore(e.key.token(), e.list.position, e.list.node); err != nil {
			return err
		}
	}
	return nil
}

// checkTokenBefore requires that a use stands behind the token, if the token is
// in the header.
func (v *verification) checkTokenBefore(token xmltext.Node, position int, use xmltext.Node) error {
	if i, ok := v.order.find(token); ok && i > position {
		return errAt(CodeLayout, use, "stands before the token it uses (layout: strict)")
	}
	return nil
}
