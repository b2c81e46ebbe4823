package nodes

import (
	"flag"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store/redistest"
)

var (
	loadFor = flag.Duration("load", 6*time.Second, "let TestNodesUnderLoad run for so long")
	rounds  = flag.Int("rounds", 200, "let TestOneAuthenticatorOnAllNodes present so many authenticators")
)

// storeSettings are those of nodes with a primary, two replicas and three
// sentinels.
func storeSettings(s *redistest.Sentinels) string {
	return "store: " + s.URL() + "\nreplay-durability: replicas\nstore-replicas: 2\nstore-timeout: 5s\n"
}

// Three nodes are one gateway: while one after the other is killed and started
// again, while all of them are restarted in order, while the key that seals their
// state is replaced, and when another server becomes the primary of their store,
// nothing is accepted twice, nothing is forwarded that was not verified, and no
// exchange fails but those whose own connection has died, or that had to be
// remembered while there was no primary.
func TestNodesUnderLoad(t *testing.T) {
	t.Parallel()
	primary := redistest.Start(t)
	servers := []*redistest.Server{primary, primary.Replica(), primary.Replica()}
	sentinels := redistest.StartSentinels(t, primary, 2)
	w := newWorld(t, storeSettings(sentinels))
	nodes := []*node{w.start(), w.start(), w.start()}
	b := startBalancer(t, hosts(nodes)...)
	l := startLoad(t, w, b)

	begin, kills := time.Now(), 0
	killUntil := func(end time.Duration) {
		for time.Since(begin) < end {
			next := time.Now().Add(2 * time.Second)
			n := nodes[kills%len(nodes)]
			n.kill()
			n.run()
			kills++
			time.Sleep(time.Until(next))
		}
	}
	killUntil(*loadFor / 3)

	// The key, as docs/operations.md has it.
	old, fresh := string(w.read("state.keys")), newKey()
	for _, text := range []string{old + fresh, fresh + old} {
		before := reloaded(nodes)
		w.write("state.keys", []byte(text))
		until(t, "nodes that have read the keys again", func() bool { return reloaded(nodes) >= before+len(nodes) })
	}
	diedBefore := b.allDied()
	for _, n := range nodes {
		n.stop()
		n.run()
	}
	rolling := b.allDied() - diedBefore
	killUntil(*loadFor / 2)

	f := failover{sentinels, servers, nodes}
	l.setOutage(true)
	elected, outage := f.run(t, *loadFor >= 30*time.Second)
	l.setOutage(false)
	killUntil(*loadFor)
	l.end()

	codes := map[string]int{}
	for _, n := range nodes {
		n.codes(codes)
	}
	t.Logf("nodes: %v: %s; %d times kill -9; %d connections ended in a rolling restart; another primary after %v, with "+
		"all replicas after %v; codes %v", time.Since(begin).Round(time.Second), l, kills, rolling,
		elected.Round(time.Millisecond), outage.Round(time.Millisecond), codes)
	l.check(t)
	for _, n := range nodes {
		if t.Failed() {
			t.Logf("%s:\n%s", n.host, n.log())
		}
		if strings.Contains(n.log(), "DATA RACE") || strings.Contains(n.log(), "panic") {
			t.Error(n.log())
		}
	}
}

// reloaded returns how often nodes have read a file again.
func reloaded(nodes []*node) (n int) {
	for _, one := range nodes {
		one.mu.Lock()
		n += one.reloads
		one.mu.Unlock()
	}
	return n
}

// A failover is one of the store.
type failover struct {
	sentinels *redistest.Sentinels
	servers   []*redistest.Server // the first is the primary
	nodes     []*node
}

// run has another server become the primary, by kill -9 of the first one or
// because an operator wants it, and waits until all is as before. It returns when
// there was another primary, and how long all that took.
func (f *failover) run(t *testing.T, kill bool) (elected, all time.Duration) {
	t.Helper()
	begin, primary := time.Now(), f.servers[0]
	if kill {
		primary.Kill()
	} else {
		f.sentinels.All[0].Do("SENTINEL", "FAILOVER", "main")
	}
	until(t, "another primary", func() bool { return f.sentinels.Primary() != primary.Addr })
	elected = time.Since(begin)
	if kill {
		primary.Run()
	}
	// As sentinels do it after a while.
	host, port, _ := net.SplitHostPort(f.sentinels.Primary())
	primary.Do("REPLICAOF", host, port)
	until(t, "a primary with two replicas in step", func() bool {
		for _, s := range f.servers {
			if s.Addr == f.sentinels.Primary() {
				return s.Info("role") == "master" && inStep(s) == 2
			}
		}
		return false
	})
	until(t, "nodes that are ready", func() bool { return ready(f.nodes) })
	return elected, time.Since(begin)
}

// ready reports whether all nodes are.
func ready(nodes []*node) bool {
	for _, n := range nodes {
		if !n.ready() {
			return false
		}
	}
	return true
}

// inStep returns how many replicas a primary has that are in step.
func inStep(s *redistest.Server) (n int) {
	for i := range 3 {
		if strings.Contains(s.Info(fmt.Sprint("slave", i)), "state=online") {
			n++
		}
	}
	return n
}
