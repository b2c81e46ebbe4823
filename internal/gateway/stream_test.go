package gateway_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/seal"
	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// A streamWorld is a gateway with routes of HTTP requests, and a backend.
type streamWorld struct {
	testing.TB
	kdc     *krbtest.KDC
	gateway *httptest.Server
	events  *eventLog
	backend func(http.ResponseWriter, *http.Request) // set before the first call
	called  atomic.Int32
	addr    string // of the backend
}

// newStreamWorld makes a world with a route /app, unless change makes others.
func newStreamWorld(t testing.TB, change func(*streamWorld, *gateway.Config)) *streamWorld {
	t.Helper()
	w := &streamWorld{TB: t, kdc: krbtest.New(krbtest.Config{}), events: &eventLog{}}
	w.kdc.AddService("HTTP/gw.example.com")
	w.backend = func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(rw, "%s %s for %s", r.Method, r.URL.RequestURI(), r.Header.Get("X-Principal"))
	}
	backend := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.called.Add(1)
		w.backend(rw, r)
	}))
	t.Cleanup(backend.Close)
	w.addr = backend.URL
	cfg := gateway.Config{Log: slog.New(slog.NewJSONHandler(w.events, nil))}
	cfg.Routes = []gateway.Route{w.route("/app", "", negotiate.Config{Session: time.Hour})}
	if change != nil {
		change(w, &cfg)
	}
	g, err := gateway.New(cfg)
	w.must(err)
	w.gateway = httptest.NewServer(g)
	t.Cleanup(w.gateway.Close)
	return w
}

func (w *streamWorld) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// route makes a route to a path of the backend.
func (w *streamWorld) route(path, backend string, cfg negotiate.Config) gateway.Route {
	w.Helper()
	var err error
	cfg.Acceptor, err = gss.NewAcceptor(gss.AcceptorConfig{Keytab: w.kdc.Keytab(nil), PAC: gss.PACWhenPresent})
	w.must(err)
	cfg.Authorize = gateway.Authorize
	cfg.Scope, cfg.CookiePath, cfg.CookieName = path, path, cmp.Or(cfg.CookieName, "negotiate")
	auth, err := negotiate.New(cfg)
	w.must(err)
	target, err := url.Parse(w.addr + backend)
	w.must(err)
	return gateway.Route{Path: path, HTTP: door.NewHTTP(auth, nil), Backend: target, PolicyName: "spnego-http",
		PrincipalHeader: "X-Principal", RealmHeader: "X-Realm", GroupsHeader: "X-Groups"}
}

// authorization returns an Authorization header with a fresh token.
func (w *streamWorld) authorization(client string) string {
	w.Helper()
	logon := &krbtest.PACLogon{DomainID: "S-1-5-21-1-2-3", PrimaryGroup: 513,
		Groups: []krbtest.PACGroup{{ID: 513}, {ID: 1105}}}
	ticket, err := w.kdc.Ticket(client, "HTTP/gw.example.com",
		krbtest.TicketOptions{PAC: &krbtest.PACOptions{Logon: logon}})
	w.must(err)
	c, err := gss.NewInitiatorContext(ticket, gss.InitConfig{})
	w.must(err)
	token, _, err := c.Step(w.Context(), nil)
	w.must(err)
	return "Negotiate " + base64.StdEncoding.EncodeToString(token)
}

// request makes a request of alice's.
func (w *streamWorld) request(method, path string, body io.Reader) *http.Request {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, w.gateway.URL+path, body)
	w.must(err)
	r.Header.Set("Authorization", w.authorization("alice"))
	return r
}

func (w *streamWorld) send(r *http.Request) httpReply {
	w.Helper()
	resp, err := w.gateway.Client().Do(r)
	w.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	w.must(err)
	return httpReply{resp, b}
}

// want checks status and, unless it is "", body.
func (w *streamWorld) want(got httpReply, status int, body string) {
	w.Helper()
	if got.StatusCode != status || body != "" && string(got.body) != body {
		w.Errorf("HTTP %d %q, want %d %q\n%s", got.StatusCode, got.body, status, body, w.events)
	}
}

func TestStreamPassesRequestsOfKnownClients(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
		got := w.send(w.request(method, "/app/page?q=a;b&c=%20", nil))
		w.want(got, http.StatusOK, method+" /app/page?q=a;b&c=%20 for alice@EXAMPLE.COM")
		if !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "Negotiate ") {
			t.Errorf("%s: WWW-Authenticate %q", method, got.Header.Get("WWW-Authenticate"))
		}
	}
}

// A client that is refused has no session, and learns no more than that: the
// answer is the same whatever list refuses it.
func TestStreamAuthorizes(t *testing.T) {
	t.Parallel()
	var refusal string
	for name, tt := range map[string]struct {
		lists access.Lists
		code  string
		rule  any
	}{
		"no list":   {access.Lists{}, "ok", nil},
		"principal": {access.Lists{AllowedPrincipals: []string{"*@EXAMPLE.COM"}}, "ok", "allowed-principals: *@EXAMPLE.COM"},
		"other principal": {access.Lists{AllowedPrincipals: []string{"bob@EXAMPLE.COM"}}, "not-authorized",
			"allowed-principals"},
		"realm":       {access.Lists{AllowedRealms: []string{"EXAMPLE.COM"}}, "ok", "allowed-realms: EXAMPLE.COM"},
		"other realm": {access.Lists{AllowedRealms: []string{"OTHER.COM"}}, "not-authorized", "allowed-realms"},
		"group": {access.Lists{AllowedGroups: []string{"S-1-5-21-1-2-3-1105"}}, "ok",
			"allowed-groups: S-1-5-21-1-2-3-1105"},
		"other group": {access.Lists{AllowedGroups: []string{"S-1-5-21-1-2-3-1106"}}, "not-in-group", "allowed-groups"},
		"denied":      {access.Lists{DeniedPrincipals: []string{"ALICE@*"}}, "denied", "denied-principals: ALICE@*"},
		"denied realm": {access.Lists{DeniedRealms: []string{"example.com"}}, "denied",
			"denied-realms: example.com"},
		"denied group": {access.Lists{DeniedGroups: []string{"S-1-5-21-1-2-3-1105"}}, "denied",
			"denied-groups: S-1-5-21-1-2-3-1105"},
		"others denied": {access.Lists{DeniedPrincipals: []string{"bob@*"}, DeniedRealms: []string{"EVIL"},
			DeniedGroups: []string{"S-1-5-21-1-2-3-1106"}}, "ok", nil},
	} {
		w := newStreamWorld(t, func(_ *streamWorld, c *gateway.Config) { c.Routes[0].Access = rules(tt.lists) })
		first := w.send(w.request(http.MethodGet, "/app", nil))
		ev := w.events.wait(t, 1)
		if ev["code"] != tt.code || ev["rule"] != tt.rule || ev["authorized"] != (tt.code == "ok") ||
			ev["principal"] != "alice@EXAMPLE.COM" || ev["groups"] != 2.0 || ev["authenticated_by"] != "token" {
			t.Errorf("%s: event %v", name, ev)
		}
		if tt.code == "ok" {
			w.want(first, http.StatusOK, "")
			again := w.request(http.MethodGet, "/app", nil)
			again.Header.Del("Authorization")
			for _, c := range first.Cookies() {
				again.AddCookie(c)
			}
			w.want(w.send(again), http.StatusOK, "")
			continue
		}
		w.want(first, http.StatusForbidden, "Forbidden\n")
		for _, changing := range []string{"Date", "Www-Authenticate"} {
			if first.Header.Get(changing) == "" {
				t.Errorf("%s: no %s", name, changing)
			}
			first.Header.Del(changing)
		}
		if got := fmt.Sprint(first.Header); refusal == "" {
			refusal = got
		} else if got != refusal {
			t.Errorf("%s: %s, and others get %s", name, got, refusal)
		}
		if len(first.Cookies()) > 0 || w.called.Load() != 0 {
			t.Errorf("%s: cookies %v, %d calls", name, first.Cookies(), w.called.Load())
		}
	}
}

// A session of before a client was denied is of no use afterwards.
func TestStreamAuthorizesSessions(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, func(w *streamWorld, c *gateway.Config) {
		store, sealer := store.NewMemory(store.MemoryConfig{MaxEntries: 100, MaxEntryBytes: 1 << 10}), seal.Random()
		shared := negotiate.Config{Session: time.Hour, Store: store, Sealer: sealer, CookieName: "both"}
		before, after := w.route("/app", "", shared), w.route("/app", "", shared) // of one Scope
		after.Path, after.Access = "/after", rules(access.Lists{DeniedPrincipals: []string{"alice@EXAMPLE.COM"}})
		c.Routes = []gateway.Route{before, after}
	})
	session := w.send(w.request(http.MethodGet, "/app", nil)).Cookies()
	if len(session) != 1 {
		t.Fatal(session)
	}
	r := w.request(http.MethodGet, "/after", nil)
	r.Header.Del("Authorization")
	r.AddCookie(session[0])
	got := w.send(r)
	if w.want(got, http.StatusForbidden, ""); len(got.Cookies()) != 1 || got.Cookies()[0].MaxAge >= 0 {
		t.Errorf("cookies %v", got.Cookies())
	}
	if ev := w.events.wait(t, 2); ev["code"] != "denied" || ev["authenticated_by"] != "session" || w.called.Load() != 1 {
		t.Errorf("%v, %d calls", ev, w.called.Load())
	}
}

// A door that does not ask the route passes nothing on.
func TestStreamPassesNothingOfADoorThatDoesNotAsk(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, func(w *streamWorld, c *gateway.Config) {
		acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: w.kdc.Keytab(nil)})
		w.must(err)
		auth, err := negotiate.New(negotiate.Config{Acceptor: acceptor})
		w.must(err)
		c.Routes[0].HTTP = door.NewHTTP(auth, nil)
	})
	if w.want(w.send(w.request(http.MethodGet, "/app", nil)), http.StatusInternalServerError, ""); w.called.Load() != 0 {
		t.Errorf("%d calls", w.called.Load())
	}
	if err := gateway.Authorize(w.request(http.MethodGet, "/app", nil), new(negotiate.Identity)); err == nil {
		t.Error("a request without an exchange is authorized")
	}
}

// TestStreamChoosesTheLongestPath: a route is for its path and all below it,
// and the backend's path takes the place of the route's.
func TestStreamChoosesTheLongestPath(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, func(w *streamWorld, c *gateway.Config) {
		c.Routes = []gateway.Route{w.route("/", "/all/", negotiate.Config{}), w.route("/app", "", negotiate.Config{}),
			w.route("/app/admin", "/a%2Fb?x=1", negotiate.Config{}),
			{Path: "/app/soap", Door: door.None(), Backend: c.Routes[0].Backend}}
	})
	for path, want := range map[string]string{
		"/":                  "/all/",
		"/x":                 "/all/x",
		"/apple":             "/all/apple",
		"/app":               "/app",
		"/app/":              "/app/",
		"/app/a%2Fb/%C3%A4":  "/app/a%2Fb/%C3%A4",
		"/app/administrator": "/app/administrator",
		"/app/admin":         "/a%2Fb?x=1",
		"/app/admin/x%3F?y":  "/a%2Fb/x%3F?x=1&y",
	} {
		w.want(w.send(w.request(http.MethodGet, path, nil)), http.StatusOK, "GET "+want+" for alice@EXAMPLE.COM")
	}
	if got := w.send(w.request(http.MethodGet, "/app/soap", nil)); got.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("route of SOAP messages: HTTP %d", got.StatusCode)
	}
}

// TestStreamPassesBodiesAsTheyCome: each octet is at the other side before the
// next one is sent, in both directions at once.
func TestStreamPassesBodiesAsTheyCome(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	w.backend = func(rw http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(rw)
		_ = rc.EnableFullDuplex()
		rw.WriteHeader(http.StatusAccepted)
		_ = rc.Flush()
		b := make([]byte, 1)
		for {
			if _, err := io.ReadFull(r.Body, b); err != nil {
				return
			}
			_, _ = rw.Write(bytes.ToUpper(b))
			_ = rc.Flush()
		}
	}
	in, out := io.Pipe()
	resp, err := w.gateway.Client().Do(w.request(http.MethodPost, "/app", in))
	w.must(err)
	defer resp.Body.Close()
	for _, c := range []byte("hello") {
		_, _ = out.Write([]byte{c})
		got := make([]byte, 1)
		if _, err := io.ReadFull(resp.Body, got); err != nil || got[0] != c-32 {
			t.Fatalf("%c: %q, %v", c, got, err)
		}
	}
	_ = out.Close()
	if rest, err := io.ReadAll(resp.Body); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
}

// TestStreamPassesTrailersAndInformation: trailers of the response, and 103
// before it.
func TestStreamPassesTrailersAndInformation(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	w.backend = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Link", "</style.css>")
		rw.WriteHeader(http.StatusEarlyHints)
		rw.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(rw, "hello")
		rw.Header().Set("X-Sum", "42")
	}
	var hints []string
	r := w.request(http.MethodGet, "/app", nil)
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, h.Get("Link")))
			return nil
		}}))
	got := w.send(r)
	w.want(got, http.StatusOK, "hello")
	if len(hints) != 1 || got.Trailer.Get("X-Sum") != "42" || got.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("hints %q, trailer %v, header %v", hints, got.Trailer, got.Header)
	}
}

// TestStreamUpgradesAfterAuthentication: as WebSocket clients ask for it.
func TestStreamUpgradesAfterAuthentication(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	w.backend = upperTunnel(t)
	for _, known := range []bool{true, false} {
		c, in := w.upgrade(known)
		resp, err := http.ReadResponse(in, nil)
		w.must(err)
		if !known {
			if resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("without a token: HTTP %d", resp.StatusCode)
			}
			continue
		}
		fmt.Fprint(c, "hello\n")
		if line, err := in.ReadString('\n'); resp.StatusCode != http.StatusSwitchingProtocols || line != "HELLO\n" {
			t.Errorf("HTTP %d, %q, %v", resp.StatusCode, line, err)
		}
		if resp.Header.Get("WWW-Authenticate") == "" {
			t.Error("without the server's token")
		}
		w.must(c.Close())
		w.event("ok")
		if text := w.events.String(); !strings.Contains(text, `"status":101`) {
			t.Errorf("event: %s", text)
		}
	}
	if w.called.Load() != 1 {
		t.Errorf("%d calls", w.called.Load())
	}
}

// TestStreamEndsIdleTunnels: of clients that upgrade and say nothing.
func TestStreamEndsIdleTunnels(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, func(_ *streamWorld, c *gateway.Config) { c.IdleTimeout = time.Millisecond })
	w.backend = upperTunnel(t)
	c, in := w.upgrade(true)
	if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", resp, err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the tunnel is open: %v", err)
	}
}

// TestStreamEndsHalfClosedTunnels: of clients that upgrade and close their half,
// whose backend says nothing.
func TestStreamEndsHalfClosedTunnels(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, func(_ *streamWorld, c *gateway.Config) { c.IdleTimeout = 100 * time.Millisecond })
	closed := make(chan struct{})
	w.backend = func(rw http.ResponseWriter, r *http.Request) {
		c, brw, err := http.NewResponseController(rw).Hijack()
		w.must(err)
		defer c.Close()
		_, _ = io.WriteString(brw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_ = brw.Flush()
		<-closed
	}
	defer close(closed)
	c, in := w.upgrade(true)
	if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", resp, err)
	}
	w.must(c.(*net.TCPConn).CloseWrite())
	if _, err := io.Copy(io.Discard, in); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the tunnel is open")
	}
}

// TestStreamEndsTunnelsWithTheTicket: a client whose ticket has ended would else
// stay in for as long as it says something.
func TestStreamEndsTunnelsWithTheTicket(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		w := newStreamWorld(t, func(_ *streamWorld, c *gateway.Config) { c.Routes[0].KeepUpgraded = keep })
		w.backend = upperTunnel(t)
		for name, end := range map[string]time.Duration{"ends soon": time.Second, "ended, within the skew": -time.Minute} {
			token, _, err := w.kdc.Token("alice", "HTTP/gw.example.com", krbtest.TokenOptions{
				Ticket: krbtest.TicketOptions{EndTime: time.Now().Add(end)}})
			w.must(err)
			c, in := w.upgradeBy(w.gateway.Listener.Addr(), "Authorization: Negotiate "+base64.StdEncoding.EncodeToString(token))
			resp, err := http.ReadResponse(in, nil)
			if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("%s: %v, %v", name, resp, err)
			}
			if keep {
				fmt.Fprint(c, "hello\n")
				if line, err := in.ReadString('\n'); line != "HELLO\n" {
					t.Errorf("%s: %q, %v", name, line, err)
				}
				w.must(c.Close())
				w.event("ok")
				continue
			}
			if _, err := io.Copy(io.Discard, in); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: the tunnel is open", name)
			}
			w.event("ok")
			if text := w.events.String(); !strings.Contains(text, `"client_expired":true`) {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
}

// upperTunnel is a backend that takes the connection over, and answers each line
// in capitals.
func upperTunnel(t *testing.T) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		c, brw, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		fmt.Fprintf(brw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n",
			r.Header.Get("Upgrade"))
		for {
			_ = brw.Flush()
			line, err := brw.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = brw.WriteString(strings.ToUpper(line))
		}
	}
}

// upgrade sends a request to upgrade, of a known client or another one.
func (w *streamWorld) upgrade(known bool) (net.Conn, *bufio.Reader) {
	w.Helper()
	return w.upgradeAt(w.gateway.Listener.Addr(), known)
}

func (w *streamWorld) upgradeAt(addr net.Addr, known bool) (net.Conn, *bufio.Reader) {
	w.Helper()
	authorization := "X: y"
	if known {
		authorization = "Authorization: " + w.authorization("alice")
	}
	return w.upgradeBy(addr, authorization)
}

func (w *streamWorld) upgradeBy(addr net.Addr, field string) (net.Conn, *bufio.Reader) {
	w.Helper()
	c, in := w.dial(addr)
	fmt.Fprintf(c, "GET /app HTTP/1.1\r\nHost: gw\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n%s\r\n\r\n", field)
	return c, in
}

func (w *streamWorld) dial(addr net.Addr) (net.Conn, *bufio.Reader) {
	w.Helper()
	c, err := net.Dial("tcp", addr.String())
	w.must(err)
	w.Cleanup(func() { c.Close() })
	w.must(c.SetDeadline(time.Now().Add(time.Minute)))
	return c, bufio.NewReader(c)
}

func TestStreamReportsBackendFailures(t *testing.T) {
	t.Parallel()
	t.Run("down", func(t *testing.T) {
		t.Parallel()
		w := newStreamWorld(t, func(_ *streamWorld, c *gateway.Config) { c.Routes[0].Backend.Host = "127.0.0.1:1" })
		w.want(w.send(w.request(http.MethodGet, "/app", nil)), http.StatusBadGateway, "Bad Gateway\n")
		w.event("backend-down")
	})
	t.Run("slow", func(t *testing.T) {
		t.Parallel()
		done := make(chan struct{})
		w := newStreamWorld(t, func(_ *streamWorld, c *gateway.Config) { c.Routes[0].BackendTimeout = time.Millisecond })
		w.backend = func(http.ResponseWriter, *http.Request) { <-done }
		defer close(done)
		w.want(w.send(w.request(http.MethodGet, "/app", nil)), http.StatusGatewayTimeout, "Gateway Timeout\n")
		w.event("backend-timeout")
	})
	t.Run("breaks off", func(t *testing.T) {
		t.Parallel()
		w := newStreamWorld(t, nil)
		w.backend = func(rw http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(rw, "half")
			_ = http.NewResponseController(rw).Flush()
			panic(http.ErrAbortHandler)
		}
		resp, err := w.gateway.Client().Do(w.request(http.MethodGet, "/app", nil))
		w.must(err)
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("the client takes %q for whole", b)
		}
		w.event("backend-down")
	})
	t.Run("breaks off during the upload", func(t *testing.T) {
		t.Parallel()
		for _, length := range []string{"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
			"Content-Length: 6\r\n\r\nhello"} {
			w := newStreamWorld(t, func(_ *streamWorld, c *gateway.Config) { c.StallTimeout = time.Hour })
			w.backend = func(rw http.ResponseWriter, r *http.Request) {
				rc := http.NewResponseController(rw)
				w.must(rc.EnableFullDuplex())
				_, _ = io.WriteString(rw, "half")
				_ = rc.Flush()
				_, _ = io.ReadFull(r.Body, make([]byte, 5))
				conn, _, err := rc.Hijack()
				w.must(err)
				_ = conn.Close()
			}
			c, err := net.Dial("tcp", w.gateway.Listener.Addr().String())
			w.must(err)
			defer c.Close()
			w.must(c.SetDeadline(time.Now().Add(20 * time.Second)))
			fmt.Fprintf(c, "POST /app HTTP/1.1\r\nHost: gw\r\nAuthorization: %s\r\n%s", w.authorization("alice"), length)
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			w.must(err)
			if b, err := io.ReadAll(resp.Body); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%q, then %v", b, err)
			}
			w.event("backend-down")
		}
	})
	t.Run("client gone", func(t *testing.T) {
		t.Parallel()
		w := newStreamWorld(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		w.backend = func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		}
		_, err := w.gateway.Client().Do(w.request(http.MethodGet, "/app", nil).WithContext(ctx))
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		w.event("client-gone")
	})
}

// event waits for an event with a code.
func (w *streamWorld) event(code string) {
	w.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if strings.Contains(w.events.String(), `"code":"`+code+`"`) {
			return
		}
	}
	w.Errorf("no event with %s: %s", code, w.events)
}

func TestStreamOfADisabledServiceIsRefused(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, func(w *streamWorld, c *gateway.Config) {
		c.Routes = []gateway.Route{w.route("/", "", negotiate.Config{}),
			{Path: "/app", Disabled: true, HTTP: door.NewHTTP(nil, nil)}}
	})
	w.want(w.send(w.request(http.MethodGet, "/app/x", nil)), http.StatusServiceUnavailable, "")
	if w.called.Load() != 0 {
		t.Error("the backend was called")
	}
}

// TestStreamCountsExchangesOfAClient: they are in the budget of all.
func TestStreamCountsExchangesOfAClient(t *testing.T) {
	t.Parallel()
	entered, done := make(chan struct{}), make(chan struct{})
	w := newStreamWorld(t, func(_ *streamWorld, c *gateway.Config) { c.MaxClientExchanges = 1 })
	w.backend = func(http.ResponseWriter, *http.Request) { close(entered); <-done }
	answered := make(chan struct{})
	first := w.request(http.MethodGet, "/app", nil)
	go func() {
		defer close(answered)
		if resp, err := w.gateway.Client().Do(first); err == nil {
			resp.Body.Close()
		}
	}()
	<-entered
	w.want(w.send(w.request(http.MethodGet, "/app", nil)), http.StatusServiceUnavailable, "")
	close(done)
	<-answered
}

// TestStreamEventNamesClientAndSource: and no token.
func TestStreamEventNamesClientAndSource(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	r := w.request(http.MethodPost, "/app", strings.NewReader("hello"))
	w.want(w.send(r), http.StatusOK, "")
	w.event("ok")
	text := w.events.String()
	for _, want := range []string{`"principal":"alice@EXAMPLE.COM"`, `"authenticated_by":"token"`, `"route":"/app"`,
		`"policy":"spnego-http"`, `"backend_status":200`, `"status":200`, `"groups":2`,
		`"service":"HTTP/gw.example.com@EXAMPLE.COM"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if strings.Contains(text, r.Header.Get("Authorization")[30:60]) {
		t.Error("the token is in the log")
	}
}

// TestShutdownCutsTunnelsOff: connections that were taken over end with the
// process, after shutdown-timeout.
func TestShutdownCutsTunnelsOff(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	w.backend = upperTunnel(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	ctx, stop := context.WithCancel(t.Context())
	server := &gateway.Server{Handler: w.gateway.Config.Handler, Log: slog.New(slog.NewJSONHandler(w.events, nil)),
		ShutdownTimeout: 10 * time.Millisecond}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, ln) }()
	c, in := w.upgradeAt(ln.Addr(), true)
	if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", resp, err)
	}
	stop()
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the tunnel is open: %v", err)
	}
	w.must(<-ended)
	if !strings.Contains(w.events.String(), "exchanges were cut off") {
		t.Errorf("log: %s", w.events)
	}
}
