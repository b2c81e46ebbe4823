package gateway_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

func TestServerEndsSlowRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	addr, _ := w.listen(&gateway.Server{HeaderTimeout: 100 * time.Millisecond, ReadTimeout: 200 * time.Millisecond,
		ShutdownTimeout: time.Second})
	if r, err := raw(t, addr, "POST /svc HTTP/1.1\r\nHost: a\r\nX-Slow: "); err == nil && r.StatusCode != 408 {
		t.Errorf("half a header: HTTP %d", r.StatusCode)
	}
	r, err := raw(t, addr, "POST /svc HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n<a>")
	if err != nil || r.StatusCode != 408 || !r.Close || w.code(1) != "request-timeout" {
		t.Errorf("half a body: %v, %v, code %s", r, err, w.code(1))
	}
}

// A stream of HTTP/2 has the same time as a connection of HTTP/1.
func TestServerEndsSlowStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	addr, _ := w.listen(&gateway.Server{HeaderTimeout: time.Minute, ReadTimeout: 200 * time.Millisecond,
		ShutdownTimeout: time.Second,
		Certificates:    gateway.NewCertificates(newTLSServer(t, nil).TLS.Certificates, gateway.TLSRules{})})
	w.gateway.URL = "https://" + addr
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	w.gateway.Client().Transport = transport
	body, end := io.Pipe() // that does not end
	go func() { _, _ = io.WriteString(end, "<a>") }()
	r := w.post(soap.V11, body)
	if w.plainFault(r); r.ProtoMajor != 2 || r.StatusCode != 408 || w.code(1) != "request-timeout" {
		t.Errorf("%s %d, code %s", r.Proto, r.StatusCode, w.code(1))
	}
}

func TestServerLimitsHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	addr, _ := w.listen(&gateway.Server{MaxHeaderBytes: 4096, HeaderTimeout: time.Minute, ReadTimeout: time.Minute,
		ShutdownTimeout: time.Second})
	r, err := raw(t, addr, "POST /svc HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 20_000)+"\r\n\r\n")
	if err != nil || r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%v, %v", r, err)
	}
}

// What net/http refuses has no exchange. It is logged once for each client, so that a
// client that goes on does not fill the log.
func TestServerLogsWhatIsNoRequest(t *testing.T) {
	t.Parallel()
	cert := newTLSServer(t, nil).TLS.Certificates
	for _, tt := range []struct {
		name, sent  string
		tls, plain  bool // the server's side; the client's
		msg, status string
	}{
		{"malformed", "POST /svc HTTP/1.1\r\nHost: a\r\nno header\r\n\r\n", false, true,
			"a request could not be read as HTTP", "400"},
		{"coding", "POST /svc HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n", false, true,
			"a request could not be read as HTTP", "501"},
		{"malformed, TLS", "POST /svc HTTP/1.1\r\nHost: a\r\nno header\r\n\r\n", true, false,
			"a request could not be read as HTTP", "400"},
		{"large", "POST /svc HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 20_000) + "\r\n\r\n", false, true,
			"a request is answered 431: its header section is larger than max-headers", ""},
		{"no TLS", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true, true, "a TLS handshake has failed", ""},
		{"gone", "", true, true, "a TLS handshake has failed", ""},
	} {
		w := newWorld(t)
		s := &gateway.Server{MaxHeaderBytes: 4096, HeaderTimeout: time.Minute, ReadTimeout: time.Minute,
			ShutdownTimeout: time.Second, Log: slog.New(slog.NewJSONHandler(w.events, nil))}
		if tt.tls {
			s.Certificates = gateway.NewCertificates(cert, gateway.TLSRules{})
		}
		addr, _ := w.listen(s)
		for range 5 {
			conn, err := net.Dial("tcp", addr)
			w.must(err)
			if !tt.plain {
				conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
			}
			_, _ = io.WriteString(conn, tt.sent)
			if tt.sent != "" {
				_, _ = io.Copy(io.Discard, conn)
			}
			conn.Close()
		}
		ev := w.event(1)
		if status, _ := ev["status"].(string); ev["msg"] != tt.msg || status != tt.status ||
			!strings.HasPrefix(fmt.Sprint(ev["client"]), "127.0.0.1:") {
			t.Errorf("%s: %v", tt.name, ev)
		}
		_, _ = raw(t, addr, "POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		for i, ev := range w.events.all() {
			if i > 0 && ev["msg"] == tt.msg {
				t.Errorf("%s: is logged again: %v", tt.name, ev)
			}
		}
	}
}

// A process without descriptors says so, once for all connections that it cannot
// take, and takes them as soon as it can.
func TestServerLogsConnectionsThatCannotBeTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	s := &gateway.Server{HeaderTimeout: time.Minute, ReadTimeout: time.Minute, ShutdownTimeout: time.Second,
		Log: slog.New(slog.NewJSONHandler(w.events, nil)), Handler: w.gateway.Config.Handler}
	w.serve(s, &exhaustedListener{Listener: ln, times: 5})
	r, err := raw(t, ln.Addr().String(), "POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
	if err != nil || r.StatusCode != 404 {
		t.Errorf("afterwards: %v, %v", r, err)
	}
	said := 0
	for _, ev := range w.events.all() {
		if ev["msg"] == "connections cannot be taken" {
			said++
			if ev["level"] != "ERROR" || !strings.Contains(fmt.Sprint(ev["error"]), "too many open files") {
				t.Errorf("%v", ev)
			}
		}
	}
	if said != 1 {
		t.Errorf("said %d times", said)
	}
}

// An exhaustedListener lacks descriptors some times.
type exhaustedListener struct {
	net.Listener
	times int
}

func (l *exhaustedListener) Accept() (net.Conn, error) {
	if l.times--; l.times >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

// A connection without a request, as of a load balancer, has been refused nothing, nor
// has a request with an event.
func TestServerLogsNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cert := newTLSServer(t, nil).TLS.Certificates
	addr, stop := w.listen(&gateway.Server{HeaderTimeout: time.Minute, ReadTimeout: time.Minute,
		ShutdownTimeout: 10 * time.Second, Certificates: gateway.NewCertificates(cert, gateway.TLSRules{}),
		Log: slog.New(slog.NewJSONHandler(w.events, nil))})
	for _, sent := range []string{"", "PUT /svc HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"} {
		conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
		w.must(err)
		_, _ = io.WriteString(conn, sent)
		_ = conn.CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
		conn.Close()
	}
	w.must(stop())
	for _, ev := range w.events.all() {
		if ev["msg"] != "exchange" && ev["msg"] != "stopping" {
			t.Errorf("%v", ev)
		}
	}
}

// A refused length is refused before the body is asked for.
func TestServerAnswersExpectContinue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	addr, _ := w.listen(&gateway.Server{HeaderTimeout: time.Minute, ReadTimeout: time.Minute,
		ShutdownTimeout: time.Second})
	r, err := raw(t, addr, fmt.Sprintf("POST /svc HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: "+
		"%d\r\nExpect: 100-continue\r\n\r\n", int64(1)<<40))
	if err != nil || r.StatusCode != 413 {
		t.Errorf("%v, %v", r, err)
	}
}

func TestServerServesHTTP2OverTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gateway.Config, _ *gateway.Route, p *wssec.Policy) {
		*p, _ = wssec.Preset("KerberosOverTransport")
	})
	w.gateway.Close()
	h := w.gateway.Config.Handler
	tlsServer := newTLSServer(t, h)
	w.gateway = tlsServer
	msg, req := w.protect(soap.V11, payload)
	r := w.post(soap.V11, bytes.NewReader(msg))
	if r.StatusCode != 200 || r.ProtoMajor != 2 {
		t.Fatalf("%s %d %s", r.Proto, r.StatusCode, r.body)
	}
	if !strings.Contains(w.open(r, req), "worth") {
		t.Errorf("reply %s", r.body)
	}
}

// Java's client offers HTTP/2 on every plain connection; it must be served, in
// HTTP/1.1.
func TestServerIgnoresUpgradeOffers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, req := w.call("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
		"HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA")
	if r.StatusCode != 200 || r.ProtoMajor != 1 {
		t.Fatalf("%s %d", r.Proto, r.StatusCode)
	}
	w.open(r, req)
}
