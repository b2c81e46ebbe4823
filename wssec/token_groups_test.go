package wssec_test

import (
	"context"
	"slices"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// memberOf adds groups to what another verifier accepts.
type memberOf struct {
	wssec.TokenVerifier
	groups []string
}

type member struct {
	wssec.VerifiedToken
	groups []string
}

func (m member) Groups() []string { return m.groups }

func (m memberOf) VerifyToken(ctx context.Context, token []byte, bindings [][]byte) (wssec.VerifiedToken, error) {
	t, err := m.TokenVerifier.VerifyToken(ctx, token, bindings)
	if err != nil {
		return nil, err
	}
	return member{t, m.groups}, nil
}

// A message has the groups of its client, also one that names its token by the
// hash.
func TestMessagesHaveTheGroupsOfTheirClient(t *testing.T) {
	ps := newPeers(t, symmetric(tokenOnce), nil)
	groups := []string{"S-1-5-21-1-2-3-512", "S-1-5-21-1-2-3-513"}
	cfg := ps.cfg
	cfg.Verifier = memberOf{cfg.Verifier, groups}
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
