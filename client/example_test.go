package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A program that speaks plain SOAP over an http.Client needs nothing but another
// Transport.
func ExampleClient_RoundTrip() {
	krb5Conf, url, stop := startService()
	defer stop()

	tickets, err := kdc.NewClient(kdc.ClientConfig{Client: "alice@EXAMPLE.COM", Password: "secret", Krb5Conf: krb5Conf})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tickets.Close()
	policy, _ := wssec.Preset("Kerberos")
	c, err := client.New(client.Config{URL: url, Service: "soap/quotes.example.com", Policy: policy, Tickets: tickets})
	if err != nil {
		fmt.Println(err)
		return
	}

	plain := &http.Client{Transport: c}
	question := `<s:Envelope xmlns:s="` + soap.NS11 +
		`"><s:Body><GetQuote xmlns="urn:q">ACME</GetQuote></s:Body></s:Envelope>`
	resp, err := plain.Post(url, soap.V11.ContentType(), strings.NewReader(question))
	if err != nil {
		fmt.Println(err) // a *client.Error, in a *url.Error
		return
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, strings.Contains(string(answer), "42.50 for alice"))
	// Output: 200 true
}

// startService serves quotes to who has a ticket, and starts a KDC for that.
func startService() (krb5Conf, url string, stop func()) {
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddUser("alice", "secret")
	kdc.AddService("soap/quotes.example.com")
	server, err := kdc.Start()
	if err != nil {
		panic(err)
	}
	seen := replay.NewMemory(replay.MemoryConfig{})
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kdc.Keytab(nil), Replay: seen})
	if err != nil {
		panic(err)
	}
	policy, _ := wssec.Preset("Kerberos")
	processor, err := wssec.NewProcessor(policy, wssec.Config{Verifier: acceptor, Replay: seen})
	if err != nil {
		panic(err)
	}
	web := httptest.NewServer(&soaphttp.Handler{Answer: func(r *http.Request, m *soaphttp.Message) (soaphttp.Reply,
		error) {
		msg, err := processor.Verify(r.Context(), m.Envelope, wssec.Channel{})
		if err != nil {
			return soaphttp.Reply{}, err
		}
		return quote(r.Context(), processor, msg)
	}})
	return server.Krb5Conf(), web.URL, func() { web.Close(); _ = server.Close() }
}

func quote(ctx context.Context, processor *wssec.Processor, msg *wssec.Message) (soaphttp.Reply, error) {
	name, _ := msg.Principal()
	answer := fmt.Sprintf(`<s:Envelope xmlns:s="%s"><s:Body><Quote xmlns="urn:q">42.50 for %s</Quote></s:Body>`+
		`</s:Envelope>`, soap.NS11, name)
	env, err := soap.Parse([]byte(answer), xmltext.Options{})
	if err != nil {
		return soaphttp.Reply{}, err
	}
	wire, err := processor.Protect(ctx, nil, env, msg)
	return soaphttp.Reply{Message: wire}, err
}
