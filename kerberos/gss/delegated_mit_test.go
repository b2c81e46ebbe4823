package gss_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// TestDelegatedCredentialIsAcceptedByMIT: the credential that a client
// delegates, MIT's or ours, is a source of tickets in its name.
func TestDelegatedCredentialIsAcceptedByMIT(t *testing.T) {
	m := krbtest.StartMIT(t)
	m.AddUser("alice", "secret")
	m.AddService(service)
	m.AddService("soap/behind.example.com")
	m.KinitWith("secret", "-f", "alice")
	acceptor, behind := krbtest.Acceptor(t, m.Keytab(service)), krbtest.Acceptor(t, m.Keytab("soap/behind.example.com"))
	for name, token := range map[string]func(t *testing.T) []byte{
		"MIT's client": func(t *testing.T) []byte {
			script := krbtest.Script{Code: initiatorScript, Args: []string{service + "@EXAMPLE.COM", ""}}
			script.Code = strings.Replace(script.Code, "F.out_of_sequence_detection",
				"F.out_of_sequence_detection | F.delegate_to_peer", 1)
			return m.Python(t, script).Receive()
		},
		"our client, MIT's cache": func(t *testing.T) []byte {
			i := newClient(t, kdc.ClientConfig{CCache: m.Ccache(), Krb5Conf: m.Krb5Conf()})
			tgt, err := i.Forwarded(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ticket, err := i.ServiceTicket(t.Context(), service)
			if err != nil {
				t.Fatal(err)
			}
			c, err := gss.NewInitiatorContext(ticket, gss.InitConfig{Mechanism: gss.MechanismKRB5, Delegate: &tgt})
			if err != nil {
				t.Fatal(err)
			}
			token, _, err := c.Step(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			return token
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := acceptor.NewContext(gss.AcceptConfig{Delegation: true})
			if _, done, err := c.Step(t.Context(), token(t)); err != nil || !done {
				t.Fatal(err, done)
			}
			i := newClient(t, kdc.ClientConfig{Credentials: c.Delegated(), Krb5Conf: m.Krb5Conf()})
			_, a := mustAccept(t, i, behind, "soap/behind.example.com", "alice@EXAMPLE.COM")
			if a.Facts().TicketFlags&kerberos.FlagForwarded == 0 {
				t.Errorf("flags %x", a.Facts().TicketFlags)
			}
			if _, err := i.Forwarded(t.Context()); err != nil { // and on to the next
				t.Error(err)
			}
		})
	}
}
