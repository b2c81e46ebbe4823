package gss_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/seal"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/pac"
	"github.com/wssgate/wssgate/replay"
)

// TestResumeRejectsStateUnderOtherRules: a context that was begun under other
// rules is not continued under these.
func TestResumeRejectsStateUnderOtherRules(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*gss.AcceptConfig){
		"bindings required":  func(c *gss.AcceptConfig) { c.BindingRule = gss.BindingsRequired },
		"bindings looked at": func(c *gss.AcceptConfig) { c.BindingRule = gss.BindingsWhenPresent },
		"no delegation":      func(c *gss.AcceptConfig) { c.Delegation = false },
		"another time limit": func(c *gss.AcceptConfig) { c.MaxOpen = time.Hour },
		"binding goes on":    func(c *gss.AcceptConfig) { c.StateBinding += " " },
	} {
		t.Run(name, func(t *testing.T) {
			w, n := newWorld(t)
			n.step(krbtest.NegTokenInit{MechTypes: otherFirst}.Token())
			n.step(krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq}.Token())
			state, err := n.acceptor.Export(w.keys)
			if err != nil {
				t.Fatal(err)
			}
			cfg := quotes
			change(&cfg)
			_, err = w.there.Resume(t.Context(), cfg, w.keys, state)
			wantRefusal(t, err, kerberos.CodeContextState)
			cfg = quotes
			cfg.MaxOpen = 2 * time.Minute // which is the default
			if _, err := w.there.Resume(t.Context(), cfg, w.keys, state); err != nil {
				t.Error(err)
			}
		})
	}
}

// A countingStore counts what it remembers.
type countingStore struct {
	gss.ReplayStore
	added int
}

func (s *countingStore) Add(ctx context.Context, id [32]byte, expires time.Time) (bool, error) {
	s.added++
	return s.ReplayStore.Add(ctx, id, expires)
}

// TestResumeRecordsOnlyStatesWithClient: unverified clients take no room in the
// replay store.
func TestResumeRecordsOnlyStatesWithClient(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t)
	k := newKDC()
	store := &countingStore{ReplayStore: replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0),
		Time: fixedTime})}
	a := newAcceptor(t, k, gss.AcceptorConfig{Replay: store})
	n.acceptor = a.NewContext(quotes)
	for range 2 { // the hint, then the choice
		n.step(krbtest.NegTokenInit{MechTypes: otherFirst}.Token())
		for range 5 {
			state, err := n.acceptor.Export(w.keys)
			if err == nil {
				n.acceptor, err = a.Resume(t.Context(), quotes, w.keys, state)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if store.added != 0 {
			t.Fatalf("%d entries", store.added)
		}
		n.acceptor = a.NewContext(quotes)
		n.acceptor.Step(t.Context(), nil)
	}
}

// A world is an acceptor at two nodes that share a replay store and state keys.
type world struct {
	here, there *gss.Acceptor
	keys        seal.Keys
	clock       time.Time
}

func newWorld(t *testing.T) (*world, *negotiator) {
	t.Helper()
	w := &world{keys: seal.Random(), clock: now}
	k := newKDC()
	cfg := gss.AcceptorConfig{Time: func() time.Time { return w.clock }, Keytab: k.Keytab(nil), PAC: gss.PACRequired,
		RealmSIDs:  map[string][]pac.SID{"EXAMPLE.COM": {"S-1-5-21-11-22-33"}},
		DeniedSIDs: []pac.SID{"S-1-5-21-11-22-33-1104"}}
	cfg.Replay = replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0), Time: cfg.Time})
	w.here, w.there = newAcceptor(t, k, cfg), newAcceptor(t, k, cfg)
	ticket, err := k.Ticket("alice", service, krbtest.TicketOptions{PAC: &krbtest.PACOptions{Logon: domainLogon()}})
	if err != nil {
		t.Fatal(err)
	}
	p := newPair(t, w.here, ticket,
		gss.InitConfig{Mechanism: gss.MechanismKRB5, Time: fixedTime, Delegate: delegate(t, k)}, quotes)
	apReq, _, err := p.initiator.Step(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return w, &negotiator{t, p.initiator, apReq, p.acceptor}
}

var quotes = gss.AcceptConfig{StateBinding: "negotiation /quotes", Delegation: true}

func delegate(t *testing.T, k *krbtest.KDC) *kerberos.Credential {
	t.Helper()
	tgt, err := k.Ticket("alice", "krbtgt/EXAMPLE.COM", krbtest.TicketOptions{Flags: kerberos.FlagForwarded})
	if err != nil {
		t.Fatal(err)
	}
	return &tgt
}

// move takes the negotiation to the other node.
func (w *world) move(t *testing.T, n *negotiator) {
	t.Helper()
	state, err := n.acceptor.Export(w.keys)
	if err != nil {
		t.Fatal(err)
	}
	if n.acceptor, err = w.there.Resume(t.Context(), quotes, w.keys, state); err != nil {
		t.Fatal(err)
	}
}

// TestResumeContinuesAtAnotherNode: every leg of a negotiation lands at another
// node.
func TestResumeContinuesAtAnotherNode(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t)
	n.acceptor.Step(t.Context(), nil)
	w.move(t, n)
	n.step(krbtest.NegTokenInit{MechTypes: otherFirst}.Token())
	w.move(t, n)
	resp, _, err := n.step(krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq}.Token())
	if err != nil {
		t.Fatal(err)
	}
	n.finish(resp.ResponseToken)
	if err := n.krb5.VerifyMIC(otherFirst, resp.MIC); err != nil {
		t.Fatal(err)
	}
	w.move(t, n)
	if _, done, err := n.step(krbtest.NegTokenResp{State: 0, MIC: n.mic(otherFirst)}.Token()); err != nil || !done {
		t.Fatal(done, err)
	}
	n.check("MS-krb5", true)
	if f := n.acceptor.Facts(); f.Legs != 4 || !f.Made.Equal(now) || f.TicketEtype != 18 ||
		n.acceptor.Authentication().Service() != service+"@EXAMPLE.COM" {
		t.Errorf("%+v", f)
	}
	if groups := n.acceptor.Groups(); len(groups) != 4 || groups[3] != "S-1-5-21-11-22-33-1104" ||
		len(n.acceptor.Authentication().PAC().Withheld) != 2 ||
		n.acceptor.Authentication().PAC().Logon.EffectiveName != "alice" {
		t.Errorf("groups %v", groups)
	}
	if d := n.acceptor.Delegated(); len(d) != 1 || d[0].SessionKey.IsZero() || d[0].Client.Name() != "alice" {
		t.Errorf("delegated: %d", len(d))
	}
}

// TestResumeRejectsBadStates: altered, presented again, at another route, too
// late, of another service, without its key.
func TestResumeRejectsBadStates(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t)
	n.step(krbtest.NegTokenInit{MechTypes: otherFirst}.Token())
	n.step(krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq}.Token())
	acceptor := n.acceptor
	state, err := acceptor.Export(w.keys)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := acceptor.Step(t.Context(), nil); code(err) != kerberos.CodeContextState {
		t.Errorf("the context goes on after its export: %v", err)
	}
	resume := func(a *gss.Acceptor, cfg gss.AcceptConfig, keys seal.Keys, state []byte) error {
		_, err := a.Resume(t.Context(), cfg, keys, state)
		return err
	}
	for i := range state {
		altered := bytes.Clone(state)
		altered[i] ^= 0x10
		wantRefusal(t, resume(w.there, quotes, w.keys, altered), kerberos.CodeContextState)
	}
	wantRefusal(t, resume(w.there, gss.AcceptConfig{StateBinding: "negotiation /orders"}, w.keys, state),
		kerberos.CodeContextState, "another route")
	wantRefusal(t, resume(w.there, quotes, seal.Random(), state), kerberos.CodeContextState)
	wantRefusal(t, resume(w.there.ForServices(other), quotes, w.keys, state), kerberos.CodeService, service)
	wantRefusal(t, resume(w.there, quotes, w.keys, make([]byte, 8*kerberos.MaxTokenBytes+1)),
		kerberos.CodeContextState, "limit")
	w.clock = now.Add(2*time.Minute + time.Second)
	wantRefusal(t, resume(w.there, quotes, w.keys, state), kerberos.CodeContextState, "limit 2m0s")
	w.clock = now.Add(time.Minute)
	if err := resume(w.there, quotes, w.keys, state); err != nil {
		t.Fatal(err)
	}
	for _, a := range []*gss.Acceptor{w.there, w.here} {
		wantRefusal(t, resume(a, quotes, w.keys, state), kerberos.CodeContextState, "continued from this state before")
	}
}

// TestExportRejectsOtherContexts: contexts that no other node could continue.
func TestExportRejectsOtherContexts(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t)
	if _, err := n.krb5.Export(w.keys); code(err) != kerberos.CodeContextState {
		t.Errorf("an initiator's context: %v", err)
	}
	if _, err := n.acceptor.Export(w.keys); code(err) != kerberos.CodeContextState {
		t.Errorf("a context that has not begun: %v", err)
	}
	n.acceptor.Step(t.Context(), n.apReq)
	if _, err := n.acceptor.Export(w.keys); code(err) != kerberos.CodeContextState || !n.acceptor.Established() {
		t.Errorf("an established context: %v", err)
	}
	w, n = newWorld(t)
	n.acceptor.Step(t.Context(), nil)
	if _, err := n.acceptor.Export(seal.Keys{}); err == nil {
		t.Error("exported without a key")
	}
	n = newNegotiator(t, 0, gss.AcceptConfig{})
	n.acceptor.Step(t.Context(), nil)
	if _, err := n.acceptor.Export(w.keys); err == nil {
		t.Error("exported without a binding")
	}
	if _, err := w.here.Resume(t.Context(), gss.AcceptConfig{}, w.keys, nil); err == nil {
		t.Error("resumed without a binding")
	}
}
