package gateway

import (
	"container/list"
	"context"
	"fmt"
	"math/bits"
	"net/netip"
	"sync"
	"time"
)

// The time that a verification takes reveals what was found in the message,
// down to octets of a recorded plaintext (a padding oracle by the clock). So a
// refusal by a door is not written when it is ready, but at a time that is
// fixed when the last octet of the request has been read: its delay later or,
// if it is not ready by then, at the next multiple of the delay. The delay
// depends on the size of the request alone. It is at least four times the
// slowest verification measured for that size (BenchmarkRefusal), so that later
// multiples are rare. Each of them reveals something, and counts tenfold
// against the key ([wssec.Processor.AnsweredLate]).

const (
	// firstClass is the size up to which a request has the shortest delay. Each
	// class after it is twice as large and has twice the delay.
	firstClass = 128 << 10

	// maxHeld limits the messages that are being verified, or whose refusals wait,
	// at a time. Further ones are refused before they are verified. One client may
	// have a quarter of the places, however many connections it may have.
	maxHeld, maxClientHeld = 2048, maxHeld / 4

	// margin is how long before its time a refusal has to be ready. One that is
	// later waits for the next multiple. The releaser looks at the queue for the
	// last time lead before a release, so that the clock alone decides when it
	// wakes.
	margin = 4 * time.Millisecond
	lead   = 2 * time.Millisecond
)

// releases hold refusals until their time. The delay must not be zero.
type releases struct {
	delay time.Duration       // of the first class
	sleep func(time.Duration) // exact to a fraction of a millisecond, whenever it began
	off   bool                // answer at once; for the test that attacks

	mu      sync.Mutex
	held    int
	clients map[netip.Prefix]int // of held
	queue   list.List            // of *release, by time
	running bool                 // the releaser
	earlier chan struct{}        // signals a release before the one that it waits for
}

func newReleases(delay time.Duration) *releases {
	return &releases{delay: delay, sleep: sleepExactly, clients: make(map[netip.Prefix]int),
		earlier: make(chan struct{}, 1)}
}

// delayOf returns the delay of a request of size octets.
func (r *releases) delayOf(size int) time.Duration {
	return r.delay << bits.Len(uint(max(size-1, 0)/firstClass))
}

// A release is the place of one message, from before its verification until it
// is accepted or its refusal may be written.
type release struct {
	all   *releases
	from  netip.Prefix
	read  time.Time // when the last octet had been read
	every time.Duration
	at    time.Time     // when it is released
	ready chan struct{} // closed then; nil until it waits
}

// open takes a place for a message of size octets from the client at a. Read is
// the time at which its last octet was read.
func (r *releases) open(a netip.Addr, size int, read time.Time) (*release, error) {
	from := clientKey(a)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.clients[from] >= maxClientHeld:
		return nil, &Error{Code: CodeHeld,
			Err: fmt.Errorf("%d messages of this client are looked at or refused already", maxClientHeld)}
	case r.held >= maxHeld:
		return nil, &Error{Code: CodeHeld, Err: fmt.Errorf("%d messages are looked at or refused already", maxHeld)}
	}
	r.held++
	r.clients[from]++
	return &release{all: r, from: from, read: read, every: r.delayOf(size)}, nil
}

// close gives the place back.
func (h *release) close() {
	h.all.mu.Lock()
	defer h.all.mu.Unlock()
	h.all.held--
	if h.all.clients[h.from]--; h.all.clients[h.from] == 0 {
		delete(h.all.clients, h.from)
	}
}

// due returns the time of a refusal that is ready now, and whether that is
// later than the size of the message requires.
func (h *release) due(now time.Time) (at time.Time, late bool) {
	at = h.read.Add(h.every)
	if behind := now.Add(margin).Sub(at); behind > 0 {
		return at.Add((behind + h.every - 1) / h.every * h.every), true
	}
	return at, false
}

// settle fixes the time of a refusal that is ready now, and reports whether it
// is late (see due).
func (h *release) settle() (late bool) {
	h.at, late = h.due(time.Now())
	return late && !h.all.off
}

// wait waits until the refusal may be written, and gives the place back. It
// returns false if nothing may be written any more: the client has gone, or the
// process ends. A client that goes away does not end the wait: it would see
// that in its half-open connection, or in another stream of it. Only the end of
// the process ends it.
func (h *release) wait(ctx context.Context) bool {
	defer h.close()
	if h.all.off {
		return true
	}
	h.ready = make(chan struct{})
	place := h.all.enqueue(h)
	select {
	case <-h.ready:
		return ctx.Err() == nil
	case <-cutOff(ctx):
		h.all.mu.Lock()
		defer h.all.mu.Unlock()
		h.all.queue.Remove(place) // does nothing if it was released meanwhile
		return false
	}
}

// enqueue inserts h into the queue by its time, most often at the end.
func (r *releases) enqueue(h *release) *list.Element {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.queue.PushBack(h)
	for before := e.Prev(); before != nil && before.Value.(*release).at.After(h.at); before = e.Prev() {
		r.queue.MoveBefore(e, before)
	}
	switch {
	case !r.running:
		r.running = true
		go r.run()
	case e.Prev() == nil:
		select {
		case r.earlier <- struct{}{}:
		default:
		}
	}
	return e
}

// run is the releaser, one goroutine for all refusals. It ends when none waits.
// What wakes a refusal must not depend on when its wait began. On Linux, Go's
// own timers end a whole number of milliseconds after the process went idle, so
// that the microseconds of the answer would reveal when the verification ended.
func (r *releases) run() {
	for {
		d, waiting := r.next()
		switch {
		case !waiting:
			return
		case d > lead:
			select {
			case <-time.After(d - lead):
			case <-r.earlier:
			}
		default:
			r.sleep(d)
		}
	}
}

// next releases the refusals that are due, and returns the time until the next
// one. Waiting is false if there is none.
func (r *releases) next() (d time.Duration, waiting bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for e := r.queue.Front(); e != nil; e = r.queue.Front() {
		h := e.Value.(*release)
		if d = time.Until(h.at); d > 0 {
			return d, true
		}
		r.queue.Remove(e)
		close(h.ready)
	}
	r.running = false
	return 0, false
}
