package store_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/internal/store/storetest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(_ *testing.T, l storetest.Limits) storetest.Store {
		return store.NewMemory(store.MemoryConfig{
			MaxEntries: l.Entries, MaxEntryBytes: l.EntryBytes, ClientEntries: l.ClientEntries, Time: l.Time,
		})
	})
}

// A client takes no more octets than its part of the entries, however few and
// large its entries are.
func TestMemoryBoundsTheOctetsOfAClient(t *testing.T) {
	t.Parallel()
	m := store.NewMemory(store.MemoryConfig{MaxEntries: 100, ClientEntries: 10, MaxBytes: 100_000, MaxEntryBytes: 4000})
	add := func(id, client string) error {
		_, err := m.Add(t.Context(), id, make([]byte, 4000), client, time.Now().Add(time.Hour))
		return err
	}
	for i := range 2 {
		if err := add(fmt.Sprint("a", i), "a"); err != nil {
			t.Fatal(err)
		}
	}
	var full *store.FullError
	if err := add("a2", "a"); !errors.As(err, &full) {
		t.Errorf("a client took more than its part: %v", err)
	}
	for i := range 100 {
		if err := add(fmt.Sprint("b", i), fmt.Sprint("client ", i)); errors.As(err, &full) {
			if held := m.Len() * 4000; held < 80_000 || held > 100_000 {
				t.Errorf("full with %d octets of entries", held)
			}
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("the store never was full")
}

// Who has a /48 has as many clients as there are /64 in it. They have four
// shares together, and those elsewhere have theirs.
func TestMemoryBoundsTheClientsOfANetwork(t *testing.T) {
	t.Parallel()
	now := time.Now()
	m := store.NewMemory(store.MemoryConfig{MaxEntries: 1000, ClientEntries: 10, Time: func() time.Time { return now }})
	n := 0
	add := func(client string) error {
		n++
		_, err := m.Add(t.Context(), fmt.Sprint(n), []byte("1"), client, now.Add(time.Minute))
		return err
	}
	for range 2 {
		before := m.Bytes()
		for i := range 40 {
			if err := add(fmt.Sprintf("2001:db8:1:%x::/64", i)); err != nil {
				t.Fatal(i, err)
			}
		}
		for _, client := range []string{"2001:db8:1:ffff::/64", "2001:db8:1:0::/64", "2001:db8:1::1"} {
			var full *store.FullError
			if err := add(client); !errors.As(err, &full) || !strings.Contains(err.Error(), "network 2001:db8:1::/48") {
				t.Errorf("%s: %v", client, err)
			}
		}
		for _, client := range []string{"2001:db8:2::/64", "192.0.2.1/32", "::ffff:192.0.2.1", "alice@EXAMPLE.COM",
			"2001:db8::/48"} {
			if err := add(client); err != nil {
				t.Errorf("%s: %v", client, err)
			}
		}
		now = now.Add(time.Minute)
		if m.Len() != 0 || m.Bytes() != before {
			t.Errorf("%d entries, %d octets are left, and %d before", m.Len(), m.Bytes(), before)
		}
	}
}

// What Memory counts as taken is about what the heap has for it, and never
// less.
func TestMemoryCountsWhatItTakes(t *testing.T) {
	const entries = 20_000
	for _, size := range []int{32, 200, 3000} {
		for _, perClient := range []int{1, 100} {
			const most = 1 << 30
			m := store.NewMemory(store.MemoryConfig{MaxEntries: 2 * entries, ClientEntries: 2 * entries, MaxBytes: most})
			before := heap()
			octets := make([]byte, size)
			for i := range entries {
				id, client := fmt.Sprintf("context /some/route urn:uuid:%024d", i), fmt.Sprint("client-", i/perClient)
				if size == 200 { // each in a network of its own
					client = fmt.Sprintf("2001:db8:%x::/64", i/perClient)
				}
				if ok, err := m.Add(t.Context(), id, octets, client, time.Now().Add(time.Hour)); !ok || err != nil {
					t.Fatal(ok, err)
				}
			}
			took := heap() - before
			if counted := m.Bytes(); counted < took || counted > 2*took {
				t.Errorf("entries of %d, %d a client: %d octets on the heap, counted %d",
					size, perClient, took/entries, counted/entries)
			}
			runtime.KeepAlive(m)
		}
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
