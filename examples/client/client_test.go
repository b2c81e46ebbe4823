package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

const (
	testService = "soap/quotes.example.com"
	envelope    = `<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Body>%s</s:Body></s:Envelope>`
)

var (
	question = fmt.Sprintf(envelope, `<GetQuote xmlns="urn:q">ACME</GetQuote>`)
	answer   = fmt.Sprintf(envelope, `<Quote xmlns="urn:q">42.50</Quote>`)
)

// A world is a KDC, a client, and a service whose answer a test can change.
type world struct {
	t         *testing.T
	client    *Client
	processor *wssec.Processor
	requests  []*wssec.Message
	// reply makes the answer to the last of requests; by default answer, protected.
	reply func(w http.ResponseWriter, msg *wssec.Message)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	client := krbtest.New(krbtest.Config{})
	client.AddUser("alice", "secret")
	client.AddService(testService)
	server, err := client.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	tickets, err := kdc.NewClient(kdc.ClientConfig{
		Client: "alice", Password: "secret", Krb5Conf: server.Krb5Conf(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tickets.Close)

	w := &world{t: t}
	policy, _ := wssec.Preset("Kerberos")
	w.processor, err = wssec.NewProcessor(policy, wssec.Config{
		Verifier: krbtest.Acceptor(t, client.Keytab(nil)),
		Replay:   replay.NewMemory(replay.MemoryConfig{}),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.reply = func(rw http.ResponseWriter, msg *wssec.Message) { w.write(rw, w.protect(answer, msg)) }
	web := httptest.NewServer(w)
	t.Cleanup(web.Close)
	if w.client, err = NewClient(web.URL, testService, tickets); err != nil {
		t.Fatal(err)
	}
	return w
}

// ServeHTTP verifies a request, which has to be right, and answers it.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if bytes.Contains(body, []byte("ACME")) {
		w.t.Errorf("the request is in the clear")
	}
	env, err := soap.Parse(body, xmltext.Options{})
	if err != nil {
		w.t.Error(err)
		return
	}
	msg, err := w.processor.Verify(r.Context(), env, wssec.Channel{})
	if err != nil {
		w.t.Error(err)
		return
	}
	w.requests = append(w.requests, msg)
	w.reply(rw, msg)
}

// protect returns a message protected as the reply to a request.
func (w *world) protect(message string, msg *wssec.Message) []byte {
	env, err := soap.Parse([]byte(message), xmltext.Options{})
	if err != nil {
		w.t.Error(err)
		return nil
	}
	wire, err := w.processor.Protect(context.Background(), nil, env, msg)
	if err != nil {
		w.t.Error(err)
	}
	return wire
}

func (w *world) write(rw http.ResponseWriter, message []byte) {
	rw.Header().Set("Content-Type", soap.V11.ContentType())
	rw.Write(message)
}

func (w *world) call() (string, error) {
	reply, err := w.client.Call(w.t.Context(), []byte(question))
	return string(reply), err
}

func TestCallReturnsTheVerifiedReply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 2 {
		reply, err := w.call()
		if err != nil || !strings.Contains(reply, ">42.50</Quote></s:Body>") || strings.Contains(reply, "Security") {
			t.Errorf("%v\n%s", err, reply)
		}
	}
	if name, realm := w.requests[1].Principal(); name != "alice" || realm != "EXAMPLE.COM" {
		t.Errorf("the service took it for a request of %s@%s", name, realm)
	}
}

// A reply that is not the service's to this request is an error, and nothing of it
// comes back.
func TestOtherRepliesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.call(); err != nil {
		t.Fatal(err)
	}
	earlier := w.requests[0]
	for what, reply := range map[string]func(http.ResponseWriter, *wssec.Message){
		"unprotected":         func(rw http.ResponseWriter, _ *wssec.Message) { w.write(rw, []byte(answer)) },
		"to another request":  func(rw http.ResponseWriter, _ *wssec.Message) { w.write(rw, w.protect(answer, earlier)) },
		"changed on the way":  func(rw http.ResponseWriter, m *wssec.Message) { w.write(rw, changed(w.protect(answer, m))) },
		"no SOAP message":     func(rw http.ResponseWriter, _ *wssec.Message) { io.WriteString(rw, "<html/>") },
		"nothing":             func(rw http.ResponseWriter, _ *wssec.Message) {},
		"larger than we read": func(rw http.ResponseWriter, _ *wssec.Message) { w.write(rw, make([]byte, maxReply+1)) },
		"a redirection": func(rw http.ResponseWriter, _ *wssec.Message) {
			rw.Header().Set("Location", w.client.url)
			rw.WriteHeader(http.StatusTemporaryRedirect)
		},
	} {
		w.reply, w.requests = reply, nil
		if reply, err := w.call(); err == nil || reply != "" {
			t.Errorf("%s: %v, %q", what, err, reply)
		}
		if len(w.requests) != 1 {
			t.Errorf("%s: %d requests", what, len(w.requests))
		}
	}
}

// changed changes one letter of the last ciphertext.
func changed(wire []byte) []byte {
	at := bytes.LastIndex(wire, []byte("CipherValue>"))
	at = bytes.LastIndex(wire[:at], []byte("CipherValue>")) + 20
	wire[at] = map[bool]byte{true: 'B', false: 'A'}[wire[at] == 'A']
	return wire
}

func TestAFaultIsToldApartByItsProtection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fault := string((&soap.Fault{Code: soap.Sender, Reason: "no such share"}).AppendEnvelope(nil, soap.V11))
	w.reply = func(rw http.ResponseWriter, m *wssec.Message) { w.write(rw, w.protect(fault, m)) }
	if _, err := w.call(); !is[*FaultError](err) || !strings.Contains(err.Error(), "no such share") {
		t.Errorf("a protected fault: %v", err)
	}
	w.reply = func(rw http.ResponseWriter, _ *wssec.Message) { w.write(rw, []byte(fault)) }
	_, err := w.call()
	if err == nil || is[*FaultError](err) || !strings.Contains(err.Error(), `unprotected fault: "no such share"`) {
		t.Errorf("an unprotected one: %v", err)
	}
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func TestAOneWayMessageHasNoReply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.reply = func(rw http.ResponseWriter, _ *wssec.Message) { rw.WriteHeader(http.StatusAccepted) }
	if reply, err := w.call(); err != nil || reply != "" {
		t.Errorf("%v, %q", err, reply)
	}
}
