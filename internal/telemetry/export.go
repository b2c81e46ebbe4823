package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// sayAgain is how long after a line about lost spans the next one is written.
const sayAgain = time.Minute

// firstPause is how long a request waits that is sent again. It doubles.
var firstPause = time.Second // less in tests

// An exporter has the spans that wait, and sends them.
type exporter struct {
	settings *settings
	client   *http.Client
	log      *slog.Logger
	// alone is the life of requests: until Close has waited long enough.
	alone  context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	closed bool
	wait   []*segment // the last is not full
	queued int        // exchanges of wait, at most settings.queue

	head     int       // octets before the spans of a segment, for the rest of its request
	segments sync.Pool // of *segment, which were sent
	rooms    sync.Pool // of *[]byte: spans on their way into wait

	full    chan struct{} // a batch is there
	closing chan struct{}
	done    chan struct{} // nothing is sent any more

	sent, lost atomic.Uint64
	said       time.Time // when a loss was logged last
}

func newExporter(s *settings, log *slog.Logger) (*exporter, error) {
	client, err := s.client()
	if err != nil {
		return nil, err
	}
	e := &exporter{settings: s, client: client, log: log, full: make(chan struct{}, 1), closing: make(chan struct{}),
		done: make(chan struct{}), head: len(appendRequest(nil, s.resource, math.MaxInt32))}
	e.alone, e.cancel = context.WithCancel(context.Background())
	go e.run()
	return e, nil
}

// A segment is what is sent in one request: the spans of some exchanges, encoded.
type segment struct {
	octets    []byte
	exchanges int
	spans     int // stages too
}

// usualSegment is the memory of a segment in octets, to begin with.
const usualSegment = 128 << 10

// add lets a span wait to be sent. It waits for nothing itself. The span is encoded
// here, while it is in the processor's caches, and does not stay in memory.
func (e *exporter) add(s *ended) {
	room, _ := e.rooms.Get().(*[]byte)
	if room == nil {
		room = new([]byte)
	}
	*room = s.append((*room)[:0])
	full, taken := e.queue(*room, 1+len(s.stages))
	e.rooms.Put(room)
	if !taken {
		e.lost.Add(uint64(1 + len(s.stages)))
	}
	if full {
		select {
		case e.full <- struct{}{}:
		default:
		}
	}
}

// queue appends an exchange to what waits, if there is room, and reports whether
// there is as much as is sent at once.
func (e *exporter) queue(octets []byte, spans int) (full, taken bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.queued >= e.settings.queue {
		return false, false
	}
	if n := len(e.wait); n == 0 || e.wait[n-1].spans >= e.settings.batch {
		e.wait = append(e.wait, e.newSegment())
	}
	last := e.wait[len(e.wait)-1]
	last.octets = append(last.octets, octets...)
	last.exchanges++
	last.spans += spans
	e.queued++
	return last.spans >= e.settings.batch, true
}

// newSegment returns a segment without exchanges.
func (e *exporter) newSegment() *segment {
	s, _ := e.segments.Get().(*segment)
	if s == nil {
		return &segment{octets: make([]byte, e.head, usualSegment)}
	}
	*s = segment{octets: s.octets[:e.head]}
	return s
}

// run sends batches until close: those that are full, and at times what there is.
func (e *exporter) run() {
	defer close(e.done)
	tick := time.NewTicker(e.settings.delay)
	defer tick.Stop()
	for {
		select {
		case <-e.full:
			e.sendFull()
		case <-tick.C:
			e.sendAll()
		case <-e.closing:
			e.sendAll()
			return
		}
	}
}

// sendAll sends what waits. What comes meanwhile waits for others: else requests of
// a few spans each would follow one another.
func (e *exporter) sendAll() {
	e.sendFull()
	if rest := e.take(1); rest != nil {
		e.sendBatch(rest)
	}
}

// sendFull sends the batches that are full.
func (e *exporter) sendFull() {
	for {
		batch := e.take(e.settings.batch)
		if batch == nil {
			return
		}
		e.sendBatch(batch)
	}
}

func (e *exporter) sendBatch(batch *segment) {
	spans := uint64(batch.spans)
	if err := e.send(batch); err != nil {
		e.lost.Add(spans)
		e.sayLost(err)
		return
	}
	e.sent.Add(spans)
}

// take takes a batch of at least so many spans from what waits, nil for none.
func (e *exporter) take(least int) *segment {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.wait) == 0 || e.wait[0].spans < least {
		return nil
	}
	batch := e.wait[0]
	e.wait = slices.Delete(e.wait, 0, 1)
	e.queued -= batch.exchanges
	return batch
}

// sayLost logs why spans are lost, once in a while.
func (e *exporter) sayLost(err error) {
	if now := time.Now(); now.Sub(e.said) >= sayAgain {
		e.said = now
		e.log.Warn("traces are lost", "collector", withoutSecrets(e.settings.endpoint), "error", err.Error(),
			"lost", e.lost.Load(), "cure", "see whether the collector runs and OTEL_EXPORTER_OTLP_ENDPOINT names it; "+
				"exchanges go on without it")
	}
}

// A statusError is an answer of the collector that is no success.
type statusError struct {
	status int
	after  time.Duration // that it asks for, before the next request
}

func (s *statusError) Error() string { return fmt.Sprintf("HTTP status %d", s.status) }

// isLater reports whether the same request may succeed later (OTLP/HTTP, Failures).
func (s *statusError) isLater() bool {
	switch s.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// send sends the spans of a batch, again if that may help, until its time is over.
// When the process ends they are sent once.
func (e *exporter) send(batch *segment) error {
	var writing atomic.Int32 // connections: one may go on after the answer, or an error
	defer func() {
		if writing.Load() == 0 {
			e.segments.Put(batch)
		}
	}()
	head := appendRequest(nil, e.settings.resource, len(batch.octets)-e.head)
	body := batch.octets[e.head-len(head):]
	copy(body, head)
	ctx := httptrace.WithClientTrace(e.alone, &httptrace.ClientTrace{
		GotConn:      func(httptrace.GotConnInfo) { writing.Add(1) },
		WroteRequest: func(httptrace.WroteRequestInfo) { writing.Add(-1) },
	})
	ctx, cancel := context.WithTimeout(ctx, e.settings.patience)
	defer cancel()
	var err error
	for pause := firstPause; ; pause *= 2 {
		now := e.post(ctx, body)
		if err == nil || ctx.Err() == nil { // else it says no more than that the time is over
			err = now
		}
		refused, is := errors.AsType[*statusError](err)
		if now == nil || is && !refused.isLater() {
			return now
		}
		wait := pause
		if is {
			wait = max(wait, refused.after)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		case <-e.closing:
			return err
		}
	}
}

// post sends a request, once.
func (e *exporter) post(ctx context.Context, body []byte) error {
	if e.settings.compresses {
		body = compressed(body)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.settings.endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = e.settings.headers.Clone()
	r.Header.Set("Content-Type", "application/x-protobuf")
	r.Header.Set("User-Agent", "wssgate")
	if e.settings.compresses {
		r.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := e.client.Do(r)
	if err != nil {
		if of, ok := errors.AsType[*url.Error](err); ok {
			err = of.Err // without the URL
		}
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	if resp.StatusCode/100 != 2 {
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return &statusError{resp.StatusCode, time.Duration(max(0, min(seconds, 3600))) * time.Second}
	}
	return nil
}

func compressed(body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(body) // a Buffer fails never
	_ = z.Close()
	return b.Bytes()
}

// close sends what waits, until ctx ends.
func (e *exporter) close(ctx context.Context) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return
	}
	e.closed = true
	e.mu.Unlock()
	close(e.closing)
	stop := context.AfterFunc(ctx, e.cancel)
	defer stop()
	<-e.done
	e.cancel()
	e.client.CloseIdleConnections()
}
