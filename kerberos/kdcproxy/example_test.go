package kdcproxy_test

import (
	"fmt"
	"net/http"

	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/kdcproxy"
)

// A relay in a server of one's own.
func ExampleRelay() {
	relay, err := kdcproxy.New(kdcproxy.Config{
		Realms: []kdcproxy.Realm{{Name: "EXAMPLE.COM", Aliases: []string{"EXAMPLE"}, KDCs: []string{"kdc1.example.com"}}},
		Report: func(e kdcproxy.Event) { fmt.Println(e) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer relay.Close()
	mux := http.NewServeMux()
	mux.Handle("/KdcProxy", relay.Proxy())
	mux.Handle("/kerberos5", relay.WebSocket())
	// http.ListenAndServeTLS(":443", "tls.crt", "tls.key", mux)
	fmt.Println("ready")
	// Output: ready
}

// A client that reaches no KDC but by a relay.
func ExampleClient() {
	relay, err := kdcproxy.NewClient(kdcproxy.ClientConfig{URL: "https://gw.example.com/KdcProxy"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer relay.Close()
	tickets, err := kdc.NewClient(kdc.ClientConfig{Client: "alice@EXAMPLE.COM", Password: "secret", KDC: relay})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tickets.Close()
	fmt.Println(tickets)
	// Output: client alice@EXAMPLE.COM
}
