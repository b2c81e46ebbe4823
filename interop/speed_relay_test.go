package interop

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/wssgate/wssgate/kerberos"
	kdcclient "github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/kdcproxy"
)

// CPU time of the server's process for each AS-REQ that wssgate kdcproxy relays,
// beside kdcproxy of PyPI under gunicorn. Both over plain HTTP on kept
// connections, without a log of requests, to a KDC that answers at once: wssgate
// by UDP and kdcproxy by TCP, as they do if they are not told, and by the other.
func TestSpeedAgainstPythonKdcproxy(t *testing.T) {
	if !*speeds {
		t.Skip("measures for a minute, as .ci/long has it: -speeds")
	}
	as := recordAS(t)
	kdc := startStandIn(t, as, 0)
	ours, oursAddr := startRelay(t, kdc, nil)
	oursTCP, oursTCPAddr := startRelay(t, "tcp/"+kdc, nil)
	theirs, theirsAddr := startKdcproxy(t, "kerberos://"+kdc)
	theirsUDP, theirsUDPAddr := startKdcproxy(t, "kerberos+udp://"+kdc)
	const rounds, requests, clients = 5, 1500, 16
	cost := inTurns(t, rounds, requests, clients, []contender{
		{"MS-KKDCP", ours.Process.Pid, as.through(t, clients, nil, "http://"+oursAddr+"/KdcProxy")},
		{"WebSocket", ours.Process.Pid, as.through(t, clients, nil, "ws://"+oursAddr+"/kerberos5")},
		{"MS-KKDCP, by TCP", oursTCP.Process.Pid, as.through(t, clients, nil, "http://"+oursTCPAddr+"/KdcProxy")},
		{"kdcproxy", theirs.Process.Pid, as.through(t, clients, nil, "http://"+theirsAddr+"/KdcProxy")},
		{"kdcproxy, by UDP", theirsUDP.Process.Pid, as.through(t, clients, nil, "http://"+theirsUDPAddr+"/KdcProxy")},
	})
	for _, name := range []string{"MS-KKDCP", "WebSocket", "MS-KKDCP, by TCP"} {
		for _, other := range []string{"kdcproxy", "kdcproxy, by UDP"} {
			t.Logf("speed: KDC relay, %s: %v; %s %v: %.1f times", name, cost[name], other, cost[other],
				float64(cost[other].cpu)/float64(cost[name].cpu))
		}
	}
}

// How much longer 100 clients at a time take through the relay, with TLS, than by
// TCP, or UDP, to the KDC: where nothing but the processor limits them, and where the KDC
// does. Connections are made before.
func TestSpeedOfRelayAgainstTCP(t *testing.T) {
	if !*speeds {
		t.Skip("measures for a minute, as .ci/long has it: -speeds")
	}
	as := recordAS(t)
	for _, each := range []time.Duration{0, time.Millisecond} {
		kdc := startStandIn(t, as, each)
		relay, addr := startRelay(t, kdc, as.kdc)
		kept := as.transport(t)
		const rounds, requests, clients = 5, 2000, 100
		cost := inTurns(t, rounds, requests, clients, []contender{
			{"TCP", 0, as.directly(t, "tcp/"+kdc)},
			{"UDP", 0, as.directly(t, "udp/"+kdc)},
			{"HTTPS", relay.Process.Pid, as.through(t, clients, kept, "https://"+addr+"/KdcProxy")},
			{"WebSocket", relay.Process.Pid, as.through(t, clients, kept, "wss://"+addr+"/kerberos5")},
		})
		for _, way := range []string{"HTTPS", "WebSocket", "UDP"} {
			t.Logf("speed: 100 clients, a KDC that takes %v for each request: by TCP %v; %s %v: %.2f of the time",
				each, cost["TCP"], way, cost[way], float64(cost[way].wall)/float64(cost["TCP"].wall))
		}
	}
}

// What a handshake of TLS costs the relay.
func TestSpeedOfRelayHandshake(t *testing.T) {
	if !*speeds {
		t.Skip("measures for some seconds, as .ci/long has it: -speeds")
	}
	as := recordAS(t)
	relay, addr := startRelay(t, startStandIn(t, as, 0), as.kdc)
	kept, once := as.transport(t), as.transport(t)
	once.DisableKeepAlives = true
	const rounds, requests, clients = 4, 500, 16
	cost := inTurns(t, rounds, requests, clients, []contender{
		{"kept", relay.Process.Pid, as.through(t, clients, kept, "https://"+addr+"/KdcProxy")},
		{"new", relay.Process.Pid, as.through(t, clients, once, "https://"+addr+"/KdcProxy")},
	})
	t.Logf("speed: a connection with TLS costs the relay %v of CPU time (RSA, 2048 bits)",
		(cost["new"].cpu - cost["kept"].cpu).Round(time.Microsecond))
}

// An asRequest is an AS-REQ, and what MIT's KDC has answered; and what it answers
// for a client that it does not know.
type asRequest struct {
	kdc                     *kdc
	request, reply, unknown []byte
}

// Exchange sends the request to MIT's KDC and keeps both.
func (a *asRequest) Exchange(ctx context.Context, realm string, request []byte) (reply []byte, err error) {
	conf, err := os.ReadFile(a.kdc.file("krb5.conf"))
	if err != nil {
		return nil, err
	}
	direct, err := kdcclient.NewTransport(kdcclient.TransportConfig{Krb5Conf: string(conf)})
	if err != nil {
		return nil, err
	}
	a.request = request
	a.reply, err = direct.Exchange(ctx, realm, request)
	return a.reply, err
}

func recordAS(t *testing.T) *asRequest {
	t.Helper()
	as := &asRequest{kdc: startKDC(t)}
	alice := kerberos.Principal{Components: []string{"alice"}, Realm: "EXAMPLE.COM"}
	nobody := kerberos.Principal{Components: []string{"kdcproxy-probe"}, Realm: "EXAMPLE.COM"}
	krbtgt := kerberos.Principal{Components: []string{"krbtgt", "EXAMPLE.COM"}, Realm: "EXAMPLE.COM"}
	if facts, err := kdcclient.Probe(t.Context(), as, nobody, krbtgt); err != nil || facts.Error == nil {
		t.Fatalf("no error: %v", err)
	}
	as.unknown = as.reply
	if facts, err := kdcclient.Probe(t.Context(), as, alice, krbtgt); err != nil || facts.Ticket == nil {
		t.Fatalf("no ticket: %v", err)
	}
	return as
}

// A standIn is a KDC by TCP and UDP that has the recorded reply for the recorded
// request, and an error for the relay's probe. It may take some time for each, one
// after the other as MIT's does. MIT's itself holds no more than 45 connections.
type standIn struct {
	as   *asRequest
	each time.Duration

	mu   sync.Mutex
	free time.Time // when it has answered all that came before
}

func startStandIn(t *testing.T, as *asRequest, each time.Duration) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close(); udp.Close() })
	s := &standIn{as: as, each: each}
	go func() {
		for c, err := ln.Accept(); err == nil; c, err = ln.Accept() {
			go s.serveConn(c)
		}
	}()
	go s.serveUDP(udp)
	return ln.Addr().String()
}

// serveConn answers one request and closes the connection.
func (s *standIn) serveConn(c net.Conn) {
	defer c.Close()
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return
	}
	request := make([]byte, min(binary.BigEndian.Uint32(size[:]), 64<<10))
	if _, err := io.ReadFull(c, request); err != nil {
		return
	}
	s.work()
	reply := s.replyTo(request)
	_, _ = c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(reply))), reply...))
}

func (s *standIn) serveUDP(udp net.PacketConn) {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := udp.ReadFrom(buf)
		reply := s.replyTo(buf[:n])
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			continue
		case s.each == 0:
			_, _ = udp.WriteTo(reply, from)
			continue
		}
		go func() {
			s.work()
			_, _ = udp.WriteTo(reply, from)
		}()
	}
}

func (s *standIn) replyTo(request []byte) []byte {
	if string(request) == string(s.as.request) {
		return s.as.reply
	}
	return s.as.unknown
}

// work takes the time that a request takes.
func (s *standIn) work() {
	if s.each == 0 {
		return
	}
	s.mu.Lock()
	if now := time.Now(); s.free.Before(now) {
		s.free = now
	}
	s.free = s.free.Add(s.each)
	until := s.free
	s.mu.Unlock()
	time.Sleep(time.Until(until))
}

// through returns exchanges through a relay, of so many clients with connections
// of their own.
func (a *asRequest) through(
	t *testing.T, clients int, transport *http.Transport, url string,
) func(n int) func(int) error {
	t.Helper()
	if transport == nil {
		transport = a.transport(t)
	}
	free := make(chan kdcclient.Exchanger, clients)
	for range clients {
		c, err := kdcproxy.NewClient(kdcproxy.ClientConfig{URL: url, Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		free <- c
	}
	return func(int) func(int) error {
		return func(int) error {
			c := <-free
			defer func() { free <- c }()
			return a.exchange(t, c)
		}
	}
}

// directly returns exchanges with the KDC of an entry of krb5.conf.
func (a *asRequest) directly(t *testing.T, entry string) func(n int) func(int) error {
	t.Helper()
	direct, err := kdcclient.NewTransport(kdcclient.TransportConfig{
		Krb5Conf: "[realms]\nEXAMPLE.COM = {\nkdc = " + entry + "\n}\n"})
	if err != nil {
		t.Fatal(err)
	}
	return func(int) func(int) error { return func(int) error { return a.exchange(t, direct) } }
}

func (a *asRequest) exchange(t *testing.T, by kdcclient.Exchanger) error {
	reply, err := by.Exchange(t.Context(), "EXAMPLE.COM", a.request)
	if err == nil && string(reply) != string(a.reply) {
		err = fmt.Errorf("a reply of %d octets, not %d", len(reply), len(a.reply))
	}
	return err
}

// transport returns one that keeps connections and trusts the lab's certificate.
func (a *asRequest) transport(t *testing.T) *http.Transport {
	t.Helper()
	root, err := os.ReadFile(a.kdc.file("tls.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	transport := &http.Transport{MaxIdleConnsPerHost: 200, TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// startRelay runs wssgate kdcproxy for a KDC, with TLS if there is a lab with a
// certificate.
func startRelay(t *testing.T, addrKDC string, lab *kdc) (cmd *exec.Cmd, addr string) {
	t.Helper()
	addr, _ = freeAddr(t)
	config := map[string]any{
		"listen": addr, "log-level": "warn", "kdc-realms": []string{"EXAMPLE.COM"},
		"kdc-servers": []string{"EXAMPLE.COM=" + addrKDC}, "kdc-client-rate": 1000000, "kdc-realm-rate": 1000000,
	}
	if lab != nil {
		config["tls-cert"], config["tls-key"] = lab.file("tls.crt"), lab.file("tls.key")
	}
	text, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "wssgate.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(program(t), "kdcproxy", "--config", file)
	daemon(t, cmd, listening(addr))
	return cmd, addr
}

// startKdcproxy runs kdcproxy of PyPI under gunicorn, on Debian's Python.
func startKdcproxy(t *testing.T, entry string) (cmd *exec.Cmd, addr string) {
	t.Helper()
	modules := fromPyPI(t, "kdcproxy", "kdcproxy")
	addr, _ = freeAddr(t)
	conf := filepath.Join(t.TempDir(), "kdcproxy.conf")
	text := "[global]\nuse_dns = false\n[EXAMPLE.COM]\nkerberos = " + entry + "\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command("/usr/bin/python3", "-m", "gunicorn", "-k", "gthread", "--threads", "8", "--keep-alive", "60",
		"-w", "1",
		"-b", addr, "kdcproxy:application")
	cmd.Env = append(os.Environ(), "PYTHONPATH="+modules, "KDCPROXY_CONFIG="+conf)
	daemon(t, cmd, listening(addr))
	return cmd, addr
}
