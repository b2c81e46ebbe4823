package gateway

import (
	"net/netip"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// A request that arrives is dropped for another when it is below the least
// rate, and is left alone when it is not, or when there is room.
func TestBudgetDropsSlowReadersWhenMemoryIsShort(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for name, c := range map[string]struct {
		arrives int64 // octets a second
		needs   int64 // by another client
		dropped bool
	}{
		"stalled, short":    {0, 6 * mib, true},
		"slow, short":       {50_000, 6 * mib, true},
		"fast, short":       {200_000, 6 * mib, false},
		"stalled, not full": {0, 1 * mib, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBudget(budgetConfig{
				limit: 16 * mib, unverifiedLimit: 16 * mib, clientLimit: 16 * mib, clientUnverified: 16 * mib,
				exchangeLimit: 10, clientExchanges: 10, leastRate: 100_000, busyTimeout: time.Second / 2,
				largeReadTimeout: time.Minute,
			})
			open := func(address string) *lease {
				l, err := b.open(netip.MustParseAddr(address))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(l.close)
				return l
			}
			ended := false
			first, second := open("192.0.2.1"), open("192.0.2.2")
			first.reading(func() { ended = true })
			second.reading(func() {})
			if err := first.await(t.Context(), 6*mib); err != nil {
				t.Fatal(err)
			}
			for range 30 {
				time.Sleep(100 * time.Millisecond)
				first.progress(c.arrives / 10)
			}
			if c.arrives == 0 {
				first.progress(0)
			}
			if err := second.await(t.Context(), c.needs); (err != nil) != (c.needs > mib && !c.dropped) {
				t.Errorf("%s: the other gets %v", name, err)
			}
			if err := first.arrivedWhole(); ended != c.dropped ||
				(codeOf(err) == string(CodeTooSlow)) != c.dropped {
				t.Errorf("%s: dropped %v, %v", name, ended, err)
			}
		})
	}
}

// Readers that wait for room look for whom to drop from time to time, so that
// many of them do not keep the budget's mutex; who comes new looks at once.
func TestBudgetLimitsTheSearchOfWaitingReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, open := fullBudget(t, 3)
		stalled, waits, comes := open(0), open(1), open(2)
		time.Sleep(2 * time.Second)
		waits.waiting, b.nextLook = true, time.Now().Add(time.Second)
		if short, _ := waits.tryAwait(6 << 20); short == "" || stalled.dropped != nil {
			t.Error("one that waits has looked before its time")
		}
		waits.progress(1 << 20) // only one of the two is slow
		comes.progress(1 << 20)
		if short, _ := comes.tryAwait(256 << 10); short != "" || stalled.dropped == nil {
			t.Error("one that comes has not looked: ", short)
		}
		time.Sleep(2 * time.Second)
		if short, _ := waits.tryAwait(1 << 20); short != "" || comes.dropped == nil {
			t.Error("one that waits has not looked when it was time: ", short)
		}
		if len(b.readers) != 1 || b.readers[0] != waits || waits.place != 1 || stalled.place != 0 || comes.place != 0 {
			t.Errorf("%d readers", len(b.readers))
		}
	})
}

// fullBudget has 16 MiB, of which each of n readers has an equal part of 15.
func fullBudget(tb testing.TB, n int) (b *budget, open func(i int) *lease) {
	b = newBudget(budgetConfig{limit: 16 << 20, unverifiedLimit: 16 << 20, clientLimit: 16 << 20,
		clientUnverified: 16 << 20,
		exchangeLimit:    n, clientExchanges: n, leastRate: 100_000, busyTimeout: 2 * time.Second,
		largeReadTimeout: time.Minute})
	return b, func(i int) *lease {
		l, err := b.open(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(l.close)
		l.reading(func() {})
		b.mu.Lock()
		b.charge(l, 15<<20/int64(n))
		b.joinReaders(l)
		b.mu.Unlock()
		return l
	}
}

// What a reader that waits takes of the budget's mutex, 16 times a second.
func BenchmarkWaitForRoom(b *testing.B) {
	for _, n := range []int{64, 512, 2048} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			_, open := fullBudget(b, n)
			all := make([]*lease, n)
			for i := range all {
				all[i] = open(i)
				all[i].tryAwait(16 << 20)
			}
			for i := 0; b.Loop(); i++ {
				if short, _ := all[i%n].tryAwait(16 << 20); short == "" {
					b.Fatal("there is room")
				}
			}
		})
	}
}

// BenchmarkBudget makes the calls of one exchange of 6 kB under a policy: what
// the exchange would save without a budget. Clients are one, so that all of
// them have the same counters.
func BenchmarkBudget(b *testing.B) {
	all := newBudget(budgetConfig{
		limit: 1 << 30, unverifiedLimit: 1 << 30, clientLimit: 1 << 30, clientUnverified: 1 << 30,
		exchangeLimit: 2048, clientExchanges: 2048, leastRate: 100_000, busyTimeout: time.Second,
		largeReadTimeout: time.Minute,
	})
	client := netip.MustParseAddr("192.0.2.1")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l, err := all.open(client)
			if err != nil {
				b.Fatal(err)
			}
			l.reading(func() {})
			l.progress(4 << 10)
			_ = l.await(b.Context(), 9<<10)
			l.progress(9 << 10)
			_ = l.arrivedWhole()
			_ = l.take(20 << 10) // the index, then what was decrypted and its index, of request and reply
			_ = l.take(20 << 10)
			l.verify()
			for _, octets := range []int64{8 << 10, 6 << 10, 20 << 10, 24 << 10, -24 << 10, -8 << 10} {
				_ = l.take(octets)
			}
			l.close()
		}
	})
}
