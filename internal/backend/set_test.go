package backend

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestPathStaysAndHostIsTheTargets(t *testing.T) {
	t.Parallel()
	a, b := newRecorder(t), newRecorder(t)
	s := newSet(t, Config{Targets: []Target{targetOf(a.URL), targetOf(b.URL)}})
	for _, want := range []*recorder{a, b, a, b} { // equals, one after the other
		r := request(t, "POST", "m")
		got, err := exchange(t, s, r)
		if host := want.Listener.Addr().String(); err != nil || got != host+" /path?q=1" {
			t.Errorf("%q, %v; want %s", got, err, host)
		}
		if r.URL.Host != "first" || r.Host != "first" {
			t.Error("RoundTrip has changed the caller's request")
		}
	}
}

// A backend that nothing listens at takes nothing, so the next one gets it.
func TestWhatWasNotSentGoesToTheNext(t *testing.T) {
	t.Parallel()
	good := newRecorder(t)
	var reports []string
	s := newSet(t, Config{Targets: []Target{dead(t), dead(t), targetOf(good.URL)},
		Report: func(_ context.Context, target string, before []string) {
			reports = append(reports, fmt.Sprintf("%s %d", target, len(before)))
		}})
	for i := range 3 {
		if _, err := exchange(t, s, request(t, "POST", fmt.Sprint("m", i))); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(good.got(), " "); got != "m0 m1 m2" {
		t.Errorf("the backend got %q", got)
	}
	if len(reports) != 3 || reports[0] != good.Listener.Addr().String()+" 2" {
		t.Errorf("reports %q", reports)
	}
}

func TestErrorNamesEachTarget(t *testing.T) {
	t.Parallel()
	a, b := dead(t), dead(t)
	s := newSet(t, Config{Targets: []Target{a, b}})
	_, err := exchange(t, s, request(t, "POST", "m"))
	if err == nil || !strings.Contains(err.Error(), a.Host+": ") || !strings.Contains(err.Error(), b.Host+": ") {
		t.Errorf("got %v", err)
	}
}

// What a backend may have read is not sent again, whatever the method, and
// whatever header it has: neither by a Set nor by net/http under it, which
// repeats some requests on kept connections.
func TestWhatWasSentIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "PUT", "GET", "HEAD", "OPTIONS", "DELETE", "PATCH"} {
		for _, body := range []string{"", "m"} {
			for _, kept := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s body=%q kept=%v", method, body, kept), func(t *testing.T) {
					t.Parallel()
					notRepeated(t, method, body, kept)
				})
			}
		}
	}
}

// notRepeated sends a request to a backend that resets the connection at the
// first octet of it, and another backend behind it.
func notRepeated(t *testing.T, method, body string, kept bool) {
	var requests atomic.Int32
	target := peer(t, func(c net.Conn) {
		br := bufio.NewReader(c)
		if kept {
			first, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, first.Body)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
		if _, err := br.ReadByte(); err == nil {
			requests.Add(1)
			resets(c)
		}
	})
	other := newRecorder(t)
	s := newSet(t, Config{Targets: []Target{target, targetOf(other.URL)}})
	if kept {
		if _, err := exchange(t, s, request(t, "POST", "first")); err != nil {
			t.Fatal(err)
		}
		s.turn = 0
	}
	r := request(t, method, body)
	r.Header.Set("Idempotency-Key", "1")
	r.Header.Set("X-Idempotency-Key", "1")
	if got, err := exchange(t, s, r); err == nil {
		t.Errorf("an answer: %q", got)
	}
	if requests.Load() != 1 || len(other.got()) != 0 {
		t.Errorf("the backend got it %d times, the other one %q", requests.Load(), other.got())
	}
}

// Names of headers mean the same in any case, so the backend still gets them.
func TestIdempotencyKeyReachesTheBackend(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Header.Get("Idempotency-Key"), r.ContentLength, r.TransferEncoding)
	}))
	t.Cleanup(server.Close)
	s := newSet(t, Config{Targets: []Target{targetOf(server.URL)}})
	for _, method := range []string{"POST", "GET", "DELETE"} {
		r := request(t, method, "")
		r.Header.Set("Idempotency-Key", "k")
		if got, err := exchange(t, s, r); err != nil || got != "k0 []" {
			t.Errorf("%s: %q, %v; the header or the length of no body is lost", method, got, err)
		}
	}
}

// A silent conn is one that answers requests and then takes nothing more. The
// other side having closed it is not seen by reading.
type silentConn struct {
	net.Conn
	broken atomic.Bool
	tries  *atomic.Int32
}

func (c *silentConn) Write(p []byte) (int, error) {
	if c.broken.Load() {
		c.tries.Add(1)
		return 0, errors.New("broken pipe")
	}
	return c.Conn.Write(p)
}

// A kept connection that takes no octet of a request is as good as none: the
// same backend gets it by another one, and nobody is blamed.
func TestKeptConnectionThatTakesNothingIsReplaced(t *testing.T) {
	t.Parallel()
	good, other := newRecorder(t), newRecorder(t)
	s := newSet(t, Config{Targets: []Target{targetOf(good.URL), targetOf(other.URL)}})
	var tries atomic.Int32
	var mu sync.Mutex
	var made []*silentConn
	dial := s.members[0].transport.DialContext
	s.members[0].transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		counted := c.(*conn)
		silent := &silentConn{Conn: counted.Conn, tries: &tries}
		mu.Lock()
		made = append(made, silent)
		mu.Unlock()
		return &conn{Conn: silent}, nil
	}
	for _, method := range []string{"POST", "GET"} {
		s.turn = 0
		if _, err := exchange(t, s, request(t, "POST", "first")); err != nil {
			t.Fatal(err)
		}
		tries.Store(0)
		mu.Lock()
		for _, c := range made {
			c.broken.Store(true)
		}
		mu.Unlock()
		s.turn = 0
		before := len(good.got())
		if _, err := exchange(t, s, request(t, method, "")); err != nil {
			t.Fatal(err)
		}
		if tries.Load() != 1 || len(good.got()) != before+1 || len(other.got()) != 0 {
			t.Errorf("%s: %d writes failed, backend got %q, the other one %q", method, tries.Load(), good.got(), other.got())
		}
	}
	if h := s.members[0].health; h.failures != 0 || h.waiting != 0 {
		t.Errorf("%+v", h)
	}
}

// The body of a streaming request comes once. It goes to the next backend as
// long as nobody has read of it.
func TestBodyThatComesOnceGoesToTheNextWhole(t *testing.T) {
	t.Parallel()
	good := newRecorder(t)
	s := newSet(t, Config{Targets: []Target{dead(t), targetOf(good.URL)}})
	body := &onceBody{Reader: strings.NewReader("streamed")}
	r := request(t, "POST", "")
	r.Body, r.ContentLength = body, -1
	if _, err := exchange(t, s, r); err != nil {
		t.Fatal(err)
	}
	if got := good.got(); len(got) != 1 || got[0] != "streamed" {
		t.Errorf("the backend got %q", got)
	}
	if body.closed.Load() == 0 {
		t.Error("the body was not closed")
	}
}

func TestBodyIsClosedWhenNoBackendTakesIt(t *testing.T) {
	t.Parallel()
	s := newSet(t, Config{Targets: []Target{dead(t), dead(t)}})
	body := &onceBody{Reader: strings.NewReader("streamed")}
	r := request(t, "POST", "")
	r.Body, r.ContentLength = body, 8
	if _, err := exchange(t, s, r); err == nil || body.closed.Load() != 1 {
		t.Errorf("%v, closed %d times", err, body.closed.Load())
	}
}

// A client whose body ends early says nothing of the backend.
func TestBodyThatFailsIsNotTheBackendsFault(t *testing.T) {
	t.Parallel()
	good, other := newRecorder(t), newRecorder(t)
	s := newSet(t, Config{Targets: []Target{targetOf(good.URL), targetOf(other.URL)}})
	for range 2 * maxFailures {
		r := request(t, "POST", "")
		r.Body = &onceBody{Reader: io.MultiReader(strings.NewReader("begin"), brokenReader{})}
		r.ContentLength = 100
		if _, err := exchange(t, s, r); err == nil {
			t.Fatal("an answer")
		}
	}
	for _, m := range s.members {
		if m.health.failures != 0 || m.health.out {
			t.Errorf("%+v", m.health)
		}
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("the client is gone") }

type onceBody struct {
	io.Reader
	closed atomic.Int32
}

func (b *onceBody) Close() error {
	b.closed.Add(1)
	return nil
}

// A backend that takes the message and says nothing is not asked again, and no
// other one is: nobody knows what became of it.
func TestSilentBackendEndsWithTheRequestsTime(t *testing.T) {
	t.Parallel()
	var got atomic.Int32
	silent := peer(t, func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			got.Add(1)
			_, _ = c.Read(make([]byte, 1))
		}
	})
	other := newRecorder(t)
	s := newSet(t, Config{Targets: []Target{silent, targetOf(other.URL)}})
	_, err := exchange(t, s, request(t, "POST", "m").WithContext(within(t, 300*time.Millisecond)))
	if !errors.Is(err, context.DeadlineExceeded) || got.Load() > 1 || len(other.got()) != 0 {
		t.Errorf("%v; sent %d times, and %q", err, got.Load(), other.got())
	}
	if s.members[0].health.failures != 1 {
		t.Errorf("%+v", s.members[0].health)
	}
}

// Without a deadline of the request, ResponseTimeout is for the header.
func TestResponseTimeoutIsForTheHeader(t *testing.T) {
	t.Parallel()
	silent := peer(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	s := newSet(t, Config{Targets: []Target{silent}, ResponseTimeout: 100 * time.Millisecond})
	if _, err := exchange(t, s, request(t, "GET", "")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if s.members[0].health.failures != 1 {
		t.Errorf("%+v", s.members[0].health)
	}
}

func TestClientThatGoesSaysNothingOfTheBackend(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	silent := peer(t, func(c net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(c))
		cancel()
		_, _ = c.Read(make([]byte, 1))
	})
	s := newSet(t, Config{Targets: []Target{silent}})
	_, err := exchange(t, s, request(t, "POST", "m").WithContext(ctx))
	if h := s.members[0].health; !errors.Is(err, context.Canceled) || h.failures != 0 || h.waiting != 0 {
		t.Errorf("%v, %+v", err, h)
	}
}

func TestUnixSocketIsATarget(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	server := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close() })
	s := newSet(t, Config{Targets: []Target{{Scheme: "http", Host: "localhost", Socket: path}}})
	if got, err := exchange(t, s, request(t, "POST", "m")); err != nil || got != "localhost /path?q=1" {
		t.Errorf("%q, %v", got, err)
	}
}

// A WebSocket passes, and both sides can close their half.
func TestUpgradedConnectionPasses(t *testing.T) {
	t.Parallel()
	target := peer(t, func(c net.Conn) {
		br := bufio.NewReader(c)
		if _, err := http.ReadRequest(br); err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = io.Copy(c, br) // to the end of the other half
	})
	s := newSet(t, Config{Targets: []Target{dead(t), target}})
	front := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(p *httputil.ProxyRequest) { p.SetURL(&url.URL{Scheme: "http", Host: "first"}) },
		Transport: s,
	})
	t.Cleanup(front.Close)
	c, err := net.Dial("tcp", front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	br := bufio.NewReader(c)
	resp, err := http.ReadResponse(br, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(resp, err)
	}
	_, _ = io.WriteString(c, "to and fro")
	_ = c.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(br); err != nil || string(got) != "to and fro" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestNewRefusesWhatItCannotReach(t *testing.T) {
	t.Parallel()
	for _, targets := range [][]Target{nil, {{Scheme: "ftp", Host: "a"}}, {{Scheme: "http"}}} {
		if _, err := New(Config{Targets: targets}); err == nil {
			t.Errorf("%v: no error", targets)
		}
	}
}
