package gss_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// A pair is an initiator's and an acceptor's context that have not spoken yet.
type pair struct {
	initiator, acceptor *gss.Context
}

func newPair(t testing.TB, a *gss.Acceptor, ticket kerberos.Credential, init gss.InitConfig,
	accept gss.AcceptConfig) pair {
	t.Helper()
	i, err := gss.NewInitiatorContext(ticket, init)
	if err != nil {
		t.Fatal(err)
	}
	return pair{i, a.NewContext(accept)}
}

// talk lets both sides step until both are done, or one refuses. It returns the
// number of tokens and the errors of both.
func (p pair) talk(t testing.TB) (tokens int, initErr, acceptErr error) {
	t.Helper()
	var token []byte
	iDone, aDone := false, false
	for range 12 {
		var reply []byte
		if !iDone {
			reply, iDone, initErr = p.initiator.Step(t.Context(), token)
		}
		if initErr != nil || reply == nil {
			break
		}
		if tokens++; aDone {
			t.Error("initiator sends a token to an acceptor that is done")
			break
		}
		token, aDone, acceptErr = p.acceptor.Step(t.Context(), reply)
		if token == nil {
			break
		}
		tokens++
	}
	if initErr == nil && acceptErr == nil && (!iDone || !aDone) {
		t.Errorf("initiator done %t, acceptor done %t after %d tokens", iDone, aDone, tokens)
	}
	return tokens, initErr, acceptErr
}

func (p pair) establish(t testing.TB) (tokens int) {
	t.Helper()
	tokens, initErr, acceptErr := p.talk(t)
	if initErr != nil || acceptErr != nil {
		t.Fatalf("initiator: %v, acceptor: %v", initErr, acceptErr)
	}
	return tokens
}

// exchange sends messages both ways and checks that both sides know the same.
func (p pair) exchange(t testing.TB) {
	t.Helper()
	if !p.initiator.Key().Equal(p.acceptor.Key()) || p.initiator.Flags() != p.acceptor.Flags() {
		t.Fatalf("initiator has %v, flags %#x; acceptor %v, flags %#x", p.initiator.Key(), p.initiator.Flags(),
			p.acceptor.Key(), p.acceptor.Flags())
	}
	if p.initiator.Groups() != nil {
		t.Error("an initiator has groups")
	}
	if name, realm := p.acceptor.Client(); name != "alice" || realm != "EXAMPLE.COM" ||
		p.initiator.Service() != p.acceptor.Service() {
		t.Errorf("acceptor has %v, initiator %v", p.acceptor, p.initiator)
	}
	for _, way := range []pair{{p.initiator, p.acceptor}, {p.acceptor, p.initiator}} {
		for n := range 5 {
			text := fmt.Appendf(nil, "message %d", n)
			token, err := way.initiator.Wrap(nil, text, n%2 == 0)
			if err != nil {
				t.Fatal(err)
			}
			if out, sealed, err := way.acceptor.Unwrap(nil, token); err != nil || !bytes.Equal(out, text) ||
				sealed != (n%2 == 0) {
				t.Fatalf("%q, sealed %t, %v", out, sealed, err)
			}
			mic, err := way.initiator.MIC(text)
			if err == nil {
				err = way.acceptor.VerifyMIC(text, mic)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestContextIsEstablished goes through mechanisms, encryption types, mutual
// authentication and subkeys of both sides.
func TestContextIsEstablished(t *testing.T) {
	t.Parallel()
	k := newKDC()
	a := newAcceptor(t, k, gss.AcceptorConfig{Etypes: allEtypes})
	for _, mechanism := range []gss.Mechanism{gss.MechanismSPNEGO, gss.MechanismKRB5} {
		for _, et := range allEtypes {
			ticket, err := k.Ticket("alice", service, krbtest.TicketOptions{Etype: et})
			if err != nil {
				t.Fatal(err)
			}
			for _, flags := range []uint32{0, kerberos.GSSInteg | kerberos.GSSConf} {
				for _, noSubkey := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/%d/%#x/%t", mechanism, et, flags, noSubkey), func(t *testing.T) {
						p := newPair(t, a, ticket,
							gss.InitConfig{Mechanism: mechanism, GSSFlags: flags, NoSubkey: noSubkey, Time: fixedTime},
							gss.AcceptConfig{NoAcceptorSubkey: noSubkey})
						tokens := p.establish(t)
						p.exchange(t)
						f := p.acceptor.Facts()
						mutual := flags == 0
						wantTokens := 2
						if mechanism == gss.MechanismKRB5 && !mutual {
							wantTokens = 1
						}
						if tokens != wantTokens || f.Mutual != mutual || f.SPNEGO != (mechanism == gss.MechanismSPNEGO) ||
							f.Mech != "krb5" ||
							f.AcceptorSubkey != (mutual && !noSubkey && et != etype.RC4) || f.ContextEtype != et || f.Subkey == noSubkey {
							t.Errorf("%d tokens, %+v", tokens, f)
						}
					})
				}
			}
		}
	}
}

// TestContextReturnsDelegatedCredential: a forwarded ticket-granting ticket
// arrives with its key, if Delegation is set.
func TestContextReturnsDelegatedCredential(t *testing.T) {
	t.Parallel()
	k := newKDC()
	tgt, err := k.Ticket("alice", "krbtgt/EXAMPLE.COM",
		krbtest.TicketOptions{Flags: kerberos.FlagForwarded | kerberos.FlagForwardable})
	if err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []bool{true, false} {
		p := newPair(t, newAcceptor(t, k, gss.AcceptorConfig{}), mustTicket(t, k),
			gss.InitConfig{Delegate: &tgt, Time: fixedTime}, gss.AcceptConfig{Delegation: wanted})
		p.establish(t)
		got := p.acceptor.Delegated()
		if !wanted {
			if got != nil || p.acceptor.Flags()&kerberos.GSSDeleg != 0 {
				t.Errorf("%d credentials that nobody asked for", len(got))
			}
			continue
		}
		if len(got) != 1 || p.acceptor.Flags()&kerberos.GSSDeleg == 0 {
			t.Fatalf("%d credentials, flags %#x", len(got), p.acceptor.Flags())
		}
		if c := got[0]; !bytes.Equal(c.Ticket, tgt.Ticket) || !c.SessionKey.Equal(tgt.SessionKey) ||
			c.Client.String() != "alice@EXAMPLE.COM" ||
			c.Service.String() != "krbtgt/EXAMPLE.COM@EXAMPLE.COM" || !c.EndTime.Equal(tgt.EndTime) {
			t.Errorf("%v to %v until %v", c.Client, c.Service, c.EndTime)
		}
	}
}

// TestContextReportsReasonToClient: a client that proved itself learns the
// reason, one that did not learns little.
func TestContextReportsReasonToClient(t *testing.T) {
	t.Parallel()
	k := newKDC()
	old, _ := k.Ticket("alice", service, krbtest.TicketOptions{})
	other := krbtest.New(krbtest.Config{Time: fixedTime})
	other.AddService(service)
	wrongKey, _ := other.Ticket("alice", service, krbtest.TicketOptions{})
	for _, c := range []struct {
		name   string
		ticket kerberos.Credential
		time   time.Time
		want   string
	}{
		{"skew", old, now.Add(10 * time.Minute), "KRB_AP_ERR_SKEW"},
		{"wrong key", wrongKey, now, "KRB_AP_ERR_MODIFIED"},
	} {
		for _, mechanism := range []gss.Mechanism{gss.MechanismSPNEGO, gss.MechanismKRB5} {
			p := newPair(t, newAcceptor(t, k, gss.AcceptorConfig{}), c.ticket, gss.InitConfig{Mechanism: mechanism,
				Time: func() time.Time { return c.time }}, gss.AcceptConfig{})
			_, initErr, acceptErr := p.talk(t)
			if acceptErr == nil {
				t.Fatal("accepted")
			}
			var said *kerberos.KRBError
			if !errors.As(initErr, &said) || kerberos.KRBErrorName(said.Code) != c.want || !said.Time.Equal(now) ||
				said.Service+"@"+said.Realm != service+"@EXAMPLE.COM" {
				t.Errorf("%s, %s: initiator has %v", c.name, mechanism, initErr)
			}
		}
	}
}

func mustTicket(t testing.TB, k *krbtest.KDC) kerberos.Credential {
	t.Helper()
	ticket, err := k.Ticket("alice", service, krbtest.TicketOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

// TestContextRestrictsMechanism: each mechanism can be demanded.
func TestContextRestrictsMechanism(t *testing.T) {
	t.Parallel()
	for _, want := range []gss.Mechanism{gss.MechanismAny, gss.MechanismKRB5, gss.MechanismSPNEGO} {
		for _, sent := range []gss.Mechanism{gss.MechanismKRB5, gss.MechanismSPNEGO} {
			k := newKDC()
			p := newPair(t, newAcceptor(t, k, gss.AcceptorConfig{}), mustTicket(t, k),
				gss.InitConfig{Mechanism: sent, Time: fixedTime}, gss.AcceptConfig{Mechanism: want})
			if _, _, err := p.talk(t); (err == nil) != (want == gss.MechanismAny || want == sent) {
				t.Errorf("%q wanted, %q sent: %v", want, sent, err)
			}
		}
	}
	for _, cfg := range []gss.AcceptConfig{{Mechanism: "ntlm"}, {BindingRule: "never"}, {MaxOpen: -1}} {
		n := newNegotiator(t, 0, cfg)
		if _, _, err := n.acceptor.Step(t.Context(), n.apReq); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
}
