package gateway_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// A route is there for its own listeners alone: elsewhere nothing shows that it
// exists.
func TestGatewayServesARouteOnItsListeners(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.Listeners = []string{"inside"} })
	for name, want := range map[string]int{"inside": 200, "public": 404, "": 404} {
		addr, _ := w.listen(&gateway.Server{Name: name, HeaderTimeout: time.Minute, ReadTimeout: time.Minute,
			IdleTimeout: time.Minute, ShutdownTimeout: time.Second})
		msg, _ := w.protect(soap.V11, payload)
		resp, err := http.Post("http://"+addr+"/svc", soap.V11.ContentType(), bytes.NewReader(msg))
		w.must(err)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("listener %q: %d, want %d", name, resp.StatusCode, want)
		}
		resp, err = http.Get("http://" + addr + "/svc")
		w.must(err)
		resp.Body.Close()
		if other := map[int]int{200: 405, 404: 404}[want]; resp.StatusCode != other {
			t.Errorf("GET on listener %q: %d, want %d", name, resp.StatusCode, other)
		}
	}
}

// A route that names no listener is on all of them, TLS or not, also where
// others do name some.
func TestGatewayServesOtherRoutesOnAllListeners(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Routes = append(w.config.Routes, gateway.Route{Path: "/other", Listeners: []string{"inside"}, Disabled: true})
	g, err := gateway.New(w.config)
	w.must(err)
	w.gateway.Config.Handler = g
	cert := newTLSServer(t, nil).TLS.Certificates
	for _, name := range []string{"inside", "public"} {
		s := &gateway.Server{Name: name, HeaderTimeout: time.Minute, ReadTimeout: time.Minute, IdleTimeout: time.Minute,
			ShutdownTimeout: time.Second}
		scheme := "http://"
		if name == "public" {
			s.Certificates, scheme = gateway.NewCertificates(cert, gateway.TLSRules{}), "https://"
		}
		addr, _ := w.listen(s)
		msg, _ := w.protect(soap.V11, payload)
		client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		resp, err := client.Post(scheme+addr+"/svc", soap.V11.ContentType(), bytes.NewReader(msg))
		w.must(err)
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
		client.CloseIdleConnections()
	}
}

// What limits the connections of one listener limits those of all together.
func TestServerCountsConnectionsOfSeveralListeners(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shared := new(gateway.Connections)
	var addrs []string
	for range 2 {
		addr, _ := w.listen(&gateway.Server{HeaderTimeout: time.Minute, ReadTimeout: time.Minute, IdleTimeout: time.Minute,
			ShutdownTimeout: time.Millisecond, MaxConnections: 1, Connections: shared})
		addrs = append(addrs, addr)
	}
	first, err := net.Dial("tcp", addrs[0])
	w.must(err)
	defer first.Close()
	_, err = first.Write([]byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n"))
	w.must(err)
	answer := make([]byte, 1)
	if _, err := first.Read(answer); err != nil {
		t.Fatal(err)
	}
	second, err := net.Dial("tcp", addrs[1])
	w.must(err)
	defer second.Close()
	_, _ = second.Write([]byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n"))
	_ = second.SetReadDeadline(time.Now().Add(30 * time.Second))
	if n, err := second.Read(answer); n != 0 || err == nil {
		t.Error("a second connection was served")
	}
}

// A shorter path is not the way around the listeners of a longer one.
func TestGatewayLeavesThePathOfAnotherListenersRouteAlone(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, func(w *streamWorld, cfg *gateway.Config) {
		inside := w.route("/admin", "", negotiate.Config{})
		inside.Listeners = []string{"inside"}
		cfg.Routes = []gateway.Route{w.route("/", "", negotiate.Config{}), inside}
	})
	for path, want := range map[string]int{
		"/page": 200, "/admin": 404, "/admin/x": 404, "/ADMIN": 404, "/%61dmin/x": 404, "/x/../admin": 404,
	} {
		resp, err := http.DefaultClient.Do(w.request(http.MethodGet, path, nil))
		w.must(err)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
	if n := w.called.Load(); n != 1 {
		t.Errorf("the backend was called %d times", n)
	}
}

// Two routes may have one path on different listeners. Each is found at its hosts
// on its own; the other is not there, nor is what a longer path of it has.
func TestGatewayFindsRoutesByListener(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, func(w *streamWorld, cfg *gateway.Config) {
		add := func(backend, path, listener string, hosts ...string) {
			r := w.route(path, "/"+backend, negotiate.Config{})
			if r.Hosts = hosts; listener != "" {
				r.Listeners = []string{listener}
			}
			cfg.Routes = append(cfg.Routes, r)
		}
		cfg.Routes = nil
		add("inside", "/app", "inside")
		add("public", "/app", "public")
		add("public-h", "/app", "public", "h.example.com")
		add("inside-long", "/app/admin", "inside")
		add("all-h", "/app/x", "", "h.example.com")
		add("inside-h", "/app/x/admin", "inside", "h.example.com")
		add("all-i", "/app/x/admin/i", "", "i.example.com")
	})
	client := &http.Client{}
	for _, listener := range []string{"inside", "public", "third"} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		w.must(err)
		s := gateway.Server{Handler: w.gateway.Config.Handler, Name: listener, Log: slog.New(slog.DiscardHandler),
			ShutdownTimeout: time.Millisecond}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(ctx, ln) }()
		for at, want := range map[string]string{
			"inside a.example.com/app/1": "inside", "public a.example.com/app/1": "public", "third a.example.com/app/1": "",
			"inside h.example.com/app/1": "inside", "public H.example.com./app/1": "public-h", "third h.example.com/app/1": "",
			"inside a.example.com/app/admin/1": "inside-long", "public a.example.com/app/admin/1": "",
			"public h.example.com/app/admin/1": "", "inside h.example.com/app/admin/1": "inside-long",
			"third h.example.com/app/x/1": "all-h", "public h.example.com/app/x/1": "all-h",
			"public h.example.com/app/x/admin/1": "", "inside h.example.com/app/x/admin/1": "inside-h",
			"third h.example.com/app/x/admin/i": "", "public a.example.com/app/x/1": "",
			"third i.example.com/app/x/admin/i/1": "all-i", "third a.example.com/app/x/admin/i/1": "",
		} {
			place, url, _ := strings.Cut(at, " ")
			host, path, _ := strings.Cut(url, "/")
			if place != listener {
				continue
			}
			r := w.request(http.MethodGet, "/"+path, nil)
			r.URL.Host, r.Host = ln.Addr().String(), host
			resp, err := client.Do(r)
			w.must(err)
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			got, _, _ := strings.Cut(strings.TrimPrefix(string(body), "GET /"), "/")
			if want == "" && resp.StatusCode != http.StatusNotFound || want != "" && got != want {
				t.Errorf("%s: HTTP %d %q, want %q", at, resp.StatusCode, body, want)
			}
		}
		client.CloseIdleConnections()
		cancel()
		w.must(<-ended)
	}
	same := w.route("/app", "", negotiate.Config{})
	for _, listeners := range [][]string{nil, {"inside"}, {"public", "inside"}} {
		other := same
		same.Listeners, other.Listeners = []string{"inside"}, listeners
		if _, err := gateway.New(gateway.Config{Log: slog.New(slog.DiscardHandler),
			Routes: []gateway.Route{same, other}}); err == nil {
			t.Errorf("a second route on %v", listeners)
		}
	}
}
