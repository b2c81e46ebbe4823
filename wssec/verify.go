package wssec

import (
	"context"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmldsig"
)

// verification is one message being verified: everything known of it so far.
// The steps of verify fill it in; none of it outlives the call but the Message.
type verification struct {
	p    *Processor
	ctx  context.Context
	env  *soap.Envelope
	ch   Channel
	sent *Request // of a reply, the request it answers; nil for a request
	now  time.Time

	security           xmltext.Node // the Security header for us
	timestamp          *timestamp
	lists              []*referenceList
	sigs               []*signature
	confirmations      []xmltext.Node
	encryptedSignature []xmltext.Node // EncryptedData children of the Security header
	position           map[xmltext.Node]int
	ids                idIndex

	token         *clientToken
	kerberos      kerberosTokens
	encryptedKeys encryptedKeyTokens
	derived       map[xmltext.Node]*boundKey
	suspected     *failure // it names a remembered key that it has not proved to have
	baseUsed      *baseKey // the one base key that signed and encrypted

	encrypted []*encryptedPart
	verified  []xmltext.Node // what a valid Reference covers
	covered   []covered      // the same, for checkContentPrefixes
	facts     Facts
	reserved  int // octets asked of Config.Reserve
}

// signature is a Signature in the header and where it stood.
type signature struct {
	*xmldsig.Signature
	position  int
	encrypted bool // it was encrypted
	key       *boundKey
}

// verify runs the steps in the order in which a receiver must take them: cheap
// checks first, no plaintext before the key has proved itself, policy last.
func (p *Processor) verify(ctx context.Context, env *soap.Envelope, ch Channel, sent *Request) (*Message, error) {
	v := &verification{p: p, ctx: ctx, env: env, ch: ch, sent: sent, now: p.cfg.Time()}
	defer v.countPanic()
	for _, step := range [...]func(*verification) error{
		(*verification).checkTransport,  // the channel that the policy relies on
		(*verification).findHeader,      // WSS §5: the Security header for us
		(*verification).readHeader,      // WSS §5–§10: its children, each by its kind
		(*verification).checkTimestamp,  // WSS §10
		(*verification).indexIDs,        // WSS §4: what may be referred to
		(*verification).acceptToken,     // WSS §6, KTP §3
		(*verification).readLists,       // WSS §9.1: which EncryptedData are to be opened
		(*verification).openSignatures,  // SP §6.4: an encrypted Signature
		(*verification).checkSignatures, // XMLDSig §3.2.2: algorithms, HMAC over SignedInfo
		(*verification).checkReplay,     // replay
		(*verification).processInOrder,  // WSS §5: digests and decryption, as the header has them
		(*verification).checkCoverage,   // SP §4: signed and encrypted parts
		(*verification).checkContentPrefixes,
		(*verification).checkHeaderLayout, // SP §6.7
	} {
		if err := step(v); err != nil {
			p.release(ctx, v.reserved)
			return nil, v.countFailure(err)
		}
	}
	v.liftSuspension()
	return v.message(), nil
}

// checkTransport refuses a message over plain HTTP when TLS is its protection.
func (v *verification) checkTransport() error {
	if v.p.policy.NeedsTLS() && !v.ch.TLS {
		return errAt(CodeTransport, v.env.Root,
			"the policy relies on TLS and the message came without; use a TLS listener, or say that TLS ends in front of "+
				"this one")
	}
	return nil
}

// checkTimestamp holds the Timestamp against the policy and the clock, before
// any cryptographic work.
func (v *verification) checkTimestamp() error {
	switch need := v.p.policy.Timestamp; {
	case v.timestamp == nil && need == TimestampRequired:
		return errAt(CodeTimestampMissing, v.security, "the policy requires a Timestamp (timestamp)")
	case v.timestamp == nil:
		return nil
	case need == TimestampForbidden:
		return errAt(CodeTimestampInvalid, v.timestamp.node, "the policy forbids a Timestamp (timestamp)")
	}
	return v.timestamp.check(&v.p.policy, v.now)
}

// acceptToken verifies the token in the header, and insists on one where
// nothing else could lead to a key.
func (v *verification) acceptToken() error {
	start := time.Now()
	defer func() { v.facts.TokenTime = time.Since(start) }()
	for _, p := range tokenProfiles() {
		if err := p.accept(v); err != nil {
			return err
		}
	}
	if v.token == nil && v.sent == nil && len(v.sigs) == 0 && len(v.encryptedSignature) == 0 {
		return errAt(CodeTokenMissing, v.security, "no Kerberos BinarySecurityToken and no reference to one")
	}
	return nil
}

// checkSignatures compares the algorithms with the policy, then checks the HMAC
// over each SignedInfo. No digest is computed and no other plaintext parsed
// before.
func (v *verification) checkSignatures() error {
	if v.expectsSignature() && len(v.sigs) == 0 {
		return errAt(CodeSignatureMissing, v.security, "the policy requires a signature")
	}
	for _, s := range v.sigs {
		if err := v.checkAlgorithms(s); err != nil {
			return err
		}
		if v.sent != nil && v.sent.signed(s.Value) {
			return errAt(CodeMessageReplayed, s.Node, "the request itself, sent back as its reply")
		}
		var err error
		if s.key, err = v.keyOf(s.KeyInfo, s.Node); err != nil {
			return err
		}
		octets, err := v.signatureKey(s.key, s.KeyInfo)
		if err != nil {
			return err
		}
		if !s.CheckValue(v.p.signature.New(octets)) {
			return errAt(CodeSignatureInvalid, s.Node,
				"SignatureValue is wrong: another key, or SignedInfo was changed")
		}
		v.clearSuspicion()
	}
	return nil
}

// message makes the result.
func (v *verification) message() *Message {
	m := &Message{
		env: v.env, policy: &v.p.policy, security: v.security, tls: v.ch.TLS,
		verified: v.verified, facts: v.facts,
	}
	if v.token != nil {
		m.token = v.token.CachedToken
		if v.sent == nil && v.p.policy.TokenOnce && v.token.fresh {
			m.tokens, m.tokenHash = v.p.cfg.Tokens, v.token.hash
		}
	}
	if v.baseUsed != nil {
		m.base = *v.baseUsed
	}
	for _, s := range v.sigs {
		m.signatureValues = append(m.signatureValues, s.Value)
		if s.key.dkt != nil {
			m.scNamespace = s.key.dkt.node.Space()
		}
	}
	for _, e := range v.encrypted {
		m.encrypted = append(m.encrypted, e.part)
	}
	return m
}
