package kdc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
)

// startRealms starts realms A.TEST and B.TEST that trust each other, and C.TEST
// that A trusts and D trusts: the way from A to D.TEST leads by C. D's KDC
// refuses such a path, or, when lax, gives tickets that say that it did not
// check; E.TEST is behind C too, and its KDC has C in its capaths.
func startRealms(t *testing.T) (a, b, c, d, e *krbtest.MIT) {
	t.Helper()
	a = krbtest.StartMITRealm(t,
		krbtest.MITConfig{Realm: "A.TEST", Krb5Conf: "[domain_realm]\n b.example.net = B.TEST\n"})
	b = krbtest.StartMITRealm(t, krbtest.MITConfig{Realm: "B.TEST"})
	c = krbtest.StartMITRealm(t, krbtest.MITConfig{Realm: "C.TEST"})
	d = krbtest.StartMITRealm(t, krbtest.MITConfig{Realm: "D.TEST", RealmConf: "  reject_bad_transit = false"})
	e = krbtest.StartMITRealm(t,
		krbtest.MITConfig{Realm: "E.TEST", Krb5Conf: "[capaths]\n A.TEST = {\n  E.TEST = C.TEST\n }\n"})
	a.Trust(b)
	a.Trust(c)
	c.Trust(d)
	c.Trust(e)
	a.AddUser("alice", "secret")
	a.Kinit("alice", "secret")
	return a, b, c, d, e
}

const capathsByC = "[capaths]\n A.TEST = {\n  D.TEST = C.TEST\n  E.TEST = C.TEST\n }"

// acceptorOf returns an acceptor for a service, with rules for client realms.
func acceptorOf(t *testing.T, m *krbtest.MIT, service string, cfg gss.AcceptorConfig) *gss.Acceptor {
	t.Helper()
	cfg.Keytab = m.Keytab(service)
	cfg.Replay = replay.NewMemory(replay.MemoryConfig{})
	a, err := gss.NewAcceptor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestClientCrossesRealmsOfMIT: a client of one MIT realm, ours and MIT's, and
// our acceptor in another: with a key in common, by a referral, and by a realm
// between that the service's KDC checks, does not check, or that our
// configuration trusts.
func TestClientCrossesRealmsOfMIT(t *testing.T) {
	t.Parallel()
	a, b, c, d, e := startRealms(t)
	others := []*krbtest.MIT{b, c, d, e}
	b.AddService("soap/b.example.net")
	d.AddService("soap/d.example.net")
	e.AddService("soap/e.example.net")
	capaths, err := krb5conf.Parse(capathsByC)
	if err != nil {
		t.Fatal(err)
	}
	plain, withCapaths := a.Krb5ConfWith(others), a.Krb5ConfWith(others, capathsByC)
	only := func(realms ...string) gss.AcceptorConfig { return gss.AcceptorConfig{ClientRealms: realms} }
	for name, test := range map[string]struct {
		at      *krbtest.MIT
		service string // as asked for
		conf    string
		cfg     gss.AcceptorConfig
		refused string
		checked bool // by the KDC
	}{
		"direct": {at: b, service: "soap/b.example.net@B.TEST", conf: plain, checked: true},
		"direct, realm listed": {at: b, service: "soap/b.example.net@B.TEST",
			conf: plain, cfg: only("B.TEST", "A.TEST"), checked: true},
		"direct, realm not listed": {at: b, service: "soap/b.example.net@B.TEST", conf: plain, cfg: only("B.TEST"),
			refused: "client is of realm A.TEST, trusted are B.TEST"},
		"by domain_realm": {at: b, service: "soap/b.example.net",
			conf: a.Krb5ConfWith(others, "[domain_realm]\n .example.net = B.TEST"), checked: true},
		"referral":         {at: b, service: "soap/b.example.net", conf: plain, checked: true},
		"by C, KDC checks": {at: e, service: "soap/e.example.net@E.TEST", conf: withCapaths, checked: true},
		"by C, KDC checks, listed": {at: e, service: "soap/e.example.net@E.TEST", conf: withCapaths, cfg: only("A.TEST"),
			checked: true},
		"by C, unchecked": {at: d, service: "soap/d.example.net@D.TEST",
			conf: withCapaths, refused: `came by other realms ("C.TEST") without a check`},
		"by C, unchecked, A listed": {at: d, service: "soap/d.example.net@D.TEST", conf: withCapaths, cfg: only("A.TEST"),
			refused: `(not there: "C.TEST")`},
		"by C, unchecked, both listed": {at: d, service: "soap/d.example.net@D.TEST",
			conf: withCapaths, cfg: only("A.TEST", "C.TEST")},
		"by C, unchecked, capaths": {at: d, service: "soap/d.example.net@D.TEST",
			conf: withCapaths, cfg: gss.AcceptorConfig{Paths: capaths}},
	} {
		host, _, _ := strings.Cut(test.service, "@")
		acceptor := acceptorOf(t, test.at, host, test.cfg)
		check := func(t *testing.T, token []byte) {
			t.Helper()
			c, err := acceptor.Accept(t.Context(), token)
			if test.refused != "" {
				wantRefusal(t, err, kerberos.CodeClientRealm, test.refused)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.ClientPrincipal().String() != "alice@A.TEST" || c.Service() != host+"@"+test.at.Realm ||
				(c.Facts().TicketFlags&kerberos.FlagTransitedPolicyChecked != 0) != test.checked {
				t.Errorf("%v, flags %x", c, c.Facts().TicketFlags)
			}
		}
		t.Run(name+"/our client", func(t *testing.T) {
			i := newClient(t, kdc.ClientConfig{Client: "alice", Password: "secret", Krb5Conf: test.conf})
			ticket, err := i.ServiceTicket(t.Context(), test.service)
			if err != nil {
				t.Fatal(err)
			}
			if ticket.Service.String() != host+"@"+test.at.Realm || ticket.Client.String() != "alice@A.TEST" {
				t.Errorf("%v for %v", ticket.Service, ticket.Client)
			}
			token, _, err := gss.NewToken(ticket, gss.TokenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			check(t, token)
		})
		t.Run(name+"/MIT's client", func(t *testing.T) {
			script := krbtest.Script{Code: initiatorScript, Args: []string{test.service, ""}, Conf: test.conf}
			if host == test.service { // of whatever realm
				script.Code = strings.Replace(script.Code, "kerberos_principal", "hostbased_service", 1)
				script.Args[0] = strings.Replace(host, "/", "@", 1)
			}
			check(t, a.Python(t, script).Receive())
		})
	}
}

// TestClientExplainsMissingTrustOfMIT: without capaths nobody finds the realm
// between, a KDC that checks the path refuses one that it does not have, and
// the errors say so.
func TestClientExplainsMissingTrustOfMIT(t *testing.T) {
	t.Parallel()
	a, b, c, d, e := startRealms(t)
	others := []*krbtest.MIT{b, c, d, e}
	d.AddService("soap/d.example.net")
	for name, test := range map[string]struct {
		conf, service string
		says          []string
	}{
		"no capaths": {a.Krb5ConfWith(others), "soap/d.example.net@D.TEST",
			[]string{"no way from realm A.TEST to D.TEST, at A.TEST", "krbtgt/"}},
		"wrong capaths": {a.Krb5ConfWith(others, "[capaths]\n A.TEST = {\n  D.TEST = B.TEST\n }"),
			"soap/d.example.net@D.TEST", []string{"no way from realm A.TEST to D.TEST, at B.TEST", "krbtgt/D.TEST@B.TEST"}},
		"no KDC of middle": {a.Krb5ConfWith([]*krbtest.MIT{b, d}, capathsByC), "soap/d.example.net@D.TEST",
			[]string{"realm C.TEST is not configured"}},
	} {
		t.Run(name, func(t *testing.T) {
			i := newClient(t, kdc.ClientConfig{Client: "alice", Password: "secret", Krb5Conf: test.conf})
			_, err := i.ServiceTicket(t.Context(), test.service)
			wantRefusal(t, err, kerberos.CodeRealmPath, test.says...)
		})
	}
	t.Run("refused by the service's KDC", func(t *testing.T) {
		b.Trust(e) // A - B - E, and E's capaths have C
		e.AddService("soap/e.example.net")
		i := newClient(t, kdc.ClientConfig{Client: "alice", Password: "secret",
			Krb5Conf: a.Krb5ConfWith(others, "[capaths]\n A.TEST = {\n  E.TEST = B.TEST\n }")})
		_, err := i.ServiceTicket(t.Context(), "soap/e.example.net@E.TEST")
		if e, ok := errors.AsType[*kerberos.KRBError](err); !ok || e.Code != 12 && e.Code != 28 {
			t.Error(err)
		}
	})
}
