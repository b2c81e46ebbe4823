package kdcproxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wssgate/wssgate/kerberos"
)

func newClient(t testing.TB, cfg ClientConfig) *Client {
	t.Helper()
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// The client is served by the relay, over TLS, in both ways, and keeps a socket.
func TestClientIsServedByTheRelay(t *testing.T) {
	t.Parallel()
	f := new(fakeNet)
	r, _ := newRelay(t, f, Config{})
	mux := http.NewServeMux()
	sockets := 0
	mux.Handle("/KdcProxy", r.Proxy())
	mux.HandleFunc("/kerberos5", func(w http.ResponseWriter, req *http.Request) {
		sockets++
		r.WebSocket().ServeHTTP(w, req)
	})
	s := httptest.NewTLSServer(mux)
	defer s.Close()
	for _, url := range []string{s.URL + "/KdcProxy", strings.Replace(s.URL, "https", "wss", 1) + "/kerberos5"} {
		c := newClient(t, ClientConfig{URL: url, Transport: s.Client().Transport})
		for range 3 {
			got, err := c.Exchange(t.Context(), "EXAMPLE.COM", asReq("EXAMPLE.COM"))
			if err != nil || !bytes.Equal(got, asRep) {
				t.Errorf("%s: %x, %v", url, got, err)
			}
		}
		_, err := c.Exchange(t.Context(), "EVIL.TEST", asReq("EVIL.TEST"))
		if !errors.Is(err, &kerberos.Error{Code: kerberos.CodeKDC}) || !strings.Contains(err.Error(), "does not relay") {
			t.Errorf("%s: %v", url, err)
		}
		c.Close()
	}
	if sockets != 1 {
		t.Errorf("%d sockets", sockets)
	}
}

// A kept socket that the relay has closed meanwhile is replaced.
func TestClientReplacesASocketThatWasClosed(t *testing.T) {
	t.Parallel()
	first := true
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		c, err := websocket.Accept(w, req, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		closes := first
		first = false
		for {
			kind, b, err := c.Read(context.Background())
			if err != nil {
				return
			}
			c.Write(context.Background(), kind, b)
			if closes {
				c.Close(websocket.StatusNormalClosure, "idle")
				return
			}
		}
	}))
	defer s.Close()
	c := newClient(t, ClientConfig{URL: "ws" + strings.TrimPrefix(s.URL, "http")})
	for range 2 {
		if got, err := c.Exchange(t.Context(), "A", []byte("echo")); err != nil || string(got) != "echo" {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// Answers that are none of a relay: an error that says what to look at, in
// bounded memory and time.
func TestClientRefusesWhatIsNoAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		says   string
	}{
		"not found":   {func(w http.ResponseWriter) { w.WriteHeader(404) }, "is the path that of a KDC proxy?"},
		"unavailable": {func(w http.ResponseWriter) { w.WriteHeader(503) }, "its log has the reason"},
		"a redirect": {func(w http.ResponseWriter) {
			w.Header().Set("Location", "http://evil.example/")
			w.WriteHeader(307)
		}, "status 307"},
		"a page":       {func(w http.ResponseWriter) { io.WriteString(w, "<html>") }, "is that a KDC proxy?"},
		"nothing":      {func(http.ResponseWriter) {}, "is that a KDC proxy?"},
		"endless":      {func(w http.ResponseWriter) { w.Write(make([]byte, 1<<20)) }, "too large"},
		"cut short":    {func(w http.ResponseWriter) { w.Write(proxyBody("", asRep)[:9]) }, "is that a KDC proxy?"},
		"never":        {func(http.ResponseWriter) {}, "deadline"},
		"broken chunk": {func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answered := make(chan struct{})
			h := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if name == "never" {
					<-answered
					return
				}
				c.answer(w)
			})
			s := httptest.NewServer(h)
			defer s.Close()
			timeout := 20 * time.Second
			if name == "never" {
				timeout = 50 * time.Millisecond
			}
			_, err := newClient(t, ClientConfig{URL: s.URL, Timeout: timeout}).Exchange(t.Context(), "A", asReq("A"))
			close(answered)
			if !errors.Is(err, &kerberos.Error{Code: kerberos.CodeKDC}) || !strings.Contains(err.Error(), c.says) {
				t.Error(err)
			}
		})
	}
}

func TestClientRefusesSocketsWithoutLengths(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string][]byte{
		"bare": asRep, "empty": nil, "too short": framed(asRep)[:9], "too long": append(framed(asRep), 0),
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			c, err := websocket.Accept(w, req, nil)
			if err != nil {
				return
			}
			defer c.CloseNow()
			c.Read(context.Background())
			c.Write(context.Background(), websocket.MessageBinary, reply)
		}))
		c := newClient(t, ClientConfig{URL: "ws" + strings.TrimPrefix(s.URL, "http")})
		_, err := c.Exchange(t.Context(), "A", asReq("A"))
		s.Close()
		if err == nil || !strings.Contains(err.Error(), "is that a relay?") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClientEndsWithItsContext(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 1)
	f := &fakeNet{play: func(_, _ string, c net.Conn) { asked <- struct{}{}; io.Copy(io.Discard, c) }}
	r, _ := newRelay(t, f, Config{Patience: time.Hour})
	s := httptest.NewServer(r.Proxy())
	t.Cleanup(s.Close)
	socket := socketServer(t, r)
	for _, url := range []string{s.URL, socket} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-asked; cancel() }()
		_, err := newClient(t, ClientConfig{URL: url}).Exchange(ctx, "EXAMPLE.COM", asReq("EXAMPLE.COM"))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestNewClientRefusesOtherURLs(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "gw.example.com", "gw.example.com:443", "ftp://gw/", "https://", "https:///KdcProxy",
		"https://user:secret@gw/KdcProxy", "https://gw/#x", "://"} {
		if _, err := NewClient(ClientConfig{URL: url}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", url, err)
		}
	}
}
