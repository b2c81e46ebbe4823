//go:build unix

package wssec_test

import (
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// BenchmarkRatio runs exchanges, Raw and Raw2 in turns, and reports the quotients
// of the medians of their CPU time, of all threads and so with the collector's
// part. On a machine that others use these vary least.
func BenchmarkRatio(b *testing.B) {
	defer runtime.KeepAlive(make([]byte, 64<<20))
	for _, s := range benchSizes {
		b.Run(s.name, func(b *testing.B) {
			ps := newPeers(b, symmetric(), nil)
			plain := message(s.size)
			msg, _ := ps.request(b, plain)
			ex := &exchanger{ps: ps, plain: []byte(plain), msg: msg}
			raw, raw2 := newRaw(b, s.size, false), newRaw(b, s.size, true)
			batch := max(1, 300_000/s.size)
			var times [3][]time.Duration
			for b.Loop() {
				for i, f := range []func(testing.TB){ex.run, raw.run, raw2.run} {
					start := cpuTime(b)
					for range batch {
						f(b)
					}
					times[i] = append(times[i], cpuTime(b)-start)
				}
			}
			for i := range times {
				slices.Sort(times[i])
			}
			median := func(i int) float64 { return float64(times[i][len(times[i])/2]) }
			b.ReportMetric(median(0)/float64(batch)/1000, "µs/exchange")
			b.ReportMetric(median(0)/median(1), "×Raw")
			b.ReportMetric(median(0)/median(2), "×Raw2")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// cpuTime returns the CPU time of the process.
func cpuTime(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
