package gateway

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// A request that arrives is dropped for another when it is below the least rate, and
// is left alone when it is not, or when there is room.
func TestSlowReadersAreDroppedWhenMemoryIsShort(t *testing.T) {
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
				exchangeLimit: 10, clientExchanges: 10, leastRate: 100_000, busyTimeout: time.Second / 2, largeReadTimeout: time.Minute,
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
			if err := first.arrivedWhole(); ended != c.dropped || errors.Is(err, errTooSlow) != c.dropped {
				t.Errorf("%s: dropped %v, %v", name, ended, err)
			}
		})
	}
}
