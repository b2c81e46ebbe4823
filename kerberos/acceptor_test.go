package kerberos_test

import (
	"errors"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

const service = "soap/gw.example.com"

func TestAcceptSimple(t *testing.T) {
	token, key, kt := krbtest.Token(t, "alice", service)
	a, err := kerberos.NewAcceptor(kerberos.AcceptorConfig{Keytab: kt, Replay: kerberos.NewMemoryReplayStore(kerberos.MemoryReplayConfig{})})
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Accept(t.Context(), token)
	if !errors.Is(err, &kerberos.Error{Code: kerberos.CodeBeforeStart}) {
		t.Fatal(err)
	}
	a, _ = kerberos.NewAcceptor(kerberos.AcceptorConfig{Keytab: kt})
	k := krbtest.New(krbtest.Config{})
	k.AddService(service)
	a, _ = kerberos.NewAcceptor(kerberos.AcceptorConfig{Keytab: k.Keytab(nil), Etypes: []int32{17, 18, 19, 20, 23}})
	for _, e := range []int32{17, 18, 19, 20, 23} {
		token, key, err = k.Token("alice", service, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Etype: e}})
		if err != nil {
			t.Fatal(err)
		}
		c, err := a.Accept(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if !c.Key().Equal(key) {
			t.Fatal("key")
		}
		t.Logf("%v %+v", c, c.Facts())
		_, err = a.Accept(t.Context(), token)
		if !errors.Is(err, &kerberos.Error{Code: kerberos.CodeReplay}) {
			t.Fatal(err)
		}
		st, err := k.Ticket("alice", service, krbtest.TicketOptions{Etype: e})
		if err != nil {
			t.Fatal(err)
		}
		token, key, err = st.InitToken(kerberos.InitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		c, err = a.Accept(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if !c.Key().Equal(key) {
			t.Fatal("key")
		}
	}
}

// code is the Code of a refusal, "" for success and other errors.
func code(err error) kerberos.Code {
	var e *kerberos.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
