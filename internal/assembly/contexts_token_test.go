package assembly

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store/redistest"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// A tokenWorld is two nodes with one state-keys and nothing else in common, whose
// contexts are in their tokens. Messages go to the one after the other.
type tokenWorld struct {
	*conversationWorld
	nodes  [2]http.Handler
	config string
}

func newTokenWorld(t *testing.T, policy string) *tokenWorld {
	t.Helper()
	dir := t.TempDir()
	stateKeys(t, dir, "a")
	settings := "max-contexts: 16\ncontext-storage: token\nstate-keys: " + dir + "/state.keys\n"
	w := &tokenWorld{conversationWorld: newConversationWorldWith(t, policy, policy, settings)}
	w.nodes[0] = w.gateway
	w.config = "refusal-delay: 20ms\npolicy: " + policy + "\nkeytab: " + w.dir + "/svc\n" + settings +
		"routes: [{path: /a}, {path: /b}]\n"
	w.start()
	return w
}

// start starts the second node, anew if it is running.
func (w *tokenWorld) start() {
	w.t.Helper()
	w.must(w.assemble(w.config))
	w.nodes[1] = w.gateway
	w.gateway = w
}

// ServeHTTP hands a request to the node whose turn it is.
func (w *tokenWorld) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.nodes[0], w.nodes[1] = w.nodes[1], w.nodes[0]
	w.nodes[0].ServeHTTP(rw, r)
}

// Each leg and each message of a conversation is answered by another node, though
// neither knows what the other has issued. A client may have more contexts than
// there is room for: none is kept.
func TestContextsInTokensAreGoodOnEveryNode(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"SecureConversation", "ws2007HttpBinding"} {
		w := newTokenWorld(t, policy)
		for range 8 {
			sc := w.issued()
			if len(sc.Cookie) == 0 {
				t.Fatal("the token has no Cookie")
			}
			for range 3 {
				if o := w.ask("/a", sc); o.status != http.StatusOK || o.event["principal"] != "alice@"+realm {
					t.Fatalf("%s: %v", policy, o.event)
				}
			}
			w.refused(w.ask("/b", sc), badContext, "security-context-cookie")
			stripped := *sc
			stripped.Cookie = nil
			w.refused(w.ask("/a", &stripped), badContext, "security-context-cookie")
		}
	}
}

// A context goes on after a restart, but what was sent under it before is not
// accepted again: the records of signatures have ended with the process before.
func TestMessagesUnderContextsInTokensAreTakenOnceOverARestart(t *testing.T) {
	t.Parallel()
	w := newTokenWorld(t, "SecureConversation")
	w.nodes[0] = w.nodes[1] // one node
	sc := w.issued()
	m, _ := w.under(w.policy, wssec.OutgoingToken{Context: sc}, body("/a", "urn:q:ask", `<q:GetQuote xmlns:q="urn:q"/>`))
	if o := w.send(m); o.status != http.StatusOK {
		t.Fatal(o.event)
	}
	time.Sleep(5 * time.Millisecond) // Timestamps have milliseconds
	w.start()
	w.nodes[0] = w.nodes[1]
	if o := w.send(m); o.event["code"] != "replay-store-unavailable" {
		t.Errorf("a replay: %v", o.event)
	}
	time.Sleep(5 * time.Millisecond)
	if o := w.ask("/a", sc); o.status != http.StatusOK {
		t.Errorf("a new message: %v", o.event)
	}
}

// The client of a negotiation gets its context in its token.
func TestNegotiatedContextsInTokens(t *testing.T) {
	t.Parallel()
	w := newTokenWorld(t, "ws2007HttpBinding")
	sc := w.context()
	if sc.Token != wssec.SpnegoContextToken || len(sc.Cookie) == 0 {
		t.Fatalf("%+v", sc)
	}
	req, err := w.requester.Issue()
	w.must(err)
	for range 2 { // one on each node
		next, err := w.operate(w.bootstrap, wssec.OutgoingToken{Context: sc}, req)
		if err != nil || len(next.Cookie) == 0 {
			t.Fatal(next, err)
		}
	}
}

// A renewed context has another Cookie, which each node accepts. The node that has
// renewed or cancelled it refuses what it has ended; the other one, without a
// store in common, does not.
func TestContextsInTokensAreRenewedAndCancelled(t *testing.T) {
	t.Parallel()
	w := newTokenWorld(t, "SecureConversation")
	first := w.issued()
	renew, err := w.requester.Renew(*first)
	w.must(err)
	second, err := w.operate(w.policy, wssec.OutgoingToken{Context: first}, renew)
	w.must(err)
	if second.Instance == "" || string(second.Cookie) == string(first.Cookie) {
		t.Fatalf("%+v", second)
	}
	for range 2 {
		if o := w.ask("/a", second); o.status != http.StatusOK {
			t.Fatal(o.event)
		}
	}
	cancel, err := w.requester.Cancel(*second)
	w.must(err)
	if _, err = w.operate(w.policy, wssec.OutgoingToken{Context: second}, cancel); err != nil {
		t.Fatal(err)
	}
	if o := w.ask("/a", second); o.status != http.StatusOK {
		t.Errorf("the node that has not heard of it: %v", o.event)
	}
	w.refused(w.ask("/a", second), badContext, "security-context-cancelled")
}

// Tokens that end with the process are worth a warning.
func TestNewWarnsOfContextsInTokensWithoutKeys(t *testing.T) {
	t.Parallel()
	const warning = "under a key that ends with this process"
	w := newContextWorld(t, "SspiNegotiated", "context-storage: token\n")
	if !strings.Contains(w.log.String(), warning) {
		t.Error("no warning")
	}
	if log := newTokenWorld(t, "SecureConversation").log.String(); strings.Contains(log, warning) {
		t.Error("a warning with state-keys")
	}
}

// Without their store, messages under tokens that hold their contexts go on, on any
// node, if each node remembers signatures itself. What has to be remembered is
// refused.
func TestContextsInTokensOutliveTheirStore(t *testing.T) {
	t.Parallel()
	for records, code := range map[string]string{"node": "ok", "shared": "replay-store-unavailable"} {
		server := redistest.Start(t)
		w := newNodesWorld(t, "SspiNegotiated", "context-storage: token\nsignature-records: "+records+"\n",
			server.URL(), server.URL())
		sc := w.context()
		server.Kill()
		for i := range w.nodes {
			w.on(i)
			if o := w.ask("/a", sc); o.event["code"] != code {
				t.Errorf("signature-records %s: %v", records, o.event)
			}
		}
		if sc, err := w.negotiated(nil); err == nil {
			t.Errorf("negotiated without a store: %v", sc.Identifier)
		}
	}
}

// A Cancel on one node ends the context on the other, by their store.
func TestContextsInTokensAreCancelledOnAllNodes(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w := newNodesWorld(t, "SecureConversation", "context-storage: token\n", server.URL(), server.URL())
	c := &conversationWorld{contextWorld: w.contextWorld}
	c.policy, _ = wssec.Preset("SecureConversation")
	c.bootstrap = *c.policy.Bootstrap
	var err error
	c.requester, err = wstrust.NewRequester(wstrust.RequesterConfig{
		Version: wstrust.V13, AlgorithmSuite: wssec.Basic256})
	w.must(err)
	sc := c.issued()
	for i := range w.nodes {
		w.on(i)
		if o := w.ask("/a", sc); o.status != http.StatusOK {
			t.Fatal(o.event)
		}
	}
	cancel, err := c.requester.Cancel(*sc)
	w.must(err)
	w.on(0)
	if _, err := c.operate(c.policy, wssec.OutgoingToken{Context: sc}, cancel); err != nil {
		t.Fatal(err)
	}
	for i := range w.nodes {
		w.on(i)
		redistest.Until(t, "the node has heard of it", func() bool { return w.ask("/a", sc).status != http.StatusOK })
		w.refused(w.ask("/a", sc), badContext, "security-context-cancelled")
	}
}
