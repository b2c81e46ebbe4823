package kdcproxy

import (
	"hash/maphash"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// burst is the time whose requests may come at once.
const burst = 10 * time.Second

// A rate allows so many requests a second, by the time at which the next one
// would be due (the generic cell rate algorithm).
type rate struct{ due atomic.Int64 } // since the start of the limiter

// allow reports whether a request may come now, and counts it.
func (r *rate) allow(now, every time.Duration) bool {
	for {
		old := r.due.Load()
		due := max(time.Duration(old), now)
		if due+every-now > burst {
			return false
		}
		if r.due.CompareAndSwap(old, int64(due+every)) {
			return true
		}
	}
}

// rateSlots is how many rates of clients there are. Clients share one by chance,
// which nobody can foresee; so the memory is bounded, and nothing is evicted.
const rateSlots = 1 << 16

// A clientRates has the rate of each client.
type clientRates struct {
	seed  maphash.Seed
	start time.Time
	every time.Duration
	slots []rate
}

func newClientRates(perSecond int) *clientRates {
	return &clientRates{seed: maphash.MakeSeed(), start: time.Now(), every: time.Second / time.Duration(perSecond),
		slots: make([]rate, rateSlots)}
}

func (c *clientRates) allow(client netip.Addr) bool {
	slot := maphash.Comparable(c.seed, clientKey(client)) % rateSlots
	return c.slots[slot].allow(time.Since(c.start), c.every)
}

// clientKey returns what counts as one client: an IPv4 address, or a /64 of
// IPv6.
func clientKey(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	key, _ := a.Prefix(bits)
	return key
}

// A slots counts what goes on at a time, in all and for each client.
type slots struct {
	most, perClient int

	mu      sync.Mutex
	n       int
	clients map[netip.Prefix]int
}

// Large requests are those that are longer than most, with tickets of clients in
// many groups. The memory for them is bounded: whoever begins many, and sends
// them slowly, needs no ticket for that.
const (
	largeRequest     = 16 << 10
	maxLarge         = 256 // at a time
	maxLargeOfClient = 64
)

// A room is the room of one request for its octets.
type room struct {
	relay   *Relay
	client  netip.Addr
	release func() // nil while the request is not known to be large
}

// need makes room for n octets, before all of them are read.
func (m *room) need(n int) error {
	if n <= largeRequest || m.release != nil {
		return nil
	}
	release, ok := m.relay.large.take(m.client)
	if !ok {
		return refuse(CodeBusy, "too many requests of more than %d octets are under way", largeRequest)
	}
	m.release = release
	return nil
}

// free gives the room back.
func (m *room) free() {
	if m.release != nil {
		m.release()
	}
}

// A roomReader makes room for what it reads.
type roomReader struct {
	io.Reader
	room *room
	n    int // octets so far
}

// Read implements [io.Reader].
func (r *roomReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n += n
	if full := r.room.need(r.n); full != nil {
		return n, full
	}
	return n, err
}

// take takes a slot, if there is one. Give it back by calling release.
func (s *slots) take(client netip.Addr) (release func(), ok bool) {
	key := clientKey(client)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n >= s.most || s.clients[key] >= s.perClient {
		return nil, false
	}
	if s.clients == nil {
		s.clients = make(map[netip.Prefix]int)
	}
	s.n++
	s.clients[key]++
	return func() { s.release(key) }, true
}

func (s *slots) release(key netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n--
	if s.clients[key]--; s.clients[key] == 0 {
		delete(s.clients, key)
	}
}
