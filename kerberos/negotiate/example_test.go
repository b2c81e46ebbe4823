package negotiate_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// A server with a protected handler, and a client. Here the KDC is one in
// process; a service in production loads its keytab with keytab.Load, and a
// client has a kdc.Client in place of ticketsOf.
func Example() {
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddService("HTTP/127.0.0.1")

	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kdc.Keytab(nil)})
	if err != nil {
		log.Fatal(err)
	}
	auth, err := negotiate.New(negotiate.Config{Acceptor: acceptor.ForServices("HTTP/127.0.0.1")})
	if err != nil {
		log.Fatal(err)
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _ := negotiate.FromRequestContext(r.Context())
		name, realm := client.Client()
		fmt.Fprintf(w, "Hello %s of %s.", name, realm)
	})
	server := httptest.NewTLSServer(auth.Handler(hello))
	defer server.Close()

	transport, err := negotiate.NewTransport(negotiate.TransportConfig{
		Tickets: ticketsOf{kdc, "alice"}, Hosts: []string{"127.0.0.1"}, Base: server.Client().Transport,
	})
	if err != nil {
		log.Fatal(err)
	}
	client := http.Client{Transport: transport}
	resp, err := client.Get(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, string(body), err)
	// Output: 200 Hello alice of EXAMPLE.COM. <nil>
}

// ticketsOf are the tickets of a client.
type ticketsOf struct {
	kdc    *krbtest.KDC
	client string
}

func (t ticketsOf) ServiceTicket(_ context.Context, service string) (kerberos.Credential, error) {
	return t.kdc.Ticket(t.client, service, krbtest.TicketOptions{})
}
