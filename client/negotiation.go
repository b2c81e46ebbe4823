package client

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// negotiated has a SecurityContextToken of a SPNEGO negotiation, one for all
// messages.
type negotiated struct {
	*poster
	suite   wssec.SuiteName
	context *sharedContext
}

func newNegotiated(p *poster, policy wssec.Policy) *negotiated {
	return &negotiated{poster: p, suite: policy.AlgorithmSuite, context: newSharedContext(p.cfg.Time)}
}

func (n *negotiated) token(ctx context.Context, v soap.Version) (wssec.OutgoingToken, error) {
	sc, err := n.context.get(ctx, func(ctx context.Context, _ *securityContext) (*securityContext, error) {
		return n.negotiate(ctx, v)
	})
	return wssec.OutgoingToken{Context: sc}, err
}

func (n *negotiated) refused(tok wssec.OutgoingToken) { n.context.drop(tok.Context) }

// close drops the context: those of negotiations are not cancelled (WCF's
// MustNotSendCancel).
func (n *negotiated) close(context.Context) error {
	n.context.take()
	return nil
}

// initiator begins a negotiation with a ticket for the service. Mutual
// authentication is left out where the service's token would not come.
func (n *negotiated) initiator(ctx context.Context) (*wstrust.Initiator, error) {
	ticket, err := n.cfg.Tickets.ServiceTicket(ctx, n.cfg.Service)
	if err != nil {
		return nil, err
	}
	bindings, err := n.cfg.bindings(ctx)
	if err != nil {
		return nil, err
	}
	delegate, err := n.cfg.delegated(ctx, &ticket)
	if err != nil {
		return nil, err
	}
	init := gss.InitConfig{ChannelBindings: bindings, Delegate: delegate, Time: n.cfg.Time}
	if n.cfg.NoAuthenticator {
		init.GSSFlags = kerberos.GSSReplay | kerberos.GSSSequence | kerberos.GSSConf | kerberos.GSSInteg
	}
	g, err := gss.NewInitiatorContext(ticket, init)
	if err != nil {
		return nil, err
	}
	return wstrust.NewInitiator(g, wstrust.InitiatorConfig{
		Version: n.cfg.Trust, AlgorithmSuite: n.suite, NoAuthenticator: n.cfg.NoAuthenticator, Time: n.cfg.Time,
	})
}

// negotiate goes through a negotiation. Its messages are plain: what is said in
// them protects itself.
func (n *negotiated) negotiate(ctx context.Context, v soap.Version) (*securityContext, error) {
	i, err := n.initiator(ctx)
	if err != nil {
		return nil, err
	}
	for body, err := i.Start(ctx); ; {
		if err != nil {
			return nil, negotiationError(err)
		}
		if sc := i.Established(); sc != nil {
			return sc, nil
		}
		var answer *soap.Envelope
		if answer, err = n.leg(ctx, v, i.Action(), body); err != nil {
			return nil, err
		}
		body, err = i.Step(ctx, answer)
	}
}

// leg sends a message of a negotiation and returns the answer.
func (n *negotiated) leg(ctx context.Context, v soap.Version, action string, body []byte) (*soap.Envelope, error) {
	m, err := n.trustMessage(v, kindNegotiation, action, body)
	if err != nil {
		return nil, err
	}
	got, err := n.post(ctx, m, m.Doc.Source())
	if err != nil {
		return nil, err
	}
	n.trace(Traced{Kind: m.kind, Status: got.status, Wire: got.wire, Plain: got.wire})
	if got.env == nil {
		return nil, negotiationError(errNothing)
	}
	if fault, ok := got.env.Fault(); ok {
		n.cfg.Tickets.Forget(n.cfg.Service) // the service may have got new keys
		return nil, &Error{Code: CodeRefused, Fault: fault, Status: got.status, tls: got.tls}
	}
	id := addressingText(m.Envelope, "MessageID")
	if to := addressingText(got.env, "RelatesTo"); to != "" && to != id {
		return nil, negotiationError(fmt.Errorf("the answer relates to %.100q, not to this request, %.100q", to, id))
	}
	return got.env, nil
}

var errNothing = errors.New("the service answers nothing")

// trustMessage makes an envelope around a message of WS-Trust. It has WS-Addressing
// header blocks in any case: services know such messages by their action.
func (c *poster) trustMessage(v soap.Version, kind, action string, body []byte) (outgoing, error) {
	var b strings.Builder
	fmt.Fprintf(&b, `<s:Envelope xmlns:s="%s"><s:Header></s:Header><s:Body>%s</s:Body></s:Envelope>`, v.Namespace(), body)
	env, err := soap.Parse([]byte(b.String()), xmltext.Options{})
	if err != nil {
		return outgoing{}, err
	}
	ns := c.cfg.Addressing
	if ns == "" {
		ns = soap.NSAddressing
	}
	env, err = addressed(env, ns, c.cfg.URL, action)
	return outgoing{Envelope: env, kind: kind, action: action}, err
}

// negotiationError makes the error of a negotiation or operation that went wrong.
func negotiationError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &Error{Code: CodeNetwork, Err: err}
	}
	return &Error{Code: CodeNegotiation, Err: err}
}
