package gateway

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// errShutdown is the cause of the end of the contexts of exchanges that are cut
// off.
var errShutdown = errors.New("the process stopped before the exchange was done (shutdown-timeout)")

type cutOffKey struct{}

// withCutOff returns the context of a server's requests, which are cut off when
// ctx ends.
func withCutOff(ctx context.Context) context.Context {
	return context.WithValue(ctx, cutOffKey{}, ctx.Done())
}

// cutOff returns a channel that is closed when the process cuts off the
// exchange of ctx, and not when its client goes away.
func cutOff(ctx context.Context) <-chan struct{} {
	done, _ := ctx.Value(cutOffKey{}).(<-chan struct{})
	return done
}

// exchanges counts the requests that are being handled.
type exchanges struct {
	readTimeout time.Duration
	draining    atomic.Bool // each answer is the last of its connection

	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when n comes to 0; nil until somebody waits
}

func (e *exchanges) count(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.add(1)
		defer e.add(-1)
		if c, _ := r.Context().Value(connKey{}).(*countedConn); c != nil {
			c.begin(r, e.readTimeout)
		}
		if e.draining.Load() && r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

const (
	// lastRequest is how long connections that wait for their next request may
	// still get one when the process stops. Its answer says that it is the last. A
	// client that sends one while its connection is being closed would not know
	// whether it has been read.
	lastRequest = 500 * time.Millisecond
	// drainLook is the interval at which drain looks at connections.
	drainLook = 5 * time.Millisecond
)

// drain ends the connections on which no request is being served, before
// [http.Server.Shutdown] does: that closes a connection while the header section
// of a request is being read, serves the request all the same if its octets are
// there, and has nowhere to write its answer. Drain ends reads alone. It accepts
// no more connections, and takes no longer than lastRequest unless octets of a
// request are on their way.
func (e *exchanges) drain(ctx context.Context, l *connLimiter) {
	e.draining.Store(true)
	_ = l.Close()
	tick := time.NewTicker(drainLook)
	defer tick.Stop()
	for begun := time.Now(); l.anyOpen(); {
		if time.Since(begun) > lastRequest && l.expireIdle() == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (l *connLimiter) anyOpen() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open) > 0
}

// expireIdle ends the reads of all connections that serve no request, and
// returns how many they are.
func (l *connLimiter) expireIdle() (n int) {
	l.mu.Lock()
	all := slices.Collect(maps.Keys(l.open))
	l.mu.Unlock()
	for _, c := range all {
		if c.expire() {
			n++
		}
	}
	return n
}

func (e *exchanges) add(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.n += n; e.n == 0 && e.idle != nil {
		close(e.idle)
		e.idle = nil
	}
}

// inProgress returns the number of requests.
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

// blame replaces the error of an exchange that was cut off by the end of the
// process, whatever it was, by one that says so.
func (x *exchange) blame() {
	if !errors.Is(context.Cause(x.r.Context()), errShutdown) || x.err == nil {
		return
	}
	switch code := codeOf(x.err); {
	case code == string(CodeClientGone), code == string(CodeCut), errors.Is(x.err, context.Canceled):
		x.err = &Error{Code: CodeShutdown, Err: errShutdown}
	}
}
