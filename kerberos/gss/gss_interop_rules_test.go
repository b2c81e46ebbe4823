package gss_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/seal"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/krbtest/gsspeer"
)

// TestInteropChannelBindings: a peer's bindings that are ours, others, and
// none, under each rule; then ours at a peer.
func TestInteropChannelBindings(t *testing.T) {
	const ours = "tls-server-end-point:\x01\x02 ours"
	service := gssService(18)
	withPeers(t, func(t *testing.T, w *gssWorld, p *gsspeer.Peer) {
		forms := []string{""}
		if p.Name == "Java" {
			forms = append(forms, ",tls") // with address type 0, as all others
		}
		for _, sent := range []string{"", ours, "tls-server-end-point:others"} {
			for _, rule := range []gss.BindingRule{gss.BindingsOff, gss.BindingsWhenPresent, gss.BindingsRequired} {
				for _, spnego := range []bool{true, false} {
					for _, form := range forms {
						t.Run(fmt.Sprintf("%s initiates/%q/%q/%t%s", p.Name, sent, rule, spnego, form), func(t *testing.T) {
							c := w.acceptor.NewContext(gss.AcceptConfig{BindingRule: rule, ChannelBindings: [][]byte{[]byte(ours)}})
							p.Begin(gsspeer.Begin{Service: service + "@EXAMPLE.COM", SPNEGO: spnego, Flags: "mutual" + form,
								Bindings: sent})
							_, err := fromPeer(t, p, c)
							refused := rule == gss.BindingsRequired && sent != ours || rule == gss.BindingsWhenPresent &&
								sent != ours && sent != ""
							if refused != (code(err) == kerberos.CodeBindings) || !refused &&
								(err != nil || c.Facts().ChannelBound != (sent == ours && rule != gss.BindingsOff)) {
								t.Errorf("%v, %+v", err, c.Facts())
							}
						})
					}
				}
			}
			for _, spnego := range []bool{true, false} {
				for _, form := range forms {
					t.Run(fmt.Sprintf("%s accepts/%q/%t%s", p.Name, sent, spnego, form), func(t *testing.T) {
						cfg := gss.InitConfig{Mechanism: gssKind{spnego: spnego}.mechanism()}
						if sent != "" {
							cfg.ChannelBindings = []byte(sent)
						}
						c := w.initiate(t, service, cfg)
						p.Begin(gsspeer.Begin{Accept: true, Bindings: ours, Flags: form})
						theirs, ourErr := toPeer(t, p, c)
						// MIT and Heimdal take a client that has none. Java
						// does not, and ours only when its own are for TLS.
						refused := sent != ours && (sent != "" || p.Name == "Java") || p.Name == "Java" && form == ""
						if (theirs != nil) != refused || !refused && ourErr != nil {
							t.Errorf("%s: %v; we: %v", p.Name, theirs, ourErr)
						}
					})
				}
			}
		}
	})
}

// TestInteropDelegation: with a credential that a peer delegates we get tickets
// in the client's name, and a peer does with ours.
func TestInteropDelegation(t *testing.T) {
	withPeers(t, func(t *testing.T, w *gssWorld, p *gsspeer.Peer) {
		for _, e := range mitEnctypes {
			for _, kind := range gssKinds {
				t.Run(fmt.Sprintf("%s initiates/%s/%s", p.Name, e.Name, kind), func(t *testing.T) {
					c := w.acceptor.NewContext(gss.AcceptConfig{Delegation: true})
					names, _ := kind.flags()
					p.Begin(gsspeer.Begin{Service: gssService(e.Etype) + "@EXAMPLE.COM", SPNEGO: kind.spnego, Flags: names +
						",delegate"})
					if theirs, ours := fromPeer(t, p, c); theirs != nil || ours != nil {
						t.Fatal(theirs, ours)
					}
					useDelegated(t, w, c)
				})
				t.Run(fmt.Sprintf("%s accepts/%s/%s", p.Name, e.Name, kind), func(t *testing.T) {
					tgt, err := w.initiator.Forwarded(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					_, bits := kind.flags()
					c := w.initiate(t, gssService(e.Etype),
						gss.InitConfig{Mechanism: kind.mechanism(), GSSFlags: bits, Delegate: &tgt})
					p.Begin(gsspeer.Begin{Accept: true})
					if theirs, ours := toPeer(t, p, c); theirs != nil || ours != nil {
						t.Fatal(theirs, ours)
					}
					if info := p.Info(); info.Delegated != "alice@EXAMPLE.COM" || info.Flags&kerberos.GSSDeleg == 0 {
						t.Errorf("%+v", info)
					}
				})
			}
		}
	})
}

// useDelegated gets a ticket with the credential that the client of c has
// delegated.
func useDelegated(t *testing.T, w *gssWorld, c *gss.Context) {
	t.Helper()
	d := c.Delegated()
	if len(d) != 1 || c.Flags()&kerberos.GSSDeleg == 0 || d[0].Flags&kerberos.FlagForwarded == 0 {
		t.Fatalf("%d credentials, flags %#x", len(d), c.Flags())
	}
	i := newClient(t, kdc.ClientConfig{Credentials: d, Krb5Conf: w.m.Krb5Conf(), Etypes: allEtypes})
	ticket, err := i.ServiceTicket(t.Context(), gssService(17))
	if err != nil || ticket.Client.String() != "alice@EXAMPLE.COM" {
		t.Errorf("%v: %v", ticket.Client, err)
	}
}

// TestInteropRequestMIC: MIT's initiator offers NTLM before Kerberos, so that
// the list of mechanisms must be under a MIC. Each of its tokens may reach
// another node.
func TestInteropRequestMIC(t *testing.T) {
	w := newGSSWorld(t)
	krbtest.Need(t, krbtest.Peer{Path: "/etc/gss/mech.d/mech.ntlmssp.conf", Package: "gss-ntlmssp"})
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("EXAMPLE:alice:secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NTLM_USER_FILE", users)
	p := gsspeer.MIT(t, w.m, w.keytab)
	cfg, keys, there := gss.AcceptConfig{StateBinding: "interop", Delegation: true}, seal.Random(),
		w.newAcceptor(t, gss.AcceptorConfig{})
	move := func(c *gss.Context) *gss.Context {
		state, err := c.Export(keys)
		if err == nil {
			c, err = there.Resume(t.Context(), cfg, keys, state)
		}
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, e := range mitEnctypes {
		for _, flags := range []string{"mutual,replay,sequence", "replay,sequence", "mutual,replay,sequence,delegate"} {
			for name, between := range map[string]func(*gss.Context) *gss.Context{"one node": nil, "two nodes": move} {
				t.Run(fmt.Sprintf("%s/%s/%s", e.Name, flags, name), func(t *testing.T) {
					service := gssService(e.Etype)
					p.Begin(gsspeer.Begin{Service: service + "@EXAMPLE.COM", SPNEGO: true, Flags: flags + ",ntlm-first"})
					c, theirs, ours := fromPeerMoving(t, p, w.acceptor.NewContext(cfg), between)
					if theirs != nil || ours != nil {
						t.Fatalf("MIT: %v; we: %v", theirs, ours)
					}
					if f := c.Facts(); !f.MechListMIC || f.Legs < 2 {
						t.Errorf("%+v", f)
					}
					if strings.Contains(flags, "delegate") {
						useDelegated(t, w, c)
					}
					checkContext(t, p, c, service, oneWay)
				})
			}
		}
	}
}

// TestInteropRefusals: a peer that reads KRB-ERROR reports the real reason of
// our refusal, and we report the peer's. Java reads none, and Heimdal none
// inside SPNEGO.
func TestInteropRefusals(t *testing.T) {
	service := gssService(18)
	withPeers(t, func(t *testing.T, w *gssWorld, p *gsspeer.Peer) {
		other := krbtest.New(krbtest.Config{})
		other.AddService(service)
		for name, c := range map[string]struct {
			acceptor *gss.Acceptor
			want     kerberos.Code
			words    string
		}{
			"skew": {w.newAcceptor(t, gss.AcceptorConfig{Time: later(time.Hour)}), kerberos.CodeSkew,
				"Clock skew too great"},
			"expired": {w.newAcceptor(t, gss.AcceptorConfig{Time: later(24 * time.Hour)}), kerberos.CodeTicketExpired,
				"Ticket expired"},
			"wrong key": {w.newAcceptor(t, gss.AcceptorConfig{Keytab: other.Keytab(nil)}), kerberos.CodeTicketIntegrity,
				"Message stream modified"},
			"service": {w.acceptor.ForServices(gssService(17)), kerberos.CodeService, "The ticket isn't for us"},
		} {
			for _, spnego := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s initiates/%s/%t", p.Name, name, spnego), func(t *testing.T) {
					p.Begin(gsspeer.Begin{Service: service + "@EXAMPLE.COM", SPNEGO: spnego, Flags: "mutual"})
					refuseInitiator(t, p, c.acceptor, c.want, c.words, spnego)
				})
			}
		}
		bad := badTickets(t, w)
		for _, spnego := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s accepts/skew/%t", p.Name, spnego), func(t *testing.T) {
				c := w.initiate(t, service,
					gss.InitConfig{Mechanism: gssKind{spnego: spnego}.mechanism(), Time: later(-time.Hour)})
				p.Begin(gsspeer.Begin{Accept: true})
				theirs, ours := toPeer(t, p, c)
				var said *kerberos.KRBError
				switch {
				case p.Name == "Java": // gives no token beside an error
					if theirs == nil || !strings.Contains(theirs.Error(), "Clock skew") {
						t.Error(theirs)
					}
				case !errors.As(ours, &said) || said.Code != 37:
					t.Errorf("%s: %v; we: %v", p.Name, theirs, ours)
				}
			})
			for name, ticket := range bad {
				t.Run(fmt.Sprintf("%s accepts/%s/%t", p.Name, name, spnego),
					func(t *testing.T) { refusedByPeer(t, p, ticket, name, spnego) })
			}
		}
	})
}

// refusedByPeer: MIT's acceptor sends its reason in a KRB-ERROR; Heimdal's has
// a reject of SPNEGO at best, Java's no token at all.
func refusedByPeer(t *testing.T, p *gsspeer.Peer, ticket kerberos.Credential, name string, spnego bool) {
	t.Helper()
	c, err := gss.NewInitiatorContext(ticket, gss.InitConfig{Mechanism: gssKind{spnego: spnego}.mechanism()})
	if err != nil {
		t.Fatal(err)
	}
	p.Begin(gsspeer.Begin{Accept: true})
	theirs, ours := toPeer(t, p, c)
	if theirs == nil {
		t.Fatalf("%s accepts", p.Name)
	}
	var said *kerberos.KRBError
	switch {
	case p.Name == "MIT":
		want := map[string]int32{"other service": 35, "wrong key": 31}[name]
		if !errors.As(ours, &said) || said.Code != want {
			t.Errorf("%v, want KRB-ERROR %d", ours, want)
		}
	case p.Name == "Heimdal" && spnego:
		wantRefusal(t, ours, kerberos.CodePeerRefused)
	case ours != nil:
		t.Errorf("%s: %v; we: %v", p.Name, theirs, ours)
	}
}

// badTickets are tickets for a service that the peers do not have, and one
// whose key they do not have.
func badTickets(t *testing.T, w *gssWorld) map[string]kerberos.Credential {
	t.Helper()
	list := map[string]kerberos.Credential{}
	w.m.AddService("soap/elsewhere.example.com")
	for name, service := range map[string]string{"other service": "soap/elsewhere.example.com",
		"wrong key": gssService(18)} {
		ticket, err := w.initiator.ServiceTicket(t.Context(), service)
		if err != nil {
			t.Fatal(err)
		}
		ticket.Ticket = bytes.Clone(ticket.Ticket)
		list[name] = ticket
	}
	list["wrong key"].Ticket[len(list["wrong key"].Ticket)-1] ^= 1
	return list
}

func later(d time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(d) } }

func refuseInitiator(t *testing.T, p *gsspeer.Peer, a *gss.Acceptor, want kerberos.Code, words string, spnego bool) {
	t.Helper()
	token, _, err := p.Step(nil)
	if err != nil {
		t.Fatal(err)
	}
	reply, _, err := a.NewContext(gss.AcceptConfig{}).Step(t.Context(), token)
	wantRefusal(t, err, want)
	token, _, err = p.Step(reply)
	if p.Name == "Heimdal" && !spnego && want == kerberos.CodeSkew {
		// It takes our clock from the KRB-ERROR and tries again at once.
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := a.NewContext(gss.AcceptConfig{}).Step(t.Context(), token); err != nil {
			t.Errorf("by our clock: %v", err)
		}
		return
	}
	reads := p.Name == "MIT" || p.Name == "Heimdal" && !spnego
	if err == nil || reads && !strings.Contains(err.Error(), words) {
		t.Errorf("%s: %v, want %q", p.Name, err, words)
	}
}
