package negotiate

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// A body is the body of a request that may be sent several times.
type body struct {
	get func() (io.ReadCloser, error) // nil: it exists once

	mu      sync.Mutex
	rc      io.ReadCloser // nil without a body
	current *attempt      // that reads rc
	last    bool          // no other attempt follows
	closed  bool          // rc is
}

func newBody(r *http.Request) *body {
	b := &body{rc: r.Body, get: r.GetBody}
	if r.Body == http.NoBody {
		b.rc = nil
	}
	return b
}

// single reports whether there is a body that cannot be had again.
func (b *body) single() bool { return b.rc != nil && b.get == nil }

// attempt returns the body for one request.
func (b *body) attempt() io.ReadCloser {
	if b.rc == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.current = &attempt{b: b}
	return b.current
}

// rewind makes the body ready for another attempt. It returns false if some of
// it was read and it cannot be had again.
func (b *body) rewind() bool {
	if b.rc == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	used := b.current.used
	if used && b.get == nil {
		return false
	}
	b.current = nil // the transport may still hold it
	if !used {
		return true
	}
	again, err := b.get()
	if err != nil {
		return false
	}
	b.close()
	b.rc, b.closed = again, false
	return true
}

// finish lets the last attempt close the body, or closes it if that has been
// done with it.
func (b *body) finish() {
	if b.rc == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = true
	if b.current == nil || b.current.closed {
		b.close()
	}
}

func (b *body) close() {
	if !b.closed {
		b.closed = true
		_ = b.rc.Close()
	}
}

// An attempt is the body of one request.
type attempt struct {
	b            *body
	used, closed bool
}

var errOver = errors.New("negotiate: the request is over")

// Read reads the body, unless another attempt has it now.
func (a *attempt) Read(p []byte) (int, error) {
	a.b.mu.Lock()
	if a.b.current != a || a.closed {
		a.b.mu.Unlock()
		return 0, errOver
	}
	a.used = true
	rc := a.b.rc
	a.b.mu.Unlock()
	return rc.Read(p)
}

// Close closes the body if no other attempt follows.
func (a *attempt) Close() error {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	if a.closed {
		return nil
	}
	a.closed = true
	if a.b.last && a.b.current == a {
		a.b.close()
	}
	return nil
}
