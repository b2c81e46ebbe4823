package nodes

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// A balancer hands each request to the next node, whatever the client, as one that
// knows nothing of what it carries. A request whose connection was never made goes
// to another node; one whose connection ends goes nowhere else, since nobody knows
// what became of it.
type balancer struct {
	url   string
	nodes []string // host:port

	mu     sync.Mutex
	next   int
	died   map[string]int // connections that ended with a node, by worker
	served map[string]int // answers, by node
}

// workerHeader names who of the load has sent a request.
const workerHeader = "X-Worker"

func startBalancer(t *testing.T, nodes ...string) *balancer {
	t.Helper()
	b := &balancer{nodes: nodes, died: map[string]int{}, served: map[string]int{}}
	s := httptest.NewServer(b)
	t.Cleanup(s.Close)
	b.url = s.URL
	return b
}

// to is a transport without kept connections: each request has its own, so that
// one that ends is that of one exchange.
var to = &http.Transport{DisableKeepAlives: true, Proxy: nil,
	DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone
	}
	for range 500 { // until a node takes the connection
		node := b.turn()
		answer, err := b.ask(node, r, body)
		var op *net.OpError
		switch {
		case err == nil:
			b.count(b.served, node)
			maps.Copy(w.Header(), answer.header)
			w.WriteHeader(answer.status)
			_, _ = w.Write(answer.body)
			return
		case errors.As(err, &op) && op.Op == "dial":
			time.Sleep(10 * time.Millisecond)
		default:
			b.count(b.died, r.Header.Get(workerHeader))
			http.Error(w, "the connection ended: "+err.Error(), http.StatusBadGateway)
			return
		}
	}
	http.Error(w, "no node takes connections", http.StatusGatewayTimeout)
}

// turn returns the node whose turn it is.
func (b *balancer) turn() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	return b.nodes[b.next%len(b.nodes)]
}

func (b *balancer) count(what map[string]int, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	what[name]++
}

// diedOf returns how many connections of a worker have ended with their node.
func (b *balancer) diedOf(worker string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.died[worker]
}

// allDied returns how many have, of all workers.
func (b *balancer) allDied() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for v := range maps.Values(b.died) {
		n += v
	}
	return n
}

// answer is one of a node.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (b *balancer) ask(node string, r *http.Request, body []byte) (answer, error) {
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.RequestURI = "http", node, ""
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp, err := to.RoundTrip(out)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	header := resp.Header.Clone()
	for _, name := range slices.Collect(maps.Keys(header)) {
		if name == "Connection" || name == "Content-Length" {
			header.Del(name)
		}
	}
	return answer{resp.StatusCode, header, got}, err
}
