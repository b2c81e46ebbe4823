package kerberos_test

import (
	"context"
	"fmt"
	"log"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// An error says what was wanted, what was found, and what to do.
func Example_refusal() {
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddService("soap/gw.example.com")
	old, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kdc.Keytab(nil, 18)})
	if err != nil {
		log.Fatal(err)
	}
	kdc.AddService("soap/gw.example.com") // new keys, kvno 2
	token, _, err := kdc.Token("alice", "soap/gw.example.com", krbtest.TokenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	_, err = old.Accept(context.Background(), token)
	fmt.Println(err)
	// Output:
	// kerberos: ticket-no-key: keytab has kvno 1 etype 18 (aes256-cts-hmac-sha1-96) for soap/gw.example.com@EXAMPLE.COM; ticket wants kvno 2 etype 18 (aes256-cts-hmac-sha1-96): fetch a new keytab (no other key of this encryption type opens the ticket)
}
