package assembly

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// A clockWorld is a gateway whose clock is moved, and clients and a KDC whose
// clocks are right.
type clockWorld struct {
	*serviceWorld
	moved   atomic.Int64 // time.Duration
	url     string
	tickets *kdc.Client
	calls   atomic.Int64 // of the backend

	last     clockWire   // that was sent
	accepted []clockWire // the last ones of calls that were answered
}

// A clockWire is a request as it was sent.
type clockWire struct {
	path, authorization string
	octets              []byte
}

const clockRoutes = `
backend: %s
keytab: %s
state-dir: %s
refusal-delay: 20ms
routes:
  - {path: /kerberos, policy: Kerberos}
  - {path: /negotiated, policy: SspiNegotiated, context-lifetime: 30m}
  - {path: /conversation, policy: ws2007HttpBinding, context-lifetime: 10h}
  - {path: /token, policy: ws2007HttpBinding, context-storage: token, context-lifetime: 10h}
  - {path: /http, standard: spnego-http}
  - {path: /session, standard: spnego-http, session-lifetime: 30m}
`

// newClockWorld makes one that keeps replay records in memory or in a journal.
func newClockWorld(t *testing.T, journal bool) *clockWorld {
	t.Helper()
	w := &clockWorld{serviceWorld: newServiceWorld(t, service)}
	w.kdc.AddUser("alice", "a password of alice")
	server, err := w.kdc.Start()
	must(t, err)
	t.Cleanup(func() { server.Close() })
	w.tickets, err = kdc.NewClient(kdc.ClientConfig{Client: "alice", Password: "a password of alice",
		Krb5Conf: server.Krb5Conf()})
	must(t, err)
	t.Cleanup(func() { w.tickets.Close() })
	backend := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.calls.Add(1)
		quote(rw, r)
	}))
	t.Cleanup(backend.Close)
	cfg := loadConfig(t, fmt.Sprintf(clockRoutes, backend.URL, w.keytab("svc", service), w.dir))
	log := slog.New(slog.NewJSONHandler(&w.log, nil))
	w.keys = NewKeyring(cfg, log)
	g, err := New(Config{cfg, w.keys, w.records(cfg, journal), log, nil, w.now})
	must(t, err)
	front := httptest.NewServer(g)
	t.Cleanup(front.Close)
	w.gateway, w.url = g, front.URL
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *clockWorld) now() time.Time { return time.Now().Add(time.Duration(w.moved.Load())) }

func (w *clockWorld) records(cfg *config.Config, journal bool) (own ReplayStores) {
	entries := replay.MemoryConfig{MaxEntries: replayEntries(cfg), Time: w.now}
	own = ReplayStores{Tickets: replay.NewMemory(entries), Messages: replay.NewMemory(entries)}
	if journal {
		j, err := replay.OpenJournal(filepath.Join(w.dir, "replay"), replay.JournalConfig{MaxEntries: 1000, Time: w.now})
		must(w.t, err)
		w.t.Cleanup(func() { j.Close() })
		own.Tickets = j
	}
	return own
}

// A clockClient does one call.
type clockClient struct {
	name string
	call func() error
}

// clients returns one of each kind.
func (w *clockWorld) clients() (all []clockClient) {
	for path, policy := range map[string]string{"/kerberos": "Kerberos", "/negotiated": "SspiNegotiated",
		"/conversation": "ws2007HttpBinding", "/token": "ws2007HttpBinding"} {
		p, _ := wssec.Preset(policy)
		c, err := client.New(client.Config{URL: w.url + path, Service: service, Policy: p, Tickets: w.tickets,
			Trust: wstrust.V13, Trace: func(m client.Traced) {
				if m.Sent && m.Kind == "message" {
					w.last = clockWire{path: path, octets: bytes.Clone(m.Wire)}
				}
			}})
		must(w.t, err)
		all = append(all, clockClient{path, func() error {
			_, err := c.Call(context.Background(), client.Request{Message: []byte(question), Action: "urn:q:ask"})
			return err
		}})
	}
	for _, path := range []string{"/http", "/session"} {
		jar, _ := cookiejar.New(nil) // without options it never fails
		t, err := negotiate.NewTransport(negotiate.TransportConfig{Tickets: w.tickets, Hosts: []string{"*"},
			AllowHTTP: true, Preemptive: path == "/http", Base: w, Service: func(*url.URL) string { return service }})
		must(w.t, err)
		c := &http.Client{Transport: t, Jar: jar}
		all = append(all, clockClient{path, func() error {
			resp, err := c.Get(w.url + path)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return errors.New(resp.Status)
			}
			return nil
		}})
	}
	return all
}

// RoundTrip keeps the last token of HTTP Negotiate.
func (w *clockWorld) RoundTrip(r *http.Request) (*http.Response, error) {
	if a := r.Header.Get("Authorization"); a != "" {
		w.last = clockWire{path: r.URL.Path, authorization: a}
	}
	return http.DefaultTransport.RoundTrip(r)
}

// again sends all that was ever accepted once more.
func (w *clockWorld) again(when string) {
	w.t.Helper()
	before := w.calls.Load()
	var all sync.WaitGroup
	for _, sent := range w.accepted {
		all.Go(func() {
			if status := w.send(sent); status < 400 {
				w.t.Errorf("%s, %s once more: HTTP %d", when, sent.path, status)
			}
		})
	}
	all.Wait()
	if n := w.calls.Load() - before; n != 0 {
		w.t.Errorf("%s: %d of what was accepted before came to the backend once more", when, n)
	}
}

// send sends a request as it was sent, and returns the status of the answer.
func (w *clockWorld) send(sent clockWire) int {
	method, body := http.MethodPost, io.Reader(bytes.NewReader(sent.octets))
	if sent.authorization != "" {
		method, body = http.MethodGet, nil
	}
	r := httptest.NewRequest(method, sent.path, body)
	r.Header.Set("Content-Type", soap.V11.ContentType())
	r.Header.Set("SOAPAction", `"urn:q:ask"`)
	if sent.authorization != "" {
		r.Header.Set("Authorization", sent.authorization)
	}
	rec := httptest.NewRecorder()
	w.gateway.ServeHTTP(rec, r)
	return rec.Code
}

// The gateway's clock jumps by an hour, forwards and backwards, and back again.
// While it is wrong nobody is accepted whose own clock is right, but with the cookie
// of a session that lives on; when it is right again all are. Nothing is ever
// accepted twice, although records end with a jump forwards.
func TestClockMovedByAnHour(t *testing.T) {
	for _, journal := range []bool{false, true} {
		t.Run(fmt.Sprint("journal ", journal), func(t *testing.T) {
			t.Parallel()
			w := newClockWorld(t, journal)
			all := w.clients()
			for _, jump := range []time.Duration{0, time.Hour, 0, -time.Hour, 0, time.Hour, -time.Hour, 0} {
				w.moved.Store(int64(jump))
				when := fmt.Sprint("at ", jump)
				w.again(when)
				for _, c := range all {
					w.judge(c, jump, when)
				}
				w.again(when)
			}
			if n := len(w.accepted); n < 4*(len(all)-1)+1 { // a session has a token once
				t.Errorf("%d accepted", n)
			}
		})
	}
}

// judge lets a client call at a time, in two tries if its first one finds that its
// security context has ended.
func (w *clockWorld) judge(c clockClient, jump time.Duration, when string) {
	w.t.Helper()
	w.last = clockWire{}
	err := c.call()
	if err != nil && jump == 0 {
		w.t.Logf("%s, %s: %v", when, c.name, err)
		err = c.call()
	}
	switch {
	case err == nil && jump != 0 && w.last.path != "":
		w.t.Errorf("%s, %s: accepted", when, c.name)
	case err != nil && jump == 0:
		w.t.Errorf("%s, %s: %v, code %s", when, c.name, err, w.lastCode())
	case err == nil && w.last.path != "":
		w.accepted = append(w.accepted, w.last)
	case err != nil:
		w.refused(c, when)
	}
}

// refused checks why a client was refused.
func (w *clockWorld) refused(c clockClient, when string) {
	w.t.Helper()
	switch code := w.lastCode(); code {
	case "message-expired", "clock-skew", "ticket-not-yet-valid":
	default:
		w.t.Errorf("%s, %s: code %s", when, c.name, code)
	}
}
