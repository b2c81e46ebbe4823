package door

import (
	"context"
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// OneOf is the door of a route that accepts several policies. It lets nothing in
// by itself: each message goes to the one door that it was made for.
type OneOf struct {
	doors  []*Security
	choice *wssec.Choice
}

// NewOneOf makes a OneOf. Its doors have to be such that each message is for one
// of them at most.
func NewOneOf(doors ...*Security) (*OneOf, error) {
	o := &OneOf{doors: doors}
	var names []string
	for _, d := range doors {
		names = append(names, d.Name())
	}
	var err error
	if o.choice, err = wssec.NewChoice(names, o.Policies()); err != nil {
		return nil, fmt.Errorf("door: %w", err)
	}
	return o, nil
}

// Name returns the names of all doors.
func (o *OneOf) Name() string {
	var names []string
	for _, d := range o.doors {
		names = append(names, d.Name())
	}
	return strings.Join(names, ", ")
}

// Policies returns those of all doors.
func (o *OneOf) Policies() []wssec.Policy {
	var all []wssec.Policy
	for _, d := range o.doors {
		all = append(all, d.Policies()...)
	}
	return all
}

// Choose returns the door that a message was made for, by what it carries in
// clear. That door has to be satisfied; no other is asked.
func (o *OneOf) Choose(env *soap.Envelope) (Door, error) {
	i, err := o.choice.Of(env)
	if err != nil {
		return nil, err
	}
	return o.doors[i], nil
}

// Admit is that of the door that the message was made for.
func (o *OneOf) Admit(ctx context.Context, in Arrival) (Admitted, error) {
	d, err := o.Choose(in.Envelope)
	if err != nil {
		return nil, err
	}
	return d.Admit(ctx, in)
}

// AnsweredLate is that of any door: an error knows itself which key it is about.
func (o *OneOf) AnsweredLate(err error) { o.doors[0].AnsweredLate(err) }
