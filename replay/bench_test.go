package replay

import (
	"runtime"
	"testing"
	"time"
)

func BenchmarkAdd(b *testing.B) {
	expires := time.Now().Add(time.Hour)
	b.Run("memory", func(b *testing.B) {
		benchReplay(b, NewMemory(MemoryConfig{MaxEntries: 1 << 26}), expires)
	})
	b.Run("journal", func(b *testing.B) {
		j, err := OpenJournal(b.TempDir(), JournalConfig{MaxEntries: 1 << 26})
		if err != nil {
			b.Fatal(err)
		}
		defer j.Close()
		benchReplay(b, j, expires)
	})
}

// BenchmarkAddToAMillion fills a store with a million ids, and reports what
// they take and how much longer entering one of the last tenth takes than one
// of the second. (The first tenth has the memory that the tables grow into to
// pay for.)
func BenchmarkAddToAMillion(b *testing.B) {
	const million = 1_000_000
	expires := time.Now().Add(time.Hour)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var megabytes, ratio float64
	for b.Loop() {
		before := heap()
		s := NewMemory(MemoryConfig{})
		var tenths [10]time.Duration
		for tenth := range tenths {
			start := time.Now()
			for i := range million / 10 {
				if added, err := s.Add(b.Context(), testID(tenth*million/10+i), expires); err != nil || !added {
					b.Fatal(added, err)
				}
			}
			tenths[tenth] = time.Since(start)
		}
		megabytes += float64(heap()-before) / 1e6
		ratio += float64(tenths[9]) / float64(tenths[1])
		runtime.KeepAlive(s)
	}
	b.ReportMetric(megabytes/float64(b.N), "MB")
	b.ReportMetric(ratio/float64(b.N), "last/second")
}

func benchReplay(b *testing.B, s Store, expires time.Time) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if added, err := s.Add(b.Context(), testID(i), expires); err != nil || !added {
			b.Fatal(added, err)
		}
	}
}
