package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/demo"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A soakLoad is what all clients do at a gateway.
type soakLoad struct {
	world   *soakWorld
	gateway *soakGateway
	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	honest, refused, closed, stalled atomic.Int64

	mu    sync.Mutex
	wrong []string // answers
	fault []byte   // the one that all refusals have
}

// load starts six honest clients, of which half speak HTTP/2, two that send
// what has to be refused, and one that begins requests and does not end them.
func (w *soakWorld) load(g *soakGateway) *soakLoad {
	l := &soakLoad{world: w, gateway: g}
	l.ctx, l.stop = context.WithCancel(context.Background())
	for n := range 6 {
		l.running.Go(func() { l.client(n%2 == 0, l.honestly) })
	}
	for range 2 {
		l.running.Go(func() { l.client(false, l.wrongly) })
	}
	l.running.Go(l.stall)
	return l
}

// end stops all clients; their connections are closed.
func (l *soakLoad) end() { l.stop(); l.running.Wait() }

func (l *soakLoad) String() string {
	return fmt.Sprintf("%d honest requests, %d refused (%d more were not answered), %d stalled", l.honest.Load(),
		l.refused.Load(), l.closed.Load(), l.stalled.Load())
}

// check holds what clients saw against the gateway's log.
func (l *soakLoad) check(t *testing.T, g *soakGateway) {
	t.Helper()
	if n := int(l.honest.Load()) + 1; g.codes["ok"] != n {
		t.Errorf("%d exchanges were ok, %d requests were honest: %v", g.codes["ok"], n, g.codes)
	}
	if l.honest.Load() == 0 || l.refused.Load() == 0 {
		t.Errorf("too little happened: %v", l)
	}
	for _, wrong := range append(l.wrong, g.wrong...) {
		if !strings.Contains(wrong, `"msg":"risk of replay"`) {
			t.Error(wrong)
		}
	}
}

func (l *soakLoad) fail(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.wrong) < 100 && l.ctx.Err() == nil {
		l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	}
}

// client lets one do something again and again; it logs in anew from time to
// time, since the service's keys change.
func (l *soakLoad) client(http2 bool, do func(c *soakClient) error) {
	for l.ctx.Err() == nil {
		c, err := l.world.client(l.gateway, http2)
		if err != nil {
			l.fail("%v", err)
			return
		}
		for n := 0; n < 200 && l.ctx.Err() == nil; n++ {
			if err := do(c); err != nil {
				l.fail("%v", err)
			}
			time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
		}
		c.close()
	}
}

// honestly makes a session of one token: the first request has it, the others
// name it by its hash.
func (l *soakLoad) honestly(c *soakClient) error {
	token, err := c.token(context.Background())
	if err != nil {
		return err
	}
	for range 1 + rand.IntN(4) {
		if err := c.ask(context.Background(), token); err != nil { // what was begun is finished
			return err
		}
		l.honest.Add(1)
		token.Omit = true
	}
	return nil
}

// wrongly sends what cannot be right, and looks for the fault.
func (l *soakLoad) wrongly(c *soakClient) error {
	wire, _, err := c.Protect(l.ctx, demo.Question)
	if err != nil {
		return err
	}
	switch rand.IntN(4) {
	case 0:
		wire = demo.Tamper(wire)
	case 1:
		wire = []byte(demo.Question)
	case 2:
		wire = bytes.Replace(wire, []byte("SignatureValue>"), []byte("SignatureValue> A"), 1)
		wire = bytes.Replace(wire, []byte("CipherValue>"), []byte("CipherValue>AAAA"), 1)
	default:
		wire = wire[:rand.IntN(len(wire))]
	}
	status, fault, err := c.Post(l.ctx, wire)
	if err != nil {
		l.closed.Add(1) // a gateway that has too much to do may close the connection
		return nil
	}
	l.refused.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch env, err := soap.Parse(fault, xmltext.Options{}); {
	case status == http.StatusOK || err != nil:
		return fmt.Errorf("a wrong message: HTTP %d %s", status, fault)
	case bytes.Contains(fault, []byte("InvalidSecurity")) && l.fault == nil:
		l.fault = fault
	case bytes.Contains(fault, []byte("InvalidSecurity")) && !bytes.Equal(l.fault, fault):
		return fmt.Errorf("faults differ:\n%s\n%s", l.fault, fault)
	default:
		if _, is := env.Fault(); !is {
			return fmt.Errorf("no fault: %s", fault)
		}
	}
	return nil
}

// stall begins requests, up to eight at a time, and leaves them.
func (l *soakLoad) stall() {
	for l.ctx.Err() == nil {
		var conns []io.Closer
		for range 8 {
			c, err := tls.Dial("tcp", l.gateway.addr, &tls.Config{InsecureSkipVerify: true}) // nothing is told there
			if err != nil {
				l.fail("%v", err)
				break
			}
			conns = append(conns, c)
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: "+
				"100000\r\n\r\n<soap:Envelope", demo.Path)
			l.stalled.Add(1)
		}
		select {
		case <-l.ctx.Done():
		case <-time.After(3 * time.Second):
		}
		for _, c := range conns {
			c.Close()
		}
	}
}

// A soakClient is a client of the demo that speaks TLS.
type soakClient struct{ *demo.Client }

func (w *soakWorld) client(g *soakGateway, http2 bool) (*soakClient, error) {
	chain, err := os.ReadFile(filepath.Join(w.dir, "tls.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(chain)
	c, err := demo.NewClient(w.krb5Conf, "https://"+g.addr+demo.Path)
	if err != nil {
		return nil, err
	}
	c.HTTP = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: http2}}
	return &soakClient{c}, nil
}

func (c *soakClient) close() {
	c.HTTP.CloseIdleConnections()
	c.Initiator.Close()
}

func (c *soakClient) token(ctx context.Context) (wssec.OutgoingToken, error) {
	ticket, err := c.Initiator.ServiceTicket(ctx, demo.Service)
	if err != nil {
		return wssec.OutgoingToken{}, err
	}
	token, key, err := gss.NewToken(ticket, gss.TokenOptions{})
	return wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())}, err
}

// ask sends a question of some kilobytes, sometimes of some hundred, and
// verifies the answer.
func (c *soakClient) ask(ctx context.Context, token wssec.OutgoingToken) error {
	pad := rand.IntN(8 << 10)
	if rand.IntN(50) == 0 {
		pad = rand.IntN(400 << 10)
	}
	question := strings.Replace(demo.Question, "</q:GetQuote>",
		"<q:Note>"+strings.Repeat("x", pad)+"</q:Note></q:GetQuote>", 1)
	env, err := soap.Parse([]byte(question), xmltext.Options{})
	if err != nil {
		return err
	}
	wire, sent, err := c.Processor.ProtectRequest(nil, env, token)
	if err != nil {
		return err
	}
	status, reply, err := c.Post(ctx, wire)
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("an honest request: HTTP %d %w %s", status, err, reply)
	}
	message, err := c.Open(ctx, reply, sent)
	if err != nil {
		return err
	}
	if !bytes.Contains(message.Body().AppendCanonical(nil, xmltext.C14N{}), []byte(demo.Price)) {
		return errors.New("the reply is not the service's")
	}
	return nil
}

// oneRequest makes one at a gateway.
func (w *soakWorld) oneRequest(t *testing.T, g *soakGateway) {
	t.Helper()
	c, err := w.client(g, false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	token, err := c.token(t.Context())
	if err == nil {
		err = c.ask(t.Context(), token)
	}
	if err != nil {
		t.Fatal(err)
	}
}
