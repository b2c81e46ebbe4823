package replay

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func testID(n int) [32]byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	return sha256.Sum256(b[:])
}

// testClock is a clock that tests turn.
type testClock struct{ nanos atomic.Int64 }

func newTestClock() *testClock {
	c := new(testClock)
	c.nanos.Store(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *testClock) now() time.Time { return time.Unix(0, c.nanos.Load()) }

func (c *testClock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

// replayStores runs a test against each store.
func replayStores(t *testing.T, f func(t *testing.T, c *testClock, s Store)) {
	t.Run("memory", func(t *testing.T) {
		c := newTestClock()
		f(t, c, NewMemory(MemoryConfig{MaxEntries: 1000, Time: c.now}))
	})
	t.Run("journal", func(t *testing.T) {
		c := newTestClock()
		j := openJournal(t, t.TempDir(), JournalConfig{MaxEntries: 1000, SegmentRecords: 100, Time: c.now})
		f(t, c, j)
	})
}

func openJournal(t *testing.T, dir string, cfg JournalConfig) *Journal {
	t.Helper()
	j, err := OpenJournal(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func add(t *testing.T, s Store, n int, expires time.Time) bool {
	t.Helper()
	added, err := s.Add(t.Context(), testID(n), expires)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

func TestStoreRemembersUntilExpiry(t *testing.T) {
	t.Parallel()
	replayStores(t, func(t *testing.T, c *testClock, s Store) {
		expires := c.now().Add(time.Minute)
		if !add(t, s, 1, expires) || add(t, s, 1, expires) {
			t.Fatal("first must be new, second not")
		}
		// Others come and go; the first stays to the last nanosecond, also when it is
		// presented with another expiry.
		for i := range 59 {
			c.advance(time.Second)
			add(t, s, 100+i, c.now().Add(time.Second/2))
			if add(t, s, 1, expires) || add(t, s, 1, expires.Add(time.Hour)) {
				t.Fatalf("forgotten after %d s", i)
			}
		}
		c.advance(time.Second - 1)
		if add(t, s, 1, expires) {
			t.Fatal("forgotten a nanosecond early")
		}
	})
}

func TestStoreRejectsWhatItMayHaveDropped(t *testing.T) {
	t.Parallel()
	replayStores(t, func(t *testing.T, c *testClock, s Store) {
		expires := c.now().Add(time.Minute)
		add(t, s, 1, expires)
		c.advance(time.Minute)
		add(t, s, 2, c.now().Add(time.Minute)) // drops 1 when in the same shard
		if _, err := s.Add(t.Context(), testID(1), expires); !errors.Is(err, ErrTooOld) {
			t.Fatal("an id whose time has passed was taken:", err)
		}
		for i := range 500 { // drops everything dead in every shard
			add(t, s, 1000+i, c.now().Add(time.Second))
		}
		c.advance(-2 * time.Minute) // somebody turns the clock back
		if added, _ := s.Add(t.Context(), testID(1), expires); added {
			t.Fatal("replay after the clock was turned back")
		}
	})
}

func TestStoreFailsWhenFull(t *testing.T) {
	t.Parallel()
	replayStores(t, func(t *testing.T, c *testClock, s Store) {
		for i := range 1000 {
			add(t, s, i, c.now().Add(time.Minute+time.Duration(i)))
		}
		if _, err := s.Add(t.Context(), testID(1000), c.now().Add(time.Minute)); !errors.Is(err, ErrFull) {
			t.Fatal("store over its limit:", err)
		}
		for i := range 1000 {
			if added, _ := s.Add(t.Context(), testID(i), c.now().Add(time.Minute)); added {
				t.Fatal("a live entry was evicted")
			}
		}
		c.advance(2 * time.Minute)
		for i := range 1000 {
			if !add(t, s, 2000+i, c.now().Add(time.Minute)) {
				t.Fatal("dead entries were not dropped")
			}
		}
	})
}

func TestAddIsAtomic(t *testing.T) {
	t.Parallel()
	rounds := 10_000
	if testing.Short() {
		rounds = 500
	}
	s := NewMemory(MemoryConfig{})
	expires := time.Now().Add(time.Hour)
	const workers = 64
	wins := make([]atomic.Int32, rounds)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range rounds {
				if added, err := s.Add(context.Background(), testID(i), expires); err != nil {
					t.Error(err)
				} else if added {
					wins[i].Add(1)
				}
			}
		})
	}
	wg.Wait()
	for i := range wins {
		if n := wins[i].Load(); n != 1 {
			t.Fatalf("id %d was new %d times", i, n)
		}
	}
	if s.Len() != rounds {
		t.Fatalf("%d entries for %d ids", s.Len(), rounds)
	}
}

// TestRiskNamesWhatARestartLeaves: no risk is reported only of a
// journal with a past.
func TestRiskNamesWhatARestartLeaves(t *testing.T) {
	t.Parallel()
	const forgets = "until their clocks show that time, for at most 5m0s. If another process accepted tokens for " +
		"these services in the 5m0s before, there is another risk: until 10m0s after that time"
	if text := Risk(NewMemory(MemoryConfig{}), 5*time.Minute); !strings.Contains(text, forgets) {
		t.Error(text)
	}
	dir, c := t.TempDir(), newTestClock()
	cfg := JournalConfig{Time: c.now, Sync: true}
	check := func(when string, j *Journal, risk bool) {
		t.Helper()
		if text := Risk(j, 0); strings.Contains(text, forgets) != risk || (text != "") != risk {
			t.Errorf("%s: %q", when, text)
		}
		add(t, j, int(c.nanos.Add(1)), c.now().Add(time.Minute))
	}
	j := openJournal(t, dir, cfg)
	check("new", j, true)
	j.Close()
	c.advance(10*time.Minute - time.Second)
	j = openJournal(t, dir, cfg)
	check("young", j, true)
	j.Close()
	c.advance(time.Second)
	j = openJournal(t, dir, cfg)
	check("continued", j, false)
	path := j.path(j.number)
	j.Close()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[journalHeader] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	j = openJournal(t, dir, cfg)
	check("damaged", j, true)
	j.Close()
	c.advance(time.Minute)
	j = openJournal(t, dir, cfg)
	if j.Recovery().Damaged {
		t.Error("damage is reported for ever")
	}
	check("damaged just before", j, true)
}
