package kdc_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// A client logs in with a password, gets a ticket and makes a token for each
// request.
func ExampleClient() {
	client := krbtest.New(krbtest.Config{})
	client.AddUser("alice", "secret")
	client.AddService("soap/gw.example.com")
	server, err := client.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	alice, err := kdc.NewClient(kdc.ClientConfig{
		Client:   "alice@EXAMPLE.COM",
		Password: "secret",
		Krb5Conf: server.Krb5Conf(),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer alice.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ticket, err := alice.ServiceTicket(ctx, "soap/gw.example.com")
	if err != nil {
		log.Fatal(err)
	}
	token, key, err := gss.NewToken(ticket, gss.TokenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%#x… for %s, %s\n", token[0], ticket.Service, key)
	// Output:
	// 0x60… for soap/gw.example.com@EXAMPLE.COM, aes256-cts-hmac-sha1-96 key (redacted)
}
