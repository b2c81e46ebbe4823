package gss_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/internal/seeds"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/krbtest/gsspeer"
	"github.com/wssgate/wssgate/replay"
)

// gssWorld is an MIT realm with a service for each encryption type, alice with
// a forwardable ticket-granting ticket in the credential cache, and us as
// acceptor and initiator.
type gssWorld struct {
	m         *krbtest.MIT
	keytab    string
	kt        *keytab.Keytab
	acceptor  *gss.Acceptor
	initiator *kdc.Client
}

func newGSSWorld(t *testing.T) *gssWorld {
	t.Helper()
	w := &gssWorld{m: krbtest.StartMIT(t)}
	w.m.AddUser("alice", "secret")
	var names []string
	for _, e := range mitEnctypes {
		w.m.AddService(gssService(e.Etype), e.Name)
		// else the KDC makes session keys of type 18
		w.m.Admin("setstr " + gssService(e.Etype) + " session_enctypes " + e.Name)
		names = append(names, gssService(e.Etype))
	}
	w.m.KinitWith("secret", "-f", "alice")
	w.keytab = w.m.KeytabFile(names...)
	var err error
	if w.kt, err = keytab.Load(w.keytab); err != nil {
		t.Fatal(err)
	}
	w.acceptor = w.newAcceptor(t, gss.AcceptorConfig{})
	w.initiator, err = kdc.NewClient(kdc.ClientConfig{CCache: w.m.Ccache(), Krb5Conf: w.m.Krb5Conf(), Etypes: allEtypes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.initiator.Close)
	return w
}

func (w *gssWorld) newAcceptor(t *testing.T, cfg gss.AcceptorConfig) *gss.Acceptor {
	t.Helper()
	if cfg.Keytab == nil {
		cfg.Keytab = w.kt
	}
	cfg.Etypes = allEtypes
	cfg.Replay = replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0), Time: cfg.Time})
	a, err := gss.NewAcceptor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// initiate returns an initiator's context of alice.
func (w *gssWorld) initiate(t *testing.T, service string, cfg gss.InitConfig) *gss.Context {
	t.Helper()
	ticket, err := w.initiator.ServiceTicket(t.Context(), service)
	if err != nil {
		t.Fatal(err)
	}
	c, err := gss.NewInitiatorContext(ticket, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func gssService(etype int32) string { return fmt.Sprintf("soap/etype%d.example.com", etype) }

// withPeers runs f against each peer.
func withPeers(t *testing.T, f func(t *testing.T, w *gssWorld, p *gsspeer.Peer)) {
	w := newGSSWorld(t)
	for name, start := range map[string]func(krbtest.TB, *krbtest.MIT, string) *gsspeer.Peer{"MIT": gsspeer.MIT,
		"Heimdal": gsspeer.Heimdal, "Java": gsspeer.Java} {
		t.Run(name, func(t *testing.T) { f(t, w, start(t, w.m, w.keytab)) })
	}
}

// fromPeer lets the peer initiate a context with ours. It returns the errors of
// both sides.
func fromPeer(t *testing.T, p *gsspeer.Peer, c *gss.Context) (theirs, ours error) {
	t.Helper()
	_, theirs, ours = fromPeerMoving(t, p, c, nil)
	return theirs, ours
}

// fromPeerMoving is fromPeer with something done to our half-open context
// between the tokens, unless move is nil.
func fromPeerMoving(t *testing.T, p *gsspeer.Peer, c *gss.Context,
	move func(*gss.Context) *gss.Context) (end *gss.Context, theirs, ours error) {
	t.Helper()
	var token []byte
	theirsDone, oursDone := false, false
	for range 8 {
		if !theirsDone {
			if token, theirsDone, theirs = p.Step(token); theirs != nil || token == nil {
				break
			}
		}
		if oursDone {
			t.Fatalf("%s sends a token to a context that is established", p.Name)
		}
		if token, oursDone, ours = c.Step(t.Context(), token); token == nil {
			break
		}
		if move != nil && !oursDone && ours == nil {
			c = move(c)
		}
	}
	if theirs == nil && ours == nil && (!theirsDone || !oursDone) {
		t.Fatalf("%s done %t, we done %t", p.Name, theirsDone, oursDone)
	}
	return c, theirs, ours
}

// toPeer initiates a context with the peer.
func toPeer(t *testing.T, p *gsspeer.Peer, c *gss.Context) (theirs, ours error) {
	t.Helper()
	var token []byte
	theirsDone, oursDone := false, false
	for range 8 {
		if !oursDone {
			if token, oursDone, ours = c.Step(t.Context(), token); ours != nil || token == nil {
				break
			}
		}
		if theirsDone {
			t.Fatalf("we send a token to %s, which is done", p.Name)
		}
		token, theirsDone, theirs = p.Step(token)
		if e, ok := errors.AsType[*gsspeer.Error](theirs); ok {
			token = e.Token
		}
		if token == nil {
			break
		}
	}
	if theirs == nil && ours == nil && (!theirsDone || !oursDone) {
		t.Fatalf("%s done %t, we done %t", p.Name, theirsDone, oursDone)
	}
	return theirs, ours
}

// gssKinds are the kinds of contexts.
type gssKind struct {
	spnego, mutual bool
}

func (k gssKind) String() string {
	return map[bool]string{true: "spnego", false: "krb5"}[k.spnego] +
		map[bool]string{true: "/mutual", false: "/one-way"}[k.mutual]
}

func (k gssKind) flags() (names string, bits uint32) {
	if k.mutual {
		return "mutual,replay,sequence", oneWay | kerberos.GSSMutual
	}
	return "replay,sequence", oneWay
}

func (k gssKind) mechanism() gss.Mechanism {
	if k.spnego {
		return gss.MechanismSPNEGO
	}
	return gss.MechanismKRB5
}

var gssKinds = []gssKind{{true, true}, {true, false}, {false, true}, {false, false}}

// TestInteropContexts establishes contexts of every encryption type and kind
// with every peer, in both roles, compares what both sides know, and exchanges
// messages.
func TestInteropContexts(t *testing.T) {
	withPeers(t, func(t *testing.T, w *gssWorld, p *gsspeer.Peer) {
		for _, e := range mitEnctypes {
			for _, kind := range gssKinds {
				names, bits := kind.flags()
				service := gssService(e.Etype)
				t.Run(fmt.Sprintf("%s initiates/%s/%s", p.Name, e.Name, kind), func(t *testing.T) {
					names, bits := names, bits
					if p.Name == "Heimdal" && !kind.mutual {
						// Without AP-REP it expects the acceptor's numbers to
						// begin with 0, where MIT, Java and Windows let them
						// begin as the initiator's; RFC 4121 says nothing.
						names, bits = "replay", bits&^kerberos.GSSSequence
					}
					c := w.acceptor.ForServices(service).NewContext(gss.AcceptConfig{})
					p.Begin(gsspeer.Begin{Service: service + "@EXAMPLE.COM", SPNEGO: kind.spnego, Flags: names})
					if theirs, ours := fromPeer(t, p, c); theirs != nil || ours != nil {
						t.Fatalf("%s: %v; we: %v", p.Name, theirs, ours)
					}
					if f := c.Facts(); f.TicketEtype != e.Etype || f.ContextEtype != e.Etype || f.SPNEGO != kind.spnego ||
						f.Mutual != kind.mutual {
						t.Errorf("%+v", f)
					}
					checkContext(t, p, c, service, bits)
				})
				t.Run(fmt.Sprintf("%s accepts/%s/%s", p.Name, e.Name, kind), func(t *testing.T) {
					c := w.initiate(t, service, gss.InitConfig{Mechanism: kind.mechanism(), GSSFlags: bits})
					p.Begin(gsspeer.Begin{Accept: true})
					if theirs, ours := toPeer(t, p, c); theirs != nil || ours != nil {
						t.Fatalf("%s: %v; we: %v", p.Name, theirs, ours)
					}
					checkContext(t, p, c, service, bits)
				})
			}
		}
	})
}

// TestInteropLongLengths: MIT's acceptor accepts lengths that are longer than
// they need to be, in the negotiation, in the frame and in the AP-REQ with its
// ticket; so do we, of the same token.
func TestInteropLongLengths(t *testing.T) {
	w := newGSSWorld(t)
	p := gsspeer.MIT(t, w.m, w.keytab)
	service := gssService(etype.AES256SHA1)
	for _, size := range []int{2, 3, 4} {
		for _, kind := range gssKinds {
			_, bits := kind.flags()
			token, _, err := w.initiate(t, service,
				gss.InitConfig{Mechanism: kind.mechanism(), GSSFlags: bits}).Step(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			const oid = 6 // MIT until 1.20 reads its length from one octet
			long := seeds.LongLengths(token, size, oid)
			p.Begin(gsspeer.Begin{Accept: true})
			_, theirsDone, theirs := p.Step(long)
			_, oursDone, ours := w.acceptor.NewContext(gss.AcceptConfig{Mechanism: kind.mechanism()}).Step(t.Context(), long)
			if theirs != nil || !theirsDone || ours != nil || !oursDone {
				t.Errorf("%s, lengths in %d octets: MIT %t, %v; we %t, %v", kind, size, theirsDone, theirs, oursDone, ours)
			}
		}
	}
}

// TestInteropAcceptorForms: settings of an acceptor's tokens, with each peer as
// initiator: no subkey of ours in the AP-REP, and tokens rotated as Windows has
// them, and by other counts.
func TestInteropAcceptorForms(t *testing.T) {
	withPeers(t, func(t *testing.T, w *gssWorld, p *gsspeer.Peer) {
		for _, e := range mitEnctypes {
			for name, cfg := range map[string]gss.AcceptConfig{
				"no subkey": {NoAcceptorSubkey: true},
				"rotated":   {SealedRRC: 28, IntegrityRRC: 12},
				"rotated by more than there is, no subkey": {SealedRRC: 60000, IntegrityRRC: 999, NoAcceptorSubkey: true},
			} {
				t.Run(fmt.Sprintf("%s/%s/%s", p.Name, e.Name, name), func(t *testing.T) {
					c := w.acceptor.NewContext(cfg)
					p.Begin(gsspeer.Begin{Service: gssService(e.Etype) + "@EXAMPLE.COM",
						SPNEGO: true, Flags: "mutual,replay,sequence"})
					if theirs, ours := fromPeer(t, p, c); theirs != nil || ours != nil {
						t.Fatalf("%s: %v; we: %v", p.Name, theirs, ours)
					}
					if f := c.Facts(); f.AcceptorSubkey == (cfg.NoAcceptorSubkey || e.Etype == etype.RC4) {
						t.Errorf("%+v", f)
					}
					for n := range 12 {
						text := []byte(strings.Repeat("y", 20*n))
						messageToUs(t, p, c, text, n%3)
						messageToPeer(t, p, c, text, n%3)
					}
				})
			}
		}
	})
}

func checkContext(t *testing.T, p *gsspeer.Peer, c *gss.Context, service string, flags uint32) {
	t.Helper()
	name, realm := c.Client()
	if info := p.Info(); info.Initiator != "alice@EXAMPLE.COM" || info.Acceptor != service+"@EXAMPLE.COM" ||
		info.Flags&flags != flags ||
		name != "alice" || realm != "EXAMPLE.COM" || c.Service() != service+"@EXAMPLE.COM" || c.Flags()&flags != flags {
		t.Errorf("%s has %+v, we have %v, flags %#x", p.Name, info, c, c.Flags())
	}
	for n := range 100 { // of each side, of each kind by turns
		text := []byte(strings.Repeat("x", n*n/4) + fmt.Sprint(n))
		if n == 99 {
			text = bytes.Repeat([]byte("0123456789"), 10_000)
		}
		for _, send := range []func(*testing.T, *gsspeer.Peer, *gss.Context, []byte, int){messageToUs, messageToPeer} {
			send(t, p, c, text, n%3)
		}
	}
	if flags&kerberos.GSSSequence != 0 {
		checkOrderOurs(t, p, c)
		checkOrderTheirs(t, p, c)
	} else {
		checkReplay(t, p, c)
	}
}

func messageToUs(t *testing.T, p *gsspeer.Peer, c *gss.Context, text []byte, kind int) {
	t.Helper()
	if kind == 2 {
		mic, err := p.MIC(text)
		if err == nil {
			err = c.VerifyMIC(text, mic)
		}
		if err != nil {
			t.Fatalf("MIC of %s: %v", p.Name, err)
		}
		return
	}
	token, err := p.Wrap(text, kind == 0)
	if err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	if out, sealed, err := c.Unwrap(nil, token); err != nil || !bytes.Equal(out, text) || sealed != (kind == 0) {
		t.Fatalf("message of %s: %.40q, sealed %t, %v", p.Name, out, sealed, err)
	}
}

func messageToPeer(t *testing.T, p *gsspeer.Peer, c *gss.Context, text []byte, kind int) {
	t.Helper()
	if kind == 2 {
		mic, err := c.MIC(text)
		if err == nil {
			err = p.VerifyMIC(text, mic)
		}
		if err != nil {
			t.Fatalf("our MIC, %s: %v", p.Name, err)
		}
		return
	}
	if out, sealed, err := p.Unwrap(mustWrap(t, c, text, kind == 0)); err != nil || !bytes.Equal(out, text) ||
		sealed != (kind == 0) {
		t.Fatalf("our message, %s: %.40q, sealed %t, %v", p.Name, out, sealed, err)
	}
}

func mustWrap(t *testing.T, c *gss.Context, text []byte, sealed bool) []byte {
	t.Helper()
	token, err := c.Wrap(nil, text, sealed)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// checkOrderOurs: a token of the peer that comes before its turn, and one that
// comes again.
func checkOrderOurs(t *testing.T, p *gsspeer.Peer, c *gss.Context) {
	t.Helper()
	first, err1 := p.Wrap([]byte("first"), true)
	second, err2 := p.Wrap([]byte("second"), false)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	for _, step := range []struct {
		token []byte
		want  error
	}{{second, gss.ErrMessageGap}, {first, nil}, {first, gss.ErrMessageReplay}, {second, nil},
		{second, gss.ErrMessageReplay}} {
		if _, _, err := c.Unwrap(nil, step.token); !errors.Is(err, step.want) {
			t.Errorf("%v, want %v", err, step.want)
		}
	}
}

// checkOrderTheirs is the reverse. Unlike us, peers go on behind a token that
// came before its turn.
func checkOrderTheirs(t *testing.T, p *gsspeer.Peer, c *gss.Context) {
	t.Helper()
	first, _, third := mustWrap(t, c, []byte("first"), true), mustWrap(t, c, []byte("second"), true),
		mustWrap(t, c, []byte("third"), true)
	if out, _, err := p.Unwrap(first); err != nil || string(out) != "first" {
		t.Errorf("%s: %q, %v", p.Name, out, err)
	}
	for _, step := range []struct {
		token []byte
		want  string
	}{{first, p.Duplicate}, {third, p.Early}} {
		if _, _, err := p.Unwrap(step.token); err == nil || !strings.Contains(err.Error(), step.want) {
			t.Errorf("%s: %v, want %s", p.Name, err, step.want)
		}
	}
	altered := mustWrap(t, c, []byte("fourth"), true)
	altered[len(altered)-3] ^= 1
	if _, _, err := p.Unwrap(altered); err == nil {
		t.Errorf("%s takes an altered token", p.Name)
	}
}

// checkReplay: without sequence detection tokens may come in any order, but
// once.
func checkReplay(t *testing.T, p *gsspeer.Peer, c *gss.Context) {
	t.Helper()
	ours := mustWrap(t, c, []byte("x"), true)
	theirs, err := p.Wrap([]byte("x"), true)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []error{nil, gss.ErrMessageReplay} {
		if _, _, err := c.Unwrap(nil, theirs); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
		if _, _, err := p.Unwrap(ours); (err == nil) != (want == nil) || err != nil &&
			!strings.Contains(err.Error(), p.Duplicate) {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
}
