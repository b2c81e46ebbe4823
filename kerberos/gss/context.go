package gss

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// A Mechanism is a context's mechanism: Kerberos, alone or negotiated by
// SPNEGO.
type Mechanism string

const (
	MechanismAny    Mechanism = ""       // acceptor: the initiator's choice; initiator: SPNEGO
	MechanismSPNEGO Mechanism = "spnego" // RFC 4178
	MechanismKRB5   Mechanism = "krb5"   // RFC 4121 tokens without SPNEGO
)

// Limits of a context that is being established.
const (
	maxLegs        = 8 // tokens received; real negotiations have at most three
	defaultMaxOpen = 2 * time.Minute
)

// An AcceptConfig configures an acceptor's context. The zero value is ready to
// use: any mechanism, an acceptor's subkey, no check of channel bindings,
// delegated credentials ignored.
type AcceptConfig struct {
	// Mechanism restricts the mechanisms that are accepted.
	Mechanism Mechanism
	// NoAcceptorSubkey leaves the subkey out of the AP-REP, as Java and some
	// others do. By default a new subkey of ours protects messages, as with MIT
	// and Windows. RC4 never has one, since its tokens cannot name it.
	NoAcceptorSubkey bool
	// BindingRule is the rule for channel bindings, and ChannelBindings the
	// application data of ours: "tls-server-end-point:" and the hash of the
	// certificate (RFC 5929 4). Several are alternatives, such as the
	// certificates before and after a renewal. Addresses are not supported.
	BindingRule     BindingRule
	ChannelBindings [][]byte
	// Delegation decrypts a credential that the client delegates and keeps it
	// for [Context.Delegated]. Otherwise it is ignored, and the context has no
	// [kerberos.GSSDeleg] flag.
	Delegation bool
	// SealedRRC and IntegrityRRC are as in [MessageConfig].
	SealedRRC, IntegrityRRC uint16
	// MaxOpen is how long establishing the context may take, at this and other
	// nodes. 0 means 2 minutes.
	MaxOpen time.Duration
	// StateBinding is what an exported state is bound to, such as a purpose and
	// a route. The state can be resumed only with the same StateBinding,
	// [BindingRule], Delegation and MaxOpen. With "", contexts cannot be
	// exported or resumed.
	StateBinding string
}

func (cfg *AcceptConfig) check() error {
	if !slices.Contains([]Mechanism{MechanismAny, MechanismSPNEGO, MechanismKRB5}, cfg.Mechanism) {
		return fmt.Errorf("kerberos: mechanism %q is none of spnego, krb5", cfg.Mechanism)
	}
	if err := cfg.BindingRule.check(); err != nil {
		return err
	}
	if cfg.MaxOpen < 0 {
		return fmt.Errorf("kerberos: %v is no time to establish a context in", cfg.MaxOpen)
	}
	return nil
}

// A Context is a GSS-API security context (RFC 2743 1.2.2), of the acceptor or
// the initiator, with the krb5 mechanism (RFC 4121), by itself or negotiated
// with SPNEGO (RFC 4178). It is half-open until [Context.Step] returns done;
// then it makes and checks per-message tokens. One goroutine at a time may call
// Step; an established context is safe for concurrent use. It never prints a
// key.
type Context struct {
	acceptor *Acceptor           // nil for an initiator
	accept   AcceptConfig        // acceptor's
	ticket   kerberos.Credential // initiator's
	init     InitConfig
	now      func() time.Time

	mu    sync.Mutex
	state contextState
	made  time.Time // when the first token was received or sent
	legs  int       // tokens received
	neg   *negotiation
	krb5  *krb5Context // nil until the krb5 mechanism has begun (initiator) or is done (acceptor)
}

type contextState int

const (
	stateHalfOpen contextState = iota
	stateEstablished
	stateFailed
)

// krb5Context is the result of the krb5 mechanism.
type krb5Context struct {
	auth           *Authentication // acceptor's
	flags          uint32          // GSS… bits in force
	session        etype.Key
	key            etype.Key // initiator's subkey, else the session key
	acceptorSubkey etype.Key // zero if there is none
	send, receive  uint32
	bound          bool      // to a channel, by its bindings
	ctime          time.Time // of the initiator's authenticator
	waiting        bool      // initiator: for AP-REP
	messages       *MessageProtection
}

// effective returns the key that protects messages (RFC 4121 2).
func (k *krb5Context) effective() etype.Key {
	if !k.acceptorSubkey.IsZero() {
		return k.acceptorSubkey
	}
	return k.key
}

// protect sets messages, once keys and sequence numbers are known.
func (k *krb5Context) protect(acceptor bool, sealedRRC, integrityRRC uint16) (err error) {
	order := AnyOrder
	switch {
	case k.flags&kerberos.GSSSequence != 0:
		order = InSequence
	case k.flags&kerberos.GSSReplay != 0:
		order = NoReplay
	}
	k.messages, err = NewMessageProtection(MessageConfig{
		Key: k.key, AcceptorSubkey: k.acceptorSubkey, Acceptor: acceptor,
		SendSequence: k.send, ReceiveSequence: k.receive, Order: order,
		SealedRRC: sealedRRC, IntegrityRRC: integrityRRC,
	})
	return err
}

// NewContext returns an acceptor's context for one client, which accepts the
// services of this view (see [Acceptor.ForServices]). The first [Context.Step]
// returns an error if cfg is invalid.
func (a *Acceptor) NewContext(cfg AcceptConfig) *Context {
	return &Context{acceptor: a, accept: cfg, now: a.cfg.Time}
}

// Step takes the peer's next token and returns the reply to send, if any
// (GSS_Accept_sec_context and GSS_Init_sec_context, RFC 2743 2.2). An
// initiator's first call has no token; an acceptor without a first token
// replies with its mechanisms (NegTokenInit2, MS-SPNG 3.2.5.2). If done, the
// context is established, and a reply must still be sent. With an error the
// context has failed for good, and a reply beside the error tells the peer the
// reason that it may know: a KRB-ERROR, a reject of SPNEGO, or both. Errors are
// [*kerberos.Error], ctx's, or about the configuration. Step does not retain
// token.
func (c *Context) Step(ctx context.Context, token []byte) (reply []byte, done bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != stateHalfOpen {
		return nil, false, kerberos.Errorf(kerberos.CodeContextState,
			"the context is established or has failed, and takes no more tokens")
	}
	reply, done, err = c.step(ctx, token)
	switch {
	case err != nil:
		c.state, c.krb5 = stateFailed, nil
		return reply, false, err
	case done:
		c.state = stateEstablished
	}
	return reply, done, nil
}

func (c *Context) step(ctx context.Context, token []byte) (reply []byte, done bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	if len(token) > kerberos.MaxTokenBytes {
		return nil, false, kerberos.Errorf(kerberos.CodeTokenTooLarge, "token of %d octets, limit %d",
			len(token), kerberos.MaxTokenBytes)
	}
	if c.legs++; c.legs > maxLegs {
		return nil, false,
			kerberos.Errorf(kerberos.CodeNegotiation, "more than %d tokens and the context is not established", maxLegs)
	}
	if c.acceptor == nil {
		return c.stepInitiator(token)
	}
	return c.stepAcceptor(ctx, token)
}

// stepAcceptor chooses the mechanism by the initiator's first token.
func (c *Context) stepAcceptor(ctx context.Context, token []byte) (reply []byte, done bool, err error) {
	if c.made.IsZero() {
		if err := c.accept.check(); err != nil {
			return nil, false, err
		}
		c.made = c.now()
	}
	if open := c.now().Sub(c.made); open > c.accept.maxOpen() {
		return nil, false, kerberos.Errorf(kerberos.CodeContextState, "the context has been half-open for %v, limit %v",
			open.Round(time.Second), c.accept.maxOpen())
	}
	spnego := c.neg != nil
	if !spnego {
		if spnego, err = isSPNEGO(token); err != nil {
			return nil, false, err
		}
	}
	switch {
	case spnego && c.accept.Mechanism == MechanismKRB5:
		return nil, false, kerberos.Errorf(kerberos.CodeSPNEGO, "client speaks SPNEGO; Kerberos without it is wanted here")
	case spnego:
		return c.acceptSPNEGO(ctx, token)
	case c.accept.Mechanism == MechanismSPNEGO:
		return nil, false,
			kerberos.Errorf(kerberos.CodeMechanism, "client speaks Kerberos without SPNEGO; SPNEGO is wanted here")
	}
	reply, err = c.acceptKRB5(ctx, token)
	return reply, err == nil, err
}

func (cfg *AcceptConfig) maxOpen() time.Duration {
	if cfg.MaxOpen == 0 {
		return defaultMaxOpen
	}
	return cfg.MaxOpen
}

// isSPNEGO reports whether an initiator's first token is of SPNEGO, and not of
// Kerberos. The error says what else it is.
func isSPNEGO(token []byte) (bool, error) {
	switch {
	case len(token) == 0 || token[0] == der.TagContext(0):
		return true, nil
	case token[0] == der.TagContext(1):
		return false, kerberos.Errorf(kerberos.CodeNegotiation,
			"a NegTokenResp before any NegTokenInit: the negotiation that it belongs to is not known here")
	case token[0] != der.TagApplication(0):
		_, err := krbmsg.Unframe(token)
		if err == nil {
			err = kerberos.Errorf(kerberos.CodeTokenMalformed, "a bare AP-REQ where a GSS-API token belongs")
		}
		return false, err
	}
	oid, _, err := krbmsg.ReadFrame(token)
	if err != nil {
		return false, &kerberos.Error{Code: kerberos.CodeTokenMalformed, Detail: "token is not a GSS-API token", Err: err}
	}
	return string(oid) == krbmsg.OIDSPNEGO, nil
}

// acceptKRB5 accepts an AP-REQ in its frame (RFC 4121 4.1.1) and returns the
// AP-REP, if the client wants one. With an error it may return a KRB-ERROR.
func (c *Context) acceptKRB5(ctx context.Context, token []byte) (reply []byte, err error) {
	raw, err := krbmsg.UnframeGSS(token)
	if err != nil {
		return nil, err
	}
	g := gssAcceptance{cfg: &c.accept}
	auth, err := c.acceptor.accept(ctx, raw, &g, c.accept.ChannelBindings)
	if err != nil {
		return c.errorToken(&g, err), err
	}
	f := auth.Facts()
	k := &krb5Context{
		auth: auth, flags: g.flags, session: auth.session, key: auth.key,
		send: f.SeqNumber, receive: f.SeqNumber, ctime: f.ClientTime,
		bound: f.ChannelBound,
	}
	auth.credentials.Delegated = g.delegated
	if g.delegated != nil {
		k.flags |= kerberos.GSSDeleg
	}
	if k.flags&kerberos.GSSMutual != 0 {
		if reply, err = c.mutual(k); err != nil {
			return nil, err
		}
	}
	c.krb5 = k
	return reply, k.protect(true, c.accept.SealedRRC, c.accept.IntegrityRRC)
}

// mutual returns the AP-REP (RFC 4121 4.1.2), with our subkey and our first
// sequence number.
func (c *Context) mutual(k *krb5Context) ([]byte, error) {
	if !c.accept.NoAcceptorSubkey && k.key.Etype() != etype.RC4 {
		var err error
		if k.acceptorSubkey, err = etype.GenerateKey(k.key.Etype()); err != nil {
			return nil, err
		}
	}
	k.send = krbmsg.InitialSequence()
	rep := krbmsg.EncAPRepPart{CTime: k.ctime, Subkey: k.acceptorSubkey, SeqNumber: k.send}
	return krbmsg.AppendFrame(nil, krbmsg.TokAPREP, rep.AppendAPRep(nil, k.session)), nil
}

// errorToken returns the KRB-ERROR that tells the client the reason (RFC 4121
// 4.1.3), or nil. Without mutual authentication the client's mechanism waits
// for no token, and MIT's takes one for a fault even inside SPNEGO.
func (c *Context) errorToken(g *gssAcceptance, err error) []byte {
	var refusal *kerberos.Error
	if !g.parsed || !errors.As(err, &refusal) || g.req.Options&krbmsg.APMutualRequired == 0 {
		return nil
	}
	return krbmsg.AppendFrame(nil, krbmsg.TokError,
		krbmsg.AppendKRBError(nil, krbmsg.KRBErrorOf(refusal.Code), c.now(), g.req.Realm, g.req.SName))
}
