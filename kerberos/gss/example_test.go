package gss_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
)

// A service accepts a client's token once. Here the KDC is one in process; a
// service in production loads its keytab with keytab.Load, and the client's
// token comes over the wire.
func ExampleAcceptor_Accept() {
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddService("soap/gw.example.com")

	dir, err := os.MkdirTemp("", "replay")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	journal, err := replay.OpenJournal(dir, replay.JournalConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer journal.Close()
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{
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

// Messages over a context without AP-REP: the key is Context.Key, and the first
// number in both directions is Facts.SeqNumber.
func ExampleMessageProtection() {
	key, err := etype.NewKey(etype.AES128SHA1, []byte("chicken teriyaki"))
	if err != nil {
		log.Fatal(err)
	}
	initiator, err := gss.NewMessageProtection(gss.MessageConfig{Key: key, SendSequence: 42, ReceiveSequence: 42})
	if err != nil {
		log.Fatal(err)
	}
	acceptor, err := gss.NewMessageProtection(gss.MessageConfig{Key: key, SendSequence: 42, ReceiveSequence: 42,
		Acceptor: true})
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
	fmt.Println("again:", errors.Is(err, gss.ErrMessageReplay))
	// Output:
	// a secret, sealed: true, <nil>
	// again: true
}

// A client and a service establish a context, and the service seals a message
// for the client. Tokens go back and forth until both sides are done; the
// transport is the caller's.
func ExampleContext() {
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddService("HTTP/gw.example.com")
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kdc.Keytab(nil)})
	if err != nil {
		log.Fatal(err)
	}
	ticket, err := kdc.Ticket("alice", "HTTP/gw.example.com", krbtest.TicketOptions{})
	if err != nil {
		log.Fatal(err)
	}

	client, err := gss.NewInitiatorContext(ticket, gss.InitConfig{})
	if err != nil {
		log.Fatal(err)
	}
	service := acceptor.NewContext(gss.AcceptConfig{})
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
