package kdc_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/ccache"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// countingKDC counts requests by their tag, 'j' AS-REQ and 'l' TGS-REQ.
type countingKDC struct {
	kdc.Exchanger
	mu   sync.Mutex
	seen map[byte]int
}

func newCountingKDC(t *testing.T, conf string) *countingKDC {
	t.Helper()
	k, err := kdc.NewTransport(kdc.TransportConfig{Krb5Conf: conf, AnyRealm: true})
	if err != nil {
		t.Fatal(err)
	}
	return &countingKDC{Exchanger: k, seen: make(map[byte]int)}
}

func (c *countingKDC) Exchange(ctx context.Context, realm string, request []byte) ([]byte, error) {
	c.mu.Lock()
	c.seen[request[0]]++
	c.mu.Unlock()
	return c.Exchanger.Exchange(ctx, realm, request)
}

func (c *countingKDC) count(tag byte) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen[tag]
}

// TestClientLogsInToMIT: a client gets tickets of an MIT KDC with a password, a
// keytab, and the credential cache of MIT's kinit, with each encryption type.
func TestClientLogsInToMIT(t *testing.T) {
	m := krbtest.StartMIT(t)
	m.AddUser("alice", "secret")
	m.Admin("modprinc +requires_preauth alice")
	m.Kinit("alice", "secret")
	m.AddUser("lax", "secret")
	m.AddUser("umlaut", "pässword𝄞")
	keytab := m.Keytab("alice")
	for _, e := range mitEnctypes {
		service := fmt.Sprintf("soap/etype%d.example.com", e.Etype)
		m.AddService(service, e.Name)
		a := krbtest.Acceptor(t, m.Keytab(service))
		conf := m.Krb5Conf(e.Name)
		cacheConf := m.Krb5Conf(e.Name, "aes256-cts-hmac-sha1-96") // kinit's session key
		for name, cfg := range map[string]kdc.ClientConfig{
			"password":   {Client: "alice@EXAMPLE.COM", Password: "secret", Krb5Conf: conf},
			"keytab":     {Client: "alice", Keytab: keytab, Krb5Conf: conf},
			"ccache":     {CCache: "FILE:" + m.Ccache(), Krb5Conf: cacheConf},
			"not ASCII":  {Client: "umlaut", Password: "pässword𝄞", Krb5Conf: conf},
			"no preauth": {Client: "lax", Password: "secret", Krb5Conf: conf},
		} {
			t.Run(e.Name+"/"+name, func(t *testing.T) {
				i := newClient(t, cfg)
				client := i.Client().String()
				ticket, c := mustAccept(t, i, a, service, client)
				if f := c.Facts(); f.TicketEtype != e.Etype || f.SessionEtype != e.Etype || !f.EndTime.Equal(ticket.EndTime) ||
					f.TicketFlags != ticket.Flags || !f.AuthTime.Equal(ticket.AuthTime) {
					t.Errorf("ticket %v to %v, flags %x; acceptor has %+v", ticket.AuthTime, ticket.EndTime, ticket.Flags, f)
				}
				if ticket.Client.String() != client || ticket.Service.String() != service+"@EXAMPLE.COM" ||
					!strings.HasSuffix(client, "@EXAMPLE.COM") {
					t.Errorf("%v to %v", ticket.Client, ticket.Service)
				}
			})
		}
	}
}

// TestClientExplainsErrorsOfMIT: each error of an MIT KDC has its code, and a
// wrong password is not tried again.
func TestClientExplainsErrorsOfMIT(t *testing.T) {
	m := krbtest.StartMIT(t)
	for _, name := range []string{"alice", "expired", "disabled", "aes128"} {
		m.AddUser(name, "secret")
	}
	m.Admin("modprinc +requires_preauth alice")
	m.AddUser("lax", "secret") // no pre-authentication
	m.Admin("modprinc -pwexpire 2020-01-01 expired")
	m.Admin("modprinc -allow_tix disabled")
	m.Admin("cpw -pw secret -e aes128-cts-hmac-sha1-96:normal aes128")
	m.AddService(service)
	keytab := m.Keytab(service)
	m.AddUser("other", "secret")
	stale := m.Keytab("other")
	m.Admin("cpw -pw another other")
	behind := func() time.Time { return time.Now().Add(-10 * time.Minute) }
	for name, c := range map[string]struct {
		cfg  kdc.ClientConfig
		code kerberos.Code
		says string
	}{
		"wrong password": {kdc.ClientConfig{Client: "alice", Password: "wrong"}, kerberos.CodePreauth,
			"password is not what the KDC has for alice@EXAMPLE.COM"},
		"wrong password, no preauth": {kdc.ClientConfig{Client: "lax", Password: "wrong"}, kerberos.CodePreauth,
			"password is not what the KDC has"},
		"skew, no preauth": {kdc.ClientConfig{Client: "lax", Password: "secret", Time: behind}, kerberos.CodeSkew,
			"behind the KDC's"},
		"unknown client": {kdc.ClientConfig{Client: "nobody", Password: "x"}, kerberos.CodeClientUnknown,
			"nobody@EXAMPLE.COM"},
		"expired password": {kdc.ClientConfig{Client: "expired", Password: "secret"}, kerberos.CodePasswordExpired,
			"expired@EXAMPLE.COM"},
		"disabled": {kdc.ClientConfig{Client: "disabled", Password: "secret"}, kerberos.CodeClientRevoked,
			"disabled@EXAMPLE.COM"},
		"skew": {kdc.ClientConfig{Client: "alice", Password: "secret", Time: behind}, kerberos.CodeSkew,
			"behind the KDC's"},
		"no common etype": {kdc.ClientConfig{Client: "aes128", Password: "secret", Etypes: []int32{18}},
			kerberos.CodeKDCEtype, "etype"},
		"keytab without": {kdc.ClientConfig{Client: "alice", Keytab: keytab}, kerberos.CodeCredential,
			"keytab has no key of alice@EXAMPLE.COM"},
		"keytab of old key": {kdc.ClientConfig{Client: "other", Keytab: stale}, kerberos.CodePreauth,
			"keytab's key is not what the KDC has"},
		"unknown realm": {kdc.ClientConfig{Client: "alice@NOWHERE", Password: "x"}, kerberos.CodeRealm,
			"krb5.conf has EXAMPLE.COM"},
	} {
		t.Run(name, func(t *testing.T) {
			kdc := newCountingKDC(t, m.Krb5Conf())
			c.cfg.Krb5Conf, c.cfg.KDC = m.Krb5Conf(), kdc
			i := newClient(t, c.cfg)
			_, err := i.ServiceTicket(t.Context(), service)
			e, ok := errors.AsType[*kerberos.Error](err)
			if !ok || e.Code != c.code || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(c.says)) {
				t.Fatalf("%v, want %s with %q", err, c.code, c.says)
			}
			if c.code == kerberos.CodeSkew && (e.Skew > -9*time.Minute || e.Skew < -11*time.Minute) {
				t.Error("skew", e.Skew)
			}
			before := kdc.count('j')
			if _, again := i.ServiceTicket(t.Context(), service); again == nil || c.code == kerberos.CodePreauth &&
				kdc.count('j') != before {
				t.Errorf("%v, after %d requests", again, kdc.count('j')-before)
			}
		})
	}
	i := newClient(t, kdc.ClientConfig{Client: "alice", Password: "secret", Krb5Conf: m.Krb5Conf()})
	if _, err := i.ServiceTicket(t.Context(), "no/such.example.com"); !errors.Is(err,
		&kerberos.Error{Code: kerberos.CodeServiceUnknown}) {
		t.Error(err)
	}
	if e, ok := errors.AsType[*kerberos.KRBError](func() error {
		_,
			err := i.ServiceTicket(t.Context(), "no/such")
		return err
	}()); !ok || e.Code != 7 {
		t.Error("the KDC's error is not in the error")
	}
}

// TestClientRenewsTicketsOfMIT: a ticket-granting ticket is renewed in the last
// part of its life, without a second login, and a new login follows when it
// cannot be renewed.
func TestClientRenewsTicketsOfMIT(t *testing.T) {
	t.Parallel()
	m := krbtest.StartMITRealm(t, krbtest.MITConfig{RealmConf: "max_renewable_life = 7d"})
	m.AddUser("alice", "secret")
	m.Admin("modprinc +requires_preauth alice")
	var services []string
	for n := range 4 {
		services = append(services, fmt.Sprintf("soap/s%d.example.com", n))
		m.AddService(services[n])
	}
	a := krbtest.Acceptor(t, m.Keytab(services...))
	for name, renew := range map[string]time.Duration{"renewable": time.Hour, "not renewable": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inTime(t, func(life time.Duration) error { return renews(t, m, a, services, life, renew) })
		})
	}
}

// inTime does something with tickets of a short life. A machine that has much
// else to do may be late for them: it gets longer ones then.
func inTime(t *testing.T, do func(life time.Duration) error) {
	t.Helper()
	for _, life := range []time.Duration{5 * time.Second, 15 * time.Second, time.Minute} {
		err := do(life)
		if err == nil {
			return
		}
		if life == time.Minute {
			t.Error(err)
		}
		t.Logf("with tickets for %v: %v", life, err)
	}
}

// renews uses a client through the life of its first ticket.
func renews(t *testing.T, m *krbtest.MIT, a *gss.Acceptor, services []string, life, renew time.Duration) error {
	t.Helper()
	client := newCountingKDC(t, m.Krb5Conf())
	i := newClient(t, kdc.ClientConfig{Client: "alice", Password: "secret", Krb5Conf: m.Krb5Conf(), KDC: client,
		Lifetime: life, RenewLifetime: renew})
	first, _ := mustAccept(t, i, a, services[0], "alice@EXAMPLE.COM")
	mustAccept(t, i, a, services[0], "alice@EXAMPLE.COM")
	if client.count('l') != 1 {
		return errors.New("ticket was not kept")
	}
	time.Sleep(time.Until(first.EndTime.Add(-life / 7)))
	mustAccept(t, i, a, services[1], "alice@EXAMPLE.COM") // sets it going
	time.Sleep(time.Until(first.EndTime.Add(time.Second)))
	last, _ := mustAccept(t, i, a, services[2], "alice@EXAMPLE.COM")
	if wantLogins := map[bool]int{true: 2, false: 4}[renew > 0]; client.count('j') != wantLogins ||
		!last.EndTime.After(first.EndTime) {
		return fmt.Errorf("%d AS requests, want %d; %v, then %v", client.count('j'), wantLogins, first.EndTime,
			last.EndTime)
	}
	if renewed := last.AuthTime.Equal(first.AuthTime); renewed != (renew > 0) {
		return fmt.Errorf("renewed %v", renewed)
	}
	return nil
}

// TestMaintainRenewsTicketsOfMIT: Maintain renews a short-lived ticket in time,
// while nobody asks for tickets.
func TestMaintainRenewsTicketsOfMIT(t *testing.T) {
	t.Parallel()
	m := krbtest.StartMITRealm(t, krbtest.MITConfig{RealmConf: "max_renewable_life = 7d"})
	m.AddUser("alice", "secret")
	m.Admin("modprinc +requires_preauth alice")
	m.AddService(service)
	a := krbtest.Acceptor(t, m.Keytab(service))
	inTime(t, func(life time.Duration) (failed error) {
		m.KinitWith("secret", "-l", fmt.Sprintf("%.0fs", life.Seconds()), "-r", "1h", "alice")
		i := newClient(t, kdc.ClientConfig{CCache: m.Ccache(), Krb5Conf: m.Krb5Conf()})
		ctx, cancel := context.WithTimeout(t.Context(), 7*life/4)
		defer cancel()
		err := i.Maintain(ctx, func(err error) { failed = errors.Join(failed, err) })
		if !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if failed == nil {
			mustAccept(t, i, a, service, "alice@EXAMPLE.COM")
		}
		return failed
	})
}

// TestForwardedIsAcceptedByMIT: a forwarded ticket gets tickets in the client's
// name elsewhere; each call gets its own; one that is not forwardable is an
// error with CodeForwardable.
func TestForwardedIsAcceptedByMIT(t *testing.T) {
	m := krbtest.StartMITRealm(t, krbtest.MITConfig{RealmConf: "max_renewable_life = 7d"})
	m.AddUser("alice", "secret")
	m.Admin("modprinc +requires_preauth alice")
	m.AddService(service)
	a := krbtest.Acceptor(t, m.Keytab(service))
	i := newClient(t, kdc.ClientConfig{Client: "alice", Password: "secret", Krb5Conf: m.Krb5Conf(), Forwardable: true,
		RenewLifetime: time.Hour})
	tgt, err := i.Forwarded(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	another, err := i.Forwarded(t.Context())
	if err != nil || another.SessionKey.Equal(tgt.SessionKey) {
		t.Errorf("%v, or the same ticket twice", err)
	}
	if tgt.Flags&kerberos.FlagForwarded == 0 || tgt.Flags&kerberos.FlagRenewable == 0 ||
		tgt.Service.String() != "krbtgt/EXAMPLE.COM@EXAMPLE.COM" {
		t.Errorf("%v with flags %x", tgt.Service, tgt.Flags)
	}
	delegate := newClient(t, kdc.ClientConfig{Credentials: []kerberos.Credential{tgt}, Krb5Conf: m.Krb5Conf()})
	_, c := mustAccept(t, delegate, a, service, "alice@EXAMPLE.COM")
	if c.Facts().TicketFlags&kerberos.FlagForwarded == 0 {
		t.Errorf("flags %x", c.Facts().TicketFlags)
	}
	plain := newClient(t, kdc.ClientConfig{Client: "alice", Password: "secret", Krb5Conf: m.Krb5Conf()})
	if _, err := plain.Forwarded(t.Context()); !errors.Is(err, &kerberos.Error{Code: kerberos.CodeForwardable}) {
		t.Error(err)
	}
}

// TestWriteFileIsReadByMIT: MIT's programs use a credential cache that we
// wrote, with a ticket that we got.
func TestWriteFileIsReadByMIT(t *testing.T) {
	m := krbtest.StartMIT(t)
	m.AddUser("alice", "secret")
	m.Admin("modprinc +requires_preauth alice")
	m.AddService(service)
	i := newClient(t, kdc.ClientConfig{Client: "alice", Password: "secret", Krb5Conf: m.Krb5Conf(), Forwardable: true})
	tgt, err := i.Forwarded(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ccache")
	if err := (&ccache.Cache{Client: tgt.Client, Tickets: []kerberos.Credential{tgt}}).WriteFile("FILE:" +
		path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	p := m.Python(t, krbtest.Script{Code: initiatorScript, Args: []string{service + "@EXAMPLE.COM", ""},
		Env: []string{"KRB5CCNAME=FILE:" + path}})
	c, err := krbtest.Acceptor(t, m.Keytab(service)).Accept(t.Context(), p.Receive())
	if err != nil {
		t.Fatal(err)
	}
	if name, _ := c.Client(); name != "alice" {
		t.Errorf("%v", c)
	}
}

// TestTransportReachesMIT: a KDC that is down, one that is silent, UDP, and
// replies too large for it.
func TestTransportReachesMIT(t *testing.T) {
	m := krbtest.StartMITRealm(t, krbtest.MITConfig{KDCDefaults: " kdc_max_dgram_reply_size = 600"})
	m.AddUser("alice", "secret")
	m.Admin("modprinc +requires_preauth alice")
	m.AddService(service)
	udp := strings.Replace(m.Krb5Conf(), "udp_preference_limit = 1\n", "udp_preference_limit = 1465\n", 1)
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	deaf, err := net.Listen("tcp", "127.0.0.1:0") // connections wait in the backlog
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	before := func(conf, kdc string) string {
		return strings.Replace(conf, "kdc = "+m.Addr, "kdc = "+kdc+"\n  kdc = "+m.Addr, 1)
	}
	for name, c := range map[string]struct {
		conf string
		want string // dialled, in order
	}{
		"tcp":                 {m.Krb5Conf(), "tcp tcp tcp"},
		"udp, then too big":   {udp, "udp udp tcp udp tcp"},
		"down":                {before(m.Krb5Conf(), "127.0.0.1:1"), "tcp:1 tcp tcp tcp"},
		"down, udp":           {before(udp, "127.0.0.1:1"), ""},
		"silent, udp":         {before(udp, silent.LocalAddr().String()), ""},
		"deaf, tcp":           {before(m.Krb5Conf(), deaf.Addr().String()), ""},
		"tcp only, by prefix": {strings.Replace(udp, "kdc = "+m.Addr, "kdc = tcp/"+m.Addr, 1), "tcp tcp tcp"},
		"udp only, by prefix": {strings.Replace(m.Krb5Conf(), "kdc = "+m.Addr, "kdc = udp/"+m.Addr, 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var dialled []string
			k, err := kdc.NewTransport(kdc.TransportConfig{Krb5Conf: c.conf, Patience: 50 * time.Millisecond,
				Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
					mu.Lock()
					defer mu.Unlock()
					if address == "127.0.0.1:1" {
						dialled = append(dialled, network+":1")
					} else {
						dialled = append(dialled, network)
					}
					return new(net.Dialer).DialContext(ctx, network, address)
				}})
			if err != nil {
				t.Fatal(err)
			}
			i := newClient(t, kdc.ClientConfig{Client: "alice", Password: "secret", Krb5Conf: c.conf, KDC: k})
			_, err = i.ServiceTicket(t.Context(), service)
			if name == "udp only, by prefix" { // the realm allows no UDP
				if !errors.Is(err, &kerberos.Error{Code: kerberos.CodeKDC}) {
					t.Error(err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if got := strings.Join(dialled, " "); c.want != "" && got != c.want {
				t.Errorf("dialled %s, want %s", got, c.want)
			}
		})
	}
}
