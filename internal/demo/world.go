package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/wssgate/wssgate/internal/assembly"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// Who is who in the demo.
const (
	Realm           = "EXAMPLE.COM"
	ClientName      = "alice@" + Realm
	Password        = "correct horse battery staple"
	Service         = "soap/gateway.example.com"
	Path            = "/quotes"
	principalHeader = "X-Wssgate-Principal"
)

// A world is all parties of the demo, each on a loopback port of its own.
type world struct {
	kdc     *krbtest.Server
	service *Quotes
	client  *Client
	events  eventQueue

	serviceURL string
	gatewayURL string
	dir        string // holds the keytab, and alice's files
	closers    []func()
}

// newWorld starts everything. The gateway is assembled from settings as
// serve does it.
func newWorld(ctx context.Context) (w *world, err error) {
	w = &world{events: make(eventQueue, 64), service: &Quotes{}}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	kdc := krbtest.New(krbtest.Config{Realm: Realm})
	kdc.AddUser("alice", Password)
	kdc.AddService(Service)
	if w.kdc, err = kdc.Start(); err != nil {
		return w, err
	}
	w.onClose(func() { _ = w.kdc.Close() })
	if w.serviceURL, err = w.listen(ctx, w.service); err != nil {
		return w, err
	}
	if err = w.startGateway(ctx, kdc.Keytab([]string{Service})); err != nil {
		return w, err
	}
	w.client, err = NewClient(w.kdc.Krb5Conf(), w.gatewayURL)
	return w, err
}

func (w *world) startGateway(ctx context.Context, keytab *keytab.Keytab) error {
	dir, err := os.MkdirTemp("", "wssgate-demo-")
	if err != nil {
		return err
	}
	w.dir = dir
	w.onClose(func() { _ = os.RemoveAll(dir) })
	octets, err := keytab.AppendBinary(nil)
	if err != nil {
		return err
	}
	file := w.file("gateway.keytab")
	if err := os.WriteFile(file, octets, 0o600); err != nil {
		return err
	}
	flags := &config.Flags{Route: config.Route{
		Path: Path, Backend: config.Backends{w.serviceURL}, Keytab: file, Service: Service + "@" + Realm,
	}}
	given := config.Given{}
	for _, name := range []string{"path", "backend", "keytab", "service"} {
		given[name] = "--" + name
	}
	cfg, err := config.Load(flags, given)
	if err != nil {
		return err
	}
	log := slog.New(w.events)
	g, err := assembly.New(assembly.Config{
		Settings: cfg, Keys: assembly.NewKeyring(cfg, log), Replay: assembly.MemoryReplay(cfg), Log: log,
	})
	if err != nil {
		return err
	}
	base, err := w.listen(ctx, g)
	w.gatewayURL = base + Path
	return err
}

// file returns the path of a file of the demo, which goes when it ends.
func (w *world) file(name string) string { return filepath.Join(w.dir, name) }

// listen serves h on a free loopback port until the world closes.
func (w *world) listen(ctx context.Context, h http.Handler) (url string, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	ctx, stop := context.WithCancel(ctx)
	server := &gateway.Server{
		Handler: h, Log: slog.New(slog.DiscardHandler), MaxHeaderBytes: 32 << 10, HeaderTimeout: 10 * time.Second,
		ReadTimeout: time.Minute, IdleTimeout: time.Minute, ShutdownTimeout: time.Second,
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(ctx, ln) }()
	w.onClose(func() { stop(); <-ended })
	return "http://" + ln.Addr().String(), nil
}

func (w *world) onClose(f func()) { w.closers = append(w.closers, f) }

// close ends everything, last started first.
func (w *world) close() {
	for i := len(w.closers) - 1; i >= 0; i-- {
		w.closers[i]()
	}
	w.closers = nil
}

// Quotes is the plain SOAP service: it knows nothing of security. It is safe
// for concurrent use.
type Quotes struct {
	mu    sync.Mutex
	count int
	last  request
}

// A request is what reached the service.
type request struct {
	header http.Header
	body   []byte
}

// ServeHTTP answers GetQuote.
func (q *Quotes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	q.mu.Lock()
	q.count++
	q.last = request{r.Header.Clone(), body}
	q.mu.Unlock()
	w.Header().Set("Content-Type", soap.V11.ContentType())
	symbol, err := symbolOf(body)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		fault := &soap.Fault{Code: soap.Sender, Reason: err.Error()}
		_, _ = w.Write(fault.AppendEnvelope(nil, soap.V11))
		return
	}
	fmt.Fprintf(w, `<soap:Envelope xmlns:soap="%s"><soap:Body><q:Quote `+
		`xmlns:q="urn:example:quotes"><q:Symbol>%s</q:Symbol><q:Price `+
		`currency="EUR">%s</q:Price></q:Quote></soap:Body></soap:Envelope>`,
		soap.NS11, xmltext.AppendEscapedText(nil, symbol), Price)
}

func symbolOf(message []byte) (string, error) {
	const ns = "urn:example:quotes"
	env, err := soap.Parse(message, xmltext.Options{})
	if err != nil {
		return "", errors.New("not a SOAP message")
	}
	question := env.Body.Child(ns, "GetQuote")
	if question.IsZero() || question.Child(ns, "Symbol").IsZero() {
		return "", errors.New("ask GetQuote with a Symbol")
	}
	return strings.TrimSpace(question.Child(ns, "Symbol").Text()), nil
}

// seen returns the last request, and how many there were.
func (q *Quotes) seen() (last request, calls int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.last, q.count
}

// An eventQueue is a slog.Handler that passes on the gateway's events.
type eventQueue chan event

// event is the part of an event that the demo shows.
type event struct{ code, err string }

// Enabled takes everything.
func (eventQueue) Enabled(context.Context, slog.Level) bool { return true }

// Handle keeps exchanges; when nobody takes them the newest are lost.
func (q eventQueue) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "exchange" {
		return nil
	}
	var ev event
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "code":
			ev.code = a.Value.String()
		case "error":
			ev.err = a.Value.String()
		}
		return true
	})
	select {
	case q <- ev:
	default:
	}
	return nil
}

// WithAttrs returns q: the demo reads the attributes of records alone.
func (q eventQueue) WithAttrs([]slog.Attr) slog.Handler { return q }

// WithGroup returns q, as WithAttrs does.
func (q eventQueue) WithGroup(string) slog.Handler { return q }

// next waits for an event, which is written after the answer.
func (q eventQueue) next(ctx context.Context) event {
	ctx, cancel := context.WithTimeout(ctx, waitForEvent)
	defer cancel()
	select {
	case ev := <-q:
		return ev
	case <-ctx.Done():
		return event{code: "none", err: "no event was logged"}
	}
}
