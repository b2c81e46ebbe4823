package nodes

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/wssgate/wssgate/soap"
)

// A badKind is something that must not pass. send sends one, and returns the
// status of the answer, 0 if the connection ended without one.
type badKind struct {
	name     string
	statuses []int // that it may have; nil means that of any refusal
	send     func(l *soakLoad, k *worker) (status int, err error)
}

var badKinds = []badKind{
	{"replayed", nil, again(bytes.Clone)},
	{"altered", nil, again(altered)},
	{"unprotected", nil, sendTo("/kerberos", soap.V11.ContentType(), forged)},
	{"without a context", nil, sendTo("/negotiated", soap.V11.ContentType(), forged)},
	{"not well-formed", nil, sendTo("/kerberos", soap.V11.ContentType(), func() []byte { return forged()[:60] })},
	{"with a DOCTYPE", nil, sendTo("/plain", soap.V11.ContentType(), func() []byte {
		return append([]byte(`<!DOCTYPE a [<!ENTITY b "c">]>`), forged()...)
	})},
	{"no SOAP", nil, sendTo("/plain", soap.V11.ContentType(), func() []byte { return []byte("<forged-0/>") })},
	{"of another media type", []int{http.StatusUnsupportedMediaType}, sendTo("/kerberos", "application/json", forged)},
	{"too large", []int{http.StatusRequestEntityTooLarge}, sendTo("/kerberos", soap.V11.ContentType(),
		func() []byte { return make([]byte, 1<<20+1) })},
	{"to no route", []int{http.StatusNotFound}, sendTo("/forged-0", soap.V11.ContentType(), forged)},
	{"without a token", []int{http.StatusUnauthorized}, sendTo("/session/?id=forged-0", soap.V11.ContentType(), forged)},
	{"with a wrong token", []int{http.StatusUnauthorized, http.StatusForbidden}, (*soakLoad).wrongToken},
	{"half a negotiation", []int{http.StatusOK}, (*soakLoad).halfNegotiation},
	{"cut off", []int{0}, (*soakLoad).cutOff},
}

// forged is a message that nobody has sent in earnest.
func forged() []byte { return question(fmt.Sprint("forged-", rand.Int())) }

// sendTo makes a send of octets.
func sendTo(path, mediaType string, octets func() []byte) func(*soakLoad, *worker) (int, error) {
	return func(_ *soakLoad, k *worker) (int, error) {
		status, _, err := k.post(path, mediaType, octets())
		return status, err
	}
}

// again makes a send of what others have sent, changed by f. Until there is
// something, it sends what nobody has protected.
func again(f func([]byte) []byte) func(*soakLoad, *worker) (int, error) {
	return func(l *soakLoad, k *worker) (int, error) {
		w := wire{path: "/kerberos", octets: forged()}
		l.mu.Lock()
		if len(l.wires) > 0 {
			w = l.wires[rand.IntN(len(l.wires))]
		}
		l.mu.Unlock()
		if w.authorization != "" {
			return k.authorized(w.path, w.authorization)
		}
		status, body, err := k.post(w.path, soap.V11.ContentType(), f(w.octets))
		if err == nil && w.path == "/kerberos" {
			err = l.compareFaults(body)
		}
		return status, err
	}
}

// compareFaults holds the faults about protection against each other: they are the
// same, octet for octet, whatever was wrong.
func (l *soakLoad) compareFaults(fault []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !bytes.Contains(fault, []byte("InvalidSecurity")):
	case l.fault == nil:
		l.fault = fault
	case !bytes.Equal(l.fault, fault):
		return fmt.Errorf("faults differ:\n%s\n%s", l.fault, fault)
	}
	return nil
}

// authorized sends a request of HTTP with a token.
func (k *worker) authorized(path, authorization string) (int, error) {
	r, err := http.NewRequest(http.MethodGet, k.url+path, nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", authorization)
	resp, err := k.transport.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// wrongToken sends a token that is none. One that looks like the second of a
// negotiation is invited to begin anew.
func (l *soakLoad) wrongToken(k *worker) (int, error) {
	token := make([]byte, 20+rand.IntN(2000))
	for i := range token {
		token[i] = byte(rand.Int())
	}
	return k.authorized("/http/?id=forged-0", "Negotiate "+base64.StdEncoding.EncodeToString(token))
}

// halfNegotiation begins a negotiation that nobody goes on with.
func (l *soakLoad) halfNegotiation(k *worker) (int, error) {
	i, err := k.initiator(service)
	if err != nil {
		return 0, err
	}
	token, err := i.next(k, nil)
	if err != nil {
		return 0, err
	}
	if _, err = k.leg(fmt.Sprint("half-", rand.Int()), 1, token); err != nil {
		return 0, err
	}
	return http.StatusOK, nil
}

// cutOff ends the connection in the middle of a message.
func (l *soakLoad) cutOff(*worker) (int, error) {
	c, err := l.dial()
	if err != nil {
		return 0, err
	}
	message := forged()
	_, err = fmt.Fprintf(c, "POST /kerberos HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s",
		len(message), message[:len(message)/2])
	if closed := c.Close(); err == nil {
		err = closed
	}
	return 0, err
}

func (l *soakLoad) dial() (*tls.Conn, error) {
	return tls.Dial("tcp", l.n.host+":8443", &tls.Config{RootCAs: l.roots, ServerName: tlsName})
}

// misbehave sends what must not pass, of one kind after the other.
func (l *soakLoad) misbehave() {
	for n := 0; l.ctx.Err() == nil; n++ {
		if err := l.oneBad(n); err != nil {
			l.fail("%v", err)
		}
	}
}

// oneBad is a client that sends one of each kind some times.
func (l *soakLoad) oneBad(n int) error {
	tickets, err := l.w.login(10 * time.Minute)
	if err != nil {
		return err
	}
	defer tickets.Close()
	url, transport := l.way(n)
	defer transport.CloseIdleConnections()
	k := &worker{load: l.load, name: "bad", tickets: tickets, transport: transport, url: url}
	for i := 0; i < few && l.rest(pause/3); i++ {
		kind := badKinds[i%len(badKinds)]
		status, err := kind.send(l, k)
		l.judge(kind, status, err)
	}
	return nil
}

// judge looks at what became of something bad.
func (l *soakLoad) judge(kind badKind, status int, err error) {
	switch {
	case err != nil && l.ctx.Err() != nil: // the client's own steps end with the load
	case err != nil:
		l.fail("%s: %v", kind.name, err)
	case kind.statuses == nil && status < 400, kind.statuses != nil && !slices.Contains(kind.statuses, status):
		l.fail("%s: HTTP %d", kind.name, status)
	default:
		l.bad[kind.name].Add(1)
	}
}

// stall begins requests, eight at a time, and leaves them after a while.
func (l *soakLoad) stall() {
	for more := true; more; {
		var conns []io.Closer
		for range 8 {
			c, err := l.dial()
			if err != nil {
				l.fail("%v", err)
				break
			}
			conns = append(conns, c)
			fmt.Fprint(c, "POST /kerberos HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: 100000\r\n\r\n<s:Env")
			l.stalled.Add(1)
		}
		more = l.rest(3 * time.Second)
		for _, c := range conns {
			c.Close()
		}
	}
}
