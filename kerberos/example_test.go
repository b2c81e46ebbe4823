package kerberos_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// A service accepts a client's token once. Here the KDC is one in process; a service in production loads its keytab with
// LoadKeytab, and the client's token comes over the wire.
func ExampleAcceptor_Accept() {
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddService("soap/gw.example.com")

	dir, err := os.MkdirTemp("", "replay")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	journal, err := kerberos.OpenReplayJournal(dir, kerberos.ReplayJournalConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer journal.Close()
	acceptor, err := kerberos.NewAcceptor(kerberos.AcceptorConfig{
		Keytab:   kdc.Keytab(nil),
		Services: []string{"soap/gw.example.com"},
		Replay:   journal,
	})
	if err != nil {
		log.Fatal(err)
	}

	token, clientKey, err := kdc.Token("alice", "soap/gw.example.com", krbtest.TokenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		c, err := acceptor.Accept(context.Background(), token)
		if errors.Is(err, &kerberos.Error{Code: kerberos.CodeReplay}) {
			fmt.Println("refused: presented before")
			continue
		} else if err != nil {
			log.Fatal(err)
		}
		name, realm := c.Client()
		fmt.Println(name, realm, c.Key(), c.Key().Equal(clientKey))
	}
	// Output:
	// alice EXAMPLE.COM aes256-cts-hmac-sha1-96 key (redacted) true
	// refused: presented before
}

// A client logs in with a password, gets a ticket and makes a token for each request.
func ExampleInitiator() {
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddUser("alice", "secret")
	kdc.AddService("soap/gw.example.com")
	server, err := kdc.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	alice, err := kerberos.NewInitiator(kerberos.InitiatorConfig{
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
	token, key, err := kerberos.NewToken(ticket, kerberos.InitOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%#x… for %s, %s\n", token[0], ticket.Service, key)
	// Output:
	// 0x60… for soap/gw.example.com@EXAMPLE.COM, aes256-cts-hmac-sha1-96 key (redacted)
}

// Refusals say in words what was wanted, what was found, and what to do.
func ExampleError() {
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddService("soap/gw.example.com")
	old, err := kerberos.NewAcceptor(kerberos.AcceptorConfig{Keytab: kdc.Keytab(nil, 18)})
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

// Messages over a context without AP-REP: the key is Context.Key, and the first number in both directions is
// Facts.SeqNumber.
func ExampleMessageProtection() {
	key, err := kerberos.NewKey(kerberos.EtypeAES128SHA1, []byte("chicken teriyaki"))
	if err != nil {
		log.Fatal(err)
	}
	initiator, err := kerberos.NewMessageProtection(kerberos.MessageConfig{Key: key, SendSequence: 42, ReceiveSequence: 42})
	if err != nil {
		log.Fatal(err)
	}
	acceptor, err := kerberos.NewMessageProtection(kerberos.MessageConfig{Key: key, SendSequence: 42, ReceiveSequence: 42, Acceptor: true})
	if err != nil {
		log.Fatal(err)
	}

	token, err := initiator.Wrap(nil, []byte("a secret"), true)
	if err != nil {
		log.Fatal(err)
	}
	text, sealed, err := acceptor.Unwrap(nil, token)
	fmt.Printf("%s, sealed: %t, %v\n", text, sealed, err)
	_, _, err = acceptor.Unwrap(nil, token)
	fmt.Println("again:", errors.Is(err, kerberos.ErrMessageReplay))
	// Output:
	// a secret, sealed: true, <nil>
	// again: true
}

// A client and a service establish a context, and the service seals a message for the client. Tokens go back and forth
// until both sides are done; the transport is the caller's.
func ExampleContext() {
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddService("HTTP/gw.example.com")
	acceptor, err := kerberos.NewAcceptor(kerberos.AcceptorConfig{Keytab: kdc.Keytab(nil)})
	if err != nil {
		log.Fatal(err)
	}
	ticket, err := kdc.Ticket("alice", "HTTP/gw.example.com", krbtest.TicketOptions{})
	if err != nil {
		log.Fatal(err)
	}

	client, err := kerberos.NewInitiatorContext(ticket, kerberos.InitConfig{})
	if err != nil {
		log.Fatal(err)
	}
	service := acceptor.NewContext(kerberos.AcceptConfig{})
	var token []byte
	for clientDone, serviceDone := false, false; !clientDone || !serviceDone; {
		if token, clientDone, err = client.Step(context.Background(), token); err != nil {
			log.Fatal(err)
		}
		if token == nil {
			break
		}
		if token, serviceDone, err = service.Step(context.Background(), token); err != nil {
			log.Fatal(err) // after sending token, which tells the client why
		}
	}

	sealed, err := service.Wrap(nil, []byte("the issued key"), true)
	if err != nil {
		log.Fatal(err)
	}
	message, _, err := client.Unwrap(nil, sealed)
	name, realm := service.Client()
	fmt.Println(name, realm, string(message), err)
	fmt.Println(client)
	// Output:
	// alice EXAMPLE.COM the issued key <nil>
	// context of alice@EXAMPLE.COM with HTTP/gw.example.com@EXAMPLE.COM under aes256-cts-hmac-sha1-96 key (redacted)
}
