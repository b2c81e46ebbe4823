package assembly

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store/redistest"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// interruptedRecords are the records of a process, in which something happens before
// an id is entered.
type interruptedRecords struct {
	*replay.Memory
	event atomic.Pointer[func()]
}

func (r *interruptedRecords) AddFor(ctx context.Context, client string, id [32]byte, expires time.Time) (bool, error) {
	if f := r.event.Swap(nil); f != nil {
		(*f)()
	}
	return r.Memory.AddFor(ctx, client, id, expires)
}

// A node has looked at the time of what a client presents, and has not entered it
// yet, when the store loses its memory and another exchange notices it: nothing is
// accepted then that another node has accepted before.
func TestStoreThatForgetsDuringAnExchange(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(w *interruptedWorld) (present func() int, enters *interruptedRecords){
		"ticket of a message": func(w *interruptedWorld) (func() int, *interruptedRecords) {
			wire := w.message()
			return func() int { return w.ticket(wire) }, w.tickets
		},
		"HTTP token": func(w *interruptedWorld) (func() int, *interruptedRecords) {
			token, _, err := w.mechanism(gss.MechanismSPNEGO).Step(w.t.Context(), nil)
			w.must(err)
			return func() int {
				r := httptest.NewRequest(http.MethodGet, "/h", nil)
				r.Header.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString(token))
				rec := httptest.NewRecorder()
				w.gateway.ServeHTTP(rec, r)
				return rec.Code
			}, w.tickets
		},
		"message under a context": func(w *interruptedWorld) (func() int, *interruptedRecords) {
			p, _ := wssec.Preset("SspiNegotiated")
			m, _ := w.under(p, wssec.OutgoingToken{Context: w.nodesWorld.context()}, body("/a", "urn:q:ask", payload))
			return func() int { return w.send(m).status }, w.messages
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newInterruptedWorld(t)
			present, enters := prepare(w)
			if status := present(); status != http.StatusOK {
				t.Fatalf("HTTP %d: %s", status, w.log.String())
			}
			w.on(1)
			forget := func() {
				w.server.Do("FLUSHALL")
				redistest.Until(t, "the node notices it", func() bool { return w.ticket(w.message()) == http.StatusOK })
			}
			enters.event.Store(&forget)
			if status := present(); status == http.StatusOK {
				t.Error("accepted by two nodes")
			}
			if enters.event.Load() != nil {
				t.Error("nothing was entered")
			}
		})
	}
}

// An interruptedWorld has two nodes; the records of the second can be interrupted.
type interruptedWorld struct {
	*nodesWorld
	server            *redistest.Server
	tickets, messages *interruptedRecords
}

func newInterruptedWorld(t *testing.T) *interruptedWorld {
	records := func() *interruptedRecords {
		return &interruptedRecords{Memory: replay.NewMemory(replay.MemoryConfig{})}
	}
	w := &interruptedWorld{server: redistest.Start(t), tickets: records(), messages: records()}
	w.nodesWorld = newNodesWorld(t, "", "store-timeout: 10s\ntls-offloaded: true\n"+
		"routes:\n- {path: /k, policy: Kerberos}\n- {path: /a, policy: SspiNegotiated}\n"+
		"- {path: /h, standard: spnego-http}\n#", w.server.URL())
	w.startWith(w.text, ReplayStores{Tickets: w.tickets, Messages: w.messages})
	return w
}

// ticket sends a message to the route of tickets.
func (w *interruptedWorld) ticket(wire []byte) int {
	r := httptest.NewRequest(http.MethodPost, "/k", bytes.NewReader(wire))
	r.Header.Set("Content-Type", soap.V11.ContentType())
	rec := httptest.NewRecorder()
	w.gateway.ServeHTTP(rec, r)
	return rec.Code
}
