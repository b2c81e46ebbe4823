package gss_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/seal"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/pac"
	"github.com/wssgate/wssgate/replay"
)

// TestAttackDowngrade: whoever is in between puts a mechanism before Kerberos, or takes one away. The client's MIC is
// over the list that it has sent.
func TestAttackDowngrade(t *testing.T) {
	sent := krbtest.MechTypes(krbtest.OIDMSKRB5, krbtest.OIDKRB5)
	for name, mic := range map[string]func(n *negotiator) []byte{
		"MIC over the client's own list": func(n *negotiator) []byte { return n.mic(sent) },
		"MIC stripped":                   func(*negotiator) []byte { return nil },
		"MIC garbled":                    func(n *negotiator) []byte { m := n.mic(otherFirst); m[len(m)-1] ^= 1; return m },
		"MIC empty":                      func(*negotiator) []byte { return []byte{} },
	} {
		t.Run("one way/"+name, func(t *testing.T) {
			n := requestMIC(t, oneWay)
			resp, done, err := n.step(krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq, MIC: mic(n)}.Token())
			wantRefusal(t, err, kerberos.CodeMechListMIC)
			if done || resp.State != krbtest.StateReject || resp.MIC != nil {
				t.Errorf("%+v", resp)
			}
		})
		t.Run("mutual/"+name, func(t *testing.T) {
			n := requestMIC(t, 0)
			resp, _, _ := n.step(krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq}.Token())
			n.finish(resp.ResponseToken)
			_, done, err := n.step(krbtest.NegTokenResp{State: 0, MIC: mic(n)}.Token())
			wantRefusal(t, err, kerberos.CodeMechListMIC)
			if done {
				t.Error("done")
			}
		})
	}
	t.Run("our own MIC reflected", func(t *testing.T) {
		n := requestMIC(t, 0)
		resp, _, _ := n.step(krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq}.Token())
		_, _, err := n.step(krbtest.NegTokenResp{State: 0, MIC: resp.MIC}.Token())
		wantRefusal(t, err, kerberos.CodeMechListMIC, "reflected")
	})
}

// A badService plays an acceptor of SPNEGO by hand against our initiator.
func badService(t *testing.T, flags uint32, answer func(apRep []byte, mic func(list []byte) []byte) krbtest.NegTokenResp) error {
	t.Helper()
	k := newKDC()
	a := newAcceptor(t, k, gss.AcceptorConfig{})
	i, err := gss.NewInitiatorContext(mustTicket(t, k), gss.InitConfig{GSSFlags: flags, Time: fixedTime})
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := i.Step(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	krb5 := a.NewContext(gss.AcceptConfig{Mechanism: gss.MechanismKRB5})
	apReq := token[bytes.Index(token, krbtest.OIDKRB5)+len(krbtest.OIDKRB5):] // behind the list
	apReq = apReq[bytes.Index(apReq, []byte{0x60}):]
	apRep, _, err := krb5.Step(t.Context(), apReq)
	if err != nil {
		t.Fatal(err)
	}
	resp := answer(apRep, func(list []byte) []byte {
		mic, err := krb5.MIC(list)
		if err != nil {
			t.Fatal(err)
		}
		return mic
	})
	_, done, err := i.Step(t.Context(), resp.Token())
	if done == (err != nil) && err != nil {
		t.Error("done with an error")
	}
	if err == nil && !done {
		return errors.New("not done")
	}
	return err
}

// TestAttackService: what a false or meddled service answers to our initiator.
func TestAttackService(t *testing.T) {
	list := krbtest.MechTypes(krbtest.OIDKRB5)
	good := func(apRep []byte) krbtest.NegTokenResp {
		return krbtest.NegTokenResp{State: krbtest.StateAcceptCompleted, SupportedMech: krbtest.OIDKRB5, ResponseToken: apRep}
	}
	for name, c := range map[string]struct {
		flags  uint32
		answer func(apRep []byte, mic func([]byte) []byte) krbtest.NegTokenResp
		want   kerberos.Code
	}{
		"good": {0, func(r []byte, _ func([]byte) []byte) krbtest.NegTokenResp { return good(r) }, ""},
		"good, with the MIC": {0, func(r []byte, mic func([]byte) []byte) krbtest.NegTokenResp {
			g := good(r)
			g.State, g.MIC = krbtest.StateAcceptIncomplete, mic(list)
			return g
		}, ""},
		"no state": {0, func(r []byte, _ func([]byte) []byte) krbtest.NegTokenResp {
			g := good(r)
			g.State = krbtest.StateAbsent
			return g
		}, ""},
		"AP-REP left out": {0, func([]byte, func([]byte) []byte) krbtest.NegTokenResp { return good(nil) }, kerberos.CodeMutual},
		"AP-REP altered": {0, func(r []byte, _ func([]byte) []byte) krbtest.NegTokenResp {
			r[len(r)-1] ^= 1
			return good(r)
		}, kerberos.CodeMutual},
		"AP-REP cut": {0, func(r []byte, _ func([]byte) []byte) krbtest.NegTokenResp { return good(r[:20]) }, kerberos.CodeTokenMalformed},
		"AP-REP that was not asked for": {oneWay, func([]byte, func([]byte) []byte) krbtest.NegTokenResp {
			return good(krbtest.Frame(nil, []byte{2, 0}, []byte{0x6f, 0}))
		}, kerberos.CodeMechanism},
		"another mechanism": {0, func(r []byte, _ func([]byte) []byte) krbtest.NegTokenResp {
			g := good(r)
			g.SupportedMech = krbtest.OIDNTLM
			return g
		}, kerberos.CodeNegotiation},
		"request-mic without one": {0, func(r []byte, _ func([]byte) []byte) krbtest.NegTokenResp {
			g := good(r)
			g.State = krbtest.StateRequestMIC
			return g
		}, "not done"},
		"MIC over another list": {0, func(r []byte, mic func([]byte) []byte) krbtest.NegTokenResp {
			g := good(r)
			g.MIC = mic(otherFirst)
			return g
		}, kerberos.CodeMechListMIC},
		"reject": {0, func([]byte, func([]byte) []byte) krbtest.NegTokenResp {
			return krbtest.NegTokenResp{State: krbtest.StateReject}
		}, kerberos.CodePeerRefused},
	} {
		t.Run(name, func(t *testing.T) {
			err := badService(t, c.flags, c.answer)
			switch {
			case c.want == "not done" && (err == nil || err.Error() != "not done"), c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && c.want != "not done":
				wantRefusal(t, err, c.want)
			}
		})
	}
}

// TestAttackAskAgain: a service that never takes a token gets two AP-REQs and no more.
func TestAttackAskAgain(t *testing.T) {
	i, err := gss.NewInitiatorContext(mustTicket(t, newKDC()), gss.InitConfig{Time: fixedTime})
	if err != nil {
		t.Fatal(err)
	}
	var token []byte
	ask := krbtest.NegTokenResp{State: krbtest.StateAcceptIncomplete, SupportedMech: krbtest.OIDKRB5}.Token()
	for range 2 {
		if _, done, err := i.Step(t.Context(), token); err != nil || done {
			t.Fatal(done, err)
		}
		token = ask
	}
	_, _, err = i.Step(t.Context(), ask)
	wantRefusal(t, err, kerberos.CodeNegotiation, "second AP-REQ")
}

// TestAttackAPRepOfAnotherRequest: an AP-REP under the same session key that answers an earlier AP-REQ.
func TestAttackAPRepOfAnotherRequest(t *testing.T) {
	k := newKDC()
	a, ticket := newAcceptor(t, k, gss.AcceptorConfig{}), mustTicket(t, k)
	cfg := gss.InitConfig{Mechanism: gss.MechanismKRB5, Time: fixedTime}
	first, second := newPair(t, a, ticket, cfg, gss.AcceptConfig{}), newPair(t, a, ticket, cfg, gss.AcceptConfig{})
	token, _, _ := first.initiator.Step(t.Context(), nil)
	recorded, _, err := first.acceptor.Step(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	second.initiator.Step(t.Context(), nil)
	_, _, err = second.initiator.Step(t.Context(), recorded)
	wantRefusal(t, err, kerberos.CodeMutual, "answers another request")
}

// TestAttackMessages: tokens of an established context that are replayed, reordered, reflected or of another context.
func TestAttackMessages(t *testing.T) {
	k := newKDC()
	a := newAcceptor(t, k, gss.AcceptorConfig{})
	p, other := newPair(t, a, mustTicket(t, k), gss.InitConfig{Time: fixedTime}, gss.AcceptConfig{}), newPair(t, a, mustTicket(t, k), gss.InitConfig{Time: fixedTime}, gss.AcceptConfig{})
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
		{"our own", wrap(p.acceptor), gss.ErrMessageDirection}, {"of another context", wrap(other.initiator), gss.ErrMessageIntegrity},
		{"second", second, nil},
	} {
		if _, _, err := p.acceptor.Unwrap(nil, step.token); !errors.Is(err, step.want) {
			t.Errorf("%s: %v, want %v", step.what, err, step.want)
		}
	}
}

// TestAttackReplayedContext: an AP-REQ opens one context, with or without SPNEGO around it.
func TestAttackReplayedContext(t *testing.T) {
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
		RealmSIDs: map[string][]pac.SID{"EXAMPLE.COM": {"S-1-5-21-11-22-33"}}}
	cfg.Replay = replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0), Time: cfg.Time})
	w.here, w.there = newAcceptor(t, k, cfg), newAcceptor(t, k, cfg)
	ticket, err := k.Ticket("alice", service, krbtest.TicketOptions{PAC: &krbtest.PACOptions{Logon: domainLogon()}})
	if err != nil {
		t.Fatal(err)
	}
	p := newPair(t, w.here, ticket, gss.InitConfig{Mechanism: gss.MechanismKRB5, Time: fixedTime, Delegate: delegate(t, k)}, quotes)
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

// TestContextMovesBetweenNodes: every leg of a negotiation lands at another node.
func TestContextMovesBetweenNodes(t *testing.T) {
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
	if f := n.acceptor.Facts(); f.Legs != 4 || !f.Made.Equal(now) || f.TicketEtype != 18 || n.acceptor.Authentication().Service() != service+"@EXAMPLE.COM" {
		t.Errorf("%+v", f)
	}
	if groups := n.acceptor.Authentication().Groups(); len(groups) != 3 || len(n.acceptor.Authentication().PAC().Withheld) != 2 || n.acceptor.Authentication().PAC().Logon.EffectiveName != "alice" {
		t.Errorf("groups %v", groups)
	}
	if d := n.acceptor.Delegated(); len(d) != 1 || d[0].SessionKey.IsZero() || d[0].Client.Name() != "alice" {
		t.Errorf("delegated: %d", len(d))
	}
}

// TestAttackExportedState: altered, presented again, at another route, too late, of another service, without its key.
func TestAttackExportedState(t *testing.T) {
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
	wantRefusal(t, resume(w.there, gss.AcceptConfig{StateBinding: "negotiation /orders"}, w.keys, state), kerberos.CodeContextState, "another route")
	wantRefusal(t, resume(w.there, quotes, seal.Random(), state), kerberos.CodeContextState)
	wantRefusal(t, resume(w.there.ForServices(other), quotes, w.keys, state), kerberos.CodeService, service)
	wantRefusal(t, resume(w.there, quotes, w.keys, make([]byte, 8*kerberos.MaxTokenBytes+1)), kerberos.CodeContextState, "limit")
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

// TestExportRefuses what no other node could go on with.
func TestExportRefuses(t *testing.T) {
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

// TestAttackHalfOpenForever: a negotiation ends in time, at one node too.
func TestAttackHalfOpenForever(t *testing.T) {
	w, n := newWorld(t)
	n.step(krbtest.NegTokenInit{MechTypes: otherFirst}.Token())
	w.clock = now.Add(3 * time.Minute)
	_, _, err := n.step(krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq}.Token())
	wantRefusal(t, err, kerberos.CodeContextState, "half-open for 3m0s, limit 2m0s")
}

// TestAttackChecksum: GSS-API checksums that are none, or announce what is not there.
func TestAttackChecksum(t *testing.T) {
	k := newKDC()
	flags := func(deleg byte, rest ...byte) []byte {
		return append([]byte{0: 16, 20: deleg, 23: 0}, rest...)
	}
	for name, c := range map[string]struct {
		cksum []byte
		want  kerberos.Code
	}{
		"good":                     {flags(0), ""},
		"extensions are ignored":   {flags(0, 0, 0, 0, 5, 0, 0, 0, 1, 9), ""},
		"short":                    {flags(0)[:23], kerberos.CodeAuthMalformed},
		"empty":                    {[]byte{}, kerberos.CodeAuthMalformed},
		"bindings of 17 octets":    {append([]byte{17}, flags(0)[1:]...), kerberos.CodeAuthMalformed},
		"delegation without":       {flags(1), kerberos.CodeAuthMalformed},
		"delegation, wrong option": {flags(1, 2, 0, 0, 0), kerberos.CodeAuthMalformed},
		"delegation, cut":          {flags(1, 1, 0, 9, 0, 0x76), kerberos.CodeAuthMalformed},
		"delegation, 64 kB":        {flags(1, 1, 0, 0xff, 0xff, 0x76), kerberos.CodeAuthMalformed},
		"delegation, no KRB-CRED":  {flags(1, 1, 0, 2, 0, 0x76, 0), kerberos.CodeAuthMalformed},
		"delegation, empty":        {flags(1, 1, 0, 0, 0), kerberos.CodeAuthMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			token, _ := mustToken(t, k, krbtest.TokenOptions{Checksum: c.cksum})
			_, _, err := newAcceptor(t, k, gss.AcceptorConfig{}).NewContext(gss.AcceptConfig{Delegation: true}).Step(t.Context(), token)
			if code(err) != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	t.Run("DCE style", func(t *testing.T) {
		token, _ := mustToken(t, k, krbtest.TokenOptions{GSSFlags: kerberos.GSSDCEStyle})
		_, _, err := newAcceptor(t, k, gss.AcceptorConfig{}).NewContext(gss.AcceptConfig{}).Step(t.Context(), token)
		wantRefusal(t, err, kerberos.CodeMechanism, "DCE style")
	})
}

// TestContextBeforeItIsEstablished gives nothing away and makes no messages.
func TestContextBeforeItIsEstablished(t *testing.T) {
	n := newNegotiator(t, 0, gss.AcceptConfig{})
	for _, c := range []*gss.Context{n.krb5, n.acceptor} {
		name, realm := c.Client()
		_, wrapErr := c.Wrap(nil, nil, true)
		_, _, unwrapErr := c.Unwrap(nil, nil)
		_, micErr := c.MIC(nil)
		for _, err := range []error{wrapErr, unwrapErr, micErr, c.VerifyMIC(nil, nil)} {
			wantRefusal(t, err, kerberos.CodeContextState)
		}
		if name+realm+c.Service() != "" || !c.Key().IsZero() || c.Flags() != 0 || !c.EndTime().IsZero() || c.Authentication() != nil || c.Delegated() != nil ||
			c.Established() || c.Facts() != (gss.ContextFacts{}) || fmt.Sprint(c) != "context that is not established" {
			t.Errorf("%v %+v", c, c.Facts())
		}
	}
}
