package door

import (
	"context"
	"errors"

	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// Conversation is the door of messages under SecurityContextTokens that were
// negotiated, or issued under a bootstrap policy (WS-SecureConversation §3). It
// answers the requests to issue, renew and cancel them. A context is renewed by a message
// under it, or by one under the bootstrap policy that it endorses, as WCF does.
type Conversation struct {
	*Security // of the messages under the contexts
	bootstrap *Security
	issuer    *wstrust.Issuer
}

// NewConversation makes the door of the messages under contexts, with that of
// the messages that ask for one; nil if contexts are negotiated.
func NewConversation(messages, bootstrap *Security, i *wstrust.Issuer) *Conversation {
	return &Conversation{messages, bootstrap, i}
}

// Choose returns c: a [OneOf] sends what is for the bootstrap policy elsewhere.
func (c *Conversation) Choose(Arrival) (Door, error) { return c, nil }

// Admit verifies a message under a context. A request to renew or cancel that
// context is answered here.
func (c *Conversation) Admit(ctx context.Context, in Arrival) (Admitted, error) {
	v, err := c.verify(ctx, in)
	if err != nil {
		return nil, err
	}
	op, ours, err := c.issuer.Operation(v.Envelope(), in.Action)
	switch {
	case err != nil:
		return nil, err
	case !ours:
		return v, nil
	case op.Type() == wstrust.Issue:
		return nil, wrongPolicy("asks for a SecurityContextToken under one")
	}
	return &operation{v, c.issuer, op}, nil
}

// bootstrapDoor is the door of the messages that ask for a context, or to renew
// one that endorses them, and of no others.
type bootstrapDoor struct{ *Conversation }

func (b bootstrapDoor) Name() string { return b.bootstrap.Name() }

func (b bootstrapDoor) Choose(Arrival) (Door, error) { return b, nil }

func (b bootstrapDoor) Admit(ctx context.Context, in Arrival) (Admitted, error) {
	v, err := b.bootstrap.verify(ctx, in)
	if err != nil {
		return nil, err
	}
	op, ours, err := b.issuer.Operation(v.Envelope(), in.Action)
	switch {
	case err != nil:
		return nil, err
	case !ours || op.Type() == wstrust.Cancel:
		return nil, wrongPolicy("is under the bootstrap policy and does not ask to issue or renew a SecurityContextToken")
	}
	return &operation{v, b.issuer, op}, nil
}

func wrongPolicy(what string) error {
	return &wssec.Error{Code: wssec.CodePolicyMismatch, Err: errors.New("the message " + what)}
}

// operation is a verified request to issue, renew or cancel a context.
type operation struct {
	*verified
	issuer *wstrust.Issuer
	op     *wstrust.Operation
}

func (*operation) Answers() bool { return true }

func (o *operation) Answer(ctx context.Context) ([]byte, error) {
	return o.issuer.Answer(ctx, o.Message, o.op)
}
