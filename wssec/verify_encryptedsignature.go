package wssec

import (
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmldsig"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// An encrypted Signature (SP §6.4) has to be decrypted before its HMAC can be
// checked: until then nothing authenticates its plaintext. So there is one, the
// parts that the policy signs bound its length, and its plaintext is not
// scanned unless it has the shape of a Signature.
//
// The shape removes a padding oracle. An attacker who combines blocks of
// recorded ciphertext under CBC gets a block of random octets before each block
// that they choose, and 16 random octets are all octets of a Signature once in
// 10⁸ times. Without random octets the attacker can change only the IV, and use
// runs of what was recorded; of those only the recorded Signature ends as one.
// A plaintext that does not have the shape is refused as wrong padding is, and
// in the same time.

// signatureShape has the octets of markup, names, URIs and base64, and the end
// of the end tag without its prefix.
func signatureShape() xmlenc.Shape {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	return xmlenc.NewShape(alphabet+"+/=<>:\"'#&;.-_ \t\r\n", "Signature>")
}

// Bounds on a Signature, in octets of plaintext. The largest of the recorded
// clients has 1,000 and 480 for each Reference; the rest is room for
// declarations that are repeated on the Signature, for long Ids and
// PrefixLists, and for line ends in the base64.
const (
	signatureBytes = 4 << 10
	referenceBytes = 1 << 10
	// spareReferences are those to the token, also by an STR-Transform, to a
	// SignatureConfirmation, and to one more part that the policy does not
	// name.
	spareReferences = 4
	// maxEncryptedSignature is the bound for any number of header blocks.
	maxEncryptedSignature = 48 << 10
)

// checkEncryptedSignatureLen bounds the length of an encrypted Signature,
// before anything of it is decrypted, by what a Signature over the parts of
// this message can have.
func (v *verification) checkEncryptedSignatureLen(e *encryptedPart) error {
	most := min(signatureBytes+v.signedParts()*referenceBytes, maxEncryptedSignature)
	if n := e.CipherLen(); n > most {
		return errAt(CodeLimit, e.Node,
			"has %d octets of ciphertext; a Signature over the parts of this message has at most %d", n, most)
	}
	return nil
}

// signedParts returns the number of References that the Signature of this
// message may have.
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

// openSignatures decrypts the first EncryptedData in the Security header, which
// must be the Signature of the message.
func (v *verification) openSignatures() error {
	if len(v.encryptedSignature) == 0 {
		return nil
	}
	if len(v.sigs) > 0 || v.endorsing.sig != nil {
		return errAt(CodeSignatureExtra, v.encryptedSignature[0], "an encrypted Signature beside one in clear")
	}
	return v.openSignature(v.encryptedSignature[0])
}

// openSignature decrypts an EncryptedData in the Security header, which must be
// a Signature.
func (v *verification) openSignature(n xmltext.Node) error {
	for _, e := range v.encrypted {
		if e.Node != n {
			continue
		}
		if err := v.open(e); err != nil {
			return err
		}
		if !e.part.Is(nsDS, "Signature") {
			return errAt(CodePlaintext, e.Node, "the decrypted element of the Security header is not a Signature")
		}
		if err := v.readSignature(e.part, v.order.of(e.Node), true); err != nil {
			return wrapAt(CodePlaintext, err)
		}
		return v.indexIDs()
	}
	return nil
}
