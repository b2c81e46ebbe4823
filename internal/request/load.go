package request

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

// MaxCalls bounds the calls of a Load, whose times are all kept.
const MaxCalls = 10_000_000

// A Load repeats a call.
type Load struct {
	Calls       int // at least 1, at most MaxCalls
	Concurrency int // calls at a time, at least 1
	Call        func(ctx context.Context) error
	// Progress, if not nil, is called with the state of the calls at each of
	// Ticks, such as the channel of a time.Ticker.
	Progress func(done, failed int, passed time.Duration)
	Ticks    <-chan time.Time
}

// Coded is an error of a kind that a Load counts.
type Coded interface {
	error
	ErrorCode() string
}

// A Result is what became of the calls.
type Result struct {
	Took    time.Duration
	Outcome map[string]int   // number of calls by outcome: "ok" or the code of an error
	First   map[string]error // the first error of each code
	Times   []time.Duration  // of calls with the outcome "ok", ascending
}

// Run makes the calls, until all are made or ctx is done.
func (l Load) Run(ctx context.Context) *Result {
	r := &Result{Outcome: map[string]int{}, First: map[string]error{}}
	var (
		mu      sync.Mutex
		workers sync.WaitGroup
		todo    = make(chan struct{})
		began   = time.Now()
	)
	for range l.Concurrency {
		workers.Go(func() {
			for range todo {
				start := time.Now()
				err := l.Call(ctx)
				took := time.Since(start)
				mu.Lock()
				r.add(took, err)
				mu.Unlock()
			}
		})
	}
	l.feed(ctx, todo, func() {
		mu.Lock()
		defer mu.Unlock()
		l.Progress(r.calls(), r.calls()-r.Outcome[ok], time.Since(began))
	})
	close(todo)
	workers.Wait()
	r.Took = time.Since(began)
	slices.Sort(r.Times)
	return r
}

// feed sends the workers their calls.
func (l Load) feed(ctx context.Context, todo chan<- struct{}, progress func()) {
	for left := l.Calls; left > 0; {
		select {
		case todo <- struct{}{}:
			left--
		case <-l.Ticks:
			if l.Progress != nil {
				progress()
			}
		case <-ctx.Done():
			return
		}
	}
}

// ok is the outcome of a call without an error.
const ok = "ok"

func (r *Result) add(took time.Duration, err error) {
	outcome := ok
	if err == nil {
		r.Times = append(r.Times, took)
	} else {
		outcome = "other"
		if coded, is := errors.AsType[Coded](err); is {
			outcome = coded.ErrorCode()
		}
		if r.First[outcome] == nil {
			r.First[outcome] = err
		}
	}
	r.Outcome[outcome]++
}

func (r *Result) calls() int {
	n := 0
	for _, count := range r.Outcome {
		n += count
	}
	return n
}

// Err returns the first error of the most frequent code; nil if every call was
// answered.
func (r *Result) Err() error {
	most := ""
	for _, code := range slices.Sorted(maps.Keys(r.First)) {
		if most == "" || r.Outcome[code] > r.Outcome[most] {
			most = code
		}
	}
	return r.First[most]
}

// Percentile returns the time within which p of 100 answered calls were, 0
// without any.
func (r *Result) Percentile(p float64) time.Duration {
	if len(r.Times) == 0 {
		return 0
	}
	i := int(p / 100 * float64(len(r.Times)))
	return r.Times[min(i, len(r.Times)-1)]
}

// Write prints the result as a few lines.
func (r *Result) Write(w io.Writer) error {
	n := r.calls()
	rate := float64(n) / max(r.Took.Seconds(), 1e-9)
	_, err := fmt.Fprintf(w, "%d calls in %v, %.0f a second\n", n, r.Took.Round(time.Millisecond), rate)
	for _, outcome := range slices.Sorted(maps.Keys(r.Outcome)) {
		line := fmt.Sprintf("  %-20s %d", outcome, r.Outcome[outcome])
		if first := r.First[outcome]; first != nil {
			line += "   the first: " + first.Error()
		}
		fmt.Fprintln(w, line)
	}
	if len(r.Times) > 0 {
		_, err = fmt.Fprintf(w, "times of those that were answered\n  50 %% %v   90 %% %v   99 %% %v   99.9 %% %v   "+
			"longest %v\n",
			round(r.Percentile(50)), round(r.Percentile(90)), round(r.Percentile(99)), round(r.Percentile(99.9)),
			round(r.Percentile(100)))
	}
	return err
}

// round keeps three digits or so.
func round(d time.Duration) time.Duration {
	switch {
	case d > time.Second:
		return d.Round(10 * time.Millisecond)
	case d > 10*time.Millisecond:
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(10 * time.Microsecond)
}
