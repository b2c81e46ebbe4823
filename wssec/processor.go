package wssec

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmldsig"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// ReplayCache remembers what was accepted until it can no longer be accepted.
// It is safe for concurrent use.
type ReplayCache interface {
	// Add enters id, in one atomic step, and reports whether it was new. An
	// entry is kept at least until expires. On error nothing is accepted.
	Add(ctx context.Context, id [32]byte, expires time.Time) (added bool, err error)
}

// ClientReplayCache is a [ReplayCache] in which each client has a share, so
// that no client takes the room of all others. A [Processor] uses AddFor where
// there is one. [Error.ErrorCode] returns the ErrorCode of its errors.
type ClientReplayCache interface {
	ReplayCache
	// AddFor is Add of an id that is known to come from client, as name@REALM.
	// It fails when the client has used up its share.
	AddFor(ctx context.Context, client string, id [32]byte, expires time.Time) (added bool, err error)
}

// SharedReplayCache is a [ClientReplayCache] that several processes share and that
// is asked over a network.
type SharedReplayCache interface {
	ClientReplayCache
	// AddLater is AddFor whose result comes later: wait waits for it, and is called
	// once. What one message has to ask is under way together. An id that was
	// entered with the same token counts as new: of all presentations of one message
	// that whose token is new is accepted, though the id of another came first.
	AddLater(ctx context.Context, client string, id [32]byte, token [20]byte, expires time.Time) (
		wait func() (added bool, err error))
	// RecordsFrom returns the time from which on no entry was lost. Of messages that
	// were made before, one that brings no token of its own is refused. It is asked
	// before a message is entered, and again after that.
	RecordsFrom() time.Time
}

// addReplay enters an id of the token's client in the replay cache.
func (p *Processor) addReplay(ctx context.Context, tok *CachedToken, id [32]byte, expires time.Time) (bool, error) {
	if p.cfg.Replay == nil {
		return false, errors.New("this Processor has no ReplayCache, as a client's: a service sets Config.Replay")
	}
	if shares, ok := p.cfg.Replay.(ClientReplayCache); ok {
		return shares.AddFor(ctx, tok.Name+"@"+tok.Realm, id, expires)
	}
	return p.cfg.Replay.Add(ctx, id, expires)
}

// Config is what a [Processor] works with. All of it must be safe for
// concurrent use. The zero value is ready for a client.
type Config struct {
	// Verifier verifies the tokens of requests. It may be nil in a Processor of
	// a client.
	Verifier TokenVerifier
	// Replay is where signature values are entered, such as a *replay.Memory. Of one
	// with a method CompleteFrom(made time.Time) time.Time, as that has, a message
	// under a security context that is older is refused if it was made before.
	// It is required beside a Verifier if the policy checks them. A client needs
	// one where it uses security contexts: all messages under one have the same
	// key, so that replies might else come twice, or be requests sent back. Under a
	// ticket each request has its own key, and one reply.
	Replay ReplayCache
	// Tokens is where Message.Remember keeps tokens of clients that send theirs
	// once. Nil: a memory cache of its own. Do not share one among Processors:
	// a token accepted on one route would be accepted on another. Scopes of one
	// MemoryTokenCache share its memory.
	Tokens TokenCache
	// Contexts are those that messages may name by a SecurityContextToken,
	// where the policy takes one. A client needs none: its requests name the
	// context that they are given, and their replies that of the request.
	Contexts *SecurityContexts
	// EndorsingContexts accepts messages that, beside the token of the policy,
	// have one of Contexts as an endorsing supporting token (SP §8.3): a
	// SecureConversationToken whose key signs the Signature of the message or,
	// where TLS protects it, the Timestamp. So WCF asks to renew that context. It
	// is for the Bootstrap of a policy.
	EndorsingContexts bool
	// Guard suspends keys that messages name by a hash and then fail too often.
	// Nil: one of its own. Share one among all Processors: a key is the same on
	// each route.
	Guard *KeyGuard
	// ReplyHeaders is the rule for header blocks of a reply that the policy
	// neither signs nor encrypts, if it protects replies. The zero value leaves
	// them out.
	ReplyHeaders HeaderRule
	// ContentPrefixes is the rule for qualified names in signed content whose
	// prefix no digest covers. The zero value accepts them.
	ContentPrefixes ContentPrefixes
	// QNames are the attributes and elements, beside xsi:type, whose values are
	// qualified names: "{namespace}local", or "local" without a namespace.
	QNames []string
	// Time returns the current time. Nil: time.Now.
	Time func() time.Time
	// Rand supplies IVs, nonces and Ids. Nil: crypto/rand.
	Rand io.Reader
	// XML limits decrypted XML. The zero value has xmltext's defaults.
	XML xmltext.Options
	// Trace, if not nil, is called after each step of Verify and VerifyReply with
	// its name, one of [Steps], and its error, nil if it passed; the error of a
	// step is the last call. It is for programs that explain messages to people. A
	// service has no use for it: how far a message came must stay inside.
	Trace func(step string, err error)
	// Reserve, if not nil, is called before Verify and Protect allocate what
	// grows with the message: plaintext, its index, the reply. The context is
	// that of the call; octets is negative for memory that is no longer held.
	// The sum of all calls is what the Message holds, or the octets that
	// Protect appended; after an error it is zero.
	Reserve func(ctx context.Context, octets int) error
}

// Processor applies one [Policy]. Make it with [NewProcessor]; the zero value
// is not usable. It is immutable and safe for concurrent use.
type Processor struct {
	policy    Policy
	suite     Suite
	qnames    []xmltext.Name // of Config.QNames
	signature xmldsig.SignatureMethod
	cfg       Config

	// encryptedSignatureShape is signatureShape(); the test that attacks, in
	// internal/gateway, clears it.
	encryptedSignatureShape xmlenc.Shape

	largeCipher int // less in tests
}

// NewProcessor makes a [Processor]. The error is that of [Policy.Validate], or
// names the field of c that is invalid or that the policy needs.
func NewProcessor(p Policy, c Config) (*Processor, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	p = p.withDefaults()
	if p.MessageReplay == SwitchOn && c.Replay == nil && (c.Verifier != nil || c.Contexts != nil) {
		return nil, errors.New("wssec: Config.Replay is nil and the policy has message-replay on: a service needs a " +
			"ReplayCache, such as replay.NewMemory makes; a client, without Config.Verifier and Config.Contexts, needs none")
	}
	if p.takesContext() && c.Contexts == nil && c.Verifier != nil {
		return nil, fmt.Errorf("wssec: Config.Contexts is nil and the policy takes %s tokens: a service needs the "+
			"SecurityContexts that they stand for; a client, without Config.Verifier, needs none", p.ClientToken())
	}
	if c.EndorsingContexts && (c.Contexts == nil || p.ClientToken() == SecureConversationToken) {
		return nil, fmt.Errorf("wssec: Config.EndorsingContexts needs Config.Contexts, and a policy for other tokens than %s",
			SecureConversationToken)
	}
	setDefault(&c.Rand, io.Reader(rand.Reader))
	if c.Time == nil {
		c.Time = time.Now
	}
	if err := oneOf("content-prefixes", c.ContentPrefixes, "", PrefixesAsReceived, PrefixesCovered); err != nil {
		return nil, err
	}
	qnames, err := parseQNames(c.QNames)
	if err != nil {
		return nil, fmt.Errorf("content-qnames: %w", err)
	}
	if c.Tokens == nil {
		c.Tokens = NewMemoryTokenCache(TokenCacheConfig{})
	}
	if c.Guard == nil {
		c.Guard = NewKeyGuard(KeyGuardConfig{})
	}
	suite, _ := LookupSuite(p.AlgorithmSuite)
	if digest, ok := p.DigestMethod.method(); ok {
		suite.Digest = digest
	}
	return &Processor{
		policy: p, suite: suite, signature: p.SignatureMethod.method(), qnames: qnames, cfg: c,
		encryptedSignatureShape: signatureShape(), largeCipher: largeCipher,
	}, nil
}

// Policy returns the policy with its defaults filled in.
func (p *Processor) Policy() Policy { return p.policy }

// Channel is what the caller knows of the transport that a message came over.
// The zero value is plain HTTP from an unknown peer.
type Channel struct {
	TLS bool // it is TLS, terminated by us
	// Client is the IP address of the peer, without port: negotiations go on with
	// it, and Askers of errors name it. It may be empty.
	Client string
	// Bindings are the application data of its channel bindings (RFC 5929, RFC
	// 9266), for the Verifier. Without any, a token that is bound to a channel
	// is bound to another.
	Bindings [][]byte
	// Token is the client's Kerberos token if it does not stand in the Security
	// header for us. That header then need not have one, and one that it has is
	// not looked at; nor is there need of the header where the policy asks for
	// nothing else in it. Nil: the token is in the header.
	Token *DetachedToken
}

// Verify verifies and decrypts a request. It grafts plaintext into env.Doc; env
// belongs to the [Message] afterwards, and stays the caller's after an error. Where
// [xmltext.Options].Overwrite allows it, a plaintext of 1 MiB or more stands in the
// place of its ciphertext in the source. The error is an [*Error]; [FaultFor]
// returns the fault that answers it.
func (p *Processor) Verify(ctx context.Context, env *soap.Envelope, ch Channel) (*Message, error) {
	return p.verify(ctx, env, ch, nil)
}

// VerifyReply verifies and decrypts the reply to a request that
// [Processor.ProtectRequest] made. The error is an [*Error]. Peers that cannot
// or will not protect a fault send it in clear: the error then wraps an
// [*UnprotectedFault] that holds it.
func (p *Processor) VerifyReply(ctx context.Context, env *soap.Envelope, req *Request, ch Channel) (*Message, error) {
	fault, inClear := env.Fault() // before anything is decrypted
	m, err := p.verify(ctx, env, ch, req)
	var e *Error
	if inClear && errors.As(err, &e) {
		e.Err = &UnprotectedFault{Fault: fault, Err: e.Err}
	}
	return m, err
}
