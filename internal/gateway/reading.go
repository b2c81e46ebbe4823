package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	// firstRead is the buffer that every body starts with. Nothing is reserved for
	// it: a connection on which nothing arrives must not use up the budget.
	firstRead = 4 << 10
	// oneBuffer is up to which size a body is read into one buffer that doubles.
	oneBuffer = 64 << 10
	// largestChunk bounds what is reserved ahead of a large body.
	largestChunk = 1 << 20
)

// Why the read of a body ended that was dropped.
var (
	errTooSlow = &Error{Code: CodeTooSlow, Err: errors.New("below min-read-rate while the memory was short")}
	errOutbid  = &Error{Code: CodeOverloaded, Err: errors.New("no room for more octets, and what was there went to smaller requests")}
)

// A bodyReader reads a body of at most limit octets. Each octet beyond firstRead
// is reserved before it is allocated, and what is reserved is at most a quarter
// ahead of what has arrived, or oneBuffer: what a header promises costs nothing.
type bodyReader struct {
	body  io.Reader
	limit int64
	room  func(n int64) error // reserves, and may wait
	lease *lease

	chunks [][]byte // full ones
	buf    []byte   // the last
	size   int64    // octets of all
	held   int64    // reserved for them
}

// read gives the whole body.
func (r *bodyReader) read(length int64) ([]byte, error) {
	if length > r.limit {
		return nil, &Error{Code: CodeTooLarge, Err: fmt.Errorf("Content-Length %d, limit %d", length, r.limit)}
	}
	if length >= 0 {
		r.limit = length
	}
	r.buf = make([]byte, 0, min(firstRead, r.limit+1))
	for {
		// One octet more than the limit, so that a full buffer means too much.
		if r.size == r.limit+1 {
			return nil, &Error{Code: CodeTooLarge, Err: fmt.Errorf("more than %d octets", r.limit)}
		}
		if len(r.buf) == cap(r.buf) {
			if err := r.grow(length); err != nil {
				return nil, err
			}
		}
		n, err := r.body.Read(r.buf[len(r.buf):cap(r.buf)])
		r.buf = r.buf[:len(r.buf)+n]
		r.size += int64(n)
		r.lease.progress(int64(n))
		switch {
		case errors.Is(err, io.EOF):
			return r.whole()
		case err != nil:
			return nil, readError(err)
		}
	}
}

// grow makes room behind buf, which is full.
func (r *bodyReader) grow(length int64) error {
	left := r.limit + 1 - r.size
	if r.size < oneBuffer && r.chunks == nil {
		size := min(2*r.size, r.limit+1)
		if length >= 0 && length < oneBuffer {
			size = r.limit + 1
		}
		if err := r.room(size - r.held); err != nil {
			return err
		}
		r.held = size
		r.buf = append(make([]byte, 0, size), r.buf...)
		return nil
	}
	size := min(max(r.size/4, oneBuffer/4), largestChunk, left)
	if err := r.room(size); err != nil {
		return err
	}
	r.held += size
	r.chunks = append(r.chunks, r.buf)
	r.buf = make([]byte, 0, size)
	return nil
}

// whole joins what was read. For as long as that takes it holds it twice.
func (r *bodyReader) whole() ([]byte, error) {
	if r.chunks == nil {
		return r.buf, nil
	}
	if err := r.lease.take(r.size); err != nil {
		return nil, err
	}
	all := make([]byte, 0, r.size)
	for _, c := range append(r.chunks, r.buf) {
		all = append(all, c...)
	}
	r.chunks, r.buf = nil, nil
	return all, r.lease.take(-r.held)
}

// readError tells a sender that is too slow from one that went away.
func readError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Code: CodeTimeout, Err: err}
	}
	return &Error{Code: CodeCut, Err: err}
}

// reading makes l one of a request that arrives: it can be dropped, and endRead
// then ends a read that waits.
func (l *lease) reading(endRead func()) {
	gone := make(chan struct{})
	l.gone, l.mark = gone, time.Now()
	l.drop = sync.OnceFunc(func() { close(gone); endRead() })
}

// progress notes that n more octets have arrived.
func (l *lease) progress(n int64) {
	if l.drop == nil {
		return
	}
	b := l.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if l.arrived += n; l.arrived-l.marked >= b.rateOf(l) {
		l.mark, l.marked = time.Now(), l.arrived
	}
}

// arrivedWhole ends the arriving. From then on l cannot be dropped; the error is
// that it was.
func (l *lease) arrivedWhole() error {
	b := l.budget
	b.mu.Lock()
	b.leaveReaders(l)
	l.whole = true
	dropped := l.dropped
	b.mu.Unlock()
	l.dropMu.Lock()
	l.drop = nil
	l.dropMu.Unlock()
	return dropped
}

// await reserves n octets for a body that arrives. If there is no room it looks
// again up to busyTimeout, in which time others are done or turn out to be too
// slow. Nothing is read from the client meanwhile.
func (l *lease) await(ctx context.Context, n int64) error {
	short, err := l.tryAwait(n)
	if short == "" {
		return err
	}
	timeout := time.NewTimer(l.budget.busyTimeout)
	defer timeout.Stop()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		select {
		case <-time.After(pause):
		case <-l.gone:
		case <-ctx.Done():
			return readError(ctx.Err())
		case <-timeout.C:
			return &Error{Code: CodeOverloaded, Err: fmt.Errorf("no room for %d octets more: %s", n, short)}
		}
		if short, err = l.tryAwait(n); short == "" {
			return err
		}
	}
}

// How long a reader that waits pauses before it looks for room again.
const firstPause, longestPause = 4 * time.Millisecond, 64 * time.Millisecond

// tryAwait reserves n octets, or says what they would break. The error is that l
// was dropped.
func (l *lease) tryAwait(n int64) (short string, err error) {
	b := l.budget
	b.mu.Lock()
	if l.dropped != nil {
		defer b.mu.Unlock()
		return "", l.dropped
	}
	short, dropped := b.makeRoom(l, n, func() string { return b.shortForReader(l, n) })
	switch {
	case short != "":
		l.waiting = true
	case l.waiting:
		l.waiting, l.mark, l.marked = false, time.Now(), l.arrived
	}
	if short == "" {
		b.charge(l, n)
		b.joinReaders(l)
	}
	b.mu.Unlock()
	endReads(dropped)
	return short, nil
}
