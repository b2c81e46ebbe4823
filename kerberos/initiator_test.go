package kerberos_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// TestInitiator gets tickets from the KDC in process by real AS and TGS exchanges, with a password and with a keytab.
func TestInitiator(t *testing.T) {
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
	for _, cfg := range []kerberos.InitiatorConfig{
		{Client: "alice@EXAMPLE.COM", Password: "secret"},
		{Client: "client/host@EXAMPLE.COM", Keytab: k.Keytab([]string{"client/host"})},
	} {
		cfg.Krb5Conf = s.Krb5Conf()
		i, err := kerberos.NewInitiator(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer i.Close()
		ticket, err := i.ServiceTicket(t.Context(), service)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			token, key, err := ticket.InitToken(kerberos.InitOptions{})
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
		if _, err := i.ServiceTicket(t.Context(), "no/such"); err == nil || !strings.Contains(err.Error(), "no service no/such") {
			t.Error("unknown service:", err)
		}
	}
	i, err := kerberos.NewInitiator(kerberos.InitiatorConfig{Client: "alice@EXAMPLE.COM", Password: "wrong", Krb5Conf: s.Krb5Conf()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.ServiceTicket(t.Context(), service); err == nil {
		t.Error("a wrong password was taken")
	}
}
