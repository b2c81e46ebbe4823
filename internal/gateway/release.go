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

// How long the verification of a message took tells what was found in it, down
// to octets of a recorded plaintext (a padding oracle by the clock). So a
// refusal that came of looking at the protection is not written when it is
// ready, but at a time that is fixed when the last octet of the request has
// been read: its delay later, or, if it is not ready by then, at the next
// multiple of the delay. The delay depends on the size of the request alone,
// and is at least four times the slowest verification measured for that size
// (BenchmarkRefusal), so that later multiples are rare; each of them tells
// something, and counts tenfold against the key (wssec.Processor.AnsweredLate).

const (
	// firstClass is the size up to which a request has the shortest delay. Each
	// further class is twice as large and has twice the delay.
	firstClass = 128 << 10

	// maxHeld is the number of messages whose protection is looked at, or whose
	// refusals wait, at a time. What comes then is refused before it is looked at.
	// One client has a quarter of the places at most, that of an operator with large
	// limits on connections too.
	maxHeld, maxClientHeld = 2048, maxHeld / 4

	// margin is by how much a refusal has to be ready before its time; one that
	// is later waits for the next. The releaser looks at the queue for the last
	// time lead before a time, so that the clock alone decides when it wakes.
	margin = 4 * time.Millisecond
	lead   = 2 * time.Millisecond
)

// releases hold refusals until their time. The zero delay is not valid.
type releases struct {
	delay time.Duration       // of the first class
	sleep func(time.Duration) // exact to a fraction of a millisecond, whenever it began
	off   bool                // answers at once; for the program that attacks

	mu      sync.Mutex
	held    int
	clients map[netip.Prefix]int // of held
	queue   list.List            // of *release, by time
	running bool                 // the releaser
	earlier chan struct{}        // tells it of a release before the one that it waits for
}

func newReleases(delay time.Duration) *releases {
	return &releases{delay: delay, sleep: sleepExactly, clients: make(map[netip.Prefix]int), earlier: make(chan struct{}, 1)}
}

// delayOf is the delay of a request of so many octets.
func (r *releases) delayOf(size int) time.Duration {
	return r.delay << bits.Len(uint(max(size-1, 0)/firstClass))
}

// A release is the place of one message from before its protection is looked
// at until it is accepted or its refusal may be written.
type release struct {
	all   *releases
	from  netip.Prefix
	read  time.Time // when the last octet had been read
	every time.Duration
	at    time.Time     // when it is released
	ready chan struct{} // closed then
}

// open takes a place for a message of size octets, of the client at an address, that
// has been read at a time.
func (r *releases) open(a netip.Addr, size int, read time.Time) (*release, error) {
	from := clientKey(a)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.clients[from] >= maxClientHeld:
		return nil, &Error{Code: CodeHeld, Err: fmt.Errorf("%d messages of this client are looked at or refused already", maxClientHeld)}
	case r.held >= maxHeld:
		return nil, &Error{Code: CodeHeld, Err: fmt.Errorf("%d messages are looked at or refused already", maxHeld)}
	}
	r.held++
	r.clients[from]++
	return &release{all: r, from: from, read: read, every: r.delayOf(size), ready: make(chan struct{})}, nil
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

// due gives the time of a refusal that is ready now, and whether that is a
// later one than it should be.
func (h *release) due(now time.Time) (at time.Time, late bool) {
	at = h.read.Add(h.every)
	if behind := now.Add(margin).Sub(at); behind > 0 {
		return at.Add((behind + h.every - 1) / h.every * h.every), true
	}
	return at, false
}

// settle fixes the time of a refusal that is ready now, and reports whether it
// is a later one than it should be.
func (h *release) settle() (late bool) {
	h.at, late = h.due(time.Now())
	return late && !h.all.off
}

// wait returns when the refusal may be written, with false if nothing may be
// written any more: the client has gone, or is cut off. A client that goes away
// does not end the wait, since it sees the end of what it has left open, its half
// of a connection or a place among the streams of one. Only the end of the process
// does. It gives the place back.
func (h *release) wait(ctx context.Context) bool {
	defer h.close()
	if h.all.off {
		return true
	}
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

// enqueue puts h in its place in the queue. Most often that is the end.
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

// run is the releaser. It is one goroutine for all, since what wakes a release
// must be a clock that does not know when the wait began: Go's own timers end
// at a whole number of milliseconds after the process went idle, on Linux, so
// that a refusal which waited for one would still show in its microseconds when
// the verification had ended. It ends when nobody waits.
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

// next releases what is due and gives the time until the next one is.
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
