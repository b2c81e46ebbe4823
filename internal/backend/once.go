package backend

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
)

// A sending is a request that is tried at one target after the other, until
// something of it is sent.
type sending struct {
	request *http.Request // the caller's
	held    *heldBody     // nil if there is no body, or another can be had
	started bool
	sent    bool // something of the last attempt may have been sent
}

func newSending(r *http.Request) *sending {
	s := &sending{request: r}
	if hasBody(r) && r.GetBody == nil {
		s.held = &heldBody{body: r.Body}
	}
	return s
}

func hasBody(r *http.Request) bool { return r.Body != nil && r.Body != http.NoBody }

// next returns the request for the next attempt, with its context, which net/http
// does not repeat: its body cannot be had again there.
func (s *sending) next(ctx context.Context) (*http.Request, error) {
	r := s.request.WithContext(ctx) // a copy
	switch {
	case !hasBody(r):
		once(r)
	case s.held != nil:
		r.Body = s.held
	case s.started:
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		r.Body = body
	}
	s.started, r.GetBody = true, nil
	return r, nil
}

// once changes a request without a body so that net/http does not repeat it
// when it was sent. One with a safe method gets a body that turns out to be
// empty, which is written like none. Of those with another one net/http repeats
// those with a certain header, by its usual spelling; case means nothing to the
// backend.
func once(r *http.Request) {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		r.Body = io.NopCloser(eof{})
		return
	}
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if values, ok := r.Header[name]; ok {
			r.Header = maps.Clone(r.Header)
			delete(r.Header, name)
			r.Header[strings.ToLower(name)] = values
		}
	}
}

type eof struct{}

// Read implements [io.Reader].
func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// mayRepeat reports whether the request can be tried again: nothing of it was
// sent, and its body is whole.
func (s *sending) mayRepeat() bool { return !s.sent && (s.held == nil || s.held.isWhole()) }

// bodyFailed reports whether the body could not be read.
func (s *sending) bodyFailed() bool { return s.held != nil && s.held.failed() != nil }

// end closes the body, unless it is the transport's to do that.
func (s *sending) end() {
	switch {
	case s.held != nil:
		s.held.release()
	case !s.started && s.request.Body != nil:
		_ = s.request.Body.Close()
	}
}

// A heldBody is a body that comes once. As long as nobody has read of it it is
// not closed with an attempt, as the next one needs it.
type heldBody struct {
	body io.ReadCloser

	mu       sync.Mutex
	read     bool
	closed   bool
	released bool // no attempt follows
	err      error
}

// Read implements [io.Reader].
func (b *heldBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	b.read = true
	b.mu.Unlock()
	n, err := b.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.mu.Lock()
		b.err = err
		b.mu.Unlock()
	}
	return n, err
}

// Close implements [io.Closer].
func (b *heldBody) Close() error {
	b.mu.Lock()
	b.closed = true
	now := b.read || b.released
	b.mu.Unlock()
	if now {
		return b.body.Close()
	}
	return nil
}

// release lets Close take effect, from an earlier call too.
func (b *heldBody) release() {
	b.mu.Lock()
	late := b.closed && !b.read && !b.released
	b.released = true
	b.mu.Unlock()
	if late {
		_ = b.body.Close()
	}
}

func (b *heldBody) isWhole() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.read
}

func (b *heldBody) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}
