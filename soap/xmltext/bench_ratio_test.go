//go:build unix

package xmltext

import (
	"crypto/sha256"
	"slices"
	"syscall"
	"testing"
	"time"
)

// BenchmarkRatio scans, canonicalizes and digests a document, and digests it
// alone, in turns, and reports the quotient of the medians of their CPU time, of
// all threads and so with the collector's part.
func BenchmarkRatio(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"6kB", 6 << 10}, {"100kB", 100 << 10}, {"1MB", 1 << 20}, {"20MB", 20 << 20}} {
		b.Run(size.name, func(b *testing.B) {
			src := benchDocument(size.n)
			ours := func() {
				d, err := Scan(src, raised)
				if err != nil {
					b.Fatal(err)
				}
				h := sha256.New()
				if err := d.Root().WriteCanonical(h, C14N{}); err != nil {
					b.Fatal(err)
				}
				h.Sum(nil)
				d.Release()
			}
			var times [2][]time.Duration
			batch := max(1, 1_000_000/size.n)
			for b.Loop() {
				for i, f := range []func(){ours, func() { sha256.Sum256(src) }} {
					start := cpuTime(b)
					for range batch {
						f()
					}
					times[i] = append(times[i], cpuTime(b)-start)
				}
			}
			var median [2]float64
			for i := range times {
				slices.Sort(times[i])
				median[i] = float64(times[i][len(times[i])/2])
			}
			b.ReportMetric(median[1]/median[0], "ofSHA256")
			b.ReportMetric(float64(size.n*batch)/median[1]*1000, "SHA256-MB/s")
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
