package gateway_test

import (
	"bytes"
	"context"
	"flag"
	"math"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"testing"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

var heapSize = flag.Int("heap-size", 4<<20, "octets of the Body of TestHeapOfALargeExchange")

// TestHeapOfALargeExchange measures what an exchange of a large message and as
// large a reply holds: when the message has been verified, when it is written for the
// backend, when the reply has been scanned, and when it is written for the client.
// All in parts of the message as it arrives. Three quarters of it are the Body, whose
// index takes half as much again; when the reply comes the request is gone.
func TestHeapOfALargeExchange(t *testing.T) {
	h := newHandled(t, *heapSize)
	parts := h.heapOf(t, 1<<20, false)
	h.heapOf(t, math.MaxInt, true)
	parts[1] = h.heapOf(t, math.MaxInt, false)[1] // as it is just before the message would be let go
	t.Logf("a Body of %d octets: in the heap are %.2f times the message when it has been verified, %.2f when it is "+
		"forwarded, %.2f when the reply has been scanned, %.2f when it is answered",
		len(h.body), parts[0], parts[1], parts[2], parts[3])
	if slices.Max(parts[:]) > 2.5 {
		t.Errorf("more than 2.5 times the message: %.2f", parts)
	}
}

// heapOf returns how much of the heap an exchange holds, in parts of its message, at
// each of the places, and that the budget knows of it. Messages are let go from a size
// on; one may be in UTF-16.
func (h *handled) heapOf(t *testing.T, letGo int, wide bool) (parts [4]float64) {
	defer gateway.LetGoFrom(gateway.LetGoFrom(letGo))
	message, _ := h.protect(soap.V11, h.body)
	charset := "utf-8"
	if wide {
		message, charset = inUTF16(message), "utf-16"
	}
	h.sent = nil // which holds the message before
	before := liveHeap()
	var g *gateway.Gateway
	measure := func(i int) func() {
		return func() {
			held := int64(liveHeap() - before)
			parts[i] = float64(held) / float64(len(message))
			if used := g.InFlight(); held > used+128<<10 {
				t.Errorf("%s: at place %d the exchange holds %d octets, of which the budget has %d", charset, i, held, used)
			}
		}
	}
	cfg := h.config
	cfg.MaxMessage = 1 << 28
	cfg.Routes = slices.Clone(cfg.Routes)
	cfg.Routes[0].Door = &watchedDoor{cfg.Routes[0].Door, measure(0), measure(2)}
	var err error
	g, err = gateway.New(cfg)
	h.must(err)
	h.sent = measure(1)
	w := &watcher{sink: sink{header: http.Header{}}, write: measure(3)}
	r := (&http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/svc"}, Host: "gw.example.com", ProtoMajor: 1,
		Header:     http.Header{"Content-Type": {"text/xml; charset=" + charset}, "Soapaction": {`"urn:a"`}},
		RemoteAddr: "192.0.2.1:1234", Body: &watched{bytes.NewReader(message)}, ContentLength: int64(len(message)),
	}).WithContext(context.Background())
	g.ServeHTTP(w, r)
	if w.status != http.StatusOK {
		t.Fatalf("HTTP %d", w.status)
	}
	runtime.KeepAlive(message)
	return parts
}

// A watchedDoor says when it has admitted a message, and when a reply has been
// scanned.
type watchedDoor struct {
	door.Door
	admitted, replied func()
}

func (d *watchedDoor) Choose(door.Arrival) (door.Door, error) { return d, nil }

func (d *watchedDoor) Admit(ctx context.Context, in door.Arrival) (door.Admitted, error) {
	m, err := d.Door.Admit(ctx, in)
	return watchedMessage{m, d}, err
}

type watchedMessage struct {
	door.Admitted
	door *watchedDoor
}

func (m watchedMessage) Authorized(ctx context.Context) error {
	m.door.admitted()
	return m.Admitted.Authorized(ctx)
}

func (m watchedMessage) Protect(
	ctx context.Context, dst []byte, reply *soap.Envelope, own ...xmltext.Node,
) ([]byte, error) {
	m.door.replied()
	return m.Admitted.Protect(ctx, dst, reply, own...)
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
