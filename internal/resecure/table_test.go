package resecure

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A fakeTable is a table whose legs count what becomes of them.
type fakeTable struct {
	*testing.T
	table
	mu     sync.Mutex
	opened int
	ended  []string
}

func newFakeTable(t *testing.T) *fakeTable {
	f := &fakeTable{T: t}
	f.table = table{now: time.Now, legs: map[string]*leg{}, open: func(l Login) (*leg, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.opened++
		return &leg{close: func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.ended = append(f.ended, l.Key)
		}}, nil
	}}
	return f
}

func (f *fakeTable) get(owner, key string, until time.Time) *leg {
	f.Helper()
	g, err := f.take(Login{Owner: owner, Key: key, Until: until, Drop: func() {}})
	if err != nil {
		f.Fatal(err)
	}
	return g
}

// endedNow returns the legs that were closed.
func (f *fakeTable) endedNow() []string {
	f.closing.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(slices.Values(f.ended))
}

// TestClientOfOneCallerServesNoOther, and the same one again.
func TestClientOfOneCallerServesNoOther(t *testing.T) {
	t.Parallel()
	f := newFakeTable(t)
	until := time.Now().Add(time.Hour)
	alice, bob := f.get("alice", "alice 1", until), f.get("bob", "bob 1", until)
	f.leave(alice)
	if again := f.get("alice", "alice 1", until); again != alice || alice == bob || f.opened != 2 {
		t.Errorf("%d clients were made", f.opened)
	}
	if other := f.get("bob", "alice 1", until); other == alice {
		t.Error("a client was given to another caller with its key")
	}
}

// TestClientEndsWithItsCredential, or when nobody has used it for a while, but not
// before its last request is done.
func TestClientEndsWithItsCredential(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTable(t)
		short, long := time.Now().Add(10*time.Minute), time.Now().Add(time.Hour)
		f.leave(f.get("alice", "short", short))
		used := f.get("alice", "used", short)
		f.leave(f.get("alice", "idle", long))
		time.Sleep(10*time.Minute + time.Second)
		if got := f.endedNow(); !slices.Equal(got, []string{"short"}) {
			t.Errorf("after the end of the credential: %v", got)
		}
		if again := f.get("alice", "used", long); again == used {
			t.Error("a client is used after the end of its credential")
		}
		if got := f.endedNow(); !slices.Equal(got, []string{"short"}) {
			t.Errorf("while one is in use: %v", got)
		}
		f.leave(used)
		time.Sleep(5 * time.Minute)
		if got := f.endedNow(); !slices.Equal(got, []string{"idle", "short", "used"}) {
			t.Errorf("after a quarter of an hour: %v", got)
		}
		f.closeAll()
	})
}

// TestTableIsBounded: for each caller, who takes no room of others, and for all.
func TestTableIsBounded(t *testing.T) {
	t.Parallel()
	f := newFakeTable(t)
	until := time.Now().Add(time.Hour)
	f.leave(f.get("bob", "bob", until))
	for n := range 20 {
		f.leave(f.get("alice", fmt.Sprint("alice ", n), until))
	}
	if len(f.legs) != 1+maxOfOwner || f.legs["bob"] == nil || len(f.endedNow()) != 20-maxOfOwner {
		t.Errorf("%d clients, %d have ended", len(f.legs), len(f.endedNow()))
	}
	for n := range maxClients {
		f.leave(f.get(fmt.Sprint("user", n), fmt.Sprint("user", n), until))
	}
	if len(f.legs) != maxClients || f.legs["bob"] != nil {
		t.Errorf("%d clients; the one that was used longest ago is there: %t", len(f.legs), f.legs["bob"] != nil)
	}
	f.closeAll()
	if len(f.legs) != 0 || len(f.endedNow()) != f.opened {
		t.Errorf("%d of %d have ended", len(f.endedNow()), f.opened)
	}
	late := f.get("alice", "late", until)
	f.leave(late)
	if got := f.endedNow(); len(got) != f.opened {
		t.Error("a client that was made after the end stays")
	}
}
