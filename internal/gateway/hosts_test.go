package gateway_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// newHostsWorld makes a gateway with a backend path for each route.
func newHostsWorld(t *testing.T) *streamWorld {
	t.Helper()
	return newStreamWorld(t, func(w *streamWorld, cfg *gateway.Config) {
		cfg.Routes = nil
		for _, r := range []struct{ path, backend, hosts string }{
			{"/", "/any", ""}, {"/app", "/any-app", ""},
			{"/app", "/a-app", "a.example.com"}, {"/app", "/b-app", "b.example.com B2.Example.com"},
			{"/", "/b", "b.example.com"}, {"/only-a", "/only-a", "a.example.com"},
		} {
			rt := w.route(r.path, r.backend, negotiate.Config{})
			rt.Hosts = strings.Fields(r.hosts)
			cfg.Routes = append(cfg.Routes, rt)
		}
	})
}

// The host of a request decides which of the routes with its path is used. What
// is at another host is found neither by a shorter path nor by a host that
// nobody knows.
func TestGatewayChoosesTheRouteByHost(t *testing.T) {
	t.Parallel()
	w := newHostsWorld(t)
	for _, tt := range []struct {
		host, path string
		status     int
		backend    string
	}{
		{"a.example.com", "/app/x", 200, "/a-app/x"},
		{"A.EXAMPLE.com:8443", "/app/x", 200, "/a-app/x"},
		{"a.example.com.", "/app", 200, "/a-app"},
		{"a.example.com.:443", "/app", 200, "/a-app"},
		{"b.example.com", "/app", 200, "/b-app"},
		{"b2.example.com", "/app", 200, "/b-app"},
		{"c.example.com", "/app", 200, "/any-app"},
		{"a.example.com..", "/app", 200, "/any-app"},
		{"xa.example.com", "/app", 200, "/any-app"},
		{"a.example.com:b.example.com", "/app", 200, "/any-app"},
		{"[::1]:80", "/app", 200, "/any-app"},
		{"a.example.com", "/page", 200, "/any/page"},
		{"b.example.com", "/page", 200, "/b/page"},
		{"a.example.com", "/only-a/x", 200, "/only-a/x"},
		{"b.example.com", "/only-a/x", 200, "/b/only-a/x"}, // its own route of a shorter path
		{"c.example.com", "/only-a/x", 404, ""},
		{"c.example.com", "/ONLY-A/x", 404, ""},
		{"c.example.com", "/x/..%2fonly-a", 404, ""},
		{"c.example.com", "/only-a/../x", 404, ""},
		{"b2.example.com", "/only-a", 404, ""},
		{"a.example.com", "/ONLY-A/x", 400, ""},
	} {
		r := w.request(http.MethodGet, tt.path, nil)
		r.Host = tt.host
		got := w.send(r)
		if body, _, _ := strings.Cut(strings.TrimPrefix(string(got.body), "GET "), " "); got.StatusCode != tt.status ||
			tt.backend != "" && body != tt.backend {
			t.Errorf("%s at %s: %d %s, want %d %s", tt.path, tt.host, got.StatusCode, got.body, tt.status, tt.backend)
		}
	}
}

// The forms in which HTTP/1 can write a host, or none.
func TestGatewayReadsTheHostOfRequestLines(t *testing.T) {
	t.Parallel()
	w := newHostsWorld(t)
	for _, tt := range []struct {
		line, host, want string
		status           int
	}{
		{"GET /app HTTP/1.0", "", "/any-app", 200},
		{"GET /app HTTP/1.0", "a.example.com", "/a-app", 200},
		{"GET /app HTTP/1.1", "", "", 400},
		{"GET http://a.example.com/app HTTP/1.1", "b.example.com", "/a-app", 200}, // RFC 9112 3.2.2
		{"GET http://B.example.com:80/app HTTP/1.1", "a.example.com", "/b-app", 200},
		{"GET /app HTTP/1.1", "a.example.com\r\nHost: b.example.com", "", 400},
		{"GET /app HTTP/1.1", "a.example.com, b.example.com", "", 400},
		{"GET /only-a HTTP/1.0", "", "", 404},
	} {
		conn, err := net.Dial("tcp", w.gateway.Listener.Addr().String())
		w.must(err)
		request := tt.line + "\r\nConnection: close\r\nAuthorization: " + w.authorization("alice") + "\r\n"
		if tt.host != "" {
			request += "Host: " + tt.host + "\r\n"
		}
		_, err = io.WriteString(conn, request+"\r\n")
		w.must(err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		w.must(err)
		body, _ := io.ReadAll(resp.Body)
		conn.Close()
		if resp.StatusCode != tt.status || !strings.Contains(string(body), tt.want) {
			t.Errorf("%s, %q: %d %s, want %d %s", tt.line, tt.host, resp.StatusCode, body, tt.status, tt.want)
		}
	}
}

// A route of SOAP messages is found by its host as well.
func TestGatewayChoosesTheSOAPRouteByHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.Hosts = []string{"gw.example.com"} })
	for host, want := range map[string]int{"gw.example.com": 200, "GW.example.com.:80": 200, "other.example.com": 404} {
		msg, _ := w.protect(soap.V11, payload)
		r := httptest.NewRequest(http.MethodPost, "/svc", bytes.NewReader(msg))
		r.Host = host
		r.Header.Set("Content-Type", soap.V11.ContentType())
		rec := httptest.NewRecorder()
		w.gateway.Config.Handler.ServeHTTP(rec, r)
		if rec.Code != want {
			t.Errorf("%s: %d, want %d", host, rec.Code, want)
		}
	}
}

func TestNewRefusesTwoRoutesForOneHostAndPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for hosts, refused := range map[string]bool{"|": true, "a.example|A.Example": true, "a.example|b.example": false,
		"|a.example": false, "a.example b.example|c.example b.example": true} {
		cfg := w.config
		cfg.Routes = nil
		for list := range strings.SplitSeq(hosts, "|") {
			cfg.Routes = append(cfg.Routes, gateway.Route{Path: "/svc", Disabled: true, Hosts: strings.Fields(list)})
		}
		if _, err := gateway.New(cfg); (err != nil) != refused {
			t.Errorf("%s: %v", hosts, err)
		}
	}
}
