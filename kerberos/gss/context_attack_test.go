package gss_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// TestContextRejectsBadMessages: tokens of an established context that are
// replayed, reordered, reflected or of another context.
func TestContextRejectsBadMessages(t *testing.T) {
	t.Parallel()
	k := newKDC()
	a := newAcceptor(t, k, gss.AcceptorConfig{})
	p, other := newPair(t, a, mustTicket(t, k), gss.InitConfig{Time: fixedTime}, gss.AcceptConfig{}),
		newPair(t, a, mustTicket(t, k), gss.InitConfig{Time: fixedTime}, gss.AcceptConfig{})
	p.establish(t)
	other.establish(t)
	wrap := func(c *gss.Context) []byte {
		token, err := c.Wrap(nil, []byte("x"), true)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	first, second := wrap(p.initiator), wrap(p.initiator)
	for _, step := range []struct {
		what  string
		token []byte
		want  error
	}{
		{"ahead of its turn", second, gss.ErrMessageGap}, {"first", first, nil}, {"replayed", first, gss.ErrMessageReplay},
		{"our own", wrap(p.acceptor), gss.ErrMessageDirection},
		{"of another context", wrap(other.initiator), gss.ErrMessageIntegrity},
		{"second", second, nil},
	} {
		if _, _, err := p.acceptor.Unwrap(nil, step.token); !errors.Is(err, step.want) {
			t.Errorf("%s: %v, want %v", step.what, err, step.want)
		}
	}
}

// TestContextRejectsReplayedTokens: an AP-REQ opens one context, with or
// without SPNEGO around it.
func TestContextRejectsReplayedTokens(t *testing.T) {
	t.Parallel()
	n := newNegotiator(t, oneWay, gss.AcceptConfig{})
	k := newKDC()
	a := newAcceptor(t, k, gss.AcceptorConfig{})
	i, _ := gss.NewInitiatorContext(mustTicket(t, k), gss.InitConfig{Mechanism: gss.MechanismKRB5, Time: fixedTime})
	token, _, _ := i.Step(t.Context(), nil)
	if _, _, err := a.NewContext(gss.AcceptConfig{}).Step(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	n.acceptor = a.NewContext(gss.AcceptConfig{})
	_, _, err := n.step(krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(krbtest.OIDKRB5), MechToken: token}.Token())
	wantRefusal(t, err, kerberos.CodeReplay)
}

// TestContextRejectsLateTokens: a negotiation ends in time, at one node too.
func TestContextRejectsLateTokens(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t)
	n.step(krbtest.NegTokenInit{MechTypes: otherFirst}.Token())
	w.clock = now.Add(3 * time.Minute)
	_, _, err := n.step(krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq}.Token())
	wantRefusal(t, err, kerberos.CodeContextState, "half-open for 3m0s, limit 2m0s")
}

// TestContextHidesKeysInRefusals: a client without a key gets the same answer
// for key versions that we have and others.
func TestContextHidesKeysInRefusals(t *testing.T) {
	t.Parallel()
	k := newKDC()
	stranger := krbtest.New(krbtest.Config{Time: fixedTime})
	stranger.AddService(service)
	a := newAcceptor(t, k, gss.AcceptorConfig{})
	for name, o := range map[string]krbtest.TicketOptions{
		"version that we have": {}, "version that we have not": {WrittenKvno: 77},
	} {
		ticket, err := stranger.Ticket("alice", service, o)
		if err != nil {
			t.Fatal(err)
		}
		p := newPair(t, a, ticket, gss.InitConfig{Time: fixedTime}, gss.AcceptConfig{})
		_, initErr, acceptErr := p.talk(t)
		if acceptErr == nil || initErr == nil || !strings.Contains(initErr.Error(), "KRB_AP_ERR_MODIFIED") {
			t.Errorf("%s: %v; client has %v", name, acceptErr, initErr)
		}
	}
}
