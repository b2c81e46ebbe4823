package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"
)

// TestAddForFoldsTheCaseOfNames: a KDC that knows a user by its name in any
// case issues tickets for each.
func TestAddForFoldsTheCaseOfNames(t *testing.T) {
	t.Parallel()
	c := newTestClock()
	s := NewMemory(MemoryConfig{MaxEntries: 1000, Time: c.now})
	n := 0
	for ; n < 1000; n++ {
		name := []byte("jos\u00e9-of-the-sales@example.com")
		for i := range name {
			if 'a' <= name[i] && name[i] <= 'z' {
				name[i] -= byte(n>>(i%12)&1) << 5
			}
		}
		if n&1 == 1 {
			name = bytes.Replace(name, []byte("\u00e9"), []byte("\u00c9"), 1)
		}
		if _, err := s.AddFor(t.Context(), string(name), testID(n), c.now().Add(time.Minute)); err != nil {
			break
		}
	}
	if n < 750 || n > 753 {
		t.Errorf("a client has %d ids of 1000", n)
	}
}

// TestAddForBoundsTheShareOfAClient: one client gets three quarters of a store,
// and however many take what they can, another one finds room. Whose ids have
// expired has its share again.
func TestAddForBoundsTheShareOfAClient(t *testing.T) {
	t.Parallel()
	replayStores(t, func(t *testing.T, c *testClock, s Store) {
		store, next := s.(interface {
			AddFor(ctx context.Context, client string, id [32]byte, expires time.Time) (bool, error)
		}), 0
		addFor := func(client string) (bool, error) {
			next++
			return store.AddFor(t.Context(), client, testID(next), c.now().Add(time.Minute))
		}
		fill := func(client string) (n int) {
			for ; ; n++ {
				if _, err := addFor(client); err != nil {
					if !errors.Is(err, ErrShareFull) {
						t.Fatal(err)
					}
					return n
				}
			}
		}
		for _, want := range []int{750, 187, 46, 12} {
			client := fmt.Sprint("mallory", want, "@EXAMPLE.COM")
			if got := fill(client); got < want || got > want+3 {
				t.Fatalf("a client has %d ids, want %d", got, want)
			}
			if added, err := store.AddFor(t.Context(), client, testID(1), c.now().Add(time.Minute)); added || err != nil {
				t.Fatal("a known id is reported as new, or fails:", added, err)
			}
		}
		for range 2 {
			if added, err := addFor("alice@EXAMPLE.COM"); !added || err != nil {
				t.Fatal("one who did nothing is refused:", err)
			}
		}
		c.advance(2 * time.Minute)
		if got := fill("mallory750@EXAMPLE.COM"); got < 750 || got > 753 {
			t.Errorf("of a store whose ids have expired a client gets %d", got)
		}
	})
}

// TestMemoryTakesEntryBytes guards EntryBytes at a million entries, and that
// the chains of the hash table stay short, so that the last entries take no
// longer than the first.
func TestMemoryTakesEntryBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a million entries")
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := NewMemory(MemoryConfig{})
	expires := time.Now().Add(time.Hour)
	clients := []string{"alice@EXAMPLE.COM", "bob@EXAMPLE.COM", "carol@EXAMPLE.COM"}
	for part := range 10 {
		for i := range 100_000 {
			added, err := s.AddFor(t.Context(), clients[i%len(clients)], testID(part*100_000+i), expires)
			if !added || err != nil {
				t.Fatal("not new", err)
			}
		}
		if longest := longestChain(s); longest > 32 {
			t.Errorf("after %d entries a chain has %d", s.Len(), longest)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d MB for %d entries", used>>20, s.Len())
	if used > int64(s.Len())*EntryBytes+200_000 {
		t.Errorf("%d octets", used)
	}
	runtime.KeepAlive(s)
}

// longestChain returns the number of entries in the longest chain of any shard.
func longestChain(s *Memory) (longest int) {
	for i := range s.shards {
		shard := &s.shards[i]
		for _, head := range shard.heads {
			n := 0
			for at := head; at != 0; at = shard.entries[at].next {
				n++
			}
			longest = max(longest, n)
		}
	}
	return longest
}
