package nodes

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A class is clients that do the same.
type class struct {
	name    string
	clients int
	calls   int // after which one is replaced by another one
	work    func(*soakLoad, *worker) func() error

	mu    sync.Mutex
	times []time.Duration // since the last sample
	ever  atomic.Int64    // calls that were answered
}

// took returns the times of the calls since it was called before.
func (c *class) took() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	times := c.times
	c.times = nil
	return times
}

func (c *class) observe(took time.Duration) {
	c.ever.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times = append(c.times, took)
}

// pause is how long a client does nothing between two calls, on average. All
// together take some tenth of a core.
const pause = 600 * time.Millisecond

// few is after how many calls most clients are replaced.
const few = 120

// A soakLoad is a load on one node. Its clients come, call for a while, and go.
type soakLoad struct {
	*load
	n       *node
	roots   *x509.CertPool
	classes []*class
	gone    atomic.Int64             // clients that went away before their answer
	renewed atomic.Int64             // security contexts
	clients atomic.Int64             // that have called
	stalled atomic.Int64             // requests that were begun and left
	bad     map[string]*atomic.Int64 // by kind
	fault   []byte                   // about protection, guarded by mu
}

// refusals returns how much that is bad was sent and did not pass.
func (l *soakLoad) refusals() (sum int64) {
	for _, n := range l.bad {
		sum += n.Load()
	}
	return sum
}

// errGone says that a client has gone away, as it was to.
var errGone = errors.New("the client has gone")

func newSoakLoad(t *testing.T, w *world, n *node) *soakLoad {
	t.Helper()
	work := func(f func(*worker) func() error) func(*soakLoad, *worker) func() error {
		return func(_ *soakLoad, k *worker) func() error { return f(k) }
	}
	l := &soakLoad{load: &load{w: w}, n: n, classes: []*class{
		{name: "kerberos", clients: 3, calls: few, work: work((*worker).kerberos)},
		{name: "large", clients: 1, calls: few, work: work((*worker).large)},
		{name: "once", clients: 2, calls: few, work: work((*worker).once)},
		{name: "negotiated", clients: 3, calls: few, work: work((*worker).negotiated)},
		{name: "conversation", clients: 3, calls: few, work: work((*worker).conversation)},
		{name: "token", clients: 2, calls: few, work: work((*worker).inToken)},
		{name: "renewing", clients: 2, calls: 1 << 30, work: (*soakLoad).renewing},
		{name: "http", clients: 3, calls: few, work: work((*worker).http)},
		{name: "session", clients: 3, calls: few, work: work((*worker).session)},
		{name: "legs", clients: 1, calls: few, work: work((*worker).legs)},
		{name: "http-legs", clients: 1, calls: few, work: work((*worker).httpLegs)},
		{name: "plain", clients: 3, calls: few, work: work((*worker).plain)},
		{name: "gone", clients: 2, calls: few, work: (*soakLoad).goAway},
	}}
	l.ctx, l.stop = context.WithCancel(context.Background())
	t.Cleanup(l.end)
	l.roots = x509.NewCertPool()
	l.roots.AppendCertsFromPEM(w.read("tls.crt"))
	l.bad = map[string]*atomic.Int64{}
	for _, b := range badKinds {
		l.bad[b.name] = new(atomic.Int64)
	}
	return l
}

// start starts the clients, good ones and bad ones.
func (l *soakLoad) start() {
	for _, c := range l.classes {
		for i := range c.clients {
			l.all.Go(func() { l.live(c, i) })
		}
	}
	for range 2 {
		l.all.Go(l.misbehave)
	}
	l.all.Go(l.stall)
}

// live is one client after the other, until the load ends.
func (l *soakLoad) live(c *class, i int) {
	for n := i; l.ctx.Err() == nil; n++ {
		if err := l.one(c, fmt.Sprint(c.name, i, "-", n), n, c.calls); err != nil {
			l.fail("%s: %v", c.name, err)
		}
	}
}

// one is a client that calls some times. What it has negotiated it leaves to the
// node.
func (l *soakLoad) one(c *class, name string, n, calls int) error {
	tickets, err := l.w.login(10 * time.Minute)
	if err != nil {
		return err
	}
	defer tickets.Close()
	url, transport := l.way(n)
	defer transport.CloseIdleConnections()
	k := &worker{load: l.load, name: name, kind: c.name, tickets: tickets, transport: transport, url: url}
	l.clients.Add(1)
	work := c.work(l, k)
	for i := 0; i < calls && (i == 0 || l.rest(pause)); i++ {
		begin := time.Now()
		switch err := work(); {
		case errors.Is(err, errGone):
			l.gone.Add(1)
		case err != nil:
			l.fail("%s: %v", name, err)
		default:
			c.observe(time.Since(begin))
			l.answered.Add(1)
			k.keep(true)
		}
		l.renewed.Add(int64(k.renewed))
		k.renewed = 0
	}
	return nil
}

// rest does nothing for a time that is random around d, and reports whether the
// load goes on.
func (l *soakLoad) rest(d time.Duration) bool {
	select {
	case <-l.ctx.Done():
		return false
	case <-time.After(d/2 + rand.N(d)):
		return true
	}
}

// way is how a client reaches the node: by HTTP/2, by kept connections of
// HTTP/1.1, or by a new connection for each request, with TLS or without.
func (l *soakLoad) way(n int) (url string, transport *http.Transport) {
	transport = &http.Transport{DialContext: (&net.Dialer{Timeout: patience}).DialContext,
		TLSClientConfig:   &tls.Config{RootCAs: l.roots, ServerName: tlsName},
		ForceAttemptHTTP2: n%3 == 0, DisableKeepAlives: n%3 == 2}
	if n%3 == 0 || n%4 == 2 {
		return "https://" + l.n.host + ":8443", transport
	}
	return "http://" + l.n.addr(), transport
}

// warmUp lets one client of each class call once.
func (l *soakLoad) warmUp(t *testing.T) {
	t.Helper()
	warm := &soakLoad{load: &load{w: l.w}, n: l.n, roots: l.roots}
	warm.ctx, warm.stop = context.WithCancel(context.Background())
	defer warm.stop()
	for i, c := range l.classes {
		if err := warm.one(&class{name: c.name, work: c.work}, "warm-"+c.name, i, 1); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range warm.failures {
		t.Error(f)
	}
}

// settle closes the connections to the backend, and waits until the node holds no
// more than before and some more, or no less after a second.
func (l *soakLoad) settle(t *testing.T, before usage, more int) (u usage) {
	t.Helper()
	l.w.backend.server.CloseClientConnections()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Second) {
		last := u
		var err error
		if u, err = l.n.use(); err != nil {
			t.Fatal(err)
		}
		if before.files > 0 && u.files <= before.files+more && u.goroutines <= before.goroutines+more ||
			before.files == 0 && u.files == last.files && u.goroutines == last.goroutines {
			break
		}
	}
	return u
}

// renewing keeps its security contexts, with one of the two policies.
func (l *soakLoad) renewing(k *worker) func() error {
	c := k.client("/conversation", "ws2007HttpBinding")
	if strings.HasPrefix(k.name, "renewing0") {
		c = k.client("/negotiated", "SspiNegotiated")
	}
	return func() error { return k.call(c) }
}

// large calls with messages of up to 400 KB.
func (k *worker) large() func() error {
	c := k.client("/kerberos", "Kerberos")
	return func() error {
		id := k.w.backend.register(k.name)
		pad := "<Note>" + strings.Repeat("x", rand.IntN(400<<10)) + "</Note>"
		return k.ask(context.Background(), c, id, bytes.Replace(question(id), []byte("</Ask>"), []byte(pad+"</Ask>"), 1))
	}
}

// goAway calls, and is gone before the backend has answered.
func (l *soakLoad) goAway(k *worker) func() error {
	c := k.client("/kerberos", "Kerberos")
	return func() error {
		id := k.w.backend.register(k.name)
		ctx, cancel := context.WithTimeout(context.Background(), rand.N(slow))
		defer cancel()
		message := bytes.Replace(question(id), []byte("</Ask>"), []byte(slowMark+"</Ask>"), 1)
		err := k.ask(ctx, c, id, message)
		if err != nil && ctx.Err() != nil {
			return errGone
		}
		return err
	}
}

// plain calls a route that asks for nothing.
func (k *worker) plain() func() error {
	return func() error {
		id := k.w.backend.register(k.name)
		r, err := http.NewRequest(http.MethodPost, k.url+"/plain", bytes.NewReader(question(id)))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", soap.V11.ContentType())
		r.Header.Set("SOAPAction", `"urn:q:ask"`)
		resp, err := k.transport.RoundTrip(r)
		return k.isAnswer(resp, err, id)
	}
}

// once sends its token in the first of four messages, and names it by its hash in
// the others, as WCF's clients do.
func (k *worker) once() func() error {
	p, _ := wssec.Preset("Kerberos")
	processor, err := wssec.NewProcessor(p, wssec.Config{})
	if err != nil {
		panic(err) // the configuration above
	}
	var token wssec.OutgoingToken
	left := 0
	return func() error {
		if left--; left < 0 {
			left = 3
			ticket, err := k.tickets.ServiceTicket(context.Background(), service)
			if err != nil {
				return err
			}
			ap, key, err := gss.NewToken(ticket, gss.TokenOptions{})
			if err != nil {
				return err
			}
			token = wssec.OutgoingToken{Token: ap, Key: wssec.NewKey(key.ExposeKeyOctets())}
		}
		err := k.askOnce(processor, token)
		token.Omit = true
		return err
	}
}

// askOnce sends a message under a token.
func (k *worker) askOnce(p *wssec.Processor, token wssec.OutgoingToken) error {
	id := k.w.backend.register(k.name)
	env, err := soap.Parse(question(id), xmltext.Options{})
	if err != nil {
		return err
	}
	octets, sent, err := p.ProtectRequest(nil, env, token)
	if err != nil {
		return err
	}
	status, reply, err := k.post("/kerberos", soap.V11.ContentType(), octets)
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("HTTP %d %.300s %w", status, reply, err)
	}
	if env, err = soap.Parse(reply, xmltext.Options{}); err != nil {
		return err
	}
	m, err := p.VerifyReply(context.Background(), env, sent, wssec.Channel{})
	if err != nil {
		return err
	}
	if got := m.Body().FirstChild().Text(); got != id {
		return fmt.Errorf("the answer is %q", got)
	}
	k.sent = &wire{path: "/kerberos", octets: octets}
	return k.w.backend.settle(id)
}

// post sends octets, and reads what comes.
func (k *worker) post(path, mediaType string, octets []byte) (status int, body []byte, err error) {
	r, err := http.NewRequest(http.MethodPost, k.url+path, bytes.NewReader(octets))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", mediaType)
	r.Header.Set("SOAPAction", `"urn:q:ask"`)
	resp, err := k.transport.RoundTrip(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// String says what has become of the load.
func (l *soakLoad) String() string {
	var kinds []string
	for _, c := range l.classes {
		kinds = append(kinds, fmt.Sprint(c.name, " ", c.ever.Load()))
	}
	for _, b := range badKinds {
		kinds = append(kinds, fmt.Sprint(b.name, " ", l.bad[b.name].Load()))
	}
	return fmt.Sprintf("%d good exchanges of %d clients, %d given up by their client, %d contexts renewed, %d bad ones, "+
		"%d stalled, %d failed (%s)", l.answered.Load(), l.clients.Load(), l.gone.Load(), l.renewed.Load(), l.refusals(),
		l.stalled.Load(), l.failed.Load(), strings.Join(kinds, ", "))
}

// check reports what went wrong that must not, and what was not done.
func (l *soakLoad) check(t *testing.T) {
	t.Helper()
	for _, f := range l.failures {
		t.Error(f)
	}
	for _, c := range l.classes {
		if c.ever.Load() == 0 && c.name != "gone" {
			t.Errorf("nothing of %s was answered", c.name)
		}
	}
	for name, n := range l.bad {
		if n.Load() == 0 {
			t.Errorf("nothing of %s was sent", name)
		}
	}
	if l.gone.Load() == 0 {
		t.Error("no client has gone away")
	}
	l.w.backend.check(t)
}

// startTLS is start with a certificate for the listener that has TLS.
func (w *world) startTLS() *node {
	w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{tlsName}, IsCA: true, BasicConstraintsValid: true}
	cert, err := x509.CreateCertificate(crand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		w.t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("tls.crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	w.write("tls.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return w.start()
}

// tlsName is the node's name in its certificate.
const tlsName = "gw.example.com"
