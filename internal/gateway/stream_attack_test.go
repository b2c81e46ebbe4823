package gateway_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// TestStreamCallsNoBackendForUnknownClients: whatever they present.
func TestStreamCallsNoBackendForUnknownClients(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	used := w.authorization("alice")
	for name, change := range map[string]func(*http.Request){
		"nothing":      func(r *http.Request) { r.Header.Del("Authorization") },
		"password":     func(r *http.Request) { r.SetBasicAuth("alice", "secret") },
		"malformed":    func(r *http.Request) { r.Header.Set("Authorization", "Negotiate *") },
		"rubbish":      func(r *http.Request) { r.Header.Set("Authorization", "Negotiate AAAA") },
		"NTLM":         func(r *http.Request) { r.Header.Set("Authorization", "Negotiate TlRMTVNTUAABAAAA") },
		"two":          func(r *http.Request) { r.Header.Add("Authorization", used) },
		"forged names": func(r *http.Request) { r.Header = http.Header{"X-Principal": {"alice@EXAMPLE.COM"}} },
		"forged session": func(r *http.Request) {
			r.Header = http.Header{"Cookie": {"negotiate=e" + strings.Repeat("A", 200)}}
		},
	} {
		r := w.request(http.MethodPost, "/app", strings.NewReader("hello"))
		change(r)
		if got := w.send(r); got.StatusCode < 400 {
			t.Errorf("%s: HTTP %d", name, got.StatusCode)
		}
	}
	if w.called.Load() != 0 {
		t.Errorf("%d calls", w.called.Load())
	}
	if text := w.events.String(); !strings.Contains(text, `"code":"ntlm-token"`) || strings.Contains(text, used[20:60]) {
		t.Errorf("events: %s", text)
	}
}

// TestStreamBackendLearnsWhoTheClientIsFromUsAlone: in any spelling, by headers
// that Connection names, and by trailers.
func TestStreamBackendLearnsWhoTheClientIsFromUsAlone(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	var got http.Header
	w.backend = func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got = r.Header.Clone()
		for name, values := range r.Trailer {
			got["Trailer "+name] = values
		}
	}
	r := w.request(http.MethodPost, "/app", io.MultiReader(strings.NewReader("hello")))
	for _, name := range []string{"X-Principal", "x_principal", "X_REALM", "X-Realm", "x-groups", "X-Request-Id",
		"X-Forwarded-For", "Forwarded", "X-Forwarded-Proto", "X-Forwarded-Host"} {
		r.Header[name] = []string{"mallory"}
	}
	r.Header.Set("Connection", "X-Principal, X-Realm, X-Groups")
	r.Header.Set("Cookie", "negotiate=mallory; theirs=1")
	r.Trailer = http.Header{"X-Principal": {"mallory"}, "X-Sum": {"1"}}
	w.want(w.send(r), http.StatusOK, "")
	if text := toJSON(t, got); strings.Contains(text, "mallory") || strings.Contains(text, "Negotiate") {
		t.Errorf("the backend got %s", text)
	}
	for name, want := range map[string]string{"X-Principal": "alice@EXAMPLE.COM", "X-Realm": "EXAMPLE.COM",
		"X-Groups":        "S-1-5-21-1-2-3-513,S-1-5-21-1-2-3-1105",
		"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "Cookie": "theirs=1", "Trailer X-Sum": "1"} {
		if len(got[name]) != 1 || got[name][0] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

// TestStreamRejectsAmbiguousPaths: those that lead to one route here, and
// perhaps to what another route protects at the backend.
func TestStreamRejectsAmbiguousPaths(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, func(w *streamWorld, c *gateway.Config) {
		c.Routes = []gateway.Route{w.route("/", "", negotiate.Config{}), w.route("/admin", "", negotiate.Config{})}
	})
	for _, path := range []string{
		"/x/../admin", "/x/%2e%2e/admin", "/x/..%2fadmin", "/x%2f..%2fadmin", "/%61dmin%2f..%2fx", "/./admin/x", "//admin",
		"/x/..;/admin", "/admin;x/y", "/x/..%5cadmin", "/x%5c..%5cadmin", "/%2561dmin", "/%252e/admin", "/ADMIN/x",
		"/admin/../x", "/admin%00/../x/%2e%2e/admin/../..", "/admin./x", "/admin%20/x", "/x/..%20/admin", "/admin%20.%20",
		"/x/%c0%ae%c0%ae/admin", "/x%c0%af..%c0%afadmin", "/%e0%81%a1dmin",
	} {
		c, err := net.Dial("tcp", w.gateway.Listener.Addr().String())
		w.must(err)
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: gw\r\nAuthorization: %s\r\nConnection: close\r\n\r\n", path,
			w.authorization("alice"))
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		w.must(err)
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: HTTP %d", path, resp.StatusCode)
		}
		c.Close()
	}
	if w.called.Load() != 0 {
		t.Errorf("%d calls", w.called.Load())
	}
}

// TestStreamUpgradesToWebSocketsAlone: in a tunnel of HTTP/2 a client could
// write any name, and call any path.
func TestStreamUpgradesToWebSocketsAlone(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	var got http.Header
	w.backend = func(_ http.ResponseWriter, r *http.Request) { got = r.Header }
	for _, upgrade := range [][]string{
		{"h2c"}, {"H2C"}, {"websocket, h2c"}, {"h2c, websocket"}, {"websocket", "h2c"}, {"TLS/1.3"},
	} {
		r := w.request(http.MethodGet, "/app", nil)
		r.Header["Upgrade"] = upgrade
		r.Header.Set("Connection", "Upgrade, HTTP2-Settings")
		r.Header.Set("HTTP2-Settings", "AAMAAABkAAQAAP__")
		w.want(w.send(r), http.StatusOK, "")
		if len(got["Upgrade"]) > 0 || len(got["Connection"]) > 0 || len(got["Http2-Settings"]) > 0 {
			t.Errorf("%q: the backend got %v", upgrade, got)
		}
	}
}

// TestServerTakesLargeTokensAndNoHeaderBombs: max-headers is for both.
func TestServerTakesLargeTokensAndNoHeaderBombs(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	server := &gateway.Server{Handler: w.gateway.Config.Handler, Log: slog.New(slog.DiscardHandler),
		MaxHeaderBytes: 128 << 10}
	go func() { ended <- server.Serve(ctx, ln) }()
	groups := krbtest.AuthzSequence(krbtest.AuthzElement(99, make([]byte, 60<<10)))
	token, _, err := w.kdc.Token("alice", "HTTP/gw.example.com", krbtest.TokenOptions{
		Ticket: krbtest.TicketOptions{AuthzData: groups}})
	w.must(err)
	const tooLarge = http.StatusRequestHeaderFieldsTooLarge
	for name, tt := range map[string]struct {
		header string
		status int
	}{
		"a token of 60 kB":  {"Authorization: Negotiate " + base64.StdEncoding.EncodeToString(token), http.StatusOK},
		"one long field":    {"Authorization: Negotiate " + strings.Repeat("A", 200<<10), tooLarge},
		"very many fields":  {strings.Repeat("X: y\r\n", 40<<10) + "X: y", tooLarge},
		"very many cookies": {"Cookie: " + strings.Repeat("negotiate=x; ", 5000) + "a=b", http.StatusUnauthorized},
	} {
		c, err := net.Dial("tcp", ln.Addr().String())
		w.must(err)
		go fmt.Fprintf(c, "GET /app HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n%s\r\n\r\n", tt.header)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != tt.status {
			t.Errorf("%s: %v, %v", name, resp, err)
		}
		c.Close()
	}
	stop()
	w.must(<-ended)
}

// TestStreamReadsNoBodyBeforeAuthentication: a client that waits is not told to
// go on.
func TestStreamReadsNoBodyBeforeAuthentication(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	c, err := net.Dial("tcp", w.gateway.Listener.Addr().String())
	w.must(err)
	defer c.Close()
	fmt.Fprintf(c, "POST /app HTTP/1.1\r\nHost: gw\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		int64(1)<<40)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	w.must(err)
	if resp.StatusCode != http.StatusUnauthorized || !resp.Close {
		t.Errorf("HTTP %d, close %t", resp.StatusCode, resp.Close)
	}
}

// TestStreamRefusesBeforeTheEndOfTheBody: a client that waits for an answer in
// the middle of a long body gets the refusal, and not when it has sent all.
func TestStreamRefusesBeforeTheEndOfTheBody(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	for _, body := range []string{
		"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"Content-Length: 1000000\r\n\r\nhello",
		"Content-Length: 6\r\n\r\nhello",
	} {
		c, err := net.Dial("tcp", w.gateway.Listener.Addr().String())
		w.must(err)
		defer c.Close()
		w.must(c.SetDeadline(time.Now().Add(20 * time.Second)))
		fmt.Fprintf(c, "POST /app HTTP/1.1\r\nHost: gw\r\n%s", body)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Errorf("%q: %v", body, err)
			continue
		}
		if resp.StatusCode != http.StatusUnauthorized || !resp.Close {
			t.Errorf("%q: HTTP %d, close %t", body, resp.StatusCode, resp.Close)
		}
	}
}

// TestStreamEndsConnectionsWithUnreadBodies: what follows a response that came
// before the end of the request is the rest of that request, which net/http
// would read while it waits for the next.
func TestStreamEndsConnectionsWithUnreadBodies(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	w.backend = func(rw http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(rw)
		w.must(rc.EnableFullDuplex())
		w.must(rc.Flush())
		_, _ = io.Copy(io.Discard, r.Body)
	}
	c, err := net.Dial("tcp", w.gateway.Listener.Addr().String())
	w.must(err)
	defer c.Close()
	w.must(c.SetDeadline(time.Now().Add(20 * time.Second)))
	fmt.Fprintf(c, "POST /app HTTP/1.1\r\nHost: gw\r\nAuthorization: %s\r\nContent-Length: 6\r\n\r\nhello",
		w.authorization("alice"))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	w.must(err)
	if !resp.Close {
		t.Errorf("HTTP %d, and the connection stays", resp.StatusCode)
	}
	fmt.Fprint(c, "!")
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Error(err)
	}
}
