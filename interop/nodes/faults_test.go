package nodes

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/soap"
)

var faults = flag.Bool("faults", false, "let the tests of faults run with the numbers of docs/reliability.md")

// faultRoutes is one node with its replay journal and its audit log.
const faultRoutes = `
state-dir: %[1]s/disk
audit-log: %[1]s/disk/audit.log
listen: %[2]s:8080
admin: %[2]s:9180
clock-skew: 1m
refusal-delay: 20ms
shutdown-timeout: 10s
backend: %[3]s
keytab: %[1]s/soap.keytab
routes:
  - {path: /kerberos, policy: Kerberos}
`

// newFaultWorld makes a world for one node with further settings.
func newFaultWorld(t *testing.T, settings string) *world {
	t.Helper()
	w := newWorld(t, settings)
	w.routes = faultRoutes
	if err := os.Mkdir(filepath.Join(w.dir, "disk"), 0o700); err != nil {
		t.Fatal(err)
	}
	return w
}

// A tally counts what becomes of calls.
type tally struct {
	mu    sync.Mutex
	n     map[string]int
	times []time.Duration
}

func newTally() *tally { return &tally{n: map[string]int{}} }

// callers lets clients of a node call at the same time, so often each, and counts
// what they get.
func (n *node) callers(t *testing.T, clients, calls int) *tally {
	t.Helper()
	sum := newTally()
	var all sync.WaitGroup
	for i := range clients {
		k := &worker{load: &load{w: n.w}, name: fmt.Sprint("caller", i), url: "http://" + n.addr(), tickets: n.w.tickets(),
			transport: to}
		c := k.client("/kerberos", "Kerberos")
		all.Go(func() {
			for range calls {
				begin := time.Now()
				sum.add(k.call(c))
				sum.took(time.Since(begin))
			}
		})
	}
	all.Wait()
	return sum
}

// add counts what one call has become.
func (s *tally) add(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n[outcome(err)]++
}

// took keeps the time of a call.
func (s *tally) took(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times = append(s.times, d)
}

// outcome names what a client gets.
func outcome(err error) string {
	e, is := errors.AsType[*client.Error](err)
	switch {
	case err == nil:
		return "answered"
	case !is:
		return err.Error()
	case e.Fault != nil:
		code := "Sender"
		if e.Fault.Code == soap.Receiver {
			code = "Receiver"
		}
		return fmt.Sprintf("%s, HTTP %d, %s %s", e.Code, e.Status, code, e.Fault.Subcode.Local)
	default:
		return fmt.Sprintf("%s: %v", e.Code, e.Err)
	}
}

// String is the outcomes with their numbers.
func (s *tally) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, what := range slices.Sorted(maps.Keys(s.n)) {
		all = append(all, fmt.Sprintf("%d %s", s.n[what], what))
	}
	if len(s.times) >= 50 {
		all = append(all, fmt.Sprintf("p50 %.1f ms, p99 %.1f ms", quantile(s.times, 50), quantile(s.times, 99)))
	}
	return strings.Join(all, "; ")
}

// only reports whether all of it is one outcome.
func (s *tally) only(what string) bool { return len(s.n) == 1 && s.n[what] > 0 }

// recovers waits until a node answers again, and reports how long it took.
func (n *node) recovers(t *testing.T) time.Duration {
	t.Helper()
	begin := time.Now()
	var last *tally
	for time.Since(begin) < patience {
		if last = n.callers(t, 1, 1); last.only("answered") {
			return time.Since(begin).Round(time.Millisecond)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("it does not recover: %v\n%s", last, n.log())
	return 0
}
