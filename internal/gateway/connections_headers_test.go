package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// A pipes is a Server on connections without a network, in a bubble of synctest.
type pipes struct {
	t     *testing.T
	conns chan net.Conn
	stop  context.CancelFunc
	ended chan error
}

func servePipes(t *testing.T, s *gateway.Server) *pipes {
	ctx, stop := context.WithCancel(t.Context())
	p := &pipes{t, make(chan net.Conn), stop, make(chan error, 1)}
	s.Log = slog.New(slog.DiscardHandler)
	go func() { p.ended <- s.Serve(ctx, oneConn{conns: p.conns}) }()
	return p
}

// dial returns a connection from an address.
func (p *pipes) dial(from string) net.Conn {
	client, server := net.Pipe()
	p.conns <- pipeConn{server, &net.TCPAddr{IP: net.ParseIP(from), Port: 1}}
	p.t.Cleanup(func() { client.Close() })
	return client
}

type pipeConn struct {
	net.Conn
	from net.Addr
}

func (c pipeConn) RemoteAddr() net.Addr { return c.from }

// get sends a request and returns its status, 0 if there is no answer.
func get(c net.Conn, header string) (status int, last bool) {
	if _, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", header); err != nil {
		return 0, true
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, true
	}
	_, _ = io.Copy(io.Discard, r.Body)
	return r.StatusCode, r.Close
}

// isClosed reports whether the other end has closed c, on which nothing is sent.
func isClosed(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := c.Read(make([]byte, 1))
	_ = c.SetReadDeadline(time.Time{})
	return err == io.EOF || err == io.ErrClosedPipe
}

var noContent = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })

// Header sections that never end hold what is left for them and no more, take
// nothing from other clients, and go when others need the room.
func TestConnLimiterBoundsHeadersThatArrive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := servePipes(t, &gateway.Server{Handler: noContent, MaxHeaderBytes: 16 << 10, HeaderOctets: 48 << 10,
			MaxClientConnections: 100})
		open := func(from string) net.Conn {
			c := p.dial(from)
			_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 14<<10))
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return c
		}
		check := func(when string, c net.Conn, closed bool) {
			t.Helper()
			if isClosed(c) != closed {
				t.Errorf("%s: closed %v, want %v", when, !closed, closed)
			}
		}
		first, second := open("192.0.2.1"), open("192.0.2.1")
		check("two of a client: the first", first, false)
		third := open("192.0.2.1")
		check("three of a client: the first", first, true)
		check("three of a client: the second", second, false)

		other := open("192.0.2.2")
		check("one of another client: the second", second, false)
		open("192.0.2.3")
		last := open("192.0.2.4")
		check("too many of all: the second", second, true)
		check("too many of all: the third", third, false)

		if status, _ := get(p.dial("192.0.2.1"), "X: "+strings.Repeat("x", 14<<10)+"\r\n"); status != 204 {
			t.Errorf("a large header that ends: HTTP %d", status)
		}
		if _, err := io.WriteString(last, "\r\n\r\n"); err != nil {
			t.Error(err)
		}
		if r, err := http.ReadResponse(bufio.NewReader(last), nil); err != nil || r.StatusCode != 204 {
			t.Errorf("%v, %v", r, err)
		}
		for i := range 30 { // sections that have ended count no more
			if status, _ := get(last, "X: "+strings.Repeat("x", 14<<10)+"\r\n"); status != 204 {
				t.Fatalf("request %d: HTTP %d", i, status)
			}
		}
		check("at the end: another client's", other, false)
		p.stop()
		if err := <-p.ended; err != nil {
			t.Error(err)
		}
	})
}

// A header section that has been read counts with what it takes in memory,
// which is many times its octets where it is many fields, until its exchange has
// ended, that of a refusal too.
func TestExchangesAreChargedForTheirHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.MaxInFlight = 900 << 10 })
	addr, _ := w.listen(&gateway.Server{MaxHeaderBytes: 128 << 10, HeaderTimeout: time.Minute, ReadTimeout: time.Minute,
		ShutdownTimeout: time.Second})
	var fields strings.Builder
	for i := range 18_000 {
		fmt.Fprintf(&fields, "%x:\r\n", i)
	}
	for header, status := range map[string]int{
		fields.String():                              503,
		strings.Repeat("a:\r\n", 30_000):             503,
		"X: " + strings.Repeat("x", 20<<10) + "\r\n": 500, // has no Security header
	} {
		message := envelope(soap.V11, payload)
		r, err := raw(t, addr, fmt.Sprintf("POST /svc HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\n"+
			"Content-Length: %d\r\n%s\r\n%s", len(message), header, message))
		if err != nil || r.StatusCode != status {
			t.Errorf("%.20q…: %v, %v, want %d", header, r, err, status)
		}
	}
	w.event(3)
	r, req := w.call()
	w.open(r, req)
}

// What a header section is charged covers what it takes in memory, and that is
// no more than sixteen times its octets. Not parallel: it measures the heap.
func TestHeaderSizeCoversTheMemory(t *testing.T) {
	const size, kept = 128 << 10, 16
	var distinct strings.Builder
	for i := 0; distinct.Len() < size; i++ {
		fmt.Fprintf(&distinct, "%x:\r\n", i)
	}
	for name, fields := range map[string]string{
		"distinct fields": distinct.String(),
		"one field often": strings.Repeat("a:\r\n", size/4),
		"one long field":  "a: " + strings.Repeat("a", size) + "\r\n",
		"a long URL":      "",
	} {
		target := "/"
		if fields == "" {
			target += strings.Repeat("a", size)
		}
		text := "POST " + target + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n"
		var all [kept]*http.Request
		before := heap()
		for i := range all {
			var err error
			if all[i], err = http.ReadRequest(bufio.NewReader(strings.NewReader(text))); err != nil {
				t.Fatal(err)
			}
		}
		each := (heap() - before) / kept
		if charged := gateway.HeaderSize(all[0]); each > charged+8<<10 || each > maxHeaderFactor*int64(len(text)) {
			t.Errorf("%s: %d octets take %d, and are charged %d", name, len(text), each, charged)
		}
		runtime.KeepAlive(&all)
	}
}

// A header section that is too long is answered by net/http, without an event.
// The log has a line of it all the same, with the limit.
func TestServerLogsHeadersOverTheLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	addr, _ := w.listen(&gateway.Server{MaxHeaderBytes: 20 << 10, HeaderOctets: 1 << 20, ShutdownTimeout: time.Second,
		HeaderTimeout: time.Minute, Log: slog.New(slog.NewJSONHandler(w.events, nil))})
	request := func(octets int) int {
		resp, err := raw(t, addr, "GET /svc HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"+
			"X: "+strings.Repeat("x", octets)+"\r\n\r\n")
		w.must(err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if status := request(19 << 10); status != http.StatusMethodNotAllowed || w.code(1) != "method-not-allowed" {
		t.Errorf("below the limit: HTTP %d, %s", status, w.events)
	}
	if status := request(30 << 10); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("over the limit: HTTP %d", status)
	}
	e := w.event(2)
	if words, _ := e["msg"].(string); !strings.Contains(words, "larger than max-headers") || e["max-headers"] != 20480.0 ||
		e["client"] == nil || e["cure"] == nil {
		t.Errorf("%v", e)
	}
}
