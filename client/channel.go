package client

import (
	"context"
	"errors"

	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// A channel sends messages under one policy and verifies their replies.
type channel struct {
	*poster
	processor *wssec.Processor
	source    source
}

// A source has the tokens of a channel's messages. It is safe for concurrent use.
type source interface {
	// token returns the token of one message, which is of a SOAP version.
	token(ctx context.Context, v soap.Version) (wssec.OutgoingToken, error)
	// refused is called with the token of a message that was answered by a fault
	// in clear: the service may not know it any more.
	refused(tok wssec.OutgoingToken)
	close(ctx context.Context) error
}

// newChannel makes the channel of a policy, with the source that it asks for.
func newChannel(p *poster, policy wssec.Policy) (*channel, error) {
	cfg := p.cfg
	if cfg.Replay == nil && policy.ClientToken() != wssec.KerberosToken {
		cfg.Replay = replay.NewMemory(replay.MemoryConfig{Time: cfg.Time})
	}
	processor, err := wssec.NewProcessor(policy, wssec.Config{Time: cfg.Time, Replay: cfg.Replay, Reserve: reserveIn})
	if err != nil {
		return nil, err
	}
	c := &channel{poster: p, processor: processor}
	switch tokenOf(policy) {
	case wssec.SpnegoContextToken:
		c.source = newNegotiated(p, processor.Policy())
	case wssec.SecureConversationToken:
		c.source, err = newConversation(c, *policy.Bootstrap)
	default:
		c.source = kerberosTokens{cfg}
	}
	return c, err
}

// tokenOf returns the type of the token that a policy asks of a client.
func tokenOf(p wssec.Policy) wssec.TokenType {
	for _, t := range p.SupportingTokens {
		return t.Token
	}
	return p.ProtectionToken
}

// A verified is a reply that was verified, with its message.
type verified struct {
	*Reply
	message *wssec.Message
}

// call sends a message under a token of the channel's.
func (c *channel) call(ctx context.Context, m outgoing) (*verified, error) {
	tok, err := c.source.token(ctx, m.Version)
	if err != nil {
		return nil, tokenError(err)
	}
	return c.callWith(ctx, m, tok)
}

// callWith sends a message under a token. The reply is nil of Message when the
// service has none.
func (c *channel) callWith(ctx context.Context, m outgoing, tok wssec.OutgoingToken) (*verified, error) {
	if c.cfg.TokenTo != nil {
		m.token, tok.Omit = tok.Token, true
	}
	wire, sent, err := c.processor.ProtectRequest(nil, m.Envelope, tok)
	if err != nil {
		return nil, &Error{Code: CodeMessage, Err: err}
	}
	got, err := c.post(ctx, m, wire)
	if err != nil {
		return nil, err
	}
	if got.env == nil {
		c.trace(Traced{Kind: m.kind, Status: got.status})
		return &verified{Reply: &Reply{Status: got.status}}, nil
	}
	reply, err := c.open(ctx, m, got, sent, tok)
	if e, ok := errors.AsType[*Error](err); ok && (e.Code == CodeRefused || tok.Context != nil && endsContext(e.Fault)) {
		c.source.refused(tok)
	}
	return reply, err
}

// open verifies and decrypts a reply. Nothing of it is used before.
func (c *channel) open(ctx context.Context, m outgoing, got *answer, sent *wssec.Request,
	tok wssec.OutgoingToken) (*verified, error) {
	msg, err := c.processor.VerifyReply(ctx, got.env, sent, wssec.Channel{TLS: got.tls})
	if err == nil {
		// Under a security context the key does not tie a reply to its request.
		err = relates(m.Envelope, msg, tok.Context != nil && c.processor.Policy().ProtectsReplies())
	}
	if err != nil {
		c.trace(Traced{Kind: m.kind, Status: got.status, Wire: got.wire})
		return nil, replyError(err, got)
	}
	// Services mark blocks of WS-Addressing as mandatory, also where nothing protects
	// them; relates has looked at them.
	err = m.room.take(len(got.wire))
	if err != nil {
		return nil, c.noSOAP(m, got, err)
	}
	plain, err := msg.AppendForward(nil, wssec.Forwarding{Understands: soap.IsAddressingHeader, UltimateReceiver: true})
	if err != nil {
		return nil, &Error{Code: CodeUnverified, Err: err, Status: got.status}
	}
	c.trace(Traced{Kind: m.kind, Status: got.status, Wire: got.wire, Plain: plain})
	reply := &Reply{Message: plain, Version: m.Version, Status: got.status}
	if fault, ok := msg.Envelope().Fault(); ok {
		return nil, c.fault(fault, reply, got)
	}
	return &verified{reply, msg}, nil
}

// fault returns the error for a reply that is a fault. Where the policy leaves
// replies to the channel, and the channel is not TLS, nothing authenticates it.
func (c *channel) fault(f *soap.Fault, reply *Reply, got *answer) *Error {
	if !got.tls && !c.processor.Policy().ProtectsReplies() {
		return &Error{Code: CodeRefused, Fault: f, Status: got.status}
	}
	return &Error{Code: CodeFault, Fault: f, Reply: reply, Status: got.status}
}

// endsContext reports whether a verified fault says that its context is of no
// more use (WS-SecureConversation §8). WCF protects RenewNeeded and
// SecuritySessionAborted like any reply.
func endsContext(f *soap.Fault) bool {
	if f == nil {
		return false
	}
	switch f.Subcode.Space {
	case wssec.NSWSC05, wssec.NSWSC13:
		return f.Subcode.Local == "RenewNeeded" || f.Subcode.Local == "BadContextToken"
	case nsMicrosoft:
		return f.Subcode.Local == "SecuritySessionAborted"
	}
	return false
}

// nsMicrosoft is the namespace of WCF's own faults.
const nsMicrosoft = "http://schemas.microsoft.com/ws/2006/05/security"

// tokenError makes the error of a token that could not be had.
func tokenError(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: CodeTicket, Err: err}
}
