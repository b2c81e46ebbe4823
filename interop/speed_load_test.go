package interop

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A contender is what requests are measured of.
type contender struct {
	name string
	pid  int // of the server whose CPU time counts, with its children; 0 for none
	// prepare makes ready for n requests; request sends the one of that number.
	prepare func(n int) (request func(i int) error)
}

// spent is what one request has cost.
type spent struct {
	cpu  time.Duration // of the server
	wall time.Duration // until the next one of any client was answered
	p99  time.Duration // within which 99 of 100 were answered
}

func (s spent) String() string {
	each := fmt.Sprintf("%.0f a second, 99 %% within %v", 1/s.wall.Seconds(), s.p99.Round(10*time.Microsecond))
	if s.cpu == 0 {
		return each
	}
	return fmt.Sprintf("%v of CPU time each, %s", s.cpu.Round(time.Microsecond), each)
}

// inTurns measures the contenders one after the other, several times, and
// returns the medians of all rounds but the first, which warms up.
func inTurns(t *testing.T, rounds, requests, clients int, all []contender) map[string]spent {
	t.Helper()
	each := map[string][]spent{}
	for range rounds {
		for _, c := range all {
			each[c.name] = append(each[c.name], oneTurn(t, requests, clients, c))
		}
	}
	cost := map[string]spent{}
	for name, s := range each {
		of := func(figure func(spent) time.Duration) time.Duration {
			slices.SortFunc(s, func(a, b spent) int { return cmp.Compare(figure(a), figure(b)) })
			return (figure(s[(len(s)-1)/2]) + figure(s[len(s)/2])) / 2
		}
		s = s[1:]
		cost[name] = spent{
			of(func(s spent) time.Duration { return s.cpu }),
			of(func(s spent) time.Duration { return s.wall }),
			of(func(s spent) time.Duration { return s.p99 }),
		}
	}
	return cost
}

// oneTurn measures a contender once.
func oneTurn(t *testing.T, requests, clients int, c contender) spent {
	request := c.prepare(requests)
	used, began := cpuTime(t, c.pid), time.Now()
	times, err := atATime(clients, requests, request)
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	took := time.Since(began)
	used = cpuTime(t, c.pid) - used
	slices.Sort(times)
	n := time.Duration(requests)
	return spent{used / n, took / n, times[requests*99/100]}
}

// atATime sends n requests, of so many clients at a time, and returns how long
// each took, and the first error.
func atATime(clients, n int, request func(i int) error) (times []time.Duration, err error) {
	var all sync.WaitGroup
	var next atomic.Int64
	times, failed := make([]time.Duration, n), make(chan error, clients)
	for range clients {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				began := time.Now()
				if err := request(i); err != nil {
					failed <- err
					return
				}
				times[i] = time.Since(began)
			}
		})
	}
	all.Wait()
	close(failed)
	return times, <-failed
}

// cpuTime returns the CPU time that a process and its children have used, those
// that have ended included. No process, 0, has used none.
func cpuTime(t *testing.T, pid int) (used time.Duration) {
	t.Helper()
	if pid == 0 {
		return 0
	}
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	children, ticks := map[string][]string{}, map[string]int64{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		id := filepath.Base(filepath.Dir(f))
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		children[fields[1]] = append(children[fields[1]], id)
		for _, f := range fields[11:15] { // utime, stime, and those of children that were waited for, proc(5)
			n, err := strconv.ParseInt(f, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			ticks[id] += n
		}
	}
	for left := []string{strconv.Itoa(pid)}; len(left) > 0; left = append(left[1:], children[left[0]]...) {
		used += time.Duration(ticks[left[0]]) * time.Second / 100
	}
	return used
}
