package assembly

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store/redistest"
	"github.com/wssgate/wssgate/internal/stores"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A nodesWorld is a contextWorld of several gateways that share a store. Its
// gateway is the node that is asked.
type nodesWorld struct {
	*contextWorld
	nodes  []http.Handler
	stores []*stores.Stores
	keys   string // file of state-keys
	rings  []*Keyring
	text   string // configuration of the last one
}

// newNodesWorld makes nodes whose stores have these URLs, one each.
func newNodesWorld(t *testing.T, policy, settings string, urls ...string) *nodesWorld {
	t.Helper()
	w := &nodesWorld{contextWorld: &contextWorld{serviceWorld: newServiceWorld(t, service), from: "192.0.2.7:1"}}
	w.keys = filepath.Join(w.dir, "state.keys")
	stateKeys(t, w.dir, "a")
	backend := httptest.NewServer(http.HandlerFunc(quote))
	t.Cleanup(backend.Close)
	if !strings.Contains(settings, "store-timeout") {
		settings += "store-timeout: 10s\n"
	}
	if policy != "" {
		policy = "policy: " + policy
	}
	for _, url := range urls {
		w.start(fmt.Sprintf("backend: %s\nrefusal-delay: 20ms\n%s\nkeytab: %s\nstate-keys: %s\nstore: %s\n%s"+
			"routes: [{path: /a}, {path: /b}]\n", backend.URL, policy, w.keytab("svc", service), w.keys, url, settings))
	}
	w.on(0)
	return w
}

// start starts a node.
func (w *nodesWorld) start(text string) {
	w.t.Helper()
	w.startWith(text, MemoryReplay(loadConfig(w.t, text)))
}

// startWith starts a node that has these records of its own.
func (w *nodesWorld) startWith(text string, own ReplayStores) {
	w.t.Helper()
	cfg := loadConfig(w.t, text)
	w.text = text
	log := slog.New(slog.NewJSONHandler(&w.log, nil))
	keys := NewKeyring(cfg, log)
	var err error
	own.stores, err = stores.Open(cfg, log)
	w.must(err)
	w.t.Cleanup(own.stores.Close)
	g, err := New(Config{cfg, keys, own, log, nil, nil})
	w.must(err)
	redistest.Until(w.t, "the store works", func() bool { return len(own.stores.Outages()) == 0 })
	w.nodes, w.stores, w.rings = append(w.nodes, g), append(w.stores, own.stores), append(w.rings, keys)
}

// on makes a node the one that is asked.
func (w *nodesWorld) on(i int) { w.gateway = w.nodes[i] }

// message protects a question with a fresh ticket.
func (w *nodesWorld) message() []byte {
	w.t.Helper()
	token, key, err := w.kdc.Token("alice", service, krbtest.TokenOptions{})
	w.must(err)
	env, err := soap.Parse([]byte(question), xmltext.Options{})
	w.must(err)
	wire, _, err := w.serviceWorld.client.ProtectRequest(nil, env,
		wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
	w.must(err)
	return wire
}

// post sends a message to a node, and returns its status.
func (w *nodesWorld) post(node int, wire []byte) int { return w.postTo(node, "/a", wire) }

// postTo sends a message to a route of a node, and returns its status.
func (w *nodesWorld) postTo(node int, path string, wire []byte) int {
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(wire))
	r.Header.Set("Content-Type", soap.V11.ContentType())
	rec := httptest.NewRecorder()
	w.nodes[node].ServeHTTP(rec, r)
	return rec.Code
}

// Of all presentations of one ticket, on whatever node and at whatever time, one
// is accepted.
func TestNodesAcceptATicketOnce(t *testing.T) {
	t.Parallel()
	url := redistest.Start(t).URL()
	w := newNodesWorld(t, "Kerberos", "", url, url, url)
	wire := w.message()
	if status := w.post(0, wire); status != http.StatusOK {
		t.Fatal(status, w.log.String())
	}
	for _, node := range []int{1, 2, 0} {
		if status := w.post(node, wire); status == http.StatusOK || w.lastCode() != "ticket-replay" {
			t.Errorf("again on node %d: HTTP %d, %s", node, status, w.lastCode())
		}
	}
	for range 20 {
		wire := w.message()
		var accepted atomic.Int64
		var racers sync.WaitGroup
		for i := range 64 {
			racers.Go(func() {
				if w.post(i%3, wire) == http.StatusOK {
					accepted.Add(1)
				}
			})
		}
		if racers.Wait(); accepted.Load() != 1 {
			t.Fatalf("accepted %d times", accepted.Load())
		}
	}
}

// A route without the store of another one does not know what that has accepted on
// other nodes, as docs/shared-state.md says, and serve at start.
func TestRoutesWithDifferentStoresKnowEachOthersTicketsOnOneNode(t *testing.T) {
	t.Parallel()
	url := redistest.Start(t).URL()
	w := newNodesWorld(t, "", "store-timeout: 10s\nroutes: [{path: /a, policy: Kerberos}, "+
		"{path: /b, policy: Kerberos, store: none}]\n#", url, url)
	if n := strings.Count(w.log.String(), `"msg":"another route of this service has another store`); n != 2 {
		t.Errorf("two nodes say it %d times:\n%s", n, w.log.String())
	}
	wire := w.message()
	for _, tt := range []struct {
		node int
		path string
		code string
	}{{0, "/a", "ok"}, {0, "/b", "ticket-replay"}, {1, "/a", "ticket-replay"}, {1, "/b", "ticket-replay"}} {
		w.postTo(tt.node, tt.path, wire)
		if code := w.lastCode(); code != tt.code {
			t.Errorf("node %d, %s: %s, not %s", tt.node, tt.path, code, tt.code)
		}
	}
	if wire = w.message(); w.postTo(0, "/a", wire) != http.StatusOK || w.postTo(1, "/b", wire) != http.StatusOK {
		t.Error("routes with different stores share records: correct docs/shared-state.md and the warning")
	}
}

// Each leg of a negotiation, and each message, may reach another node. A message
// under the context is accepted once, by whichever node gets it.
func TestNodesGoOnWithWhatAnotherHasBegun(t *testing.T) {
	t.Parallel()
	url := redistest.Start(t).URL()
	w := newNodesWorld(t, "SspiNegotiated", "", url, url)
	if o := w.send(rst("c", ntlmFirst())); o.status != http.StatusOK {
		t.Fatal(o.event)
	}
	w.on(1)
	last := w.rest("c")
	w.on(0)
	if o := w.send(last); o.status != http.StatusOK {
		t.Errorf("last leg on another node: %v", o.event)
	}
	w.on(1)
	if o := w.send(last); o.status == http.StatusOK {
		t.Error("a leg was accepted twice")
	}
	sc := w.context()
	for node := range w.nodes {
		w.on(node)
		if o := w.ask("/a", sc); o.status != http.StatusOK {
			t.Errorf("node %d does not know the context: %v", node, o.event)
		}
	}
	w.refused(w.ask("/b", sc), badContext, "security-context-unknown")
	p, _ := wssec.Preset("SspiNegotiated")
	m, _ := w.under(p, wssec.OutgoingToken{Context: sc}, body("/a", "urn:q:ask", payload))
	for node, want := range []string{"ok", "message-replayed"} {
		w.on(node)
		if o := w.send(m); o.event["code"] != want {
			t.Errorf("node %d: %v, want %s", node, o.event, want)
		}
	}
}

// A context that was cancelled on one node ends on the others at once, though they
// have it in memory: within 50 ms on an idle machine, and never by its expiry, which
// is hours away.
func TestNodesHearOfACancel(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w := &conversationWorld{}
	n := newNodesWorld(t, "SecureConversation", "", server.URL(), server.URL())
	w.contextWorld = n.contextWorld
	w.policy, _ = wssec.Preset("SecureConversation")
	w.bootstrap = *w.policy.Bootstrap
	w.useRequester()
	sc := w.issued()
	for range 3 { // in the memory of both
		for node := range n.nodes {
			n.on(node)
			if o := w.ask("/a", sc); o.status != http.StatusOK {
				t.Fatal(o.event)
			}
		}
	}
	n.on(0)
	req, err := w.requester.Cancel(*sc)
	w.must(err)
	_, err = w.operate(w.policy, wssec.OutgoingToken{Context: sc}, req)
	w.must(err)
	cancelled := time.Now()
	n.on(1)
	redistest.Until(t, "the other node hears of the Cancel", func() bool {
		return w.ask("/a", sc).event["code"] == "security-context-cancelled"
	})
	t.Logf("heard of within %v", time.Since(cancelled))
}
