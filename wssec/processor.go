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
// Add enters id and reports true, or false if it is there already; the two are
// one atomic step. An entry is kept at least until expires. On error nothing is
// accepted.
type ReplayCache interface {
	Add(ctx context.Context, id [32]byte, expires time.Time) (added bool, err error)
}

// ClientReplayCache is a ReplayCache in which clients have shares, so that no
// client takes the room of all others; a Processor uses AddFor where there is
// one. An error whose ErrorCode is not empty is logged under that code.
type ClientReplayCache interface {
	ReplayCache
	// AddFor is Add of an id that client, as name@REALM, has proved to come
	// from. It fails when the client has its share.
	AddFor(ctx context.Context, client string, id [32]byte, expires time.Time) (added bool, err error)
}

// addReplay enters an id of the token's client in the replay store.
func (p *Processor) addReplay(ctx context.Context, tok *CachedToken, id [32]byte, expires time.Time) (bool, error) {
	if p.cfg.Replay == nil {
		return false, errors.New("this Processor is a client's and has no ReplayCache (Config.Replay)")
	}
	if shares, ok := p.cfg.Replay.(ClientReplayCache); ok {
		return shares.AddFor(ctx, tok.Name+"@"+tok.Realm, id, expires)
	}
	return p.cfg.Replay.Add(ctx, id, expires)
}

// Config is what a Processor works with. All of it must be safe for concurrent
// use.
type Config struct {
	// Verifier verifies the tokens of requests. It may be nil in a Processor of
	// a client.
	Verifier TokenVerifier
	// Replay is where signature values are entered, such as a *replay.Memory.
	// It is required beside a Verifier if the policy checks them; a client
	// needs none, as each of its requests has one reply.
	Replay ReplayCache
	// Tokens is where Message.Remember keeps tokens of clients that send theirs
	// once. Nil: a memory cache of its own. Do not share one among Processors:
	// a token accepted on one route would be accepted on another. Scopes of one
	// MemoryTokenCache share its memory.
	Tokens TokenCache
	// Guard suspends keys that messages name by a hash and then fail too often.
	// Nil: one of its own. Share one among all Processors: a key is the same on
	// each route.
	Guard *KeyGuard
	// ReplyHeaders says what is done with a reply's header blocks that the
	// policy neither signs nor encrypts, where it protects replies. The zero
	// value leaves them out.
	ReplyHeaders HeaderRule
	// ContentPrefixes says what is done with qualified names in signed content
	// whose prefix no digest covers. The zero value accepts them.
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
	// Reserve, if not nil, is asked before Verify and Protect allocate what
	// grows with the message: plaintext, its index, the reply. The context is
	// that of the call; octets is negative for memory that is no longer held.
	// What is left in the end the Message holds, or the octets that Protect
	// appended; after an error it is nothing.
	Reserve func(ctx context.Context, octets int) error
}

// Processor applies one Policy. It is immutable and safe for concurrent use.
type Processor struct {
	policy    Policy
	suite     Suite
	qnames    []xmltext.Name // of Config.QNames
	signature xmldsig.SignatureMethod
	cfg       Config

	// encryptedSignatureShape is signatureShape; the program that attacks, in
	// internal/gateway, clears it.
	encryptedSignatureShape xmlenc.Shape
}

// NewProcessor makes a Processor; the error says what is wrong with the policy
// or what it needs and the Config lacks.
func NewProcessor(p Policy, c Config) (*Processor, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	p = p.withDefaults()
	if p.MessageReplay == SwitchOn && c.Replay == nil && c.Verifier != nil {
		return nil, errors.New("wssec: Config.Replay is nil and the policy has message-replay on: a service needs a ReplayCache, " +
			"such as replay.NewMemory makes; a client, without Config.Verifier, needs none")
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
		encryptedSignatureShape: signatureShape(),
	}, nil
}

// Policy returns the policy with its defaults filled in.
func (p *Processor) Policy() Policy { return p.policy }

// Channel is what the caller knows of the transport that a message came over.
type Channel struct {
	TLS    bool   // it is TLS, ended by us
	Client string // address of the peer, for the Askers of errors; may be empty
	// Bindings are the application data of its channel bindings (RFC 5929, RFC
	// 9266), for the Verifier. None: what a token is bound to cannot be this
	// channel.
	Bindings [][]byte
}

// Verify verifies and decrypts a request. It grafts plaintext into env.Doc; env
// belongs to the Message afterwards. The error is an *Error; [FaultFor] says
// what to answer.
func (p *Processor) Verify(ctx context.Context, env *soap.Envelope, ch Channel) (*Message, error) {
	return p.verify(ctx, env, ch, nil)
}

// VerifyReply verifies and decrypts the reply to a request that ProtectRequest
// made. Peers that cannot or will not protect a fault send it in clear: the
// error then wraps an [UnprotectedFault] with what it says.
func (p *Processor) VerifyReply(ctx context.Context, env *soap.Envelope, req *Request, ch Channel) (*Message, error) {
	fault, inClear := env.Fault() // before anything is decrypted
	m, err := p.verify(ctx, env, ch, req)
	var e *Error
	if inClear && errors.As(err, &e) {
		e.Err = &UnprotectedFault{Fault: fault, Err: e.Err}
	}
	return m, err
}
