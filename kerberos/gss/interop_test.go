package gss_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// TestInteropAcceptorAcceptsMIT accepts tokens of an independent initiator with
// tickets of an independent KDC, and compares keys.
func TestInteropAcceptorAcceptsMIT(t *testing.T) {
	m := krbtest.StartMIT(t)
	m.AddUser("alice", "secret")
	m.Kinit("alice", "secret")
	var services []string
	for _, e := range mitEnctypes {
		name := fmt.Sprintf("soap/etype%d.example.com", e.Etype)
		m.AddService(name, e.Name)
		services = append(services, name)
	}
	kt := m.Keytab(services...)
	all, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kt, Etypes: []int32{17, 18, 19, 20, 23}})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range mitEnctypes {
		for _, mutual := range []string{"mutual", "one-way"} {
			t.Run(fmt.Sprintf("%s/%s", e.Name, mutual), func(t *testing.T) {
				p := m.Python(t, krbtest.Script{Code: initiatorScript, Args: []string{services[i] + "@EXAMPLE.COM", mutual},
					Conf: m.Krb5Conf(e.Name, "aes256-cts-hmac-sha1-96")})
				ctx := all.ForServices(services[i]).NewContext(gss.AcceptConfig{NoAcceptorSubkey: true})
				reply, done, err := ctx.Step(t.Context(), p.Receive())
				if err != nil || !done {
					t.Fatal(done, err)
				}
				c := ctx.Authentication()
				checkInterop(t, c, e.Etype, services[i], mutual == "mutual")
				if reply != nil {
					p.Send(reply)
				}
				if key := p.Receive(); !bytes.Equal(key, c.ExposeKeyOctets()) {
					t.Errorf("initiator's key is not ours (%d and %d octets)", len(key), len(c.ExposeKeyOctets()))
				}
				if mic := p.Receive(); e.Etype != 23 {
					checkMIC(t, c, mic)
				}
			})
		}
	}
	t.Run("rc4 refused by default", func(t *testing.T) {
		a, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kt})
		if err != nil {
			t.Fatal(err)
		}
		token := m.Python(t,
			krbtest.Script{Code: initiatorScript, Args: []string{services[4] + "@EXAMPLE.COM", ""}}).Receive()
		if _, err := a.Accept(t.Context(), token); code(err) != kerberos.CodeEtype {
			t.Error(err)
		}
	})
}

func checkInterop(t *testing.T, c *gss.Authentication, etype int32, service string, mutual bool) {
	t.Helper()
	if name, realm := c.Client(); name != "alice" || realm != "EXAMPLE.COM" || c.Service() != service+"@EXAMPLE.COM" {
		t.Errorf("%v", c)
	}
	f := c.Facts()
	if f.TicketEtype != etype || f.KeyEtype != etype || !f.Subkey || f.Mutual != mutual || f.Fallback ||
		f.GSSFlags&0x3c != 0x3c {
		t.Errorf("%+v", f)
	}
}

// checkMIC verifies an initiator's MIC token (RFC 4121 4.2.6.1) with gokrb5 and
// our key.
func checkMIC(t *testing.T, c *gss.Authentication, token []byte) {
	t.Helper()
	var mic gssapi.MICToken
	if err := mic.Unmarshal(token, false); err != nil {
		t.Fatal(err)
	}
	mic.Payload = []byte("a message")
	key := types.EncryptionKey{KeyType: c.EtypeOfKey(), KeyValue: c.ExposeKeyOctets()}
	if ok, err := mic.Verify(key, 25); !ok || err != nil {
		t.Error("MIC of the initiator:", err)
	}
}

// acceptorScript is an acceptor of python-gssapi: it reads the token and prints
// the initiator and the context's key.
const acceptorScript = `
import sys, gssapi, gssapi.raw
def out(b): sys.stdout.write(b.hex() + "\n"); sys.stdout.flush()
ctx = gssapi.SecurityContext(usage="accept", creds=gssapi.Credentials(usage="accept"))
ctx.step(bytes.fromhex(sys.stdin.readline()))
assert ctx.complete
out(str(ctx.initiator_name).encode())
out(gssapi.raw.inquire_sec_context_by_oid(ctx, gssapi.OID.from_int_seq("1.2.840.113554.1.2.2.5.5"))[0])
`

// TestInteropMITAcceptsNewToken: MIT's acceptor accepts our tokens, with
// tickets from MIT's KDC, and has the same key.
func TestInteropMITAcceptsNewToken(t *testing.T) {
	m := krbtest.StartMIT(t)
	m.AddUser("alice", "secret")
	m.AddService(service)
	kt := m.KeytabFile(service)
	for _, e := range mitEnctypes {
		t.Run(e.Name, func(t *testing.T) {
			i, err := kdc.NewClient(kdc.ClientConfig{Client: "alice@EXAMPLE.COM", Password: "secret",
				Krb5Conf: m.Krb5Conf(e.Name)})
			if err != nil {
				t.Fatal(err)
			}
			defer i.Close()
			ticket, err := i.ServiceTicket(t.Context(), service)
			if err != nil {
				t.Fatal(err)
			}
			token, key, err := gss.NewToken(ticket, gss.TokenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			p := m.Python(t, krbtest.Script{Code: acceptorScript, Env: []string{"KRB5_KTNAME=" + kt}})
			p.Send(token)
			if name := string(p.Receive()); name != "alice@EXAMPLE.COM" || key.Etype() != e.Etype {
				t.Errorf("initiator is %s, key %v", name, key)
			}
			if !bytes.Equal(p.Receive(), key.ExposeKeyOctets()) {
				t.Error("acceptor's key is not ours")
			}
		})
	}
}

// TestInteropAcceptorFollowsKeyRotation: a service gets new keys while a client
// holds a ticket under the old ones.
func TestInteropAcceptorFollowsKeyRotation(t *testing.T) {
	m := krbtest.StartMIT(t)
	m.AddUser("alice", "secret")
	m.AddService(service, "aes256-cts-hmac-sha1-96")
	before := m.Keytab(service)
	token := func(t *testing.T) []byte {
		return m.Python(t, krbtest.Script{Code: initiatorScript, Args: []string{service + "@EXAMPLE.COM", ""}}).Receive()
	}
	accept := func(kt *keytab.Keytab, token []byte) (*gss.Authentication, error) {
		return krbtest.Acceptor(t, kt).Accept(t.Context(), token)
	}
	m.Kinit("alice", "secret")
	token(t) // the ticket is in the credential cache now

	m.Admin("cpw -randkey -keepold -e aes256-cts-hmac-sha1-96:normal " + service)
	after := m.Keytab(service)
	if c, err := accept(after, token(t)); err != nil || c.Facts().TicketKvno != 1 || c.Facts().KeytabKvno != 1 ||
		c.Facts().Fallback {
		t.Errorf("old ticket, keytab with both keys: %v", err)
	}
	m.Kinit("alice", "secret") // empties the cache
	if c, err := accept(after, token(t)); err != nil || c.Facts().KeytabKvno != 2 {
		t.Errorf("new ticket, keytab with both keys: %v", err)
	}
	_, err := accept(before, token(t))
	wantRefusal(t, err, kerberos.CodeNoKvno, "keytab has kvno 1 etype 18", "ticket wants kvno 2", "fetch a new keytab")
}

// TestInteropAcceptorAcceptsKinit: MIT's client gets tickets of the KDC in
// process.
func TestInteropAcceptorAcceptsKinit(t *testing.T) {
	k := krbtest.New(krbtest.Config{})
	k.AddUser("alice", "secret")
	k.AddService(service)
	s, err := k.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := krbtest.MITClient(t, s)
	m.Kinit("alice", "secret")
	token := m.Python(t, krbtest.Script{Code: initiatorScript, Args: []string{service + "@EXAMPLE.COM", ""}}).Receive()
	c, err := krbtest.Acceptor(t, k.Keytab(nil)).Accept(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if name, _ := c.Client(); name != "alice" {
		t.Errorf("%v", c)
	}
}
