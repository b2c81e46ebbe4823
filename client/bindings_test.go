package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"testing"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/soap"
)

// A negotiation is bound to the server's certificate, which is asked for once.
func TestServerBindingBindsNegotiations(t *testing.T) {
	t.Parallel()
	const preset = "SspiNegotiatedOverTransport"
	s := newTrustService(t, preset)
	binding, err := kerberos.EndPointBinding(s.web.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	s.acceptors.cfg = gss.AcceptConfig{BindingRule: gss.BindingsRequired, ChannelBindings: [][]byte{binding}}
	trusted := s.web.Client().Transport.(*http.Transport).TLSClientConfig
	for what, c := range map[string]struct {
		bindings func(context.Context) ([]byte, error)
		code     client.Code
	}{
		"the server's": {client.ServerBinding(s.web.URL, trusted), ""},
		"none":         {nil, client.CodeRefused},
		"of another": {func(context.Context) ([]byte, error) { return []byte("tls-server-end-point:x"), nil },
			client.CodeRefused},
		"untrusted":      {client.ServerBinding(s.web.URL, &tls.Config{}), client.CodeNetwork},
		"not known":      {func(context.Context) ([]byte, error) { return nil, errors.New("no") }, client.CodeTicket},
		"without TLS":    {client.ServerBinding("http://127.0.0.1/", nil), client.CodeTicket},
		"nobody there":   {client.ServerBinding("https://127.0.0.1:1/", trusted), client.CodeNetwork},
		"not an address": {client.ServerBinding("https://\x7f/", trusted), client.CodeTicket},
	} {
		calls := s.client(preset, func(cfg *client.Config) { cfg.ChannelBindings = c.bindings })
		if _, err := calls.Call(t.Context(), client.Request{Message: envelope(soap.V12, "", ask)}); codeOf(err) != c.code {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestServerBindingAsksOnce(t *testing.T) {
	t.Parallel()
	s := newTrustService(t, "SspiNegotiatedOverTransport")
	bindings := client.ServerBinding(s.web.URL, s.web.Client().Transport.(*http.Transport).TLSClientConfig)
	first, err := bindings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.web.Close()
	second, err := bindings(t.Context())
	if err != nil || string(first) != string(second) {
		t.Errorf("%q, %v, then %q", first, err, second)
	}
}
