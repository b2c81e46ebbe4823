package door

import (
	"context"
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/wssec"
)

// OneOf is the [Door] of a route that accepts several policies. Each message is
// verified under the one policy that it was made for, and under no other.
type OneOf struct {
	doors  []Door
	choice *wssec.Choice
}

// NewOneOf returns a OneOf of doors with one policy each: [Security] and
// [Conversation]. It fails if one message could be made for two of them (see
// [wssec.NewChoice]).
func NewOneOf(doors ...Door) (*OneOf, error) {
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

// Name returns the names of all doors, separated by commas.
func (o *OneOf) Name() string {
	var names []string
	for _, d := range o.doors {
		names = append(names, d.Name())
	}
	return strings.Join(names, ", ")
}

// Policies returns the policies of all doors.
func (o *OneOf) Policies() []wssec.Policy {
	var all []wssec.Policy
	for _, d := range o.doors {
		all = append(all, d.Policies()...)
	}
	return all
}

// Choose returns the door that a message was made for, by what it carries in
// clear. It fails if there is none.
func (o *OneOf) Choose(in Arrival) (Door, error) {
	i, bootstrap, err := o.choice.Of(in.Envelope)
	if err != nil {
		return nil, err
	}
	if c, ok := o.doors[i].(*Conversation); ok && bootstrap {
		return bootstrapDoor{c}, nil
	}
	return o.doors[i], nil
}

// Admit calls Admit of the door that the message was made for.
func (o *OneOf) Admit(ctx context.Context, in Arrival) (Admitted, error) {
	d, err := o.Choose(in)
	if err != nil {
		return nil, err
	}
	return d.Admit(ctx, in)
}

// AnsweredLate calls AnsweredLate of one of the doors. Any of them will do: the
// error holds the key that it counts against.
func (o *OneOf) AnsweredLate(err error) { o.doors[0].AnsweredLate(err) }
