package gateway_test

import (
	"bytes"
	"context"
	"flag"
	"math"
	"net/http"
	"net/url"
	"runtime"
	"testing"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
)

var heapSize = flag.Int("heap-size", 4<<20, "octets of the Body of TestHeapOfALargeExchange")

// TestHeapOfALargeExchange measures what an exchange of a large message and as
// large a reply holds when it holds most: with the message and what is written
// for the backend, and with the reply and what is written for the client. All in
// parts of the message as it arrives. Three quarters of it are the Body, whose index
// takes half as much again; when the reply is written the request's are gone.
func TestHeapOfALargeExchange(t *testing.T) {
	h := newHandled(t, *heapSize)
	forwarded := h.heapOf(t, math.MaxInt, false) // as it is just before it would be let go
	answered := h.heapOf(t, 1<<20, true)
	t.Logf("a Body of %d octets: %.2f times the message in the heap when it is forwarded, %.2f when it is answered",
		len(h.body), forwarded, answered)
	if forwarded > 3.8 || answered > 3.1 {
		t.Errorf("%.2f and %.2f times the message", forwarded, answered)
	}
}

// heapOf returns how much of the heap an exchange holds, in parts of its message,
// when the backend has the message or when the answer is written. Messages are let
// go from a size on.
func (h *handled) heapOf(t *testing.T, letGo int, answered bool) (parts float64) {
	defer gateway.LetGoFrom(gateway.LetGoFrom(letGo))
	message, _ := h.protect(soap.V11, h.body)
	h.sent = nil // which holds the message before
	before := liveHeap()
	measure := func() { parts = float64(liveHeap()-before) / float64(len(message)) }
	w := &watcher{sink: sink{header: http.Header{}}, write: func() {}}
	if h.sent = measure; answered {
		h.sent, w.write = nil, measure
	}
	r := (&http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/svc"}, Host: "gw.example.com", ProtoMajor: 1,
		Header:     http.Header{"Content-Type": {"text/xml; charset=utf-8"}, "Soapaction": {`"urn:a"`}},
		RemoteAddr: "192.0.2.1:1234", Body: &watched{bytes.NewReader(message)}, ContentLength: int64(len(message)),
	}).WithContext(context.Background())
	h.gateway.Config.Handler.ServeHTTP(w, r)
	if w.status != http.StatusOK {
		t.Fatalf("HTTP %d", w.status)
	}
	runtime.KeepAlive(message)
	return parts
}

type watched struct{ *bytes.Reader }

func (*watched) Close() error { return nil }

// A watcher sees the answer when it is whole.
type watcher struct {
	sink
	write func()
}

func (w *watcher) Write(b []byte) (int, error) { w.write(); return len(b), nil }

// liveHeap returns the octets of the heap that are in use.
func liveHeap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
