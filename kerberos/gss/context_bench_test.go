package gss_test

import (
	"encoding/binary"
	"testing"

	gokrb5 "github.com/jcmturner/gokrb5/v8/service"
	"github.com/jcmturner/gokrb5/v8/spnego"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// contextToken is an initiator's first token.
func contextToken(b *testing.B, ticket kerberos.Credential, cfg gss.InitConfig) []byte {
	b.Helper()
	c, err := gss.NewInitiatorContext(ticket, cfg)
	if err != nil {
		b.Fatal(err)
	}
	token, _, err := c.Step(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	return token
}

func acceptContext(b *testing.B, kt *keytab.Keytab, token []byte) func() {
	b.Helper()
	a, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kt, Services: []string{service}, Etypes: allEtypes,
		Replay: brokenStore{}})
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		if _, done, err := a.NewContext(gss.AcceptConfig{}).Step(b.Context(), token); err != nil || !done {
			b.Fatal(done, err)
		}
	}
}

// BenchmarkContext establishes an acceptor's context from one token, the keys
// for its messages included, without a replay store.
func BenchmarkContext(b *testing.B) {
	k := krbtest.New(krbtest.Config{})
	k.AddService(service)
	for name, cfg := range map[string]gss.InitConfig{
		"krb5":          {Mechanism: gss.MechanismKRB5, GSSFlags: oneWay},
		"krb5/AP-REP":   {Mechanism: gss.MechanismKRB5},
		"spnego":        {GSSFlags: oneWay},
		"spnego/AP-REP": {},
	} {
		for _, et := range []int32{18, 17, 20, 19, 23} {
			b.Run(name+"/"+etype.Name(et), func(b *testing.B) {
				ticket, err := k.Ticket("alice", service, krbtest.TicketOptions{Etype: et})
				if err != nil {
					b.Fatal(err)
				}
				accept := acceptContext(b, k.Keytab(nil), contextToken(b, ticket, cfg))
				b.ReportAllocs()
				for b.Loop() {
					accept()
				}
			})
		}
	}
}

// BenchmarkSPNEGOAgainstGokrb5 takes turns with gokrb5's acceptor on one
// NegTokenInit without mutual authentication, which is all that it can do, and
// its replay cache in it.
func BenchmarkSPNEGOAgainstGokrb5(b *testing.B) {
	k := krbtest.New(krbtest.Config{})
	k.AddService(service)
	for _, et := range []int32{18, 17, 20, 19, 23} {
		b.Run(etype.Name(et), func(b *testing.B) {
			ticket, err := k.Ticket("alice", service, krbtest.TicketOptions{Etype: et})
			if err != nil {
				b.Fatal(err)
			}
			token := contextToken(b, ticket, gss.InitConfig{GSSFlags: oneWay})
			takeTurns(b, acceptContext(b, k.Keytab(nil), token), spnegoGokrb5(b, k, token))
		})
	}
}

// spnegoGokrb5 counts a replay as success: it is found in the last step.
func spnegoGokrb5(b *testing.B, k *krbtest.KDC, token []byte) func() {
	b.Helper()
	acceptor := spnego.SPNEGOService(gokrb5Keytab(b, k), gokrb5.DecodePAC(false))
	accepted := false
	return func() {
		var t spnego.SPNEGOToken
		if err := t.Unmarshal(token); err != nil {
			b.Fatal(err)
		}
		ok, _, status := acceptor.AcceptSecContext(&t)
		if !ok && !accepted {
			b.Fatal(status)
		}
		accepted = true
	}
}

// acceptTimes is an acceptor of MIT that accepts one token again and again, and
// says how many nanoseconds one takes.
const acceptTimes = `
import sys, time, gssapi
token = bytes.fromhex(sys.stdin.readline())
creds = gssapi.Credentials(usage="accept")
def accept():
    ctx = gssapi.SecurityContext(usage="accept", creds=creds)
    ctx.step(token)
    assert ctx.complete
accept()
start = time.perf_counter()
for i in range(2000): accept()
ns = int((time.perf_counter() - start) / 2000 * 1e9)
sys.stdout.write(ns.to_bytes(8, "big").hex() + "\n"); sys.stdout.flush()
`

// BenchmarkContextAgainstMIT is for scale: MIT's acceptor, by way of Python,
// with its replay cache off.
func BenchmarkContextAgainstMIT(b *testing.B) {
	m := krbtest.StartMIT(b)
	m.AddUser("alice", "secret")
	m.AddService(service)
	i, err := kdc.NewClient(kdc.ClientConfig{Client: "alice@EXAMPLE.COM", Password: "secret", Krb5Conf: m.Krb5Conf()})
	if err != nil {
		b.Fatal(err)
	}
	defer i.Close()
	ticket, err := i.ServiceTicket(b.Context(), service)
	if err != nil {
		b.Fatal(err)
	}
	path := m.KeytabFile(service)
	kt, err := keytab.Load(path)
	if err != nil {
		b.Fatal(err)
	}
	for name, cfg := range map[string]gss.InitConfig{"krb5/AP-REP": {Mechanism: gss.MechanismKRB5}, "spnego/AP-REP": {}} {
		b.Run(name, func(b *testing.B) {
			token := contextToken(b, ticket, cfg)
			p := m.Python(b, krbtest.Script{Code: acceptTimes, Env: []string{"KRB5_KTNAME=" + path}})
			p.Send(token)
			theirs := float64(binary.BigEndian.Uint64(p.Receive()))
			accept := acceptContext(b, kt, token)
			for b.Loop() {
				accept()
			}
			ours := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			b.ReportMetric(theirs, "ns/MIT")
			b.ReportMetric(theirs/ours, "ratio")
		})
	}
}
