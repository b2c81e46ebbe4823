package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

const service = "soap/gw.example.com"

// A world is a client, a gateway and a backend, with real HTTP between them.
type world struct {
	t       testing.TB
	kdc     *krbtest.KDC
	client  *wssec.Processor
	gateway *httptest.Server
	config  gateway.Config // that it was made of
	events  *eventLog
	backend http.HandlerFunc // may be set by the test before it calls
	called  atomic.Int32
	groups  []string // of clients; may be set before a call
	tokens  *wssec.MemoryTokenCache
}

// An option changes what newWorld makes.
type option func(*gateway.Config, *gateway.Route, *wssec.Policy)

// newWorld makes a world with one route /svc of the Kerberos preset whose
// backend echoes the Body's child.
func newWorld(t testing.TB, options ...option) *world {
	t.Helper()
	w := &world{t: t, kdc: krbtest.New(krbtest.Config{}), events: &eventLog{}, backend: echo}
	w.kdc.AddService(service)
	backend := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.called.Add(1)
		b, _ := io.ReadAll(r.Body) // all of it: only then the server notices that its client went away
		r.Body = io.NopCloser(bytes.NewReader(b))
		w.backend(rw, r)
	}))
	t.Cleanup(backend.Close)
	policy, _ := wssec.Preset("Kerberos")
	route := gateway.Route{Path: "/svc", PrincipalHeader: "X-Principal", RealmHeader: "X-Realm"}
	route.Backend, _ = url.Parse(backend.URL + "/service")
	cfg := gateway.Config{Log: slog.New(slog.NewJSONHandler(w.events, nil))}
	for _, o := range options {
		o(&cfg, &route, &policy)
	}
	replay := replay.NewMemory(replay.MemoryConfig{})
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: w.kdc.Keytab(nil), Replay: replay})
	w.must(err)
	w.tokens = wssec.NewMemoryTokenCache(wssec.TokenCacheConfig{})
	processor, err := wssec.NewProcessor(policy,
		wssec.Config{Reserve: gateway.Reserve, Verifier: grouped{acceptor, w}, Replay: replay, Tokens: w.tokens})
	w.must(err)
	route.Door = door.NewSecurity(policy.Name, processor)
	policy.AllowPlainHTTP = true // the client speaks through whatever the test gives it
	w.client, err = wssec.NewProcessor(policy, wssec.Config{Replay: replay})
	w.must(err)
	cfg.Routes = []gateway.Route{route}
	w.config = cfg
	g, err := gateway.New(cfg)
	w.must(err)
	w.gateway = httptest.NewServer(g)
	t.Cleanup(w.gateway.Close)
	return w
}

// admit returns an option by which the route has lists of clients.
func admit(l access.Lists) option {
	return func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.Access = rules(l) }
}

// rules returns the Rules of lists, which are right.
func rules(l access.Lists) *access.Rules {
	r, err := access.New(l)
	if err != nil {
		panic(err)
	}
	return r
}

// calls is how often the backend was called.
func (w *world) calls() int { return int(w.called.Load()) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// envelope makes a plain message around a Body's content.
func envelope(v soap.Version, body string) string {
	return fmt.Sprintf(`<s:Envelope xmlns:s="%s"><s:Body>%s</s:Body></s:Envelope>`, v.Namespace(), body)
}

const payload = `<q:Ask xmlns:q="urn:q">what is it worth</q:Ask>`

// protect makes a fresh request of alice's, with what its reply is verified by.
func (w *world) protect(v soap.Version, body string) ([]byte, *wssec.Request) {
	return w.protectAs("alice", envelope(v, body))
}

func (w *world) protectAs(client, message string) ([]byte, *wssec.Request) {
	w.t.Helper()
	return w.protectWith(client, message, krbtest.TokenOptions{})
}

func (w *world) protectWith(client, message string, o krbtest.TokenOptions) ([]byte, *wssec.Request) {
	w.t.Helper()
	token, key, err := w.kdc.Token(client, service, o)
	w.must(err)
	env, err := soap.Parse([]byte(message), xmltext.Options{})
	w.must(err)
	out, req, err := w.client.ProtectRequest(nil, env,
		wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
	w.must(err)
	return out, req
}

// An httpReply is what came back, all read.
type httpReply struct {
	*http.Response
	body []byte
}

// post sends octets as a SOAP message of version v; header lines override.
func (w *world) post(v soap.Version, body io.Reader, header ...string) httpReply {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodPost, w.gateway.URL+"/svc", body)
	w.must(err)
	req.Header.Set("Content-Type", v.ContentType())
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header[name] = []string{value} // as written: not canonical
	}
	return w.do(req)
}

func (w *world) do(req *http.Request) httpReply {
	w.t.Helper()
	resp, err := w.gateway.Client().Do(req)
	w.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	w.must(err)
	return httpReply{resp, b}
}

// call makes a good request with the given HTTP header lines.
func (w *world) call(header ...string) (httpReply, *wssec.Request) {
	w.t.Helper()
	msg, req := w.protect(soap.V11, payload)
	return w.post(soap.V11, bytes.NewReader(msg), header...), req
}

// open verifies a protected reply and returns its Body.
func (w *world) open(r httpReply, req *wssec.Request) string {
	w.t.Helper()
	env, err := soap.Parse(r.body, xmltext.Options{})
	w.must(err)
	msg, err := w.client.VerifyReply(context.Background(), env, req, wssec.Channel{})
	if err != nil {
		w.t.Fatalf("reply does not verify: %v\n%s", err, r.body)
	}
	return string(msg.Body().AppendCanonical(nil, xmltext.C14N{}))
}

// openFault verifies a protected reply that has to be a fault.
func (w *world) openFault(r httpReply, req *wssec.Request) *soap.Fault {
	w.t.Helper()
	env, err := soap.Parse(r.body, xmltext.Options{})
	w.must(err)
	msg, err := w.client.VerifyReply(context.Background(), env, req, wssec.Channel{})
	if err != nil {
		w.t.Fatalf("fault does not verify: %v\n%s", err, r.body)
	}
	f, ok := msg.Envelope().Fault()
	if !ok {
		w.t.Fatalf("not a fault: %s", r.body)
	}
	return f
}

// plainFault reads an unprotected fault.
func (w *world) plainFault(r httpReply) *soap.Fault {
	w.t.Helper()
	env, err := soap.Parse(r.body, xmltext.Options{})
	if err != nil {
		w.t.Fatalf("%v\n%s", err, r.body)
	}
	f, ok := env.Fault()
	if !ok {
		w.t.Fatalf("not a fault: %s", r.body)
	}
	for b := range env.Blocks() {
		if f.Code != soap.VersionMismatch || !b.Is(env.Version.Namespace(), "Upgrade") {
			w.t.Fatalf("not a plain fault: %s", r.body)
		}
	}
	return f
}

// event waits for the n-th event, counted from 1.
func (w *world) event(n int) map[string]any { w.t.Helper(); return w.events.wait(w.t, n) }

func (w *world) code(n int) string { c, _ := w.event(n)["code"].(string); return c }

// An eventLog keeps the lines of a JSON handler.
type eventLog struct {
	mu    sync.Mutex
	lines []map[string]any
}

func (l *eventLog) Write(b []byte) (int, error) {
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, m)
	return len(b), nil
}

func (l *eventLog) all() []map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]map[string]any(nil), l.lines...)
}

// wait waits for the n-th event, counted from 1.
func (l *eventLog) wait(t testing.TB, n int) map[string]any {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		if all := l.all(); len(all) >= n {
			return all[n-1]
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("no event %d", n)
	return nil
}

// String returns the events as a JSON array.
func (l *eventLog) String() string {
	b, _ := json.Marshal(l.all())
	return string(b)
}

// echo answers with the Body's content that it got.
func echo(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	env, err := soap.Parse(b, xmltext.Options{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	w.Header().Set("Content-Type", env.Version.ContentType())
	_, _ = io.WriteString(w, envelope(env.Version,
		"<r:Echo xmlns:r=\"urn:r\">"+string(env.Body.AppendDetachedContent(nil))+"</r:Echo>"))
}

// answer is a backend that says the same to everything.
func answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// newTLSServer serves h over TLS, HTTP/2 offered.
func newTLSServer(t testing.TB, h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// reset forgets the events so far.
func (l *eventLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = nil
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// grouped returns the groups of w with every token.
type grouped struct {
	wssec.TokenVerifier
	w *world
}

type member struct {
	wssec.VerifiedToken
	groups []string
}

func (m member) Groups() []string { return m.groups }

func (g grouped) VerifyToken(ctx context.Context, token []byte, bindings [][]byte) (wssec.VerifiedToken, error) {
	t, err := g.TokenVerifier.VerifyToken(ctx, token, bindings)
	if err != nil {
		return nil, err
	}
	return member{t, g.w.groups}, nil
}

// A listening is a Server on loopback, as serve makes one.
func (w *world) listen(s *gateway.Server) (addr string, stop func() error) {
	w.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	s.Handler = w.gateway.Config.Handler
	return ln.Addr().String(), w.serve(s, ln)
}

// serve runs a Server until stop or the end of the test.
func (w *world) serve(s *gateway.Server, ln net.Listener) (stop func() error) {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	w.t.Cleanup(func() { _ = stop() })
	return stop
}

// raw sends octets over a connection of its own and reads one response.
func raw(t *testing.T, addr, request string) (*http.Response, error) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	return http.ReadResponse(bufio.NewReader(conn), nil)
}
