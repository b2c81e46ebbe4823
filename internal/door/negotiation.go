package door

import (
	"context"
	"errors"
	"log/slog"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// Negotiation is the door of a route on which clients negotiate their
// SecurityContextTokens with SPNEGO (WS-Trust 1.3 §9). It answers the legs of
// negotiations, and leaves all other messages to the door behind it.
type Negotiation struct {
	legs negotiating
	Door
}

// NewNegotiation makes a Negotiation in front of a door. With needsTLS it
// refuses negotiations over plain HTTP: who sees one knows the name of the
// context, which may be all that messages have to prove.
func NewNegotiation(n *wstrust.Negotiator, needsTLS bool, behind Door) *Negotiation {
	return &Negotiation{negotiating{n, needsTLS}, behind}
}

// Choose returns the door of negotiations for a leg of one, else what the door
// behind it chooses.
func (n *Negotiation) Choose(in Arrival) (Door, error) {
	if n.legs.Recognizes(in.Envelope, in.Action) {
		return n.legs, nil
	}
	return n.Door.Choose(in)
}

// Admit takes a leg of a negotiation, or is that of the door behind it.
func (n *Negotiation) Admit(ctx context.Context, in Arrival) (Admitted, error) {
	d, err := n.Choose(in)
	if err != nil {
		return nil, err
	}
	return d.Admit(ctx, in)
}

// negotiating is the door of the legs alone.
type negotiating struct {
	*wstrust.Negotiator
	needsTLS bool
}

func (negotiating) Name() string                   { return "negotiation" }
func (negotiating) Policies() []wssec.Policy       { return nil }
func (n negotiating) Choose(Arrival) (Door, error) { return n, nil }
func (negotiating) AnsweredLate(error)             {}

func (n negotiating) Admit(ctx context.Context, in Arrival) (Admitted, error) {
	if n.needsTLS && !in.Channel.TLS {
		return nil, &wssec.Error{Code: wssec.CodeTransport,
			Err: errors.New("a negotiation for a policy that relies on TLS came without")}
	}
	l, err := n.Step(ctx, in.Envelope, in.Channel)
	if err != nil {
		return nil, err
	}
	return &leg{Leg: l, env: in.Envelope}, nil
}

// leg is a message of a negotiation. The client is known with the last.
type leg struct {
	*wstrust.Leg
	env *soap.Envelope
}

func (*leg) byDoor() {}

func (l *leg) Principal() (name, realm string, known bool) {
	if !l.Established() {
		return "", "", false
	}
	name, realm = l.Client()
	return name, realm, true
}

// Caller returns no client: nothing of a leg goes further.
func (*leg) Caller() Caller { return Caller{} }

func (*leg) Answers() bool                                { return true }
func (l *leg) Answer(ctx context.Context) ([]byte, error) { return l.Reply(ctx) }
func (l *leg) Envelope() *soap.Envelope                   { return l.env }
func (l *leg) Release()                                   { l.env.Release() }
func (*leg) Covers(xmltext.Node) bool                     { return false }
func (*leg) ForwardSize() int                             { return 0 }
func (*leg) ProtectSize(*soap.Envelope) int               { return 0 }
func (*leg) Authorized(context.Context) error             { return nil }

func (*leg) AppendForward(dst []byte, _ wssec.Forwarding) ([]byte, error) {
	return dst, errors.New("door: a leg of a negotiation is not for the backend")
}

// Protect returns the answer as it is: a negotiation protects itself.
func (*leg) Protect(_ context.Context, _ []byte, reply *soap.Envelope, _ ...xmltext.Node) ([]byte, error) {
	return source(reply), nil
}

// ProtectOwn is Protect.
func (l *leg) ProtectOwn(ctx context.Context, dst []byte, reply *soap.Envelope) ([]byte, error) {
	return l.Protect(ctx, dst, reply)
}

func (l *leg) Notes() (stages, notes []slog.Attr) {
	return nil, []slog.Attr{slog.Int("leg", l.Number()), slog.Bool("established", l.Established())}
}
