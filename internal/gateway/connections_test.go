package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// dialFrom connects from a loopback address.
func dialFrom(t *testing.T, from, to string) net.Conn {
	t.Helper()
	if runtime.GOOS != "linux" && from != "127.0.0.1" {
		t.Skip("needs a second loopback address, which only Linux has without setup")
	}
	c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// served reports the status of a request on c, behind what is written first; 0
// if the connection ends without an answer.
func served(t *testing.T, c net.Conn, first string) int {
	t.Helper()
	_, _ = io.WriteString(c, first+"PUT /svc HTTP/1.1\r\nHost: a\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode
}

func timeouts() *gateway.Server {
	return &gateway.Server{HeaderTimeout: time.Minute, ReadTimeout: time.Minute, IdleTimeout: time.Minute,
		ShutdownTimeout: time.Millisecond}
}

// Connections are limited for each client and in all, and what is closed makes
// room.
func TestConnLimiterLimitsConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := timeouts()
	s.MaxConnections, s.MaxClientConnections = 5, 3
	addr, _ := w.listen(s)
	const ok = http.StatusMethodNotAllowed
	var mine []net.Conn
	for range 3 {
		c := dialFrom(t, "127.0.0.1", addr)
		if status := served(t, c, ""); status != ok {
			t.Fatalf("HTTP %d within the limits", status)
		}
		mine = append(mine, c)
	}
	if status := served(t, dialFrom(t, "127.0.0.1", addr), ""); status != 0 {
		t.Errorf("a fourth of one client: HTTP %d", status)
	}
	for range 2 {
		if status := served(t, dialFrom(t, "127.0.0.2", addr), ""); status != ok {
			t.Errorf("another client: HTTP %d", status)
		}
	}
	if status := served(t, dialFrom(t, "127.0.0.3", addr), ""); status != 0 {
		t.Errorf("a sixth in all: HTTP %d", status)
	}
	mine[0].Close()
	for end := time.Now().Add(time.Minute); served(t, dialFrom(t, "127.0.0.1", addr), "") != ok; {
		if time.Now().After(end) {
			t.Fatal("no room after one was closed")
		}
	}
}

// The client's address for log and verification is that in the PROXY protocol,
// version 1 and 2, from listed addresses alone, which have to speak it.
func TestConnLimiterReadsTheProxyProtocol(t *testing.T) {
	t.Parallel()
	var seen []netip.Addr
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) {
		c.ClientAddress = gateway.FromProxyProtocol
		c.Context = func(ctx context.Context, _ *http.Request) context.Context {
			seen = append(seen, gateway.ClientAddr(ctx))
			return ctx
		}
	})
	s := timeouts()
	s.ProxyProtocol, s.TrustedProxies, s.MaxClientConnections = true,
		[]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, 2
	var log eventLog
	s.Log = slog.New(slog.NewJSONHandler(&log, nil))
	addr, _ := w.listen(s)
	header := func(version byte, client string) string {
		var b bytes.Buffer
		h := proxyproto.HeaderProxyFromAddrs(version, &net.TCPAddr{IP: net.ParseIP(client), Port: 4711},
			&net.TCPAddr{IP: net.ParseIP("192.0.2.200"), Port: 80})
		_, err := h.WriteTo(&b)
		w.must(err)
		return b.String()
	}
	post := func(c net.Conn, first string) int {
		msg, _ := w.protect(soap.V11, payload)
		fmt.Fprintf(c, "%sPOST /svc HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", first,
			len(msg), msg)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return 0
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for i, client := range []string{"192.0.2.1", "2001:db8::1"} {
		if status := post(dialFrom(t, "127.0.0.1", addr), header(byte(i+1), client)); status != 200 {
			t.Fatalf("version %d: HTTP %d", i+1, status)
		}
		if got := w.event(i + 1)["client"]; !strings.Contains(fmt.Sprint(got), client) || seen[i].String() != client {
			t.Errorf("version %d: the log has %v, verification %v", i+1, got, seen[i])
		}
	}
	_ = dialFrom(t, "127.0.0.1", addr).(*net.TCPConn).CloseWrite() // a health check, of which there is nothing to tell
	for range 2 {
		if status := served(t, dialFrom(t, "127.0.0.1", addr), ""); status != 0 {
			t.Errorf("a proxy without header: HTTP %d", status)
		}
	}
	if all := log.all(); len(all) != 1 || !strings.Contains(fmt.Sprint(all[0]["msg"]), "PROXY protocol") {
		t.Errorf("of proxies without header the log has %v", all)
	}
	if status := served(t, dialFrom(t, "127.0.0.1", addr), "PROXY TCP4 192.0.2.1\r\n"); status != 0 {
		t.Errorf("a header that is none: HTTP %d", status)
	}
	if status := served(t, dialFrom(t, "127.0.0.2", addr), header(1, "192.0.2.1")); status != http.StatusBadRequest {
		t.Errorf("a header from elsewhere: HTTP %d", status)
	}
	if status := served(t, dialFrom(t, "127.0.0.2", addr), ""); status != http.StatusMethodNotAllowed {
		t.Errorf("a client without a proxy: HTTP %d", status)
	}
	// The limit is for the client that is told: it has one connection from above.
	if served(t, dialFrom(t, "127.0.0.1", addr), header(1, "192.0.2.1")) == 0 ||
		served(t, dialFrom(t, "127.0.0.1", addr), header(1, "192.0.2.1")) != 0 {
		t.Error("the limit for a client behind a proxy is not 2")
	}
	if served(t, dialFrom(t, "127.0.0.1", addr), header(2, "192.0.2.9")) == 0 {
		t.Error("another client behind the proxy is refused")
	}
}

// Connections of a proxy's own, as its health checks are, and of clients
// without an IP address count as the proxy's, in every form that the PROXY
// protocol has for them; one with further fields is its client's.
func TestConnLimiterCountsAProxyWithoutAClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) {
		c.ClientAddress = gateway.FromProxyProtocol
	})
	s := timeouts()
	s.ProxyProtocol, s.TrustedProxies = true, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	addr, _ := w.listen(s)
	const v2 = "\r\n\r\n\x00\r\nQUIT\n"
	const longest = " ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"
	for i, c := range []struct{ name, header, client string }{
		{"1, UNKNOWN", "PROXY UNKNOWN\r\n", "127.0.0.1"},
		{"1, UNKNOWN with addresses", "PROXY UNKNOWN" + longest, "127.0.0.1"},
		{"1, the longest addresses", "PROXY TCP6" + longest, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"},
		{"2, LOCAL", v2 + "\x20\x00\x00\x00", "127.0.0.1"},
		{"2, LOCAL with addresses", v2 + "\x20\x11\x00\x0c" + strings.Repeat("\x00", 12), "127.0.0.1"},
		{"2, LOCAL with a field", v2 + "\x20\x00\x00\x04\x04\x00\x01\x00", "127.0.0.1"},
		{"2, a Unix socket", v2 + "\x21\x31\x00\xd8" + strings.Repeat("\x00", 216), "127.0.0.1"},
		{"2, TCP with a field", v2 + "\x21\x11\x00\x10\xc0\x00\x02\x01\xc0\x00\x02\x02\x10\x00\x00\x50\x04\x00\x01\x00",
			"192.0.2.1"},
	} {
		if status := served(t, dialFrom(t, "127.0.0.1", addr), c.header); status != http.StatusMethodNotAllowed {
			t.Fatalf("%s: HTTP %d", c.name, status)
		}
		if got := fmt.Sprint(w.event(i + 1)["client"]); !strings.HasPrefix(got, c.client+":") {
			t.Errorf("%s: the log has client %q, want %s", c.name, got, c.client)
		}
	}
	if status := served(t, dialFrom(t, "127.0.0.1", addr), v2+"\x21\x00\x00\x00"); status != 0 {
		t.Errorf("2, a client of no kind: HTTP %d", status)
	}
}

// The address that proxies name in HTTP counts for log, verification and the limit of
// exchanges, and their connections are not limited as one client's.
func TestClientAddressIsThatBehindTheProxies(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	inside, leave := make(chan bool), make(chan bool)
	var seen netip.Addr
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) {
		c.ClientAddress, c.TrustedProxies, c.MaxClientExchanges = gateway.FromXForwardedFor, proxies, 1
		c.Context = func(ctx context.Context, _ *http.Request) context.Context {
			seen = gateway.ClientAddr(ctx)
			return ctx
		}
	})
	s := timeouts()
	s.TrustedProxies, s.MaxClientConnections = proxies, 1
	addr, _ := w.listen(s)
	w.gateway.URL = "http://" + addr
	w.gateway.Client().Transport = &http.Transport{DisableKeepAlives: true}
	w.backend = func(rw http.ResponseWriter, r *http.Request) { inside <- true; <-leave; echo(rw, r) }
	done := make(chan int)
	first, _ := w.protect(soap.V11, payload)
	go func() {
		done <- w.post(soap.V11, bytes.NewReader(first), "X-Forwarded-For: 198.51.100.1, 192.0.2.1").StatusCode
	}()
	<-inside
	if seen.String() != "192.0.2.1" {
		t.Errorf("verification has %v", seen)
	}
	second, _ := w.protect(soap.V11, payload)
	if r := w.post(soap.V11, bytes.NewReader(second),
		"X-Forwarded-For: 203.0.113.9, 192.0.2.1"); r.StatusCode != 503 || w.code(1) != "overloaded" {
		t.Errorf("a second exchange of the client: HTTP %d, %s", r.StatusCode, w.code(1))
	}
	if ev := w.event(1); ev["client"] != "192.0.2.1" || !strings.HasPrefix(fmt.Sprint(ev["proxy"]), "127.0.0.1:") {
		t.Errorf("event %v", ev)
	}
	w.backend = echo
	other, _ := w.protect(soap.V11, payload)
	if r := w.post(soap.V11, bytes.NewReader(other), "X-Forwarded-For: 192.0.2.2"); r.StatusCode != 200 {
		t.Errorf("another client: HTTP %d", r.StatusCode)
	}
	close(leave)
	if status := <-done; status != 200 {
		t.Errorf("the first: HTTP %d", status)
	}
}
