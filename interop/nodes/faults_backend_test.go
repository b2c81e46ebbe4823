package nodes

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/soap"
)

// A faultyBackend is the recorder with what can go wrong behind it.
type faultyBackend struct {
	recorder *recorder
	mu       sync.Mutex
	how      func(w http.ResponseWriter)
}

// fail has all further messages answered by how; nil is as the recorder does.
func (b *faultyBackend) fail(how func(http.ResponseWriter)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.how = how
}

func (b *faultyBackend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	how := b.how
	b.mu.Unlock()
	if how == nil {
		b.recorder.ServeHTTP(w, r)
		return
	}
	b.recorder.ServeHTTP(httptest.NewRecorder(), r)
	how(w)
}

// says returns a way to answer: these octets, as fast as they come, and then the
// end of the connection.
func says(text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, text)
	}
}

// drips answers with a message that does not end.
func drips(w http.ResponseWriter) {
	w.Header().Set("Content-Type", soap.V11.ContentType())
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if _, err := io.WriteString(w, " "); err != nil {
			return
		}
		w.(http.Flusher).Flush()
	}
}

// floods answers with more than max-message.
func floods(w http.ResponseWriter) {
	w.Header().Set("Content-Type", soap.V11.ContentType())
	for range 64 {
		if _, err := w.Write(bytes.Repeat([]byte(" "), 64<<10)); err != nil {
			return
		}
	}
}

// resets ends the connection without an answer, by a reset.
func resets(w http.ResponseWriter) {
	if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
		_ = c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
}

// Whatever its backend does, a node answers each message once, with a protected
// fault that says nothing of the backend, has sent it to the backend once at most,
// and answers the next one that the backend answers.
func TestFaultsOfTheBackend(t *testing.T) {
	t.Parallel()
	w := newFaultWorld(t, "backend-timeout: 300ms\nmax-message: 1MiB\n")
	b := &faultyBackend{recorder: w.backend}
	server := httptest.NewServer(b)
	defer server.Close()
	w.backend.url = server.URL
	n := w.start()
	const head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/xml; charset=utf-8\r\n"
	for _, c := range []struct {
		name, code string
		how        func(http.ResponseWriter)
	}{
		{"says nothing", "backend-timeout", func(http.ResponseWriter) { time.Sleep(time.Second) }},
		{"sends an octet every 50 ms", "backend-timeout", drips},
		{"resets the connection", "backend-down", resets},
		{"closes the connection", "backend-down", says("")},
		{"is cut off in the header section", "backend-down", says(head + "Conte")},
		{"is cut off in the body", "backend-down", says(head + "Content-Length: 1000\r\n\r\n<s:Envelope")},
		{"is cut off in a chunk", "backend-down", says(head + "Transfer-Encoding: chunked\r\n\r\nff\r\n<s:Envelope")},
		{"answers no HTTP", "backend-down", says("\x16\x03\x01 what\r\n\r\n")},
		{"answers a page", "backend-not-soap", says("HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n" +
			"Content-Type: text/html\r\nContent-Length: 4\r\n\r\n<p/>")},
		{"answers half an envelope", "backend-not-soap", says(head + "Content-Length: 11\r\n\r\n<s:Envelope")},
		{"answers 4 MiB", "backend-too-large", floods},
	} {
		before := n.count(c.code)
		b.fail(c.how)
		got := n.callers(t, 4, 2)
		b.fail(nil)
		recovered := n.recovers(t)
		until(t, "8 times "+c.code+" in "+n.exchanges(), func() bool { return n.count(c.code)-before >= 8 })
		t.Logf("faults: | %s | %v | `%s` %d | %v |", c.name, got, c.code, n.count(c.code)-before, recovered)
		if !got.only(protectedFault) {
			t.Errorf("a backend that %s: %v", c.name, got)
		}
	}
	server.Listener.Close()
	server.CloseClientConnections()
	got := n.callers(t, 4, 2)
	t.Logf("faults: | is dead | %v | `backend-down` |", got)
	if !got.only(protectedFault) {
		t.Errorf("a dead backend: %v", got)
	}
	w.backend.check(t)
	n.check(t)
}

// What clients get where the backend, or the node, cannot: a fault that is protected
// like any reply, and one that comes before anything is known of the sender.
const (
	protectedFault = "service-fault, HTTP 500, Receiver "
	unprotected503 = "service-refuses, HTTP 503, Receiver "
)

// count returns how many exchanges have ended with a code.
func (n *node) count(code string) int {
	codes := map[string]int{}
	n.codes(codes)
	return codes[code]
}
