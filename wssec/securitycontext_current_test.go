package wssec_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/wssec"
)

// A node that holds a context in memory takes messages under the key of a renewal
// that another node has just made, before it hears of that. Nothing that is refused
// otherwise is taken.
func TestARenewalIsKnownAtOnceWhereTheContextIsHeld(t *testing.T) {
	t.Parallel()
	// Where the store cannot say what is there now.
	refusal := map[bool]wssec.Code{false: wssec.CodeContextStore, true: wssec.CodeContextInstance}
	for _, sealed := range []bool{false, true} {
		t.Run(fmt.Sprint("sealed ", sealed), func(t *testing.T) {
			t.Parallel()
			n := newSealedNodes(t)
			kept := n.memory()
			held := &heldStore{Memory: kept, held: map[string][]byte{}}
			kind := func(c *wssec.ContextsConfig) { c.Sealed = sealed }
			here, there := n.node(held, kind), n.node(kept, kind)
			renewed := func(sc wssec.SecurityContext, instance string) wssec.SecurityContext {
				next := n.renewed(sc, instance)
				if err := there.Renew(t.Context(), next); err != nil {
					t.Fatal(err)
				}
				if sealed {
					next = n.withCookie(there, next)
				}
				return next
			}
			first := contextOf(wssec.SecureConversationToken, n.now)
			if err := there.Issue(t.Context(), first); err != nil {
				t.Fatal(err)
			}
			if sealed {
				first = n.withCookie(there, first)
			}
			n.expect(here, first, "")
			second := renewed(first, "urn:2")
			n.expect(here, second, "")
			third := renewed(second, "urn:3")
			n.expect(here, third, "")
			n.expect(here, first, wssec.CodeContextInstance)
			n.now = n.now.Add(5 * time.Minute)
			n.expect(here, second, wssec.CodeContextInstance)
			held.broken = errors.New("the store is dead")
			n.expect(n.node(held, kind, func(c *wssec.ContextsConfig) { c.GoOnWithoutStore = true }), second, refusal[sealed])
			held.broken = nil
			asked := held.asked
			if n.expect(here, third, ""); asked == 0 || held.asked != asked {
				t.Errorf("asked for what is there now %d times, and for a message of no change %d times", asked,
					held.asked-asked)
			}
		})
	}
}

// A heldStore returns what it has read once, until it is asked for what is there
// now.
type heldStore struct {
	*store.Memory
	held   map[string][]byte
	asked  int
	broken error // of what is there now
}

func (s *heldStore) Get(ctx context.Context, id string) ([]byte, error) {
	if b, ok := s.held[id]; ok {
		return b, nil
	}
	b, err := s.Memory.Get(ctx, id)
	if b != nil {
		s.held[id] = b
	}
	return b, err
}

func (s *heldStore) Current(ctx context.Context, id string) ([]byte, error) {
	s.asked++
	if s.broken != nil {
		return nil, s.broken
	}
	delete(s.held, id)
	return s.Memory.Get(ctx, id)
}
