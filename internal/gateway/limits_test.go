package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

func TestBackendTimeout(t *testing.T) {
	for name, backend := range map[string]http.HandlerFunc{
		"no answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"half an answer": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			_, _ = io.WriteString(w, "<s:Envelope")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.BackendTimeout = 50 * time.Millisecond })
			w.backend = backend
			r, req := w.call()
			if f := w.openFault(r, req); f.Code != soap.Receiver || w.code(1) != "backend-timeout" {
				t.Errorf("fault %+v, code %s", f, w.code(1))
			}
		})
	}
}

func TestBackendDown(t *testing.T) {
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ln.Close() // nobody is there
		r.Backend.Host = ln.Addr().String()
	})
	r, req := w.call()
	if f := w.openFault(r, req); f.Code != soap.Receiver || w.code(1) != "backend-down" {
		t.Errorf("fault %+v, code %s", f, w.code(1))
	}
	if bytes.Contains(r.body, []byte("127.0.0.1")) {
		t.Error("the fault tells the backend's address")
	}
}

func TestHugeReplies(t *testing.T) {
	const limit = 100_000
	for name, backend := range map[string]http.HandlerFunc{
		"told": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "99999999999")
			answer(200, "text/xml", "<")(w, r)
		},
		"endless": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			for chunk := bytes.Repeat([]byte(" "), 1<<16); r.Context().Err() == nil; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.MaxMessage = limit })
			w.backend = backend
			r, req := w.call()
			if w.openFault(r, req); w.code(1) != "backend-too-large" {
				t.Errorf("code %s", w.code(1))
			}
		})
	}
}

// The budget is over all exchanges: while one holds it the next is told to
// come again, and when it is done there is room as before.
func TestOctetsInFlightHaveABudget(t *testing.T) {
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
	if f := w.plainFault(r); r.StatusCode != 503 || r.Header.Get("Retry-After") != "1" || f.Code != soap.Receiver || w.code(1) != "overloaded" {
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
func TestIdleConnectionsDoNotUseTheBudget(t *testing.T) {
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.MaxInFlight = 100 << 10 })
	addr, _ := w.listen(&gateway.Server{HeaderTimeout: time.Minute, ReadTimeout: time.Minute, ShutdownTimeout: time.Millisecond})
	for range 64 {
		conn, err := net.Dial("tcp", addr)
		w.must(err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST /svc HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
		w.must(err)
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		line, err := bufio.NewReader(conn).ReadString('\n') // sent once the body is asked for
		if err != nil || !strings.Contains(line, "100") {
			t.Fatalf("%q, %v", line, err)
		}
	}
	r, req := w.call()
	w.open(r, req)
}

// Dense markup has an index that is much larger than itself, and costs as much
// of the budget before anybody knows who sent it.
func TestTheIndexHasABudget(t *testing.T) {
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.MaxInFlight = 1 << 20 })
	for i, body := range []string{strings.Repeat("<b/>", 50_000), strings.Repeat(`<b`+numbered(200)+`/>`, 1000)} {
		r := w.post(soap.V11, strings.NewReader(envelope(soap.V11, body)))
		if f := w.plainFault(r); r.StatusCode != 503 || f.Code != soap.Receiver || w.code(i+1) != "overloaded" {
			t.Errorf("HTTP %d, fault %+v, code %s", r.StatusCode, f, w.code(i+1))
		}
	}
	// Behind a cipher it shows later, and the client is not told what it was.
	msg, _ := w.protect(soap.V11, "<q:Ask xmlns:q=\"urn:q\">"+strings.Repeat("<b/>", 50_000)+"</q:Ask>")
	f := w.plainFault(w.post(soap.V11, bytes.NewReader(msg)))
	if like := w.plainFault(w.post(soap.V11, bytes.NewReader(msg))); w.code(3) != "plaintext-memory" || w.code(4) != "ticket-replay" || !reflect.DeepEqual(f, like) || w.calls() != 0 {
		t.Errorf("fault %+v, code %s; %+v, code %s", f, w.code(3), like, w.code(4))
	}
	r, req := w.call()
	w.open(r, req)
}

// A listening is a Server on loopback, as serve makes one.
func (w *world) listen(s *gateway.Server) (addr string, stop func() error) {
	w.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	s.Handler = w.gateway.Config.Handler
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	w.t.Cleanup(func() { _ = stop() })
	return ln.Addr().String(), stop
}

// raw sends octets over a connection of its own and reads one response.
func raw(t *testing.T, addr, request string) (*http.Response, error) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	return http.ReadResponse(bufio.NewReader(conn), nil)
}

func TestSlowClients(t *testing.T) {
	w := newWorld(t)
	addr, _ := w.listen(&gateway.Server{HeaderTimeout: 100 * time.Millisecond, ReadTimeout: 200 * time.Millisecond, ShutdownTimeout: time.Second})
	if r, err := raw(t, addr, "POST /svc HTTP/1.1\r\nHost: a\r\nX-Slow: "); err == nil && r.StatusCode != 408 {
		t.Errorf("half a header: HTTP %d", r.StatusCode)
	}
	r, err := raw(t, addr, "POST /svc HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n<a>")
	if err != nil || r.StatusCode != 408 || !r.Close || w.code(1) != "request-timeout" {
		t.Errorf("half a body: %v, %v, code %s", r, err, w.code(1))
	}
}

// A client that does not read its reply holds neither goroutine nor octets for
// longer than the write timeout.
func TestClientsThatDoNotRead(t *testing.T) {
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.WriteTimeout = 200 * time.Millisecond })
	w.backend = answer(200, "text/xml", envelope(soap.V11, "<a>"+strings.Repeat("a", 8<<20)+"</a>"))
	addr, _ := w.listen(&gateway.Server{HeaderTimeout: time.Second, ReadTimeout: time.Second, ShutdownTimeout: time.Second})
	msg, _ := w.protect(soap.V11, payload)
	conn, err := net.Dial("tcp", addr)
	w.must(err)
	defer conn.Close()
	w.must(conn.(*net.TCPConn).SetReadBuffer(4096))
	_, err = fmt.Fprintf(conn, "POST /svc HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", len(msg), msg)
	w.must(err)
	if ev := w.event(1); ev["code"] != "client-gone" || !strings.Contains(fmt.Sprint(ev["error"]), "timeout") {
		t.Errorf("event %v", ev)
	}
}

// A backend may take longer than a client may take to send.
func TestReadTimeoutEndsWithTheBody(t *testing.T) {
	w := newWorld(t)
	w.backend = func(rw http.ResponseWriter, r *http.Request) { time.Sleep(400 * time.Millisecond); echo(rw, r) }
	addr, _ := w.listen(&gateway.Server{HeaderTimeout: 100 * time.Millisecond, ReadTimeout: 150 * time.Millisecond, ShutdownTimeout: time.Second})
	msg, req := w.protect(soap.V11, payload)
	resp, err := http.Post("http://"+addr+"/svc", "text/xml", bytes.NewReader(msg))
	w.must(err)
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	w.open(httpReply{resp, b}, req)
}

func TestHeaderLimit(t *testing.T) {
	w := newWorld(t)
	addr, _ := w.listen(&gateway.Server{MaxHeaderBytes: 4096, HeaderTimeout: time.Second, ReadTimeout: time.Second, ShutdownTimeout: time.Second})
	r, err := raw(t, addr, "POST /svc HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 20_000)+"\r\n\r\n")
	if err != nil || r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%v, %v", r, err)
	}
}

// A refused length is refused before the body is asked for.
func TestExpectContinue(t *testing.T) {
	w := newWorld(t)
	addr, _ := w.listen(&gateway.Server{HeaderTimeout: time.Second, ReadTimeout: time.Second, ShutdownTimeout: time.Second})
	r, err := raw(t, addr, fmt.Sprintf("POST /svc HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", int64(1)<<40))
	if err != nil || r.StatusCode != 413 {
		t.Errorf("%v, %v", r, err)
	}
}

// The write timeout is for one answer, not for the connection: a later request
// on it is asked for its body as the first was.
func TestWriteTimeoutEndsWithTheAnswer(t *testing.T) {
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.WriteTimeout = 50 * time.Millisecond })
	transport := &http.Transport{MaxConnsPerHost: 1, ExpectContinueTimeout: time.Minute}
	w.gateway.Client().Transport = transport
	t.Cleanup(transport.CloseIdleConnections)
	for range 2 {
		r, req := w.call("Expect: 100-continue")
		w.open(r, req)
		time.Sleep(150 * time.Millisecond)
	}
}

func TestHTTP2OverTLS(t *testing.T) {
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

func TestGracefulShutdown(t *testing.T) {
	w := newWorld(t)
	inside, leave := make(chan bool), make(chan bool)
	w.backend = func(rw http.ResponseWriter, r *http.Request) { inside <- true; <-leave; echo(rw, r) }
	addr, stop := w.listen(&gateway.Server{HeaderTimeout: time.Second, ReadTimeout: time.Second, ShutdownTimeout: 10 * time.Second})
	msg, req := w.protect(soap.V11, payload)
	replies := make(chan httpReply)
	go func() {
		resp, err := http.Post("http://"+addr+"/svc", "text/xml", bytes.NewReader(msg))
		if err != nil {
			t.Error(err)
			close(replies)
			return
		}
		b, _ := io.ReadAll(resp.Body)
		replies <- httpReply{resp, b}
	}()
	<-inside
	stopped := make(chan error)
	go func() { stopped <- stop() }()
	for { // until the listener is closed
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			break
		}
		conn.Close()
		time.Sleep(5 * time.Millisecond)
	}
	close(leave)
	if r, ok := <-replies; ok {
		w.open(r, req)
	}
	if err := <-stopped; err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

func TestShutdownHasALimit(t *testing.T) {
	w := newWorld(t)
	inside := make(chan bool)
	w.backend = func(_ http.ResponseWriter, r *http.Request) { inside <- true; <-r.Context().Done() }
	addr, stop := w.listen(&gateway.Server{HeaderTimeout: time.Second, ReadTimeout: time.Second, ShutdownTimeout: 50 * time.Millisecond})
	msg, _ := w.protect(soap.V11, payload)
	go func() {
		if resp, err := http.Post("http://"+addr+"/svc", "text/xml", bytes.NewReader(msg)); err == nil {
			resp.Body.Close()
		}
	}()
	<-inside
	start := time.Now()
	if err := stop(); err != nil || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	if all := w.events.all(); len(all) != 1 || all[0]["code"] != "shutdown" {
		t.Errorf("when it has stopped, the event of what was cut off is not there, or blames another: %v", all)
	}
}

// A body that never comes, and is cut off by the end, is not the sender's doing either.
func TestShutdownOfAHalfSentRequest(t *testing.T) {
	w := newWorld(t)
	log := new(eventLog)
	addr, stop := w.listen(&gateway.Server{Log: slog.New(slog.NewJSONHandler(log, nil)), HeaderTimeout: time.Minute, ReadTimeout: time.Minute, ShutdownTimeout: 50 * time.Millisecond})
	for range 2 {
		conn, err := net.Dial("tcp", addr)
		w.must(err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST /svc HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
		w.must(err)
		_, err = conn.Read(make([]byte, 1)) // the gateway waits for the body now
		w.must(err)
	}
	w.must(stop())
	if all := w.events.all(); len(all) != 2 || all[0]["code"] != "shutdown" || all[1]["code"] != "shutdown" {
		t.Errorf("%v", all)
	}
	said := log.all()
	if len(said) != 2 || said[0]["msg"] != "stopping" || said[0]["exchanges"] != 2.0 || said[1]["msg"] != "exchanges were cut off" || said[1]["exchanges"] != 2.0 {
		t.Errorf("%v", said)
	}
}

func TestClientGone(t *testing.T) {
	w := newWorld(t)
	inside := make(chan bool)
	w.backend = func(_ http.ResponseWriter, r *http.Request) { inside <- true; <-r.Context().Done() }
	msg, _ := w.protect(soap.V11, payload)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-inside; cancel() }()
	req, _ := http.NewRequestWithContext(ctx, "POST", w.gateway.URL+"/svc", bytes.NewReader(msg))
	req.Header.Set("Content-Type", "text/xml")
	if _, err := w.gateway.Client().Do(req); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if w.code(1) != "client-gone" {
		t.Errorf("code %s", w.code(1))
	}
}

// A panic would be our bug; it costs one exchange, says nothing to the client,
// and gives its octets back.
func TestPanicCostsOneExchange(t *testing.T) {
	bad := true
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) {
		inner := gateway.NewTransport()
		c.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			if bad {
				panic("secret")
			}
			return inner.RoundTrip(r)
		})
	})
	r, _ := w.call()
	if f := w.plainFault(r); r.StatusCode != 500 || f.Code != soap.Receiver || bytes.Contains(r.body, []byte("secret")) {
		t.Errorf("HTTP %d %s", r.StatusCode, r.body)
	}
	if ev := w.event(1); ev["code"] != "internal" || ev["level"] != "ERROR" || !strings.Contains(fmt.Sprint(ev["error"]), "secret") {
		t.Errorf("event %v", ev)
	}
	bad = false
	r, req := w.call()
	w.open(r, req)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestConcurrentExchanges(t *testing.T) {
	w := newWorld(t)
	var g sync.WaitGroup
	for i := range 32 {
		body := fmt.Sprintf(`<q:Ask xmlns:q="urn:q">%d%s</q:Ask>`, i, strings.Repeat("x", 5000*i))
		msg, req := w.protect(soap.V11, body)
		g.Go(func() {
			r := w.post(soap.V11, bytes.NewReader(msg))
			if opened := w.open(r, req); !strings.Contains(opened, fmt.Sprintf(">%dx", i)) && i > 0 {
				t.Errorf("%d: somebody else's reply: %.200s", i, opened)
			}
		})
	}
	g.Wait()
}

// numbered gives n attributes.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` z%d=""`, i)
	}
	return b.String()
}
