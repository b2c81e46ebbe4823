package nodes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// A load is clients of all standards, and those that send again what others have
// sent, as it was or altered.
type load struct {
	w    *world
	b    *balancer
	ctx  context.Context
	stop context.CancelFunc
	all  sync.WaitGroup

	answered, lost, refused, replayed, failed atomic.Int64

	// What nodes keep in their memory ends with them: so many kills, and calls that
	// have failed because of one.
	kills, forgotten atomic.Int64
	byKind           sync.Map // kind of worker -> *atomic.Int64

	mu       sync.Mutex
	failures []string
	wires    []wire       // of messages that were sent
	outage   [2]time.Time // from when until when the store had no primary, or a node alone was down
}

// A wire is a request as it was sent.
type wire struct {
	path, authorization string
	octets              []byte
	answered            bool
}

// startLoad starts clients, until the load is stopped.
func startLoad(t *testing.T, w *world, b *balancer) *load {
	t.Helper()
	l := &load{w: w, b: b}
	l.ctx, l.stop = context.WithCancel(context.Background())
	t.Cleanup(l.end)
	for kind, work := range map[string]func(*worker) func() error{
		"kerberos": (*worker).kerberos, "negotiated": (*worker).negotiated, "conversation": (*worker).conversation,
		"token": (*worker).inToken, "http": (*worker).http, "session": (*worker).session, "legs": (*worker).legs,
		"http-legs": (*worker).httpLegs,
	} {
		for i := range 2 {
			one := &worker{load: l, name: fmt.Sprint(kind, i), kind: kind, url: b.url, tickets: w.tickets(),
				transport: to}
			l.byKind.LoadOrStore(kind, new(atomic.Int64))
			l.all.Go(func() { one.run(work(one)) })
		}
	}
	for range 2 {
		l.all.Go(l.attack)
	}
	return l
}

// end stops the load and waits until what was begun is finished.
func (l *load) end() { l.stop(); l.all.Wait() }

// A worker is one client. It does one thing after the other.
type worker struct {
	*load
	name, kind string
	url        string // where the nodes are for it
	tickets    client.Tickets
	transport  http.RoundTripper
	sent       *wire // the last one of a call
	renewed    int   // requests to renew a security context
	remembered int64 // kills at its last call that was answered
}

// run does work until the load ends, and sorts what becomes of it.
func (k *worker) run(work func() error) {
	count, _ := k.byKind.Load(k.kind)
	for k.ctx.Err() == nil {
		died, kills, began := k.b.diedOf(k.name), k.kills.Load(), time.Now()
		err := work()
		k.keep(err == nil) // not before: an attacker would be the first
		switch {
		case err == nil:
			k.answered.Add(1)
			k.remembered = kills
			count.(*atomic.Int64).Add(1)
		case k.b.diedOf(k.name) > died:
			k.lost.Add(1)
		case k.w.inMemory[k.kind] && k.kills.Load() > k.remembered:
			k.forgotten.Add(1)
			k.remembered = k.kills.Load()
		case k.outageSince(began):
			k.refused.Add(1)
		default:
			k.fail("%s: %v", k.name, err)
		}
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
	}
}

// outageSince reports whether there was an outage for some of the time since then.
func (l *load) outageSince(began time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	from, until := l.outage[0], l.outage[1]
	return !from.IsZero() && time.Now().After(from) && (until.IsZero() || began.Before(until))
}

// setOutage begins an outage, or ends it.
func (l *load) setOutage(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if on {
		l.outage = [2]time.Time{time.Now()}
	} else {
		l.outage[1] = time.Now()
	}
}

func (l *load) fail(format string, args ...any) {
	l.failed.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.failures) < 30 {
		l.failures = append(l.failures, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}

// client makes one that calls a route, whose messages can be taken by attackers.
func (k *worker) client(path, policy string) *client.Client {
	p, _ := wssec.Preset(policy)
	c, err := client.New(client.Config{
		URL: k.url + path, Service: service, Policy: p, Tickets: k.tickets, Trust: wstrust.V13,
		Header: http.Header{workerHeader: {k.name}}, Transport: k.transport, Timeout: patience,
		Trace: func(m client.Traced) {
			switch {
			case m.Sent && m.Kind == "message":
				k.sent = &wire{path: path, octets: bytes.Clone(m.Wire)}
			case m.Sent && m.Kind == "renew":
				k.renewed++
			}
		},
	})
	if err != nil {
		panic(err) // the configuration above
	}
	return c
}

// call makes one call, and looks whether the answer is that to its question.
func (k *worker) call(c *client.Client) error {
	id := k.w.backend.register(k.name)
	return k.ask(context.Background(), c, id, question(id))
}

// ask makes one call with a message that has an id.
func (k *worker) ask(ctx context.Context, c *client.Client, id string, message []byte) error {
	reply, err := c.Call(ctx, client.Request{Message: message, Action: "urn:q:ask"})
	if err != nil {
		return err
	}
	if !bytes.Contains(reply.Message, []byte(id)) {
		return errors.New("the answer is that to another question")
	}
	return k.w.backend.settle(id)
}

// kerberos calls with a token in each message.
func (k *worker) kerberos() func() error {
	c := k.client("/kerberos", "Kerberos")
	return func() error { return k.call(c) }
}

// severalCalls makes a client, calls with it a few times, and closes it.
func (k *worker) severalCalls(path, policy string) func() error {
	var c *client.Client
	left := 0
	return func() error {
		if left == 0 {
			c, left = k.client(path, policy), 6
		}
		if left--; left == 0 {
			return c.Close(context.Background()) // a Cancel, where that is usual
		}
		return k.call(c)
	}
}

func (k *worker) negotiated() func() error { return k.severalCalls("/negotiated", "SspiNegotiated") }
func (k *worker) conversation() func() error {
	return k.severalCalls("/conversation", "ws2007HttpBinding")
}
func (k *worker) inToken() func() error { return k.severalCalls("/token", "ws2007HttpBinding") }

// RoundTrip sends a request of HTTP Negotiate, which attackers can take.
func (k *worker) RoundTrip(r *http.Request) (*http.Response, error) {
	if a := r.Header.Get("Authorization"); a != "" {
		k.sent = &wire{path: r.URL.RequestURI(), authorization: a}
	}
	return k.transport.RoundTrip(r)
}

// http calls by HTTP Negotiate, with a token in each request.
func (k *worker) http() func() error { return k.get("/http/", true, nil) }

// session signs on once by HTTP Negotiate, and calls with the cookie of that.
func (k *worker) session() func() error {
	jar, _ := cookiejar.New(nil) // without options it never fails
	return k.get("/session/", false, jar)
}

// get calls by HTTP Negotiate, with a token in each request or when it is asked
// for.
func (k *worker) get(path string, preemptive bool, jar http.CookieJar) func() error {
	t, err := negotiate.NewTransport(negotiate.TransportConfig{
		Tickets: k.tickets, Hosts: []string{"*"}, AllowHTTP: true, Preemptive: preemptive, Base: k,
		Service: func(*url.URL) string { return website },
	})
	if err != nil {
		panic(err) // the configuration above
	}
	c := &http.Client{Transport: t, Timeout: patience, Jar: jar}
	return func() error {
		id := k.w.backend.register(k.name)
		r, err := http.NewRequest(http.MethodGet, k.url+path+"?id="+id, nil)
		if err != nil {
			return err
		}
		r.Header.Set(workerHeader, k.name)
		resp, err := c.Do(r)
		return k.isAnswer(resp, err, id)
	}
}

// isAnswer reports whether a response is the answer to a question.
func (k *worker) isAnswer(resp *http.Response, err error, id string) error {
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(id)) {
		return fmt.Errorf("HTTP %d %.200s %w", resp.StatusCode, body, err)
	}
	return k.w.backend.settle(id)
}

// keep lets attackers have the last request that was sent.
func (k *worker) keep(answered bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sent != nil {
		k.sent.answered = answered
	}
	switch sent := k.sent; {
	case sent == nil:
	case len(k.wires) < 256:
		k.wires = append(k.wires, *sent)
	default:
		k.wires[rand.IntN(len(k.wires))] = *sent
	}
	k.sent = nil
}

// attack sends what others have sent, once more or altered, and what nobody has
// protected. The backend sees whether any of it passes.
func (l *load) attack() {
	for n := 0; l.ctx.Err() == nil; n++ {
		time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
		w := wire{path: "/kerberos", octets: question(fmt.Sprint("forged-", n))}
		l.mu.Lock()
		if len(l.wires) > 0 && n%8 != 0 {
			w = l.wires[rand.IntN(len(l.wires))]
		}
		l.mu.Unlock()
		if n%3 == 0 && len(w.octets) > 0 {
			w.octets = altered(w.octets)
		}
		if _, err := l.replay(w); err == nil {
			l.replayed.Add(1)
		}
	}
}

// altered is a message with one octet of its ciphertexts, tokens and signatures
// changed.
func altered(octets []byte) []byte {
	octets = bytes.Clone(octets)
	marks := []string{"CipherValue>", "SignatureValue>", "Cookie ", "BinarySecurityToken "}
	if at := bytes.Index(octets, []byte(marks[rand.IntN(len(marks))])); at > 0 && at+200 < len(octets) {
		if octets[at+150] = 'A'; rand.IntN(2) == 0 {
			octets[at+150] = 'B'
		}
	}
	return octets
}

// replay sends a request, and returns the status of the answer.
func (l *load) replay(w wire) (status int, err error) {
	method, body := http.MethodPost, io.Reader(bytes.NewReader(w.octets))
	if w.authorization != "" {
		method, body = http.MethodGet, nil
	}
	r, err := http.NewRequest(method, l.b.url+w.path, body)
	if err != nil {
		return 0, err
	}
	r.Header.Set(workerHeader, "attacker")
	r.Header.Set("Content-Type", soap.V11.ContentType())
	r.Header.Set("SOAPAction", `"urn:q:ask"`)
	if w.authorization != "" {
		r.Header.Set("Authorization", w.authorization)
	}
	resp, err := to.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// kindsAnswered reports whether clients of all kinds have been answered.
func (l *load) kindsAnswered() bool {
	all := true
	l.byKind.Range(func(_, n any) bool {
		all = all && n.(*atomic.Int64).Load() > 0
		return true
	})
	return all
}

// String says what has become of the load.
func (l *load) String() string {
	var kinds []string
	l.byKind.Range(func(k, n any) bool {
		kinds = append(kinds, fmt.Sprintf("%s %d", k, n.(*atomic.Int64).Load()))
		return true
	})
	return fmt.Sprintf("%d answered (%s), %d of connections that ended with their node, %d refused while the store had "+
		"no primary, %d forged or repeated; by node %v", l.answered.Load(), strings.Join(kinds, ", "), l.lost.Load(),
		l.refused.Load(), l.replayed.Load(), l.b.served)
}

// check reports what went wrong that must not.
func (l *load) check(t *testing.T) {
	t.Helper()
	for _, f := range l.failures {
		t.Error(f)
	}
	l.byKind.Range(func(k, n any) bool {
		if n.(*atomic.Int64).Load() == 0 {
			t.Errorf("nothing of %s was answered", k)
		}
		return true
	})
	l.w.backend.check(t)
}
