package wssec

import (
	"errors"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmldsig"
)

// An outgoingEndorsement is an endorsing token (SP §8.3) of a request that is
// being written: the SecurityContextToken, a DerivedKeyToken where the policy
// requires derived keys, and the Signature.
type outgoingEndorsement struct {
	context    *SecurityContext
	tokens     []byte
	sig, value []byte
}

// checkEndorsing reports whether a context can endorse messages under a policy.
func checkEndorsing(sc *SecurityContext, p *Policy) error {
	switch {
	case sc == nil:
		return nil
	case sc.Token != SecureConversationToken || p.ClientToken() == SecureConversationToken:
		return errors.New("a security context endorses messages under the policy that bootstraps it, and no others")
	case !isSC(sc.Namespace) || sc.Identifier == "":
		return errors.New("the endorsing security context is without Namespace or Identifier")
	case !p.signs() || p.Timestamp != TimestampRequired:
		return errors.New("a security context endorses signed messages with a Timestamp, and the policy has none")
	}
	return nil
}

// endorse writes the endorsing token and its Signature, which covers the
// message's Signature of that Id, or the Timestamp where TLS protects the
// message.
func (w *writer) endorse(sigID string, sig []byte) error {
	e := &w.endorsing
	if e.context == nil {
		return nil
	}
	inner := &writer{p: w.p, env: w.env, key: contextBase(e.context), suffix: w.suffix, nextID: w.nextID}
	id := inner.id("SCT")
	e.tokens = inner.key.profile.appendToken(nil, inner, id)
	str := inner.key.profile.reference(inner, id)
	key, info := inner.key.octets, inner.keyInfo(str)
	if w.p.policy.DerivedKeys == DerivedKeysRequired {
		inner.scNS = e.context.Namespace
		var err error
		if key, info, err = inner.derive(str, w.p.suite.SignatureKey); err != nil {
			return err
		}
		e.tokens = append(e.tokens, inner.derivedTokens...)
	}
	if w.p.policy.Binding != SymmetricBinding {
		inner.sign(w.timestampID, w.timestamp)
	} else if err := inner.signText(sig, sigID, xmltext.Node{}); err != nil {
		return err
	}
	t := xmldsig.Template{
		ID: inner.id("SIG"), Method: w.p.signature, Digest: w.p.suite.Digest, References: inner.parts, KeyInfo: info,
	}
	e.sig, e.value = t.Append(nil, key)
	w.nextID = inner.nextID
	return nil
}
