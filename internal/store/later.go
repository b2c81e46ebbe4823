package store

import (
	"context"
	"sync"
)

// Answers are those of stores that are asked while work goes on. Where an
// exchange needs several answers, its questions are under way together, and it
// waits once.
//
// It is safe for concurrent use. The zero value has no question and is not
// usable: see [Later].
type Answers struct {
	mu    sync.Mutex
	waits []func() (bool, error)
}

type answersKey struct{}

// Later returns a context under which a store may answer later. A store that
// does calls [Ask]; any other answers as always. Whoever has called Later accepts
// nothing before [Answers.Wait].
func Later(ctx context.Context) (context.Context, *Answers) {
	a := new(Answers)
	return context.WithValue(ctx, answersKey{}, a), a
}

// Ask runs ask on its own goroutine and reports whether ctx lets it answer later.
// If it does not, ask is not called.
func Ask(ctx context.Context, ask func() (bool, error)) bool {
	a, ok := ctx.Value(answersKey{}).(*Answers)
	if !ok {
		return false
	}
	wait := Go(ask)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waits = append(a.waits, wait)
	return true
}

// Go runs ask on its own goroutine. Wait waits for its results, and may be called
// once.
func Go(ask func() (bool, error)) (wait func() (bool, error)) {
	type answer struct {
		ok  bool
		err error
	}
	c := make(chan answer, 1)
	go func() {
		ok, err := ask()
		c <- answer{ok, err}
	}()
	return func() (bool, error) {
		got := <-c
		return got.ok, got.err
	}
}

// Wait waits for all answers. It reports whether all of them were true, and
// returns the first error. Called again, it has none to wait for and returns
// true.
func (a *Answers) Wait() (ok bool, err error) {
	a.mu.Lock()
	waits := a.waits
	a.waits = nil
	a.mu.Unlock()
	ok = true
	for _, wait := range waits {
		got, failed := wait()
		ok = ok && got
		if err == nil {
			err = failed
		}
	}
	return ok && err == nil, err
}
