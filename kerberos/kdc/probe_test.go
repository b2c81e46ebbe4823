package kdc_test

import (
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

func principal(t *testing.T, text string) kerberos.Principal {
	t.Helper()
	p, err := kerberos.ParsePrincipal(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A probe needs no key and returns what a KDC discloses to anyone: here MIT's.
func TestProbeReadsKeysOfMIT(t *testing.T) {
	m := krbtest.StartMIT(t)
	m.AddUser("alice", "secret")
	m.Admin("modprinc +requires_preauth alice")
	m.AddService("soap/gw.example.com")
	m.Admin("cpw -randkey soap/gw.example.com")
	gw, alice, tgs := principal(t, "soap/gw.example.com@EXAMPLE.COM"), principal(t, "alice@EXAMPLE.COM"),
		principal(t, "krbtgt/EXAMPLE.COM")
	mit, err := kdc.NewTransport(kdc.TransportConfig{Krb5Conf: m.Krb5Conf()})
	if err != nil {
		t.Fatal(err)
	}
	probe := func(client, service kerberos.Principal, etypes ...int32) kdc.ProbeFacts {
		t.Helper()
		facts, err := kdc.Probe(t.Context(), mit, client, service, etypes...)
		if err != nil {
			t.Fatal(err)
		}
		return facts
	}
	refusal := func(f kdc.ProbeFacts) int32 {
		if f.Error == nil {
			return 0
		}
		if d := time.Since(f.Error.Time).Abs(); d > time.Minute {
			t.Errorf("the KDC's clock is %v off", d)
		}
		return f.Error.Code
	}

	f := probe(alice, tgs)
	if refusal(f) != 25 || len(f.Keys) == 0 || f.Keys[0].Etype != etype.AES256SHA1 ||
		f.Keys[0].Salt != "EXAMPLE.COMalice" {
		t.Errorf("with pre-authentication: %+v", f)
	}
	if f := probe(gw, gw); f.Error != nil || f.ServiceKvno != 2 || f.ServiceEtype != etype.AES256SHA1 {
		t.Errorf("without pre-authentication: %+v", f)
	} else if kt, err := keytab.Load(m.KeytabFile("soap/gw.example.com")); err != nil {
		t.Error(err)
	} else if e, err := kt.KeyOf(f.Ticket); err != nil || e.Kvno != 2 || e.Etype != f.ServiceEtype {
		t.Errorf("the ticket is opened by %v, %v", e.Kvno, err)
	}
	for name, c := range map[string]struct {
		facts kdc.ProbeFacts
		code  int32
	}{
		"unknown client":  {probe(principal(t, "nobody@EXAMPLE.COM"), tgs), 6},
		"unknown service": {probe(alice, principal(t, "no/such")), 7},
		"unknown etype":   {probe(gw, gw, 9999), 14},
	} {
		if code := refusal(c.facts); code != c.code {
			t.Errorf("%s: %d, want %d", name, code, c.code)
		}
	}
}

func TestProbeRejectsMissingNames(t *testing.T) {
	t.Parallel()
	for _, client := range []string{"alice", "alice@R"} {
		c, s := principal(t, client), kerberos.Principal{}
		if client == "alice" {
			s = principal(t, "krbtgt/R")
		}
		if _, err := kdc.Probe(t.Context(), nil, c, s); err == nil {
			t.Errorf("%s: %v", client, err)
		}
	}
}

// The type and version of a ticket's key are in clear.
func TestServiceKeyReadsTicket(t *testing.T) {
	t.Parallel()
	k := krbtest.New(krbtest.Config{})
	k.AddService(service)
	k.AddService(service)
	ticket, err := k.Ticket("alice", service, krbtest.TicketOptions{Etype: 17})
	if err != nil {
		t.Fatal(err)
	}
	if etype, kvno, err := kdc.ServiceKey(ticket); etype != 17 || kvno != 2 || err != nil {
		t.Error(etype, kvno, err)
	}
	if _, _, err := kdc.ServiceKey((kerberos.Credential{})); err == nil {
		t.Error("no ticket has a key")
	}
}
