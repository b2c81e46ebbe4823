package wssec

import (
	"github.com/wssgate/wssgate/wssec/xmldsig"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// An encrypted Signature (SP §6.4) has to be decrypted before its HMAC can be
// checked: until then its plaintext is nobody's. So there is one, it is no
// longer than the parts that the policy signs can make it, and its plaintext is
// not looked into unless it has the shape of a Signature.
//
// The last takes a padding oracle away. Whoever puts ciphertext of others
// together under CBC leaves a block of noise before each block that he chooses,
// and a block of 16 octets of noise holds no others than a Signature's once in
// 10⁸ times. Without noise he has only the IV, and runs of what was recorded;
// of those none ends as a Signature but the recorded one. What has not the
// shape is refused as wrong padding is, and in the same time.

// signatureShape holds the octets of markup, names, URIs and base64, and the
// end of the end tag, whatever its prefix.
func signatureShape() xmlenc.Shape {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	return xmlenc.NewShape(alphabet+"+/=<>:\"'#&;.-_ \t\r\n", "Signature>")
}

// What a Signature takes, in octets of plaintext. Of the recorded clients the
// largest has 1,000 and 480 for each Reference; the rest is room for
// declarations that are repeated on the Signature, for long Ids and
// PrefixLists, and for line ends in the base64.
const (
	signatureBytes = 4 << 10
	referenceBytes = 1 << 10
	// spareReferences are those to the token, also by an STR-Transform, to a
	// SignatureConfirmation, and to one more thing that the policy does not
	// name.
	spareReferences = 4
	// maxEncryptedSignature holds however many header blocks a message has.
	maxEncryptedSignature = 48 << 10
)

// checkEncryptedSignatureLen holds an encrypted Signature, before anything of
// it is decrypted, to the length that a Signature over the parts of this
// message can have.
func (v *verification) checkEncryptedSignatureLen(e *encryptedPart) error {
	most := min(signatureBytes+v.signedParts()*referenceBytes, maxEncryptedSignature)
	if n := e.CipherLen(); n > most {
		return errAt(CodeLimit, e.Node,
			"%d octets of ciphertext; a Signature over the parts of this message has at most %d", n, most)
	}
	return nil
}

// signedParts is the number of parts of this message that its Signature may
// have a Reference for.
func (v *verification) signedParts() int {
	n := spareReferences
	if v.timestamp != nil {
		n++
	}
	if v.p.policy.SignedParts.Body {
		n++
	}
	for b := range v.env.Blocks() {
		hidden := v.p.policy.mayEncryptHeaders() && (b.Is(NSWSSE11, "EncryptedHeader") || b.Is(nsXenc, "EncryptedData"))
		if hidden || v.p.policy.SignedParts.matches(b) {
			n++
		}
	}
	return min(n, xmldsig.MaxReferences)
}

// openSignatures decrypts the EncryptedData child of the Security header, which
// must be the only Signature.
func (v *verification) openSignatures() error {
	if len(v.encryptedSignature) > 0 && len(v.sigs) > 0 {
		return errAt(CodeSignatureExtra, v.encryptedSignature[0], "an encrypted Signature beside another")
	}
	for _, e := range v.encrypted {
		if !e.isSignature {
			continue
		}
		if err := v.open(e); err != nil {
			return err
		}
		if !e.part.Is(nsDS, "Signature") {
			return errAt(CodePlaintext, e.Node, "an encrypted element of the Security header is not a Signature")
		}
		if err := v.readSignature(e.part, v.position[e.Node], true); err != nil {
			return wrapAt(CodePlaintext, err)
		}
		return v.indexIDs()
	}
	return nil
}
