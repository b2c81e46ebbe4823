package gss_test

import (
	"errors"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// A token that is made for a channel is good there alone.
func TestNewTokenIsBoundToItsChannel(t *testing.T) {
	t.Parallel()
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddService("soap/gw.example.com")
	ticket, err := kdc.Ticket("alice", "soap/gw.example.com", krbtest.TicketOptions{})
	if err != nil {
		t.Fatal(err)
	}
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kdc.Keytab(nil), BindingRule: gss.BindingsRequired})
	if err != nil {
		t.Fatal(err)
	}
	here := []byte("tls-server-end-point:here")
	for what, c := range map[string]struct {
		bindings []byte
		code     kerberos.Code
	}{
		"this channel": {here, ""},
		"another":      {[]byte("tls-server-end-point:there"), kerberos.CodeBindings},
		"none":         {nil, kerberos.CodeBindings},
	} {
		token, _, err := gss.NewToken(ticket, gss.TokenOptions{ChannelBindings: c.bindings})
		if err != nil {
			t.Fatal(err)
		}
		_, err = acceptor.AcceptBound(t.Context(), token, [][]byte{here})
		var refused *kerberos.Error
		if c.code == "" && err != nil || c.code != "" && (!errors.As(err, &refused) || refused.Code != c.code) {
			t.Errorf("bound to %s: %v", what, err)
		}
	}
}
