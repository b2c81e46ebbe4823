package resecure

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

const service = "soap/gw.example.com"

// A doorWorld makes callers as a door does.
type doorWorld struct {
	testing.TB
	kdc    *krbtest.KDC
	door   *door.Security
	client *wssec.Processor
}

func newDoorWorld(t testing.TB) *doorWorld {
	t.Helper()
	w := &doorWorld{TB: t, kdc: krbtest.New(krbtest.Config{})}
	w.kdc.AddService(service)
	seen := replay.NewMemory(replay.MemoryConfig{})
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: w.kdc.Keytab(nil), Replay: seen, Delegation: true,
		KeepTicket: true})
	w.must(err)
	p, _ := wssec.Preset("Kerberos")
	processor, err := wssec.NewProcessor(p, wssec.Config{Verifier: acceptor, Replay: seen})
	w.must(err)
	w.door = door.NewSecurity("Kerberos", processor)
	w.client, err = wssec.NewProcessor(p, wssec.Config{})
	w.must(err)
	return w
}

func (w *doorWorld) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// tgt returns a ticket-granting ticket of a user.
func (w *doorWorld) tgt(user string, o krbtest.TicketOptions) *kerberos.Credential {
	w.Helper()
	t, err := w.kdc.Ticket(user, "krbtgt/EXAMPLE.COM", o)
	w.must(err)
	return &t
}

// caller returns the caller of a message of a user who delegates, nil for nothing.
func (w *doorWorld) caller(user string, delegate *kerberos.Credential) door.Caller {
	w.Helper()
	ticket, err := w.kdc.Ticket(user, service, krbtest.TicketOptions{})
	w.must(err)
	token, key, err := gss.NewToken(ticket, gss.TokenOptions{Delegate: delegate})
	w.must(err)
	env, err := soap.Parse([]byte(`<s:Envelope xmlns:s="`+soap.NS11+`"><s:Body/></s:Envelope>`), xmltext.Options{})
	w.must(err)
	wire, _, err := w.client.ProtectRequest(nil, env,
		wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
	w.must(err)
	env, err = soap.Parse(wire, xmltext.Options{})
	w.must(err)
	in, err := w.door.Admit(w.Context(), door.Arrival{Envelope: env})
	w.must(err)
	return in.Caller()
}

// TestDelegatedRefusesWhatIsNotTheCallers: before it is used for anything.
func TestDelegatedRefusesWhatIsNotTheCallers(t *testing.T) {
	t.Parallel()
	w := newDoorWorld(t)
	now := time.Now()
	s := Delegated(DelegatedConfig{})
	for words, c := range map[string]door.Caller{
		"not known":      {},
		"no credential":  w.caller("alice", nil),
		"of bob@":        w.caller("alice", w.tgt("bob", krbtest.TicketOptions{})),
		"of Alice@":      w.caller("alice", w.tgt("Alice", krbtest.TicketOptions{})),
		"ended":          w.caller("alice", w.tgt("alice", krbtest.TicketOptions{EndTime: now.Add(-time.Minute)})),
		"ended 20":       w.caller("bob", w.tgt("bob", krbtest.TicketOptions{EndTime: now.Add(-time.Second)})),
		"of alice@OTHER": w.caller("alice", otherRealm(w.tgt("alice", krbtest.TicketOptions{}))),
	} {
		_, err := s.Login(c)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Code != CodeNotDelegated || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
	}
}

func otherRealm(c *kerberos.Credential) *kerberos.Credential {
	c.Client.Realm = "OTHER"
	return c
}

// TestDelegatedKeepsOneLoginOfAUser: messages of one login have one client, those
// of another login or user their own.
func TestDelegatedKeepsOneLoginOfAUser(t *testing.T) {
	t.Parallel()
	w := newDoorWorld(t)
	s := Delegated(DelegatedConfig{})
	morning, noon := time.Now().Add(-4*time.Hour).Truncate(time.Second), time.Now().Truncate(time.Second)
	key := func(user string, at time.Time) string {
		tgt := w.tgt(user, krbtest.TicketOptions{})
		tgt.AuthTime = at
		l, err := s.Login(w.caller(user, tgt))
		w.must(err)
		defer l.Drop()
		if l.Owner != user+"@EXAMPLE.COM" || l.Until.Before(time.Now()) {
			t.Errorf("%s until %v", l.Owner, l.Until)
		}
		return l.Key
	}
	first := key("alice", morning)
	if key("alice", morning) != first || key("alice", noon) == first || key("bob", morning) == first {
		t.Error("a login is not what clients are told apart by")
	}
}

// TestKeysOfCallersAreWiped: of a credential that is not used, and with its client.
func TestKeysOfCallersAreWiped(t *testing.T) {
	t.Parallel()
	w := newDoorWorld(t)
	c := w.caller("alice", w.tgt("alice", krbtest.TicketOptions{}))
	for name, end := range map[string]func(*delegated, []kerberos.Credential){
		"dropped": func(_ *delegated, all []kerberos.Credential) { wipe(all) },
		"closed": func(d *delegated, all []kerberos.Credential) {
			tickets, err := d.open(c, all)
			w.must(err)
			tickets.Close()
		},
	} {
		all := c.Delegated()
		end(&delegated{DelegatedConfig{Krb5Conf: "[libdefaults]\n"}}, all)
		if key := all[0].SessionKey.ExposeKeyOctets(); strings.Trim(string(key), "\x00") != "" {
			t.Errorf("%s: the key is still there", name)
		}
	}
	if key := c.Delegated()[0].SessionKey.ExposeKeyOctets(); strings.Trim(string(key), "\x00") == "" {
		t.Error("the caller's own credential was wiped")
	}
}

// TestProxyAndSelfAreOfTheCaller: tickets are kept by its name, and by the ticket
// that it has for the gateway.
func TestProxyAndSelfAreOfTheCaller(t *testing.T) {
	t.Parallel()
	w := newDoorWorld(t)
	keys := map[string]bool{}
	for _, s := range []Source{Proxy(nil), Self(nil)} {
		for _, user := range []string{"alice", "bob"} {
			l, err := s.Login(w.caller(user, nil))
			w.must(err)
			if l.Owner != user+"@EXAMPLE.COM" || l.Until.IsZero() {
				t.Errorf("%s until %v", l.Owner, l.Until)
			}
			keys[l.Key] = true
		}
		if _, err := s.Login(door.Caller{}); err == nil {
			t.Error("a client that nobody knows")
		}
	}
	if len(keys) != 4 {
		t.Errorf("keys %v", keys)
	}
}
