package wssec_test

import (
	"runtime"
	"testing"
)

// allocated returns the octets that f allocates, whether they are garbage
// afterwards or not.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// TestVerifyTakesFourTimesTheOctetsOfALargeMessage bounds the heap of a message
// of 4 MB by all that is ever allocated for it, the message itself included.
// Operators plan with this factor.
func TestVerifyTakesFourTimesTheOctetsOfALargeMessage(t *testing.T) {
	ps := newPeers(t, symmetric(), nil)
	plain := []byte(message(4 << 20))
	msg, _ := ps.request(t, string(plain))
	m, err := ps.verify(t, msg)
	if err != nil {
		t.Fatal(err)
	}
	n := allocated(func() {
		if _, err := ps.verify(t, msg); err != nil {
			t.Fatal(err)
		}
	})
	if n+len(msg) > allocationFactor*len(msg) {
		t.Errorf("Verify: %d octets for a message of %d", n, len(msg))
	}
	n = allocated(func() {
		if _, err := ps.service.Protect(t.Context(), nil, parse(t, plain), m); err != nil {
			t.Fatal(err)
		}
	})
	if n+len(plain) > allocationFactor*len(plain) {
		t.Errorf("Protect: %d octets for a reply of %d", n, len(plain))
	}
}

// TestVerifyAllocationsDoNotGrowWithTheMessage: a larger message costs larger
// allocations, not more of them.
func TestVerifyAllocationsDoNotGrowWithTheMessage(t *testing.T) {
	counts := map[int]float64{}
	for _, size := range []int{6 << 10, 1 << 20} {
		ps := newPeers(t, symmetric(), nil)
		plain := message(size)
		msg, _ := ps.request(t, plain)
		e := exchanger{ps: ps, plain: []byte(plain), msg: msg}
		counts[size] = testing.AllocsPerRun(5, func() {
			e.run(t)
		})
	}
	if small, large := counts[6<<10], counts[1<<20]; large > small+30 || small > 65*allocationFactor/4 {
		t.Errorf("%v allocations for 6 kB, %v for 1 MB", small, large)
	}
}

// TestExchangeOf6kBTakesLittleMemory: once others have been released. Without the
// memory that they had it took 61 kB.
func TestExchangeOf6kBTakesLittleMemory(t *testing.T) {
	ps := newPeers(t, symmetric(), nil)
	plain := message(6 << 10)
	msg, _ := ps.request(t, plain)
	e := exchanger{ps: ps, plain: []byte(plain), msg: msg}
	const runs = 100
	e.run(t)
	octets := allocated(func() {
		for range runs {
			e.run(t)
		}
	})
	if octets/runs > exchangeBytes {
		t.Errorf("an exchange allocates %d octets", octets/runs)
	}
}
