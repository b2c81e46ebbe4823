package wssec

import (
	"context"
	"crypto/sha1"
	"slices"
	"sync"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmldsig"
)

// verification is one message being verified: everything known of it so far.
// The steps of verify fill it in; only the Message outlives the call.
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
	order              headerOrder
	ids                idIndex

	token         *clientToken
	pending       PendingToken // of token; nil once it is known to be new
	kerberos      kerberosTokens
	contexts      contextTokens
	encryptedKeys encryptedKeyTokens
	endorsing     endorsement
	derived       map[xmltext.Node]*boundKey
	suspected     *failure // it names a remembered key and has not proved to have it
	baseUsed      *baseKey // the one base key that signed and encrypted

	encrypted []*encryptedPart
	verified  []xmltext.Node // what a valid Reference covers
	covered   []covered      // the same, for checkContentPrefixes
	facts     Facts
	reserved  int // octets asked of Config.Reserve

	rooms rooms
}

// rooms is the memory of lists while they are short, as those of a usual message
// are, and of what such a message has one of.
type rooms struct {
	order     [12]xmltext.Node
	ids       [12]idEntry
	lists     [1]*referenceList
	sigs      [1]*signature
	encrypted [2]*encryptedPart
	verified  [8]xmltext.Node
	covered   [8]covered

	timestamp     first[timestamp]
	list          first[referenceList]
	signature     first[signature]
	encryptedPart first[encryptedPart]
	token         first[clientToken]
	base          first[baseKey]
	whole         boundKey // of the first base key
	reservation   first[plaintextReservation]
}

// first is the memory of the first value of a kind.
type first[T any] struct {
	value T
	taken bool
}

// next returns the first value, then new ones; each is zero.
func (f *first[T]) next() *T {
	if f.taken {
		return new(T)
	}
	f.taken = true
	return &f.value
}

// verifications keeps those that have ended, for the next message. Their memory was
// a quarter of what is allocated for a message of 6 kB.
var verifications sync.Pool

// newVerification returns a verification of a message.
func newVerification() *verification {
	v, _ := verifications.Get().(*verification)
	if v == nil {
		v = new(verification)
	}
	v.lists, v.sigs, v.encrypted = v.rooms.lists[:0], v.rooms.sigs[:0], v.rooms.encrypted[:0]
	v.verified = v.rooms.verified[:0]
	return v
}

// free overwrites v, of which nobody may have kept anything.
func (v *verification) free() {
	*v = verification{}
	verifications.Put(v)
}

// headerOrder holds the children of the Security header in their order.
type headerOrder []xmltext.Node

// of returns the position of n, 0 if it is none of them.
func (o headerOrder) of(n xmltext.Node) int {
	i, _ := o.find(n)
	return i
}

// find returns the position of n, and whether it is one of them.
func (o headerOrder) find(n xmltext.Node) (position int, ok bool) {
	i := slices.Index(o, n)
	return max(i, 0), i >= 0
}

// signature is a Signature in the header and where it stood.
type signature struct {
	xmldsig.Signature
	position  int
	encrypted bool // it was encrypted
	key       *boundKey
}

// steps are those of verify. Their names are for people.
var steps = [...]struct {
	name string
	run  func(*verification) error
}{
	{"transport", (*verification).checkTransport},   // the channel that the policy relies on
	{"Security header", (*verification).findHeader}, // WSS §5: the one for us
	{"header elements", (*verification).readHeader}, // WSS §5–§10: its children, each by its kind
	{"Timestamp", (*verification).checkTimestamp},   // WSS §10
	{"Ids", (*verification).indexIDs},               // WSS §4: what may be referred to
	{"token", (*verification).acceptToken},          // WSS §6, KTP §3
	{"endorsing token", (*verification).acceptEndorsement},
	{"ReferenceLists", (*verification).readLists},           // WSS §9.1: which EncryptedData are to be opened
	{"encrypted Signature", (*verification).openSignatures}, // SP §6.4
	{"SignatureValue", (*verification).checkSignatures},     // XMLDSig §3.2.2: algorithms, HMAC over SignedInfo
	{"replay", (*verification).checkReplay},
	{"endorsing Signature", (*verification).checkEndorsement},  // SP §8.3
	{"digests and decryption", (*verification).processInOrder}, // WSS §5: as the header has them
	{"coverage", (*verification).checkCoverage},                // SP §4: signed and encrypted parts
	{"content prefixes", (*verification).checkContentPrefixes},
	{"layout", (*verification).checkHeaderLayout}, // SP §6.7
}

// Steps returns the names of the steps of [Processor.Verify], in order: those
// that Config.Trace is called with.
func Steps() []string {
	names := make([]string, len(steps))
	for i := range steps {
		names[i] = steps[i].name
	}
	return names
}

// verify verifies a message.
func (p *Processor) verify(ctx context.Context, env *soap.Envelope, ch Channel, sent *Request) (*Message, error) {
	v := newVerification()
	v.p, v.ctx, v.env, v.ch, v.sent, v.now = p, ctx, env, ch, sent, p.cfg.Time()
	m, err := v.run()
	v.free() // not after a panic
	return m, err
}

// run runs the steps in the order in which a receiver must take them: cheap
// checks first, no plaintext before the HMAC is checked, the policy last.
func (v *verification) run() (*Message, error) {
	defer v.countPanic()
	for _, step := range steps {
		err := step.run(v)
		if err != nil {
			if replayed := v.confirmToken(); replayed != nil {
				err = replayed // whatever else is wrong with a message that comes again
			}
		}
		if v.p.cfg.Trace != nil {
			v.p.cfg.Trace(step.name, err)
		}
		if err != nil {
			v.p.release(v.ctx, v.reserved)
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
			"the policy relies on TLS and the message came without TLS; use a TLS listener, or configure that a proxy in "+
				"front terminates TLS")
	}
	return nil
}

// checkTimestamp checks the Timestamp against the policy and the clock, before
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

// acceptToken verifies the tokens in the header, and requires one where nothing
// else could lead to a key.
func (v *verification) acceptToken() error {
	start := time.Now()
	defer func() { v.facts.TokenTime = time.Since(start) }()
	for _, p := range tokenProfiles() {
		if err := p.accept(v); err != nil {
			return err
		}
	}
	if v.token == nil && v.sent == nil && len(v.sigs) == 0 && len(v.encryptedSignature) == 0 {
		return v.tokenMissing()
	}
	return nil
}

// tokenMissing returns the error for a request without a token.
func (v *verification) tokenMissing() error {
	return errAt(CodeTokenMissing, v.security, "no security token and no reference to one; the policy accepts %s",
		v.p.policy.requiredToken())
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
			return errAt(CodeMessageReplayed, s.Node,
				"the reply has the signature of its request, so it is the request sent back")
		}
		var err error
		if s.key, err = v.keyOf(s.KeyInfo, s.Node); err != nil {
			return err
		}
		octets, err := v.signatureKey(s.key, s.KeyInfo)
		if err != nil {
			return err
		}
		if !s.Verify(v.p.signature, octets) {
			return errAt(CodeSignatureInvalid, s.Node,
				"SignatureValue is wrong: another key, or SignedInfo was changed")
		}
		v.clearSuspicion()
	}
	return nil
}

// message makes the result, which has nothing of the memory of v.
func (v *verification) message() *Message {
	m := &Message{
		env: v.env, policy: &v.p.policy, security: v.security, tls: v.ch.TLS,
		facts: v.facts,
	}
	m.verified = append(m.verifiedRoom[:0], v.verified...)
	if !v.security.IsZero() && slices.Contains(v.p.policy.Actors, v.env.Role(v.security)) {
		m.actor = v.env.Role(v.security)
	}
	if v.ch.Token != nil {
		m.detached = v.ch.Token.Node
	}
	if v.token != nil {
		m.token, m.context = v.token.CachedToken, v.contexts.context
		if v.sent == nil && v.p.policy.TokenOnce && v.token.fresh {
			m.tokens, m.tokenHash = v.p.cfg.Tokens, v.token.hash
		}
	}
	if v.baseUsed != nil {
		m.base = *v.baseUsed
	}
	m.signatureValues, m.encrypted = m.valuesRoom[:0], m.encryptedRoom[:0]
	for _, s := range v.sigs {
		m.signatureValues = append(m.signatureValues, append(m.valueRoom[:0:sha1.Size], s.Value...))
		if s.key.dkt != nil {
			m.scNamespace = s.key.dkt.space
		}
	}
	if e := &v.endorsing; e.sig != nil {
		m.endorsing = e.context
		m.signatureValues = append(m.signatureValues, slices.Clone(e.sig.Value))
	}
	for _, e := range v.encrypted {
		m.encrypted = append(m.encrypted, e.part)
	}
	return m
}
