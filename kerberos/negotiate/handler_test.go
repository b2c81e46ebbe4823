package negotiate_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
)

// serveHandler replaces the world's handler.
func (w *world) serveHandler(h http.Handler) {
	w.Helper()
	w.server.Config.Handler = w.auth.Handler(h)
}

// TestServerTokenIsReturnedBehindEveryHandler: those that clear the header, as
// httputil.ReverseProxy does after a 1xx response, that flush, and that send
// files.
func TestServerTokenIsReturnedBehindEveryHandler(t *testing.T) {
	t.Parallel()
	backend := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Link", "</a>")
		rw.WriteHeader(http.StatusEarlyHints)
		fmt.Fprint(rw, "hello")
	}))
	defer backend.Close()
	target, _ := url.Parse(backend.URL)
	for name, h := range map[string]http.HandlerFunc{
		"proxy":  (&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }}).ServeHTTP,
		"clears": func(rw http.ResponseWriter, _ *http.Request) { clear(rw.Header()); rw.WriteHeader(http.StatusTeapot) },
		"flushes": func(rw http.ResponseWriter, _ *http.Request) {
			clear(rw.Header())
			rw.(http.Flusher).Flush()
		},
		"file":         func(rw http.ResponseWriter, r *http.Request) { http.ServeFile(rw, r, "doc.go") },
		"clears alone": func(rw http.ResponseWriter, _ *http.Request) { clear(rw.Header()) },
		"nothing":      func(http.ResponseWriter, *http.Request) {},
	} {
		w := newWorld(t, nil)
		w.serveHandler(h)
		hints := 0
		r, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(int, textproto.MIMEHeader) error { hints++; return nil },
		}), http.MethodGet, w.server.URL, nil)
		r.Header.Set("Authorization", "Negotiate "+base64Of(w.token("alice")))
		a := w.send(r)
		if a.token() == nil || len(a.Header.Values("WWW-Authenticate")) != 1 || (hints > 0) != (name == "proxy") {
			t.Errorf("%s: HTTP %d, WWW-Authenticate %q, %d hints", name, a.StatusCode, a.challenge(), hints)
		}
	}
}

// TestUpgradeAfterAuthentication: a handler may take the connection over.
func TestUpgradeAfterAuthentication(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.serveHandler(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		c, brw, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		line, _ := brw.ReadString('\n')
		fmt.Fprintf(brw, "HTTP/1.1 101 Switching Protocols\r\n\r\n%s", strings.ToUpper(line))
		_ = brw.Flush()
	}))
	c, err := net.Dial("tcp", w.server.Listener.Addr().String())
	w.must(err)
	defer c.Close()
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: gw\r\nAuthorization: Negotiate %s\r\n\r\nhello\n", base64Of(w.token("alice")))
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	w.must(err)
	if line, _ := in.ReadString('\n'); resp.StatusCode != http.StatusSwitchingProtocols || line != "HELLO\n" {
		t.Errorf("HTTP %d, %q", resp.StatusCode, line)
	}
}

// TestAuthorizationOfOtherSchemesIsForTheHandler: beside a session.
func TestAuthorizationOfOtherSchemesIsForTheHandler(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withSession)
	session := w.do(http.MethodGet, "", w.token("alice")).cookie()
	r, _ := http.NewRequest(http.MethodGet, w.server.URL, nil)
	r.Header.Set("Authorization", "Bearer x")
	r.AddCookie(session)
	w.want(w.send(r), http.StatusOK, "session")
	if got := w.seen.Load().Header.Get("Authorization"); got != "Bearer x" {
		t.Errorf("Authorization: %q", got)
	}
}
