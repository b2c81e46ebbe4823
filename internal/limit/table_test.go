package limit

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// A key may do so many at once, and then as many as its rate has, whatever other
// keys do.
func TestTakeKeepsEachKeyToItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := NewTable[string](Rate{Every: time.Second, Burst: 3})
		for i := range 3 {
			if wait := table.Take("a"); wait != 0 {
				t.Errorf("%d: wait %v", i, wait)
			}
		}
		for range 5 { // what is refused does not count
			if wait := table.Take("a"); wait != time.Second {
				t.Errorf("wait %v", wait)
			}
		}
		if wait := table.Take("b"); wait != 0 {
			t.Errorf("another key waits %v", wait)
		}
		time.Sleep(time.Second)
		if first, second := table.Take("a"), table.Take("a"); first != 0 || second != time.Second {
			t.Error(first, second)
		}
		time.Sleep(time.Hour)
		for range 3 {
			if wait := table.Take("a"); wait != 0 {
				t.Errorf("wait %v after a rest", wait)
			}
		}
		if table.Take("a") == 0 {
			t.Error("a rest gives more than the burst")
		}
	})
}

// A key that fails too often pauses, once, for its time; failures meanwhile do not
// make it longer, and whoever comes again after it has one failure.
func TestFailMakesAKeyPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := NewTable[string](Rate{Every: 20 * time.Second, Burst: 3, Pause: 5 * time.Minute})
		fail := func(n int) {
			for range n {
				table.Fail("a")
			}
		}
		if fail(2); table.Wait("a") != 0 {
			t.Error("pauses too early")
		}
		if fail(1); table.Wait("a") != 5*time.Minute || table.Wait("b") != 0 {
			t.Error(table.Wait("a"), table.Wait("b"))
		}
		time.Sleep(time.Minute)
		if fail(10); table.Wait("a") != 4*time.Minute {
			t.Errorf("%v left", table.Wait("a"))
		}
		time.Sleep(4 * time.Minute)
		if table.Wait("a") != 0 {
			t.Error("does not end")
		}
		if fail(1); table.Wait("a") != 5*time.Minute {
			t.Errorf("%v after one more", table.Wait("a"))
		}
		time.Sleep(time.Hour)
		for range 100 { // as slowly as the rate has it, it never pauses
			fail(1)
			time.Sleep(20 * time.Second)
		}
		if table.Wait("a") != 0 {
			t.Error("pauses within its rate")
		}
	})
}

// However many keys come, memory stays what it is, and a key that has done nothing
// is refused nothing.
func TestManyKeysTakeNothingFromOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := NewTable[int](Rate{Every: time.Minute, Burst: 2, Pause: time.Hour})
		for key := range 4 * buckets * bucketKeys {
			if table.Wait(key) != 0 {
				t.Fatalf("key %d pays for others", key)
			}
			table.Fail(key)
			table.Fail(key)
		}
		if size := len(table.buckets) * int(unsafe.Sizeof(bucket{})); size > 2<<20 {
			t.Errorf("%d octets", size)
		}
	})
}

// A key that pauses is not forgotten for keys that have hardly done anything.
func TestOfAFullBucketTheIdlestIsForgotten(t *testing.T) {
	var b bucket
	for hash := range uint64(bucketKeys) {
		b.allowance(hash + 1).full = time.Duration(hash+1) * time.Minute
	}
	b.allowance(100).full = time.Second
	b.allowance(101).full = time.Second
	for hash := range uint64(bucketKeys) {
		kept := b.allowance(hash+1).full != 0
		if hash == 0 {
			continue // it made room, and has just made it again
		}
		if !kept {
			t.Errorf("%d is forgotten", hash+1)
		}
	}
}

func TestNilTableAllowsEverything(t *testing.T) {
	var table *Table[string]
	if table.Fail("a"); table.Take("a") != 0 || table.Wait("a") != 0 || table.Rate() != (Rate{}) {
		t.Error("it does not")
	}
}

// Keys at once are counted exactly.
func TestTakeIsExactUnderConcurrency(t *testing.T) {
	table := NewTable[string](Rate{Every: time.Hour, Burst: 100})
	var taken atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if table.Take("a") == 0 {
					taken.Add(1)
				}
			}
		})
	}
	if all.Wait(); taken.Load() != 100 {
		t.Errorf("%d", taken.Load())
	}
}

func BenchmarkTake(b *testing.B) {
	table := NewTable[string](Rate{Every: time.Nanosecond, Burst: 1})
	b.ReportAllocs()
	for b.Loop() {
		table.Take("alice@EXAMPLE.COM")
	}
}
