package kdc_test

import (
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
)

// A domain is a real KDC with a gateway that acts for alice at two services, and
// what changes its rules.
type domain struct {
	realm, conf       string // name, krb5.conf
	client, gateway   string // the gateway's principal to log in, and its service
	password          string // alice's
	backend, resource string // services; resource has a rule of its own, resource-based
	keytab            *keytab.Keytab
	allow             func() // lets gateway delegate to backend
	anyProtocol       func()
	allowFrom         func() // lets resource take delegations from gateway
	refusesResource   bool   // does not know such rules; allowFrom may be nil then
}

func (d *domain) newGateway(t *testing.T) *kdc.Client {
	t.Helper()
	return newClient(t, kdc.ClientConfig{Client: d.client, Keytab: d.keytab, Krb5Conf: d.conf, Forwardable: true})
}

// evidence returns what the gateway's acceptor keeps of alice's ticket.
func (d *domain) evidence(t *testing.T, forwardable bool) kerberos.Credential {
	t.Helper()
	alice := newClient(t, kdc.ClientConfig{Client: "alice", Password: d.password, Krb5Conf: d.conf,
		Forwardable: forwardable})
	a, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: d.keytab, KeepTicket: true,
		Replay: replay.NewMemory(replay.MemoryConfig{})})
	if err != nil {
		t.Fatal(err)
	}
	_, c := mustAccept(t, alice, a, d.gateway, "alice@"+d.realm)
	evidence := c.Credentials().Evidence
	if !evidence.SessionKey.IsZero() || (evidence.Flags&kerberos.FlagForwardable != 0) != forwardable {
		t.Errorf("evidence with key %v, flags %x", evidence.SessionKey, evidence.Flags)
	}
	return evidence
}

// self returns a ticket to the gateway in alice's name, by a client without
// memory.
func (d *domain) self(t *testing.T) kerberos.Credential {
	t.Helper()
	ticket, err := d.newGateway(t).ServiceTicketFor(t.Context(), "alice", d.gateway)
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

// accepts reports an error unless the service takes the ticket as alice's.
func (d *domain) accepts(t *testing.T, ticket kerberos.Credential, err error, service string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	token, key, err := gss.NewToken(ticket, gss.TokenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := krbtest.Acceptor(t, d.keytab).Accept(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	name, realm := c.Client()
	if name+"@"+realm != "alice@"+d.realm || c.Service() != service+"@"+d.realm || !c.Key().Equal(key) {
		t.Errorf("%v at %s, want alice at %s", c, c.Service(), service)
	}
}

// check goes through the rules one after the other.
func (d *domain) check(t *testing.T) {
	t.Helper()
	i := d.newGateway(t)
	for _, service := range []string{"", d.gateway} {
		ticket, err := i.ServiceTicketFor(t.Context(), "alice", service)
		if err != nil || ticket.Client.String() != "alice@"+d.realm {
			t.Fatalf("%s: %s, %v", service, ticket.Client, err)
		}
	}
	d.accepts(t, d.self(t), nil, d.gateway)
	_, err := i.ServiceTicketFor(t.Context(), "nobody", "")
	wantRefusal(t, err, kerberos.CodeClientUnknown, "nobody@"+d.realm)
	_, err = i.ServiceTicketFor(t.Context(), "alice", d.backend)
	wantRefusal(t, err, kerberos.CodeProtocolTransit)

	mine, not := d.evidence(t, true), d.evidence(t, false)
	proxy := func(evidence kerberos.Credential, service string) (kerberos.Credential, error) {
		return i.ProxyTicket(t.Context(), evidence, service)
	}
	_, err = proxy(mine, d.backend)
	wantRefusal(t, err, kerberos.CodeDelegation, "act for alice@"+d.realm)
	if d.allow == nil {
		return
	}

	d.allow()
	ticket, err := proxy(mine, d.backend)
	d.accepts(t, ticket, err, d.backend)
	_, err = proxy(mine, d.resource)
	wantRefusal(t, err, kerberos.CodeDelegation)
	for _, evidence := range []kerberos.Credential{not, d.self(t)} {
		_, err = proxy(evidence, d.backend)
		wantRefusal(t, err, kerberos.CodeEvidence)
	}

	d.anyProtocol()
	ticket, err = proxy(d.self(t), d.backend)
	d.accepts(t, ticket, err, d.backend)

	if d.allowFrom != nil {
		d.allowFrom()
	}
	for _, evidence := range []kerberos.Credential{mine, d.self(t)} {
		if ticket, err = proxy(evidence, d.resource); d.refusesResource {
			wantRefusal(t, err, kerberos.CodeDelegation)
		} else {
			d.accepts(t, ticket, err, d.resource)
		}
	}
}

// TestS4UWithMIT: krb5kdc with rules in LDAP, and with rules of a module, which
// can be resource-based; its own database lets services have tickets in the
// names of users, and nobody go on with them.
func TestS4UWithMIT(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]krbtest.MITConfig{"rules": {Delegation: true}, "ldap": {LDAP: true}, "db2": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := krbtest.StartMITRealm(t, cfg)
			m.AddUser("alice", "secret")
			for _, s := range []string{gateway, backend, other} {
				m.AddService(s)
			}
			d := domain{realm: m.Realm, conf: m.Krb5Conf(), client: gateway, gateway: gateway, password: "secret",
				backend: backend, resource: other, keytab: m.Keytab(gateway, backend, other)}
			if cfg.Delegation || cfg.LDAP {
				d.allow = func() { m.AllowDelegation(gateway, backend) }
				d.anyProtocol = func() { m.Admin("modprinc +ok_to_auth_as_delegate " + gateway) }
			}
			if d.refusesResource = !cfg.Delegation; cfg.Delegation {
				d.allowFrom = func() { m.AllowFrom(other, gateway) }
			}
			d.check(t)
		})
	}
}

// TestS4UWithSamba: a domain controller. Samba's KDC of Debian 12, of version
// 4.17 with Heimdal, takes resource-based rules into its directory and does not
// know them.
func TestS4UWithSamba(t *testing.T) {
	t.Parallel()
	s := krbtest.StartSamba(t)
	const aes = 8 | 16
	d := domain{realm: s.Realm, conf: s.Krb5Conf(), client: "gw", gateway: "HTTP/gw.ad.example.com",
		password: "Alice.12345", backend: "HTTP/backend.ad.example.com", resource: "HTTP/resource.ad.example.com",
		refusesResource: true}
	s.AddService("gw", d.gateway, aes)
	s.AddService("backend", d.backend, aes)
	s.AddService("resource", d.resource, aes)
	s.AddUser("alice", d.password, "alice.l@ad.example.com")
	d.keytab = s.Keytab("gw", d.gateway, d.backend, d.resource)
	d.allow = func() { s.Tool("delegation", "add-service", "gw", d.backend) }
	d.anyProtocol = func() { s.Tool("delegation", "for-any-protocol", "gw", "on") }
	d.allowFrom = func() { s.Tool("delegation", "add-principal", "resource", "gw") }
	d.check(t)
}

// TestS4UCrossesRealmsOfMIT: a gateway of one realm gets tickets in the name of a
// user of another, and acts for a user of its own at a service of another, which
// has a rule for it.
func TestS4UCrossesRealmsOfMIT(t *testing.T) {
	t.Parallel()
	a := krbtest.StartMITRealm(t, krbtest.MITConfig{Realm: "A.TEST", Delegation: true,
		Krb5Conf: "[domain_realm]\n b.example.net = B.TEST\n"})
	b := krbtest.StartMITRealm(t, krbtest.MITConfig{Realm: "B.TEST", Delegation: true})
	a.Trust(b)
	const far = "HTTP/b.example.net"
	a.AddUser("alice", "secret")
	b.AddUser("bob", "secret")
	a.AddService(gateway)
	b.AddService(far)
	conf := a.Krb5ConfWith([]*krbtest.MIT{b})
	d := domain{realm: a.Realm, conf: conf, client: gateway, gateway: gateway, password: "secret",
		keytab: a.Keytab(gateway)}
	i := d.newGateway(t)

	ticket, err := i.ServiceTicketFor(t.Context(), "bob@B.TEST", "")
	if err != nil || ticket.Client.String() != "bob@B.TEST" || ticket.Service.String() != gateway+"@A.TEST" {
		t.Fatal(ticket.Client, ticket.Service, err)
	}
	_, err = i.ServiceTicketFor(t.Context(), "nobody@B.TEST", "")
	wantRefusal(t, err, kerberos.CodeClientUnknown, "nobody@B.TEST")

	evidence := d.evidence(t, true)
	for _, service := range []string{far, far + "@B.TEST"} {
		_, err = i.ProxyTicket(t.Context(), evidence, service)
		wantRefusal(t, err, kerberos.CodeDelegation, "act for alice@A.TEST at "+service)
	}
	b.AllowFrom(far+"@B.TEST", gateway+"@A.TEST")
	atFar := acceptorOf(t, b, far, gss.AcceptorConfig{})
	for _, service := range []string{far, far + "@B.TEST"} {
		ticket, err = i.ProxyTicket(t.Context(), evidence, service)
		if err != nil {
			t.Fatal(err)
		}
		token, _, err := gss.NewToken(ticket, gss.TokenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := atFar.Accept(t.Context(), token)
		if err != nil || c.ClientPrincipal().String() != "alice@A.TEST" {
			t.Fatal(c, err)
		}
	}
}
