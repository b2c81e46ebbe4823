package gateway

import (
	"context"
	"errors"
	"net/http"
	"sync"
)

// errShutdown is the cause with which the contexts of exchanges end that are cut off.
var errShutdown = errors.New("the process stopped before the exchange was done (shutdown-timeout)")

type cutOffKey struct{}

// withCutOff is the context of a server's requests: when ctx ends, they are cut off.
func withCutOff(ctx context.Context) context.Context {
	return context.WithValue(ctx, cutOffKey{}, ctx.Done())
}

// cutOff is closed when the process cuts the exchange off that ctx is of, and not when
// its client goes away.
func cutOff(ctx context.Context) <-chan struct{} {
	done, _ := ctx.Value(cutOffKey{}).(<-chan struct{})
	return done
}

// exchanges counts requests that are being handled.
type exchanges struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when n comes to 0; nil until somebody waits
}

func (e *exchanges) count(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.add(1)
		defer e.add(-1)
		h.ServeHTTP(w, r)
	})
}

func (e *exchanges) add(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.n += n; e.n == 0 && e.idle != nil {
		close(e.idle)
		e.idle = nil
	}
}

// inProgress is how many there are.
func (e *exchanges) inProgress() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.n
}

// wait waits until there are none, or ctx ends.
func (e *exchanges) wait(ctx context.Context) {
	e.mu.Lock()
	if e.n == 0 {
		e.mu.Unlock()
		return
	}
	if e.idle == nil {
		e.idle = make(chan struct{})
	}
	idle := e.idle
	e.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

// blame makes an exchange that was cut off by the process's end, with whatever
// error that gave, one of our own doing.
func (x *exchange) blame() {
	if !errors.Is(context.Cause(x.r.Context()), errShutdown) || x.err == nil {
		return
	}
	switch code := codeOf(x.err); {
	case code == string(CodeClientGone), code == string(CodeCut), errors.Is(x.err, context.Canceled):
		x.err = &Error{Code: CodeShutdown, Err: errShutdown}
	}
}
