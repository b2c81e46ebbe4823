package interop

import (
	"os"
	"slices"
	"sync"
	"testing"
)

// kept holds how what the tests share is ended, in the order in which it was
// begun. TestMain does so.
var kept struct {
	sync.Mutex
	ends []func()
}

// keep ends something when all tests have ended.
func keep(end func()) {
	kept.Lock()
	defer kept.Unlock()
	kept.ends = append(kept.ends, end)
}

func endKept() {
	for _, end := range slices.Backward(kept.ends) {
		end()
	}
}

// once returns a function that makes something for the first test that asks,
// and returns it to all.
func once[T any](make func() (T, error)) func(*testing.T) T {
	get := sync.OnceValues(make)
	return func(t *testing.T) T {
		t.Helper()
		v, err := get()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// keptDir returns a directory that is removed when all tests have ended.
func keptDir() (string, error) {
	dir, err := os.MkdirTemp("", "wssgate-interop")
	if err == nil {
		keep(func() { os.RemoveAll(dir) })
	}
	return dir, err
}
