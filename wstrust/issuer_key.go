package wstrust

import (
	"slices"

	"github.com/wssgate/wssgate/wssec"
)

// newKey makes a key as an RST asks for, and the part of the answer that is
// about it. policy is the one that msg was verified under.
func (i *Issuer) newKey(msg *wssec.Message, op *Operation, policy *wssec.Policy) (r *RequestSecurityTokenResponse,
	key wssec.Key, err error) {
	request := op.request
	bits, ok := chooseKeySize(request.KeySize, i.cfg.KeySize, i.keySizes)
	switch {
	case !ok:
		err = errAt(CodeKeySize, op.element, "KeySize %d; %s has %d", request.KeySize, i.cfg.Policy.AlgorithmSuite,
			i.keySizes)
	case request.ComputedKey != "" && request.ComputedKey != request.Version.PSHA1():
		err = errAt(CodeEntropy, op.element, "ComputedKeyAlgorithm %.100q is not %s", request.ComputedKey,
			request.Version.PSHA1())
	case !i.cfg.UnprotectedBody && !protectsBody(msg, policy):
		err = errAt(CodeUnprotected, op.element,
			"the Body is not both signed and encrypted, and the message does not rely on TLS")
	case request.Entropy.Len() == 0 && !encryptsReplies(msg, policy):
		err = errAt(CodeEntropy, op.element,
			"without Entropy the answer would hold the key, and the policy does not encrypt it")
	}
	if err != nil {
		return nil, key, err
	}
	octets := make([]byte, bits/8)
	defer clear(octets)
	token, err := newToken(i.cfg.Rand, octets)
	if err != nil {
		return nil, key, answerError(err)
	}
	r = &RequestSecurityTokenResponse{TokenType: request.Version.TokenType(), Token: token,
		AppliesTo: request.AppliesTo, KeySize: bits}
	if request.Entropy.Len() == 0 {
		key = wssec.NewKey(octets)
		r.Proof = &ProofToken{Secret: key}
		return r, key, nil
	}
	r.Entropy = wssec.NewKey(octets)
	r.Proof = &ProofToken{ComputedKey: request.Version.PSHA1()}
	return r, computedKey(request.Entropy, r.Entropy, bits), nil
}

// computedKey is P_SHA1 of both entropies, the requestor's as secret (WS-Trust
// §4.4.4).
func computedKey(requestor, issuer wssec.Key, bits int) wssec.Key {
	octets := wssec.DeriveKey(requestor.ExposeSecretOctets(), "", issuer.ExposeSecretOctets(), 0, bits/8)
	defer clear(octets)
	return wssec.NewKey(octets)
}

// protectsBody reports whether nobody on the way could read or change the Body.
func protectsBody(msg *wssec.Message, policy *wssec.Policy) bool {
	return reliesOnTLS(msg, policy) || slices.Contains(msg.Signed(), msg.Body()) && slices.Contains(msg.Encrypted(),
		msg.Body())
}

// encryptsReplies reports whether nobody on the way can read what is answered.
func encryptsReplies(msg *wssec.Message, policy *wssec.Policy) bool {
	return reliesOnTLS(msg, policy) || policy.EncryptedParts.Body
}

// reliesOnTLS reports whether the channel protects a message and the reply to it.
// Under a policy with AllowPlainHTTP that may be no channel at all.
func reliesOnTLS(msg *wssec.Message, policy *wssec.Policy) bool {
	return policy.Binding != wssec.SymmetricBinding && msg.TLS()
}
