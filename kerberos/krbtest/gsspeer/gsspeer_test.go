package gsspeer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/krbtest/gsspeer"
)

const service = "soap/gateway.example.com"

// establish lets two peers talk until both are done.
func establish(t *testing.T, initiator, acceptor *gsspeer.Peer) error {
	t.Helper()
	var token []byte
	for range 8 {
		out, initiatorDone, err := initiator.Step(token)
		if err != nil || out == nil {
			return err
		}
		reply, acceptorDone, err := acceptor.Step(out)
		if err != nil || initiatorDone && acceptorDone {
			return err
		}
		token = reply
	}
	return fmt.Errorf("%s and %s go on for ever", initiator.Name, acceptor.Name)
}

// TestPeersAgreeWithEachOther: the programs work, and differences that tests
// with us allow for are there without us.
func TestPeersAgreeWithEachOther(t *testing.T) {
	m := krbtest.StartMIT(t)
	m.AddUser("alice", "secret")
	m.AddService(service)
	m.KinitWith("secret", "-f", "alice")
	keytab := m.KeytabFile(service)
	start := []func(krbtest.TB, *krbtest.MIT, string) *gsspeer.Peer{gsspeer.MIT, gsspeer.Heimdal, gsspeer.Java}
	var initiators, acceptors []*gsspeer.Peer
	for _, f := range start {
		initiators, acceptors = append(initiators, f(t, m, keytab)), append(acceptors, f(t, m, keytab))
	}
	for _, initiator := range initiators {
		for _, acceptor := range acceptors {
			t.Run(initiator.Name+" to "+acceptor.Name, func(t *testing.T) {
				for _, spnego := range []bool{true, false} {
					initiator.Begin(gsspeer.Begin{Service: service + "@EXAMPLE.COM",
						SPNEGO: spnego, Flags: "mutual,delegate,replay,sequence"})
					acceptor.Begin(gsspeer.Begin{Accept: true})
					if err := establish(t, initiator, acceptor); err != nil {
						t.Fatal(err)
					}
					if info := acceptor.Info(); info.Initiator != "alice@EXAMPLE.COM" || info.Delegated != "alice@EXAMPLE.COM" ||
						info.Flags&0x2f != 0x2f {
						t.Errorf("%+v", info)
					}
					message(t, initiator, acceptor)
					message(t, acceptor, initiator)
				}
				bindings(t, initiator, acceptor)
				oneWay(t, initiator, acceptor)
			})
		}
	}
}

func message(t *testing.T, from, to *gsspeer.Peer) {
	t.Helper()
	for _, sealed := range []bool{true, false} {
		token, err := from.Wrap([]byte("text"), sealed)
		if err != nil {
			t.Fatal(err)
		}
		if text, s, err := to.Unwrap(token); err != nil || string(text) != "text" || s != sealed {
			t.Errorf("%q, sealed %t, %v", text, s, err)
		}
		if text, _, err := to.Unwrap(token); err == nil || !strings.Contains(err.Error(), to.Duplicate) {
			t.Errorf("again: %q, %v, want %s", text, err, to.Duplicate)
		}
	}
	mic, err := from.MIC([]byte("text"))
	if err == nil {
		err = to.VerifyMIC([]byte("text"), mic)
	}
	if err != nil {
		t.Error(err)
	}
}

// bindings: Java's have another address type than those of the others, unless
// it is told to make them for TLS.
func bindings(t *testing.T, initiator, acceptor *gsspeer.Peer) {
	t.Helper()
	for _, flags := range []string{"mutual", "mutual,tls"} {
		initiator.Begin(gsspeer.Begin{Service: service + "@EXAMPLE.COM", Flags: flags, Bindings: "the channel"})
		acceptor.Begin(gsspeer.Begin{Accept: true, Flags: flags, Bindings: "the channel"})
		differ := flags == "mutual" && initiator.Name != acceptor.Name &&
			(initiator.Name == "Java" || acceptor.Name == "Java")
		if err := establish(t, initiator, acceptor); (err != nil) != differ {
			t.Errorf("%s: %v", flags, err)
		}
	}
}

// oneWay: without AP-REP an acceptor's sequence numbers begin as the
// initiator's. Heimdal's acceptor does so too, but its initiator expects them
// to begin with 0.
func oneWay(t *testing.T, initiator, acceptor *gsspeer.Peer) {
	t.Helper()
	initiator.Begin(gsspeer.Begin{Service: service + "@EXAMPLE.COM", Flags: "replay,sequence"})
	acceptor.Begin(gsspeer.Begin{Accept: true})
	if err := establish(t, initiator, acceptor); err != nil {
		t.Fatal(err)
	}
	token, err := acceptor.Wrap([]byte("text"), true)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := initiator.Unwrap(token); (err != nil) != (initiator.Name == "Heimdal") {
		t.Errorf("one-way: %v", err)
	}
}
