package wssec_test

import (
	"context"
	"slices"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// memberOf tells groups with what another verifier accepts.
type memberOf struct {
	wssec.TicketVerifier
	groups []string
}

type member struct {
	wssec.Ticket
	groups []string
}

func (m member) Groups() []string { return m.groups }

func (m memberOf) VerifyTicket(ctx context.Context, token []byte) (wssec.Ticket, error) {
	t, err := m.TicketVerifier.VerifyTicket(ctx, token)
	if err != nil {
		return nil, err
	}
	return member{t, m.groups}, nil
}

// A message has the groups of its client, also one that names its token by the hash.
func TestMessagesHaveTheGroupsOfTheirClient(t *testing.T) {
	ps := newPeers(t, symmetric(tokenOnce), nil)
	groups := []string{"S-1-5-21-1-2-3-512", "S-1-5-21-1-2-3-513"}
	cfg := ps.cfg
	cfg.Tickets = memberOf{cfg.Tickets, groups}
	var err error
	if ps.service, err = wssec.NewProcessor(symmetric(tokenOnce), cfg); err != nil {
		t.Fatal(err)
	}
	for _, omit := range []bool{false, true} {
		ps.token.Omit = omit
		req, _ := ps.request(t, plainOrder)
		m, err := ps.verify(t, req)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(m.Groups(), []string{"S-1-5-21-1-2-3-512", "S-1-5-21-1-2-3-513"}) {
			t.Errorf("token left out %v: groups %q", omit, m.Groups())
		}
		groups[0] = "S-1-5-21-1-2-3-500" // what was verified does not change with it
	}
}
