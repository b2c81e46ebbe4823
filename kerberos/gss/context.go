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

// A Mechanism is what a context speaks: Kerberos alone, or Kerberos negotiated by SPNEGO.
type Mechanism string

const (
	MechanismAny    Mechanism = ""       // acceptor: what the initiator speaks. Initiator: SPNEGO
	MechanismSPNEGO Mechanism = "spnego" // RFC 4178
	MechanismKRB5   Mechanism = "krb5"   // RFC 4121 tokens without SPNEGO
)

// Limits of a context that is being established.
const (
	maxLegs        = 8 // tokens received; real negotiations have three at most
	defaultMaxOpen = 2 * time.Minute
)

// An AcceptConfig configures an acceptor's context. The zero value is ready: any mechanism, an acceptor's subkey, no
// look at channel bindings, delegated credentials left alone.
type AcceptConfig struct {
	// Mechanism restricts what is accepted.
	Mechanism Mechanism
	// NoAcceptorSubkey leaves the subkey out of the AP-REP, as Java and some others do. With a subkey, as MIT and Windows
	// have it, a fresh key of ours protects messages; there never is one for RC4, whose tokens cannot name it.
	NoAcceptorSubkey bool
	// BindingRule is what is demanded of channel bindings, and ChannelBindings the application data of those that are
	// ours: "tls-server-end-point:" and the hash of the certificate (RFC 5929 4). Several are alternatives, such as the
	// certificates before and after a renewal. Addresses are not supported.
	BindingRule     BindingRule
	ChannelBindings [][]byte
	// Delegation decrypts a credential that the client delegates and keeps it for Context.Delegated. Otherwise it is
	// not looked at, and the context has no kerberos.GSSDeleg flag.
	Delegation bool
	// SealedRRC and IntegrityRRC are as in MessageConfig.
	SealedRRC, IntegrityRRC uint16
	// MaxOpen is how long establishing the context may take, at this and other nodes. 0 means 2 minutes.
	MaxOpen time.Duration
	// StateBinding is what an exported state is bound to, a purpose and a route: it can be resumed only by a config with
	// the same, and the same BindingRule, Delegation and MaxOpen. Without one, nothing is exported and nothing resumed.
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

// A Context is a GSS-API security context (RFC 2743 1.2.2), of the acceptor or the initiator, with the krb5 mechanism
// (RFC 4121), by itself or negotiated with SPNEGO (RFC 4178). It is half-open until Step says that it is done; then
// per-message tokens can be made, and read those of the peer. One goroutine at a time may call Step; all else is safe
// for concurrent use once it is done. It never prints a key.
type Context struct {
	acceptor *Acceptor           // nil: initiator
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

// krb5Context is what the krb5 mechanism has come to.
type krb5Context struct {
	auth           *Authentication // acceptor's
	flags          uint32          // GSS… bits in force
	session        etype.Key
	key            etype.Key // initiator's subkey, else the session key
	acceptorSubkey etype.Key // zero without
	send, receive  uint32
	bound          bool // by channel bindings
	delegated      []kerberos.Credential
	ctime          time.Time // of the initiator's authenticator
	waiting        bool      // initiator: for AP-REP
	messages       *MessageProtection
}

// effective is the key that protects messages (RFC 4121 2).
func (k *krb5Context) effective() etype.Key {
	if !k.acceptorSubkey.IsZero() {
		return k.acceptorSubkey
	}
	return k.key
}

// protect makes the per-message protection, once keys and numbers are known.
func (k *krb5Context) protect(acceptor bool, sealedRRC, integrityRRC uint16) (err error) {
	order := AnyOrder
	switch {
	case k.flags&kerberos.GSSSequence != 0:
		order = InSequence
	case k.flags&kerberos.GSSReplay != 0:
		order = NoReplay
	}
	k.messages, err = NewMessageProtection(MessageConfig{Key: k.key, AcceptorSubkey: k.acceptorSubkey, Acceptor: acceptor,
		SendSequence: k.send, ReceiveSequence: k.receive, Order: order, SealedRRC: sealedRRC, IntegrityRRC: integrityRRC})
	return err
}

// NewContext makes an acceptor's context for one client, as this view accepts it (see ForServices). A mistake in cfg is
// told by the first Step.
func (a *Acceptor) NewContext(cfg AcceptConfig) *Context {
	return &Context{acceptor: a, accept: cfg, now: a.cfg.Time}
}

// Step takes the peer's next token and returns the one to send. An initiator's first call has no token; an acceptor
// that gets none at first answers with its mechanisms (NegTokenInit2, MS-SPNG 3.2.5.2). When done, the context is
// established; a reply, if there is one, is still to be sent. With an error the context has failed for good, and a
// reply beside the error tells the peer why, as far as that is its business: a KRB-ERROR, a reject of SPNEGO, or both.
// Errors are *kerberos.Error, except that of a done ctx and mistakes in the configuration. Nothing of token is kept.
func (c *Context) Step(ctx context.Context, token []byte) (reply []byte, done bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != stateHalfOpen {
		return nil, false, kerberos.Errorf(kerberos.CodeContextState, "the context is established or has failed, and takes no more tokens")
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
		return nil, false, kerberos.Errorf(kerberos.CodeTokenTooLarge, "token of %d octets, limit %d", len(token), kerberos.MaxTokenBytes)
	}
	if c.legs++; c.legs > maxLegs {
		return nil, false, kerberos.Errorf(kerberos.CodeNegotiation, "more than %d tokens and the context is not established", maxLegs)
	}
	if c.acceptor == nil {
		return c.stepInitiator(token)
	}
	return c.stepAcceptor(ctx, token)
}

// stepAcceptor looks at the first token to see what the initiator speaks.
func (c *Context) stepAcceptor(ctx context.Context, token []byte) (reply []byte, done bool, err error) {
	if c.made.IsZero() {
		if err := c.accept.check(); err != nil {
			return nil, false, err
		}
		c.made = c.now()
	}
	if open := c.now().Sub(c.made); open > c.accept.maxOpen() {
		return nil, false, kerberos.Errorf(kerberos.CodeContextState, "the context has been half-open for %v, limit %v", open.Round(time.Second), c.accept.maxOpen())
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
		return nil, false, kerberos.Errorf(kerberos.CodeMechanism, "client speaks Kerberos without SPNEGO; SPNEGO is wanted here")
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

// isSPNEGO tells SPNEGO from Kerberos by an initiator's first token, and names what is neither.
func isSPNEGO(token []byte) (bool, error) {
	switch {
	case len(token) == 0 || token[0] == der.TagContext(0):
		return true, nil
	case token[0] == der.TagContext(1):
		return false, kerberos.Errorf(kerberos.CodeNegotiation, "a NegTokenResp before any NegTokenInit: the negotiation that it belongs to is not known here")
	case token[0] != der.TagApplication(0):
		_, err := krbmsg.Unframe(token)
		if err == nil {
			err = kerberos.Errorf(kerberos.CodeTokenMalformed, "a bare AP-REQ where a GSS-API token belongs")
		}
		return false, err
	}
	p := der.Parser{In: "GSS-API token"}
	body := p.Whole(token, der.TagApplication(0), "frame")
	oid := p.Next(&body, der.TagOID, "mechanism")
	if p.Err != nil {
		return false, &kerberos.Error{Code: kerberos.CodeTokenMalformed, Detail: "token is not a GSS-API token", Err: p.Err}
	}
	return string(oid) == krbmsg.OIDSPNEGO, nil
}

// acceptKRB5 accepts an AP-REQ in its frame (RFC 4121 4.1.1) and gives the AP-REP, if the client wants one. Beside an
// error it gives the KRB-ERROR.
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
	k := &krb5Context{auth: auth, flags: g.flags, session: auth.session, key: auth.key, bound: auth.facts.ChannelBound, delegated: g.delegated,
		send: f.SeqNumber, receive: f.SeqNumber, ctime: f.ClientTime}
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

// mutual makes the AP-REP (RFC 4121 4.1.2), with a subkey of ours and our own first sequence number.
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

// errorToken is the KRB-ERROR that tells the client the reason (RFC 4121 4.1.3). Without mutual authentication the
// client's mechanism waits for no token, and MIT's takes one for a fault even inside SPNEGO.
func (c *Context) errorToken(g *gssAcceptance, err error) []byte {
	var refusal *kerberos.Error
	if !g.parsed || !errors.As(err, &refusal) || g.req.Options&krbmsg.APMutualRequired == 0 {
		return nil
	}
	return krbmsg.AppendFrame(nil, krbmsg.TokError, krbmsg.AppendKRBError(nil, krbmsg.KRBErrorOf(refusal.Code), c.now(), g.req.Realm, g.req.SName))
}
