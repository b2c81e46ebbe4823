package gateway

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/wssgate/wssgate/internal/buffer"
)

const (
	// firstRead is the size of the buffer that every body starts with. It is not
	// reserved: a connection on which nothing arrives must not use up the budget.
	firstRead = 4 << 10
	// oneBuffer is the size up to which a body is read into one buffer that
	// doubles.
	oneBuffer = 64 << 10
	// largestChunk limits what is reserved ahead of a large body.
	largestChunk = 1 << 20
)

// Errors of reading a body whose memory was given to another request.
var (
	errTooSlow = &Error{Code: CodeTooSlow, Err: errors.New("below min-read-rate while the memory was short")}
	errOutbid  = &Error{Code: CodeOverloaded,
		Err: errors.New("no room for more octets, and what was there went to smaller requests")}
)

// A bodyReader reads a body of at most limit octets. Each octet beyond
// firstRead is reserved before it is allocated, and at most a quarter more than
// has arrived, or oneBuffer, is reserved: a Content-Length alone reserves
// nothing.
type bodyReader struct {
	body  io.Reader
	limit int64
	room  func(n int64) error // reserves, and may wait
	lease *lease

	chunks [][]byte       // full ones
	buf    *buffer.Buffer // the last
	size   int64          // octets of all
	held   int64          // reserved for them
}

// read returns the whole body. The caller may free it.
func (r *bodyReader) read(length int64) (*buffer.Buffer, error) {
	if length > r.limit {
		return nil, &Error{Code: CodeTooLarge, Err: fmt.Errorf("Content-Length %d, limit %d", length, r.limit)}
	}
	if length >= 0 {
		r.limit = length
	}
	r.buf = buffer.Get(firstRead)
	for {
		buf := r.buf.Octets
		if len(buf) == cap(buf) || r.knowsRoom(length) {
			if err := r.grow(length); err != nil {
				return nil, err
			}
			buf = r.buf.Octets
		}
		n, err := r.body.Read(buf[len(buf):cap(buf)])
		r.buf.Octets = buf[:len(buf)+n]
		r.size += int64(n)
		r.lease.progress(int64(n))
		switch {
		case r.size > r.limit: // a buffer has room for one octet more
			return nil, &Error{Code: CodeTooLarge, Err: fmt.Errorf("more than %d octets", r.limit)}
		case errors.Is(err, io.EOF):
			return r.whole()
		case err != nil:
			return nil, readError(err)
		}
	}
}

// knowsRoom reports whether so much of a body of usual length has arrived that
// all of it may have its room. Each read into a little room is a system call more,
// by which net/http reads ahead into a buffer of its own.
func (r *bodyReader) knowsRoom(length int64) bool {
	return length >= 0 && length < oneBuffer && r.held == 0 && r.size >= firstRead/2 && r.limit >= firstRead
}

// grow makes room behind buf, which is full or known to be too small.
func (r *bodyReader) grow(length int64) error {
	left := r.limit + 1 - r.size
	if r.size < oneBuffer && r.chunks == nil {
		size := min(2*r.size, r.limit+1)
		if length >= 0 && length < oneBuffer {
			size = r.limit + 1
		}
		larger := buffer.Room(int(size))
		if err := r.room(int64(larger) - r.held); err != nil {
			return err
		}
		r.held = int64(larger)
		first := r.buf
		r.buf = buffer.Get(larger)
		r.buf.Octets = append(r.buf.Octets, first.Octets...)
		first.Free()
		return nil
	}
	size := min(max(r.size/4, oneBuffer/4), largestChunk, left)
	if err := r.room(size); err != nil {
		return err
	}
	r.held += size
	r.chunks = append(r.chunks, r.buf.Octets)
	r.buf = &buffer.Buffer{Octets: make([]byte, 0, size)}
	return nil
}

// whole joins the chunks. It holds the body twice while it does so.
func (r *bodyReader) whole() (*buffer.Buffer, error) {
	if r.chunks == nil {
		return r.buf, nil
	}
	if err := r.lease.take(r.size); err != nil {
		return nil, err
	}
	all := make([]byte, 0, r.size)
	for _, c := range append(r.chunks, r.buf.Octets) {
		all = append(all, c...)
	}
	r.chunks, r.buf = nil, nil
	return &buffer.Buffer{Octets: all}, r.lease.take(-r.held)
}

// readError returns an error of reading with its code, if it has none: the sender
// was too slow, or has gone away.
func readError(err error) error {
	if own := (*Error)(nil); errors.As(err, &own) {
		return own
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Code: CodeTimeout, Err: err}
	}
	return &Error{Code: CodeCut, Err: err}
}

// reading begins the reading of a request. Until arrivedWhole its lease can be
// dropped; endRead ends a read that waits.
func (l *lease) reading(endRead func()) {
	gone := make(chan struct{})
	l.gone, l.mark = gone, time.Now()
	l.drop = sync.OnceFunc(func() { close(gone); endRead() })
}

// progress records that n more octets have arrived.
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

// arrivedWhole ends the reading of a request. From then on l cannot be dropped.
// The error is not nil if it has been dropped.
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

// await reserves n octets for a body that is being read. If there is no room it
// tries again for up to busyTimeout, while other requests finish or prove too
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

// Pauses between the attempts of await.
const firstPause, longestPause = 4 * time.Millisecond, 64 * time.Millisecond

// tryAwait reserves n octets, or returns the limit that they would break. The
// error is not nil if l was dropped.
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

// decoderSize is what a decoder takes in addition to what it has decoded: its
// window, tables and buffers.
const decoderSize = 64 << 10

// A decoder decodes a body that the backend has compressed, though it was not
// asked to (RFC 9110 §8.4.1). It holds its window alone, so that a body of
// whatever ratio is limited by who reads from it. The source has a limit of its
// own, since there are codings of nothing without end, such as empty members of
// gzip. An empty body is empty, as that of a 202 or 204 with the header fields of
// another reply.
type decoder struct {
	source  errorReader
	codings []string
	plain   io.Reader // once there is an octet
}

// A codingError is of the coding, and not of the connection.
type codingError struct {
	codings []string
	err     error
}

func (e *codingError) Error() string {
	return fmt.Sprintf("Content-Encoding %.200q: %v", strings.Join(e.codings, ", "), e.err)
}

func (e *codingError) Unwrap() error { return e.err }

// Read implements [io.Reader].
func (d *decoder) Read(p []byte) (n int, err error) {
	if d.plain == nil {
		d.plain, err = d.open()
	}
	if err == nil {
		n, err = d.plain.Read(p)
	}
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return n, err
	case d.source.err != nil:
		return n, d.source.err
	}
	return n, &codingError{d.codings, err}
}

// open returns the reader for the coding. It returns [io.EOF] for an empty body.
func (d *decoder) open() (io.Reader, error) {
	in := bufio.NewReader(&d.source)
	if _, err := in.Peek(1); err != nil {
		return nil, err
	}
	switch strings.Join(d.codings, ", ") {
	case "identity":
		return in, nil
	case "gzip", "x-gzip":
		return gzip.NewReader(in)
	case "deflate":
		if head, err := in.Peek(2); err == nil && isZlib(head) {
			return zlib.NewReader(in)
		}
		return flate.NewReader(in), nil // as Microsoft's servers have sent it
	}
	return nil, errors.New("is not decoded; turn compression off in the backend, or let it use gzip")
}

// isZlib reports whether a body begins as RFC 1950 §2.2 has it.
func isZlib(head []byte) bool {
	return head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0
}

// An errorReader keeps the error of a reader other than its end. It is one to have
// more than limit octets.
type errorReader struct {
	r     io.Reader
	limit int64
	size  int64 // octets read
	err   error
}

// Read implements [io.Reader].
func (r *errorReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if r.size += int64(n); r.size > r.limit {
		err = &Error{Code: CodeTooLarge, Err: fmt.Errorf("more than %d octets before it is decoded", r.limit)}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
