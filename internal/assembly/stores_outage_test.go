package assembly

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store/redistest"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// An outageWorld has two nodes with routes of all standards, and what clients have
// agreed with them before an outage. The first reaches the store by a proxy.
type outageWorld struct {
	*nodesWorld
	server  *redistest.Server
	proxy   *redistest.Proxy
	context *wssec.SecurityContext // of route /a, whose messages are signed
	overTLS *wssec.SecurityContext // of route /t
	cookie  *http.Cookie           // of route /h
	old     []byte                 // a message with a ticket that was made before, and not sent
}

// outageTimeout is the deadline of the store: a loaded machine meets it.
const outageTimeout = 2 * time.Second

func newOutageWorld(t *testing.T, args ...string) *outageWorld {
	t.Helper()
	w := &outageWorld{server: redistest.Start(t, args...)}
	w.proxy = redistest.StartProxy(t, w.server.Addr)
	w.nodesWorld = newNodesWorld(t, "", fmt.Sprintf("store-timeout: %v\ntls-offloaded: true\n", outageTimeout)+
		"routes:\n- {path: /k, policy: Kerberos}\n- {path: /a, policy: SspiNegotiated}\n"+
		"- {path: /t, policy: SspiNegotiatedOverTransport}\n- {path: /h, standard: spnego-http, session-lifetime: 1h}\n#",
		w.proxy.URL(), w.server.URL())
	w.context = w.nodesWorld.context()
	sc, err := w.negotiated(func(m sentMessage) sentMessage { m.path = "/t"; return m })
	w.must(err)
	w.overTLS = sc
	for node := range w.nodes {
		w.on(node)
		for name, status := range map[string]int{"signed": w.signed(), "over TLS": w.underTLS(),
			"negotiation": w.negotiation(),
			"ticket":      w.ticket(w.message())} {
			if status != http.StatusOK {
				t.Fatalf("%s before the outage: HTTP %d", name, status)
			}
		}
	}
	rec := w.http(true)
	if rec.Code != http.StatusOK || len(rec.Result().Cookies()) == 0 {
		t.Fatalf("HTTP before the outage: %d, %v", rec.Code, rec.Header())
	}
	w.cookie = rec.Result().Cookies()[0]
	w.old = w.message()
	w.on(0)
	return w
}

// ticket sends a message to the route of tickets.
func (w *outageWorld) ticket(wire []byte) int {
	r := httptest.NewRequest(http.MethodPost, "/k", bytes.NewReader(wire))
	r.Header.Set("Content-Type", soap.V11.ContentType())
	rec := httptest.NewRecorder()
	w.gateway.ServeHTTP(rec, r)
	return rec.Code
}

// signed sends a message under a context, whose signature is recorded.
func (w *outageWorld) signed() int { return w.ask("/a", w.context).status }

// underTLS sends one that TLS protects, of which nothing is recorded.
func (w *outageWorld) underTLS() int {
	p, _ := wssec.Preset("SspiNegotiatedOverTransport")
	m, _ := w.under(p, wssec.OutgoingToken{Context: w.overTLS}, body("/t", "urn:q:ask", payload))
	return w.send(m).status
}

// negotiation negotiates another context.
func (w *outageWorld) negotiation() int {
	return w.send(rst(fmt.Sprint(time.Now().UnixNano()), w.firstToken())).status
}

// http sends a request with a ticket, or with the cookie of a session.
func (w *outageWorld) http(ticket bool) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/h", nil)
	if ticket {
		token, _, err := w.mechanism(gss.MechanismSPNEGO).Step(w.t.Context(), nil)
		w.must(err)
		r.Header.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString(token))
	} else {
		r.AddCookie(w.cookie)
	}
	rec := httptest.NewRecorder()
	w.gateway.ServeHTTP(rec, r)
	return rec
}

// An outageRow is what becomes of requests in an outage, by their HTTP status: the
// row of the table in docs/shared-state.md.
type outageRow struct {
	ticket, negotiation, signed, underTLS, http, session int
}

func (w *outageWorld) row() outageRow {
	w.t.Helper()
	return outageRow{w.ticket(w.message()), w.negotiation(), w.signed(), w.underTLS(),
		w.http(true).Code, w.http(false).Code}
}

// becomes waits until requests are treated as a row says, and stay so.
func (w *outageWorld) becomes(want outageRow) {
	w.t.Helper()
	var got outageRow
	for end := time.Now().Add(time.Minute); got != want && time.Now().Before(end); {
		got = w.row()
	}
	for range 2 {
		if got = w.row(); got != want {
			w.t.Errorf("%+v, want %+v", got, want)
		}
	}
}

const (
	ok     = http.StatusOK
	fault  = http.StatusInternalServerError // of SOAP: begin anew
	refuse = http.StatusServiceUnavailable
)

// TestOutagesOfAStore is the table of docs/shared-state.md.
func TestOutagesOfAStore(t *testing.T) {
	t.Parallel()
	down := outageRow{refuse, refuse, refuse, refuse, refuse, ok}
	full := outageRow{refuse, refuse, refuse, ok, refuse, ok}
	up := outageRow{ok, ok, ok, ok, ok, ok}
	forgotten := outageRow{ok, ok, fault, fault, ok, ok}
	for name, tt := range map[string]struct {
		begin, end func(w *outageWorld)
		during     outageRow
		after      outageRow
	}{
		"dead": {func(w *outageWorld) { w.server.Kill() }, func(w *outageWorld) { w.server.Run() }, down, forgotten},
		"slow": {func(w *outageWorld) { w.proxy.Slow(2 * outageTimeout) }, func(w *outageWorld) { w.proxy.Slow(0) },
			down, up},
		"read-only": {
			func(w *outageWorld) { w.server.Do("REPLICAOF", "127.0.0.1", "1") },
			func(w *outageWorld) { w.server.Do("REPLICAOF", "NO", "ONE") }, full, up},
		"out of memory": {
			func(w *outageWorld) { w.server.Do("CONFIG", "SET", "maxmemory", "1") },
			func(w *outageWorld) { w.server.Do("CONFIG", "SET", "maxmemory", "0") }, full, up},
		"partitioned from one node": {
			func(w *outageWorld) { w.proxy.Silence(true) }, func(w *outageWorld) { w.proxy.Silence(false) }, down, up},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newOutageWorld(t)
			tt.begin(w)
			// Nothing gets through before the outage is noticed either.
			if status := w.ticket(w.old); status == ok {
				t.Error("a ticket was accepted without a record")
			}
			w.becomes(tt.during)
			if list := w.stores[0].Outages(); len(list) != 1 {
				t.Errorf("/readyz: %q", list)
			}
			if name == "partitioned from one node" {
				w.on(1)
				w.becomes(up)
				w.on(0)
			}
			begun := time.Now()
			w.row()
			if took := time.Since(begun); took > 30*time.Second {
				t.Errorf("six refusals took %v: the store is asked for each", took)
			}
			tt.end(w)
			w.becomes(tt.after)
			if status := w.ticket(w.old); status == ok {
				t.Error("a ticket was accepted the second time")
			}
			if n := countLines(w.log.String(), `"level":"ERROR"`); n > 2 {
				t.Errorf("%d errors in the log: %s", n, w.log.String())
			}
		})
	}
}

// A store that has lost what it had has clients begin anew, and accepts nothing
// that was made before.
func TestStoreThatHasForgotten(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(w *outageWorld){
		"flushed":         func(w *outageWorld) { w.server.Do("FLUSHALL") },
		"restarted empty": func(w *outageWorld) { w.server.Kill(); w.server.Run() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newOutageWorld(t)
			w.on(1)
			used := w.message()
			if status := w.ticket(used); status != ok {
				t.Fatal(status)
			}
			forget(w)
			w.on(0)
			for range 5 {
				if status := w.ticket(used); status == ok {
					t.Fatal("a ticket was accepted on two nodes")
				}
			}
			w.becomes(outageRow{ok, ok, fault, fault, ok, ok})
			for _, old := range [][]byte{used, w.old} {
				if status := w.ticket(old); status == ok {
					t.Error("a ticket was accepted that was made before the loss")
				}
			}
			w.context = w.nodesWorld.context()
			if status := w.signed(); status != ok {
				t.Errorf("a new context: %d", status)
			}
		})
	}
}

func countLines(text, word string) int { return bytes.Count([]byte(text), []byte(word)) }
