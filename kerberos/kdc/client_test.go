package kdc_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/ccache"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// TestClientGetsTicketsInProcess gets tickets from the KDC in process by real
// AS and TGS exchanges, with a password and with a keytab.
func TestClientGetsTicketsInProcess(t *testing.T) {
	t.Parallel()
	k := krbtest.New(krbtest.Config{})
	k.AddUser("alice", "secret")
	k.AddService("client/host")
	k.AddService(service)
	s, err := k.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a := krbtest.Acceptor(t, k.Keytab([]string{service}))
	for _, cfg := range []kdc.ClientConfig{
		{Client: "alice@EXAMPLE.COM", Password: "secret"},
		{Client: "client/host@EXAMPLE.COM", Keytab: k.Keytab([]string{"client/host"})},
	} {
		cfg.Krb5Conf = s.Krb5Conf()
		i, err := kdc.NewClient(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer i.Close()
		ticket, err := i.ServiceTicket(t.Context(), service)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			token, key, err := gss.NewToken(ticket, gss.TokenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			c, err := a.Accept(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			if name, realm := c.Client(); name+"@"+realm != cfg.Client || !c.Key().Equal(key) {
				t.Errorf("%v, want %s", c, cfg.Client)
			}
		}
		if _, err := i.ServiceTicket(t.Context(), "no/such"); err == nil ||
			!strings.Contains(err.Error(), "no service no/such") {
			t.Error("unknown service:", err)
		}
	}
	i, err := kdc.NewClient(kdc.ClientConfig{Client: "alice@EXAMPLE.COM", Password: "wrong", Krb5Conf: s.Krb5Conf()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.ServiceTicket(t.Context(), service); err == nil {
		t.Error("a wrong password was taken")
	}
}

// TestClientRenewsAndForwardsInProcess: the KDC in process renews and forwards,
// and a credential cache that is replaced is read again.
func TestClientRenewsAndForwardsInProcess(t *testing.T) {
	t.Parallel()
	k := krbtest.New(krbtest.Config{})
	k.AddUser("alice", "secret")
	k.AddService(service)
	s, err := k.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a := krbtest.Acceptor(t, k.Keytab([]string{service}))
	now := time.Now()
	clock := func() time.Time { return now }
	counting := newCountingKDC(t, s.Krb5Conf())
	i := newClient(t, kdc.ClientConfig{Client: "alice", Password: "secret", Krb5Conf: s.Krb5Conf(), KDC: counting,
		Forwardable: true, RenewLifetime: 24 * time.Hour, Lifetime: time.Minute, Time: clock})
	mustAccept(t, i, a, service, "alice@EXAMPLE.COM")
	now = now.Add(55 * time.Second) // too late for the tickets, not for renewing
	ticket, _ := mustAccept(t, i, a, service, "alice@EXAMPLE.COM")
	if counting.count('j') != 2 || counting.count('l') != 3 || ticket.EndTime.Before(now) {
		t.Errorf("%d AS and %d TGS requests, ticket until %v", counting.count('j'), counting.count('l'), ticket.EndTime)
	}
	tgt, err := i.Forwarded(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ccache")
	cc := ccache.Cache{Client: tgt.Client, Tickets: []kerberos.Credential{tgt}}
	cc.Tickets[0].EndTime = now.Add(-time.Hour)
	cc.Tickets[0].RenewTill = time.Time{}
	if err := cc.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	cached := newClient(t, kdc.ClientConfig{CCache: path, Krb5Conf: s.Krb5Conf(), Time: clock})
	_, err = cached.ServiceTicket(t.Context(), service)
	wantRefusal(t, err, kerberos.CodeCredentialExpired, path, "alice@EXAMPLE.COM ended")
	cc.Tickets[0].EndTime = tgt.EndTime
	cc.Tickets[0] = tgt
	if err := cc.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	mustAccept(t, cached, a, service, "alice@EXAMPLE.COM")
	cc.Client.Components = []string{"bob"}
	if err := cc.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	other := newClient(t, kdc.ClientConfig{Client: "alice", CCache: path, Krb5Conf: s.Krb5Conf(), Time: clock})
	_, err = other.ServiceTicket(t.Context(), service)
	wantRefusal(t, err, kerberos.CodeCredential, "is of bob@EXAMPLE.COM, not of alice@EXAMPLE.COM")
}
