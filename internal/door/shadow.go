package door

import (
	"context"

	"github.com/wssgate/wssgate/wssec"
)

// Shadow is the [Door] of a route that tries a policy before it is enforced. It
// admits every SOAP message as received, its Security header included, and
// authenticates nobody, as [None] does. Beside it stands the door that would be
// enforced. What that door says reaches neither the backend nor the client.
type Shadow struct {
	none
	tried Door
}

// NewShadow returns the Shadow of a door. The door must share no replay store, token
// cache, key guard or security context with one that is enforced: whatever it
// remembers of a message would be held against that message elsewhere.
func NewShadow(tried Door) *Shadow { return &Shadow{tried: tried} }

// Name returns "shadow of" and the name of the door that is tried.
func (s *Shadow) Name() string { return "shadow of " + s.tried.Name() }

// Choose returns s.
func (s *Shadow) Choose(Arrival) (Door, error) { return s, nil }

// Policies returns none: nothing is required of a message.
func (s *Shadow) Policies() []wssec.Policy { return nil }

// Admit admits the message as received.
func (s *Shadow) Admit(_ context.Context, in Arrival) (Admitted, error) {
	return shadowed{asReceived{env: in.Envelope}}, nil
}

// Tried returns the door that is tried.
func (s *Shadow) Tried() Door { return s.tried }

// shadowed is a message that a Shadow has admitted. Its envelope is still needed
// when the exchange is over.
type shadowed struct{ asReceived }

// Release does nothing: the trial has the envelope.
func (shadowed) Release() {}
