package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Records is a store of replay records. It has the methods of
// gss.ClientReplayStore.
type Records interface {
	Add(ctx context.Context, id [32]byte, expires time.Time) (added bool, err error)
	AddFor(ctx context.Context, client string, id [32]byte, expires time.Time) (added bool, err error)
}

// MakeRecords makes an empty store, as it is seen by each of the processes that
// share it.
type MakeRecords func(t *testing.T, clock func() time.Time) []Records

// RunRecords runs all tests of replay records.
func RunRecords(t *testing.T, make MakeRecords) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(*recordsTester)
	}{
		{"AnIdIsNewOnce", (*recordsTester).newOnce},
		{"OneOfManyAdds", (*recordsTester).racing},
		{"IdsAreIndependent", (*recordsTester).independent},
		{"ExpiredIdsAreRefused", (*recordsTester).expired},
		{"IdsStayUntilTheyExpire", (*recordsTester).stay},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := &recordsTester{T: t}
			r.nodes = make(t, func() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) })
			test.run(r)
		})
	}
}

// recordsTester is one test, with a clock that it can put forward.
type recordsTester struct {
	*testing.T
	nodes []Records
	ahead atomic.Int64
}

func (t *recordsTester) in(d time.Duration) time.Time {
	return time.Now().Add(time.Duration(t.ahead.Load()) + d)
}

func idOf(text string) [32]byte { return sha256.Sum256([]byte(text)) }

// add adds an id at a node and holds the answer against want.
func (t *recordsTester) add(node int, id string, expires time.Time, want bool) {
	t.Helper()
	added, err := t.nodes[node].AddFor(t.Context(), "alice@EXAMPLE.COM", idOf(id), expires)
	if added != want || err != nil {
		t.Errorf("%s at node %d: %v, %v; want %v", id, node, added, err, want)
	}
}

func (t *recordsTester) newOnce() {
	for node := range t.nodes {
		t.add(node, "a", t.in(time.Minute), node == 0)
		t.add(node, "a", t.in(time.Hour), false)
		t.add(node, fmt.Sprint("own of ", node), t.in(time.Minute), true)
	}
	for node := range t.nodes {
		if added, err := t.nodes[node].Add(t.Context(), idOf("a"), t.in(time.Minute)); added || err != nil {
			t.Errorf("without a client: %v, %v", added, err)
		}
	}
}

func (t *recordsTester) racing() {
	for round := range 10 {
		var won atomic.Int64
		var all sync.WaitGroup
		start := make(chan struct{})
		for i := range racers {
			all.Go(func() {
				<-start
				added, err := t.nodes[i%len(t.nodes)].AddFor(t.Context(), "alice@EXAMPLE.COM", idOf(fmt.Sprint(round)),
					t.in(time.Minute))
				if err != nil {
					t.Error(err)
				}
				if added {
					won.Add(1)
				}
			})
		}
		close(start)
		if all.Wait(); won.Load() != 1 {
			t.Errorf("%d of %d Adds won", won.Load(), racers)
		}
	}
}

func (t *recordsTester) independent() {
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() {
			for n := range 10 {
				t.add((i+n)%len(t.nodes), fmt.Sprint(i, " ", n), t.in(time.Minute), true)
			}
		})
	}
	all.Wait()
}

func (t *recordsTester) expired() {
	for node := range t.nodes {
		if added, err := t.nodes[node].AddFor(t.Context(), "alice@EXAMPLE.COM", idOf("old"), t.in(-time.Minute)); added ||
			err == nil {
			t.Errorf("node %d: %v, %v", node, added, err)
		}
	}
}

// stay: an id is refused until it expires, by other processes too, or by those
// that may have dropped it.
func (t *recordsTester) stay() {
	expires := t.in(2 * time.Minute)
	t.add(0, "a", expires, true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if added, err := t.nodes[0].AddFor(ctx, "alice@EXAMPLE.COM", idOf("a"), expires); added ||
		err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v, %v", added, err)
	}
	for node := range t.nodes {
		t.add(node, "a", expires, false)
	}
}
