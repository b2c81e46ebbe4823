package kdcproxy_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/kdcproxy"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// A wire records what goes between a relay and its KDCs, and over HTTP.
type wire struct {
	mu              sync.Mutex
	toKDC, fromKDC  []byte
	toRelay, answer []byte
	events          []kdcproxy.Event
	more            chan struct{} // receives one for each event; nil for nobody
}

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	return &tappedConn{c, w, network == "udp"}, err
}

// A tappedConn records messages with their lengths, also those of datagrams.
type tappedConn struct {
	net.Conn
	wire *wire
	udp  bool
}

func (c *tappedConn) record(b []byte) []byte {
	if c.udp {
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
	}
	return b
}

func (c *tappedConn) Write(b []byte) (int, error) {
	c.wire.mu.Lock()
	c.wire.toKDC = append(c.wire.toKDC, c.record(b)...)
	c.wire.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *tappedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.wire.mu.Lock()
		c.wire.fromKDC = append(c.wire.fromKDC, c.record(b[:n])...)
		c.wire.mu.Unlock()
	}
	return n, err
}

func (w *wire) report(e kdcproxy.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
	if w.more != nil {
		w.more <- struct{}{}
	}
}

// wait waits for n events: they come after the replies.
func (w *wire) wait(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-w.more:
		case <-time.After(2 * time.Minute):
			t.Fatal("an event does not come")
		}
	}
}

// tap records the bodies of requests and replies.
func (w *wire) tap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		w.mu.Lock()
		w.toRelay = append(w.toRelay, body...)
		w.mu.Unlock()
		req.Body = io.NopCloser(bytes.NewReader(body))
		h.ServeHTTP(&tappedWriter{rw, w}, req)
	})
}

type tappedWriter struct {
	http.ResponseWriter
	wire *wire
}

func (w *tappedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *tappedWriter) Write(b []byte) (int, error) {
	w.wire.mu.Lock()
	w.wire.answer = append(w.wire.answer, b...)
	w.wire.mu.Unlock()
	return w.ResponseWriter.Write(b)
}

// framedMessages returns the messages, with lengths, of a stream.
func framedMessages(t *testing.T, b []byte) (list [][]byte) {
	t.Helper()
	for len(b) > 4 {
		n := 4 + (int(b[2])<<8 | int(b[3]))
		if n > len(b) {
			t.Fatalf("%d of %d octets", len(b), n)
		}
		list, b = append(list, b[:n]), b[n:]
	}
	return list
}

// startProxy serves a realm's KDC by MS-KKDCP over TLS. It returns a krb5.conf
// that knows nothing else.
func startProxy(t *testing.T, m *krbtest.MIT, passwords []string) (conf string, w *wire) {
	t.Helper()
	w = new(wire)
	r, err := kdcproxy.New(kdcproxy.Config{Dial: w.dial, Report: w.report,
		Realms: []kdcproxy.Realm{{Name: m.Realm, KDCs: []string{m.Addr}, PasswordServers: passwords}}})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewTLSServer(w.tap(r.Proxy()))
	t.Cleanup(func() { s.Close(); r.Close() })
	anchors := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(anchors, text, 0o600); err != nil {
		t.Fatal(err)
	}
	url := s.URL + "/KdcProxy"
	return strings.Replace(m.Krb5Conf(), "kdc = "+m.Addr,
		fmt.Sprintf("kdc = %s\n  kpasswd_server = %[1]s\n  http_anchors = FILE:%s", url, anchors), 1), w
}

// TestMITUsesTheProxy: kinit, kvno and kpasswd of MIT, which reach no KDC but by
// the proxy, over TLS (P81, K01, K04-K09).
func TestMITUsesTheProxy(t *testing.T) {
	t.Parallel()
	krbtest.NeedTLS(t)
	m := krbtest.StartMIT(t)
	m.Admin("addprinc +requires_preauth -pw secret alice")
	m.AddService("HTTP/gw.example.com")
	conf, w := startProxy(t, m, []string{m.StartPasswordServer()})
	client := m.Through(conf)
	client.Kinit("alice", "secret")
	if got := client.Kvno("HTTP/gw.example.com"); !strings.Contains(got, "HTTP/gw.example.com@EXAMPLE.COM: kvno = 1") {
		t.Error(got)
	}
	accepted(t, m, kdc.ClientConfig{CCache: client.Ccache(), Krb5Conf: conf})
	w.mu.Lock()
	sent, received := framedMessages(t, w.toKDC), framedMessages(t, w.fromKDC)
	for _, message := range sent {
		if !bytes.Contains(w.toRelay, message) {
			t.Errorf("the KDC got %x, which no client has sent", message)
		}
	}
	for _, message := range received {
		if !bytes.Contains(w.answer, message) {
			t.Errorf("no client has got %x", message)
		}
	}
	if len(sent) < 3 || len(received) != len(sent) {
		t.Errorf("%d requests, %d replies", len(sent), len(received))
	}
	w.mu.Unlock()

	if got := client.Kpasswd("alice", "secret", "changed-secret"); !strings.Contains(got, "Password changed") {
		t.Error(got)
	}
	client.Kinit("alice", "changed-secret")
	w.mu.Lock()
	defer w.mu.Unlock()
	kinds := map[kdcproxy.Kind]int{}
	for _, e := range w.events {
		if e.Code != kdcproxy.CodeOK {
			t.Errorf("%v: %v", e, e.Err)
		}
		kinds[e.Kind]++
	}
	if kinds[kdcproxy.KindPassword] != 1 || kinds[kdcproxy.KindAS] < 4 || kinds[kdcproxy.KindTGS] != 1 {
		t.Errorf("%v", kinds)
	}
}

// accepted fails the test unless a client's ticket is accepted by the service.
func accepted(t *testing.T, m *krbtest.MIT, cfg kdc.ClientConfig) {
	t.Helper()
	c, err := kdc.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ticket, err := c.ServiceTicket(t.Context(), "HTTP/gw.example.com")
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := gss.NewToken(ticket, gss.TokenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a := krbtest.Acceptor(t, m.Keytab("HTTP/gw.example.com"))
	if _, err := a.Accept(t.Context(), token); err != nil {
		t.Error(err)
	}
}

// TestClientGetsTicketsOfMITThroughTheRelay: our own client, by MS-KKDCP and by
// WebSocket; the service accepts its ticket.
func TestClientGetsTicketsOfMITThroughTheRelay(t *testing.T) {
	t.Parallel()
	m := krbtest.StartMIT(t)
	m.AddUser("alice", "secret")
	m.AddService("HTTP/gw.example.com")
	r, err := kdcproxy.New(kdcproxy.Config{Realms: []kdcproxy.Realm{{Name: m.Realm, KDCs: []string{m.Addr}}}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/KdcProxy", r.Proxy())
	mux.Handle("/kerberos5", r.WebSocket())
	s := httptest.NewTLSServer(mux)
	t.Cleanup(func() { r.Close(); s.Close() })
	for _, url := range []string{s.URL + "/KdcProxy", strings.Replace(s.URL, "https", "wss", 1) + "/kerberos5"} {
		way, err := kdcproxy.NewClient(kdcproxy.ClientConfig{URL: url, Transport: s.Client().Transport})
		if err != nil {
			t.Fatal(err)
		}
		defer way.Close()
		accepted(t, m, kdc.ClientConfig{Client: "alice@" + m.Realm, Password: "secret", KDC: way})
	}
}

// TestMITUsesThePlainListener: a client that speaks TCP or UDP to the relay as
// if it was a KDC.
func TestMITUsesThePlainListener(t *testing.T) {
	t.Parallel()
	m := krbtest.StartMIT(t)
	m.AddUser("alice", "secret")
	m.AddService("HTTP/gw.example.com")
	w := &wire{more: make(chan struct{}, 100)}
	r, err := kdcproxy.New(kdcproxy.Config{Report: w.report,
		Realms: []kdcproxy.Realm{{Name: m.Realm, KDCs: []string{m.Addr}}}})
	if err != nil {
		t.Fatal(err)
	}
	tcp, udp := listenBoth(t)
	go r.ServeTCP(tcp)
	go r.ServeUDP(udp)
	t.Cleanup(r.Close)
	byTCP := strings.Replace(m.Krb5Conf(), m.Addr, tcp.Addr().String(), 1)
	byUDP := strings.Replace(byTCP, "udp_preference_limit = 1\n", "udp_preference_limit = 1400\n", 1)
	// UDP comes last: what a client sent twice may be reported late.
	for _, via := range []kdcproxy.Via{kdcproxy.ViaTCP, kdcproxy.ViaUDP} {
		client := m.Through(map[kdcproxy.Via]string{kdcproxy.ViaTCP: byTCP, kdcproxy.ViaUDP: byUDP}[via])
		client.Kinit("alice", "secret")
		client.Kvno("HTTP/gw.example.com")
		w.wait(t, 2)
		w.mu.Lock()
		for _, e := range w.events {
			if e.Via != via || e.Code != kdcproxy.CodeOK {
				t.Errorf("%s: %v", via, e)
			}
		}
		w.events = nil
		w.mu.Unlock()
	}
}

// listenBoth listens at a port that is free for TCP and UDP.
func listenBoth(t *testing.T) (net.Listener, net.PacketConn) {
	t.Helper()
	for range 20 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err == nil {
			return tcp, udp
		}
		tcp.Close()
	}
	t.Fatal("no free port")
	return nil, nil
}
