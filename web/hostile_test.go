package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wssgate/wssgate/soap"
)

// relayServer is a relay that does what handle does with each socket.
func relayServer(t *testing.T, handle func(ctx context.Context, c *websocket.Conn)) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(1 << 20)
		handle(r.Context(), c)
	}))
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "http://127.0.0.1", "ws://localhost", 1)
}

// silentRelay answers nothing.
func silentRelay(t *testing.T) string {
	return relayServer(t, func(ctx context.Context, c *websocket.Conn) {
		for {
			if _, _, err := c.Read(ctx); err != nil {
				return
			}
		}
	})
}

// between is a relay that passes messages to the real one, and changes the replies
// by their number. A nil reply closes the socket.
func (w *world) between(t *testing.T, change func(n int32, reply []byte) []byte) string {
	t.Helper()
	var count atomic.Int32
	return relayServer(t, func(ctx context.Context, c *websocket.Conn) {
		real, _, err := websocket.Dial(ctx, w.relay(), nil)
		if err != nil {
			return
		}
		defer real.CloseNow()
		real.SetReadLimit(1 << 20)
		for {
			_, request, err := c.Read(ctx)
			if err != nil || real.Write(ctx, websocket.MessageBinary, request) != nil {
				return
			}
			_, reply, err := real.Read(ctx)
			if err != nil {
				return
			}
			if reply = change(count.Add(1), reply); reply == nil {
				return
			}
			if c.Write(ctx, websocket.MessageBinary, reply) != nil {
				return
			}
		}
	})
}

// With a relay that is down, refuses the page or has a KDC that is silent, and with
// replies that are cut, changed or of somebody else, the page gets an error, and
// never a session.
func testBadRelays(t *testing.T, w *world) {
	down := relayServer(t, func(context.Context, *websocket.Conn) {})
	gone := httptest.NewServer(nil)
	gone.Close()
	refused := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(refused.Close)
	local := func(url string) string { return strings.Replace(url, "http://127.0.0.1", "ws://localhost", 1) }
	text := relayServer(t, func(ctx context.Context, c *websocket.Conn) {
		_, _, _ = c.Read(ctx)
		_ = c.Write(ctx, websocket.MessageText, []byte("hello"))
		_, _, _ = c.Read(ctx)
	})
	busy := relayServer(t, func(ctx context.Context, c *websocket.Conn) {
		_, _, _ = c.Read(ctx)
		_ = c.Close(websocket.StatusTryAgainLater, "no KDC answers")
	})
	eager := relayServer(t, func(ctx context.Context, c *websocket.Conn) {
		_ = c.Write(ctx, websocket.MessageBinary, []byte("before"))
		_ = c.Write(ctx, websocket.MessageBinary, []byte("and again"))
		_, _, _ = c.Read(ctx)
		_, _, _ = c.Read(ctx)
	})
	second := func(f func([]byte) []byte) string {
		return w.between(t, func(n int32, reply []byte) []byte {
			if n%2 == 0 { // that to the pre-authentication
				return f(reply)
			}
			return reply
		})
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // which takes connections, and answers nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	patient := w.serve("tcp/"+silent.Addr().String(), w.kdc.KeytabFile(service), "kdc-timeout: 100ms")
	instead := func(octets []byte) string { return second(func([]byte) []byte { return framed(octets) }) }
	p := w.open(t)
	for name, c := range map[string]struct{ relay, want string }{
		"silent KDC":   {"ws://" + patient + "/kerberos5", "KDCError kdc-unreachable"},
		"down":         {local(gone.URL), "KDCError browser-relay"},
		"not found":    {local(refused.URL), "KDCError browser-relay"},
		"closes":       {down, "KDCError kdc-unreachable or KDCError browser-relay"}, // Firefox opens no such socket
		"text":         {text, "KDCError kdc-unreachable"},
		"busy":         {busy, "KDCError kdc-unreachable"},
		"talks first":  {eager, "KDCError kdc-unreachable"},
		"cut":          {second(func(b []byte) []byte { return b[:len(b)-9] }), "KDCError kdc-unreachable"},
		"cut and said": {second(func(b []byte) []byte { return framed(b[4 : len(b)-9]) }), "KDCError kdc-reply"},
		"empty":        {instead(nil), "KDCError kdc-reply"},
		"huge":         {instead(make([]byte, 200<<10)), "KDCError kdc-unreachable"},
		"noise":        {instead(bytes.Repeat([]byte{0x6b}, 700)), "KDCError kdc-reply"},
		"altered": {second(func(b []byte) []byte {
			b[len(b)-20] ^= 1 // of the encrypted part
			return b
		}), "LoginError preauthentication-failed"},
	} {
		got := run[*failure](t, p, `return failure(wssgate.login(args[0]))`, w.credentials("relay", c.relay))
		if got == nil {
			t.Errorf("%s: logged in", name)
			continue
		}
		if !slices.Contains(strings.Split(c.want, " or "), got.Name+" "+got.Code) || got.Cure == "" ||
			len(got.Message) > 2000 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	// The real relay, which has not listed this origin.
	other := httptest.NewServer(w.pages.Config.Handler)
	t.Cleanup(other.Close)
	unlisted := w.openAt(t, other.URL)
	got := run[failure](t, unlisted, `return failure(wssgate.login(args[0]))`, w.credentials())
	if got.Code != "browser-relay" || !strings.Contains(got.Cure, "kdc-origins") ||
		!strings.Contains(w.log.String(), `"code":"relay-origin"`) {
		t.Errorf("an origin that is not listed: %+v", got)
	}
}

// framed puts the length before a message.
func framed(message []byte) []byte {
	n := len(message)
	return append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, message...)
}

// A socket that closes at any step of login and of the first ticket ends the call
// with an error, and the next call opens another one.
func testSocketsThatClose(t *testing.T, w *world) {
	p := w.open(t)
	for step := int32(1); step <= 3; step++ {
		relay := w.between(t, func(n int32, reply []byte) []byte {
			if n == step {
				return nil
			}
			return reply
		})
		got := run[[]*failure](t, p, `
			let session;
			const login = async () => { session ??= await wssgate.login(args[0]); };
			const call = async () => { await login(); await session.fetch(args[1]); };
			return [await failure(call()), await failure(call())];`, w.credentials("relay", relay), w.url("/app"))
		if len(got) != 2 || got[0] == nil || got[0].Code != "kdc-unreachable" || got[1] != nil {
			t.Errorf("step %d: %+v", step, got)
		}
	}
}

// All exchanges of a session go by one socket, also those that are wanted at the
// same time, until it closes; then the next one opens another.
func testOneSocket(t *testing.T, w *world) {
	w.kdc.AddService("HTTP/other.localhost")
	w.kdc.AddService("HTTP/third.localhost")
	var sockets, replies atomic.Int32
	relay := relayServer(t, func(ctx context.Context, c *websocket.Conn) {
		sockets.Add(1)
		real, _, err := websocket.Dial(ctx, w.relay(), nil)
		if err != nil {
			return
		}
		defer real.CloseNow()
		for {
			_, request, err := c.Read(ctx)
			if err != nil || real.Write(ctx, websocket.MessageBinary, request) != nil {
				return
			}
			_, reply, err := real.Read(ctx)
			if err != nil || c.Write(ctx, websocket.MessageBinary, reply) != nil {
				return
			}
			if replies.Add(1) == 5 { // two of the login, three of tickets
				_ = c.Close(websocket.StatusNormalClosure, "idle")
				return
			}
		}
	})
	p := w.open(t)
	got := run[int](t, p, `
		const session = await wssgate.login(args[0]);
		const soap = service => failure(session.soap(args[1], '<a xmlns="urn:a"/>', {service}));
		await Promise.all([soap(), soap('HTTP/other.localhost'), soap('HTTP/third.localhost')]);
		await soap('HTTP/unknown.localhost');
		return (await session.tickets()).children.length;`, w.credentials("relay", relay), w.url("/quotes"))
	// Services that refuse a ticket make the session forget it.
	if got != 2 || sockets.Load() != 2 || replies.Load() != 6 {
		t.Errorf("%d tickets, %d sockets, %d replies", got, sockets.Load(), replies.Load())
	}
}

// A relay of HTTP, at the page's own origin, does for login and for the tickets of
// calls.
func testHTTPRelay(t *testing.T, w *world) {
	gateway := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: w.gateway})
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/KdcProxy" && r.URL.Path != "/app" {
			w.pages.Config.Handler.ServeHTTP(rw, r)
			return
		}
		r.Header.Del("Origin") // which the gateway has not listed
		gateway.ServeHTTP(rw, r)
	}))
	t.Cleanup(s.Close)
	origin := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	got := run[string](t, w.openAt(t, origin), `
		const session = await wssgate.login(args[0]);
		const response = await session.fetch('/app', {method: 'POST', body: 'a=1'});
		return await response.text();`, w.credentials("relay", origin+"/KdcProxy"))
	if got != "POST /app a=1 for alice@EXAMPLE.COM" {
		t.Error(got)
	}
}

// What a service answers is refused unless it proves that it is the service: a
// response without its token, a token of somebody else, a redirection, a reply that
// is changed on the way.
func testBadServices(t *testing.T, w *world) {
	left := make(chan struct{}, 1)
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Set("Access-Control-Allow-Origin", w.pages.URL)
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, SOAPAction")
		h.Set("Access-Control-Expose-Headers", "WWW-Authenticate")
		switch {
		case r.Method == http.MethodOptions:
		case r.URL.Path == "/redirects":
			http.Redirect(rw, r, w.url("/app"), http.StatusTemporaryRedirect)
		case r.URL.Path == "/plain", r.URL.Path == "/zipped":
			h.Set("Content-Type", "text/xml")
			var out io.Writer = rw
			if r.URL.Path == "/zipped" {
				h.Set("Content-Encoding", "gzip")
				h.Add("Access-Control-Expose-Headers", "Content-Encoding")
				zip := gzip.NewWriter(rw)
				defer zip.Close()
				out = zip
			}
			fmt.Fprintf(out, `<s:Envelope xmlns:s="%s"><s:Body><a xmlns="urn:a"/></s:Body></s:Envelope>`, soap.NS11)
		case r.Header.Get("Authorization") == "":
			h.Set("WWW-Authenticate", "Negotiate")
			rw.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/replays": // the client's own token
			h.Set("WWW-Authenticate", r.Header.Get("Authorization"))
		case r.URL.Path == "/endless":
			_, _ = rw.Write(make([]byte, 1<<10))
			_ = http.NewResponseController(rw).Flush()
			<-r.Context().Done()
			left <- struct{}{}
		case r.URL.Path == "/refuses":
			rw.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(s.Close)
	base := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	p := w.open(t)
	script := `
		globalThis.session ??= await wssgate.login(args[0]);
		return failure(args[1] === 'soap' ? session.soap(args[2], '<a xmlns="urn:a"/>') : session.fetch(args[2]));`
	for name, c := range map[string]struct{ call, url, want string }{
		"no token":       {"fetch", base + "/silent", "ServiceError negotiate-not-mutual"},
		"our own token":  {"fetch", base + "/replays", "ServiceError negotiate-not-mutual"},
		"endless":        {"fetch", base + "/endless", "ServiceError negotiate-not-mutual"},
		"redirection":    {"fetch", base + "/redirects", "ServiceError browser-fetch"},
		"in clear":       {"soap", base + "/plain", "ServiceError reply-not-verified"},
		"compressed":     {"soap", base + "/zipped", "ServiceError reply-not-verified"},
		"no SOAP":        {"soap", base + "/silent", "ServiceError answer-not-soap"},
		"redirected":     {"soap", base + "/redirects", "ServiceError no-answer"},
		"unknown name":   {"soap", "http://unknown.localhost:1/", "ServiceError service-unknown"},
		"another policy": {"soap", w.url("/negotiated"), "ServiceError service-refuses"},
		"no CORS":        {"fetch", w.url("/none"), "ServiceError browser-fetch"},
	} {
		got := run[failure](t, p, script, w.credentials(), c.call, c.url)
		if got.Name+" "+got.Code != c.want || got.Cure == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	select {
	case <-left:
	case <-time.After(enough):
		t.Error("a response that is refused is still being read")
	}
	// A refusal is a response like any other, with its status.
	if got := run[int](t, p, `return (await session.fetch(args[0])).status`, base+"/refuses"); got != 401 {
		t.Errorf("a refusal: status %d", got)
	}
}
