package kdc_test

import (
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// users is a KDC in process with a gateway's account, HTTP/gw.example.com with
// the second name soap/gw.example.com, and backends.
type users struct {
	*krbtest.KDC
	server *krbtest.Server
	now    time.Time
	kdc    *countingKDC
}

const (
	gateway = "HTTP/gw.example.com"
	backend = "HTTP/backend.example.com"
)

func newUsers(t *testing.T) *users {
	t.Helper()
	u := &users{now: time.Now()}
	u.KDC = krbtest.New(krbtest.Config{Time: func() time.Time { return u.now }})
	u.AddUser("alice", "secret")
	u.AddUser("boss", "secret")
	u.DenyDelegation("boss")
	u.AddService(gateway)
	u.Alias(gateway, service)
	u.AddService(backend)
	u.AddService(other)
	var err error
	if u.server, err = u.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.server.Close() })
	u.kdc = newCountingKDC(t, u.server.Krb5Conf())
	return u
}

// gateway returns a client with the gateway's keytab.
func (u *users) gateway(t *testing.T) *kdc.Client {
	t.Helper()
	return newClient(t, kdc.ClientConfig{Client: gateway, Keytab: u.Keytab([]string{gateway}),
		Krb5Conf: u.server.Krb5Conf(), KDC: u.kdc, Forwardable: true, Time: func() time.Time { return u.now }})
}

// evidence returns what an acceptor has of alice's AP-REQ for the gateway: her
// ticket without its key.
func (u *users) evidence(t *testing.T, flags uint32) kerberos.Credential {
	t.Helper()
	ticket, err := u.Ticket("alice", service, krbtest.TicketOptions{Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	return kerberos.Credential{Client: ticket.Client, Service: ticket.Service, Ticket: ticket.Ticket, Flags: flags,
		EndTime: ticket.EndTime}
}

// mustBeAccepted checks that the service accepts a token made with the ticket,
// as the user's.
func (u *users) mustBeAccepted(t *testing.T, ticket kerberos.Credential, err error, name, user string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := gss.NewToken(ticket, gss.TokenOptions{Time: func() time.Time { return u.now }})
	if err != nil {
		t.Fatal(err)
	}
	c, err := krbtest.Acceptor(t, u.Keytab([]string{name})).Accept(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if client, realm := c.Client(); client+"@"+realm != user {
		t.Errorf("%s accepted %s@%s, want %s", name, client, realm, user)
	}
}

// TestServiceTicketForIsInTheUsersName: a service gets tickets to itself in the
// names of users, also for another name of its account, once while they last.
func TestServiceTicketForIsInTheUsersName(t *testing.T) {
	t.Parallel()
	u := newUsers(t)
	i := u.gateway(t)
	for range 2 {
		ticket, err := i.ServiceTicketFor(t.Context(), "alice", "")
		u.mustBeAccepted(t, ticket, err, gateway, "alice@EXAMPLE.COM")
		if ticket.Flags&kerberos.FlagForwardable == 0 {
			t.Error("the ticket is not forwardable")
		}
		ticket, err = i.ServiceTicketFor(t.Context(), "alice@EXAMPLE.COM", service)
		u.mustBeAccepted(t, ticket, err, service, "alice@EXAMPLE.COM")
	}
	if n := u.kdc.count('l'); n != 2 {
		t.Errorf("%d TGS requests for two tickets", n)
	}
	u.now = u.now.Add(9*time.Hour + 59*time.Minute) // tickets end
	ticket, err := i.ServiceTicketFor(t.Context(), "alice", "")
	if err != nil || !ticket.EndTime.After(u.now.Add(time.Hour)) || u.kdc.count('l') != 3 {
		t.Errorf("ticket until %v, %v", ticket.EndTime, err)
	}
}

// TestServiceTicketForRefusals: what is not possible has a code of its own.
func TestServiceTicketForRefusals(t *testing.T) {
	t.Parallel()
	u := newUsers(t)
	i := u.gateway(t)
	for _, c := range []struct {
		user, service string
		code          kerberos.Code
		words         string
	}{
		{"nobody", "", kerberos.CodeClientUnknown, "KDC does not know the client nobody@EXAMPLE.COM"},
		{"", "", kerberos.CodeClientUnknown, "user"},
		{"alice", backend, kerberos.CodeProtocolTransit,
			"KDC issues no ticket for " + backend + "@EXAMPLE.COM in the name of alice"},
		{"alice", gateway + "@OTHER", kerberos.CodeServiceUnknown, "its realm is another"},
		{"alice", "no/service", kerberos.CodeProtocolTransit, "no ticket for no/service@EXAMPLE.COM"},
		{"alice@OTHER", "", kerberos.CodeRealmPath, "no way from realm EXAMPLE.COM to OTHER"},
	} {
		_, err := i.ServiceTicketFor(t.Context(), c.user, c.service)
		wantRefusal(t, err, c.code, c.words)
	}
	p := newClient(t, kdc.ClientConfig{Client: "alice", Password: "secret", Krb5Conf: u.server.Krb5Conf()})
	_, err := p.ServiceTicketFor(t.Context(), "boss", "")
	wantRefusal(t, err, kerberos.CodeCredential, "alice@EXAMPLE.COM has no keytab")
}

// TestProxyTicketByTheRules: the KDC's rules decide where a service may act for
// a user, with the user's own ticket and with one by protocol transition.
func TestProxyTicketByTheRules(t *testing.T) {
	t.Parallel()
	u := newUsers(t)
	i := u.gateway(t)
	proxy := func(evidence kerberos.Credential) (kerberos.Credential, error) {
		return i.ProxyTicket(t.Context(), evidence, backend)
	}
	self := func(user string) kerberos.Credential {
		t.Helper()
		ticket, err := u.gateway(t).ServiceTicketFor(t.Context(), user, "") // one without memory of earlier rules
		if err != nil {
			t.Fatal(err)
		}
		return ticket
	}
	forwardable, not := u.evidence(t, kerberos.FlagForwardable), u.evidence(t, kerberos.FlagPreAuthent)

	_, err := proxy(forwardable)
	wantRefusal(t, err, kerberos.CodeDelegation,
		"does not let "+gateway+"@EXAMPLE.COM act for alice@EXAMPLE.COM at "+backend)
	_, err = proxy(self("alice"))
	wantRefusal(t, err, kerberos.CodeDelegation, "delegation is not allowed")

	u.AllowDelegation(gateway, backend)
	ticket, err := proxy(forwardable)
	u.mustBeAccepted(t, ticket, err, backend, "alice@EXAMPLE.COM")
	_, err = proxy(not)
	wantRefusal(t, err, kerberos.CodeEvidence, "ticket of alice@EXAMPLE.COM is not forwardable")
	_, err = proxy(self("alice"))
	wantRefusal(t, err, kerberos.CodeEvidence, "is not forwardable")
	_, err = i.ProxyTicket(t.Context(), forwardable, other)
	wantRefusal(t, err, kerberos.CodeDelegation)

	u.AllowAnyProtocol(gateway)
	ticket, err = proxy(self("alice"))
	u.mustBeAccepted(t, ticket, err, backend, "alice@EXAMPLE.COM")
	_, err = proxy(self("boss"))
	wantRefusal(t, err, kerberos.CodeEvidence)

	u.AllowFrom(other, gateway) // resource-based: forwardable or not
	for _, evidence := range []kerberos.Credential{forwardable, not, self("alice")} {
		ticket, err = i.ProxyTicket(t.Context(), evidence, other)
		u.mustBeAccepted(t, ticket, err, other, "alice@EXAMPLE.COM")
	}
}

// TestProxyTicketForgetsRefusedEvidence: a ticket in a user's name that the KDC
// refuses as evidence is asked for anew, as the account may have new rights.
func TestProxyTicketForgetsRefusedEvidence(t *testing.T) {
	t.Parallel()
	u := newUsers(t)
	u.AllowDelegation(gateway, backend)
	i := u.gateway(t)
	call := func() (kerberos.Credential, error) {
		evidence, err := i.ServiceTicketFor(t.Context(), "alice", "")
		if err != nil {
			t.Fatal(err)
		}
		return i.ProxyTicket(t.Context(), evidence, backend)
	}
	_, err := call()
	wantRefusal(t, err, kerberos.CodeEvidence)
	u.AllowAnyProtocol(gateway)
	ticket, err := call()
	u.mustBeAccepted(t, ticket, err, backend, "alice@EXAMPLE.COM")
}

// TestProxyTicketIsKeptPerEvidence: a ticket serves the evidence that it was
// issued for, and no other of the same user.
func TestProxyTicketIsKeptPerEvidence(t *testing.T) {
	t.Parallel()
	u := newUsers(t)
	u.AllowDelegation(gateway, backend)
	i := u.gateway(t)
	one, two := u.evidence(t, kerberos.FlagForwardable), u.evidence(t, kerberos.FlagForwardable)
	var octets []string
	for _, evidence := range []kerberos.Credential{one, one, two} {
		ticket, err := i.ProxyTicket(t.Context(), evidence, backend)
		u.mustBeAccepted(t, ticket, err, backend, "alice@EXAMPLE.COM")
		octets = append(octets, string(ticket.Ticket))
	}
	if octets[0] != octets[1] || octets[1] == octets[2] || u.kdc.count('l') != 2 {
		t.Errorf("%d TGS requests for three calls with two tickets of alice", u.kdc.count('l'))
	}
}

// TestProxyTicketRefusesBadEvidence: no KDC is asked with evidence that cannot
// do, and none takes a ticket for another service.
func TestProxyTicketRefusesBadEvidence(t *testing.T) {
	t.Parallel()
	u := newUsers(t)
	u.AllowDelegation(gateway, backend)
	i := u.gateway(t)
	good := u.evidence(t, kerberos.FlagForwardable)
	empty, nameless, ended := good, good, good
	empty.Ticket, nameless.Client, ended.EndTime = nil, kerberos.Principal{}, u.now.Add(-time.Second)
	for _, c := range []struct {
		evidence kerberos.Credential
		code     kerberos.Code
	}{{empty, kerberos.CodeCredential}, {nameless, kerberos.CodeCredential}, {ended, kerberos.CodeCredentialExpired}} {
		_, err := i.ProxyTicket(t.Context(), c.evidence, backend)
		wantRefusal(t, err, c.code)
	}
	if n := u.kdc.count('j') + u.kdc.count('l'); n != 0 {
		t.Errorf("%d requests with evidence that is none", n)
	}
	foreign, err := u.Ticket("alice", other, krbtest.TicketOptions{Flags: kerberos.FlagForwardable})
	if err != nil {
		t.Fatal(err)
	}
	_, err = i.ProxyTicket(t.Context(), foreign, backend)
	wantRefusal(t, err, kerberos.CodeDelegation, "not for the client")
}
