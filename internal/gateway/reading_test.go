package gateway_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// The budget is over all exchanges: while one holds it the next is told to
// come again, and when it is done there is room as before.
func TestExchangesHaveABudgetOfOctets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) {
		c.MaxInFlight, c.BusyTimeout = 400<<10, time.Millisecond
	})
	inside, leave := make(chan bool), make(chan bool)
	w.backend = func(rw http.ResponseWriter, r *http.Request) { inside <- true; <-leave; echo(rw, r) }
	big := `<q:Ask xmlns:q="urn:q">` + strings.Repeat("a", 80<<10) + `</q:Ask>`
	first, _ := w.protect(soap.V11, big)
	done := make(chan httpReply)
	go func() { done <- w.post(soap.V11, bytes.NewReader(first)) }()
	<-inside
	second, _ := w.protect(soap.V11, big)
	r := w.post(soap.V11, bytes.NewReader(second))
	if f := w.plainFault(r); r.StatusCode != 503 || r.Header.Get("Retry-After") != "1" || f.Code != soap.Receiver ||
		w.code(1) != "overloaded" {
		t.Errorf("HTTP %d %v, fault %+v, code %s", r.StatusCode, r.Header, f, w.code(1))
	}
	w.backend = func(rw http.ResponseWriter, r *http.Request) { answer(202, "", "")(rw, r) }
	close(leave)
	<-done // its reply is over the budget too, and that is a protected fault
	for range 3 {
		msg, _ := w.protect(soap.V11, big)
		if r := w.post(soap.V11, bytes.NewReader(msg)); r.StatusCode != 202 {
			t.Errorf("after that: HTTP %d", r.StatusCode)
		}
	}
}

// Connections on which nothing comes use up nothing, whatever they announce.
func TestBodyReaderReservesNothingForIdleConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.MaxInFlight = 100 << 10 })
	addr, _ := w.listen(&gateway.Server{HeaderTimeout: time.Minute, ReadTimeout: time.Minute,
		ShutdownTimeout: time.Millisecond})
	for range 64 {
		conn, err := net.Dial("tcp", addr)
		w.must(err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST /svc HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: "+
			"1000000\r\nExpect: 100-continue\r\n\r\n")
		w.must(err)
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		line, err := bufio.NewReader(conn).ReadString('\n') // sent once the body is asked for
		if err != nil || !strings.Contains(line, "100") {
			t.Fatalf("%q, %v", line, err)
		}
	}
	r, req := w.call()
	w.open(r, req)
}
