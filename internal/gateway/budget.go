package gateway

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// A budget limits the octets that all exchanges in progress may hold together.
// Messages that are not verified yet have a share of it, so that verified ones
// can be finished, and each client has one, so that it leaves room for others.
// A request that is being read takes a part of what is left and never all of
// it, so that a small request finds room however many there are.
//
// If there is too little for an exchange, readers below the least rate are
// dropped for it, and then larger readers that wait for room themselves. If
// that is not enough the exchange is refused, to shed load. Only readers wait
// for room, for a while.
type budget struct {
	budgetConfig

	mu         sync.Mutex
	used       int64
	unverified int64 // of used
	exchanges  int
	clients    map[netip.Prefix]*clientUse
	readers    []*lease  // requests that arrive, and hold something
	nextLook   time.Time // when readers that wait may look again for whom to drop
}

// budgetConfig holds the limits of a budget.
type budgetConfig struct {
	limit            int64 // of all
	unverifiedLimit  int64 // of messages that are not verified
	clientLimit      int64 // of one client's messages that are verified
	clientUnverified int64 // of those that are not
	exchangeLimit    int   // exchanges in progress
	clientExchanges  int   // of one client
	leastRate        int64 // octets a second
	busyTimeout      time.Duration
	largeReadTimeout time.Duration // see slow
}

// clientUse counts the octets that the exchanges of one client hold.
type clientUse struct {
	verified   int64
	unverified int64
	exchanges  int
}

func newBudget(c budgetConfig) *budget {
	return &budget{budgetConfig: c, clients: make(map[netip.Prefix]*clientUse)}
}

// A lease is the part of the budget that one exchange holds. Its methods are
// called by one goroutine. The budget's mutex protects all fields but held.
type lease struct {
	budget *budget
	key    netip.Prefix
	client *clientUse

	held     int64
	header   int64 // of held
	place    int   // in the budget's readers, from 1 on; 0 if it is not there
	whole    bool  // the request has been read
	verified bool

	// For a request that is being read:
	dropMu  sync.Mutex    // protects drop, in place of the budget's mutex
	drop    func()        // ends the read or the wait for room; nil before and afterwards
	dropped error         // why its octets were given to another request
	gone    chan struct{} // closed by drop
	waiting bool          // for room, by no fault of its own
	arrived int64
	marked  int64 // arrived at the time mark
	mark    time.Time
}

// clientKey returns the client of an address, for shares and limits: the
// address itself or, for IPv6, its /64, since a subscriber has at least that.
func clientKey(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	key, _ := a.Prefix(bits) // the zero Prefix for the zero Addr
	return key
}

// open returns an empty lease for an exchange of the client at a.
func (b *budget) open(a netip.Addr) (*lease, error) {
	key := clientKey(a)
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.clients[key]
	switch {
	case b.exchanges >= b.exchangeLimit:
		return nil, &Error{Code: CodeOverloaded,
			Err: fmt.Errorf("%d exchanges are in progress (max-connections)", b.exchanges)}
	case c != nil && c.exchanges >= b.clientExchanges:
		return nil, &Error{Code: CodeOverloaded,
			Err: fmt.Errorf("%d exchanges of this client are in progress (max-client-connections)", c.exchanges)}
	case c == nil:
		c = &clientUse{}
		b.clients[key] = c
	}
	b.exchanges++
	c.exchanges++
	return &lease{budget: b, key: key, client: c}, nil
}

// giveBack releases all octets but those of the header before the exchange
// ends.
func (l *lease) giveBack() {
	l.budget.mu.Lock()
	defer l.budget.mu.Unlock()
	l.budget.charge(l, l.header-l.held)
}

// close ends the exchange.
func (l *lease) close() {
	b := l.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leaveReaders(l)
	b.charge(l, -l.held)
	b.exchanges--
	if l.client.exchanges--; l.client.exchanges == 0 {
		delete(b.clients, l.key)
	}
}

// joinReaders adds l to those that may be dropped.
func (b *budget) joinReaders(l *lease) {
	if l.place == 0 {
		b.readers = append(b.readers, l)
		l.place = len(b.readers)
	}
}

func (b *budget) leaveReaders(l *lease) {
	if l.place == 0 {
		return
	}
	last := b.readers[len(b.readers)-1]
	b.readers[l.place-1], last.place = last, l.place
	b.readers[len(b.readers)-1] = nil
	b.readers, l.place = b.readers[:len(b.readers)-1], 0
}

// charge adds n octets to what l holds; n may be negative.
func (b *budget) charge(l *lease, n int64) {
	l.held += n
	b.used += n
	if l.verified {
		l.client.verified += n
	} else {
		l.client.unverified += n
		b.unverified += n
	}
}

// take reserves n more octets before they are allocated, or gives back -n. It
// does not wait.
func (l *lease) take(n int64) error {
	b := l.budget
	b.mu.Lock()
	short, dropped := "", []*lease(nil)
	if n > 0 {
		short, dropped = b.makeRoom(l, n, func() string { return b.short(l, n) })
	}
	if short == "" {
		b.charge(l, n)
	}
	b.mu.Unlock()
	endReads(dropped)
	if short != "" {
		return &Error{Code: CodeOverloaded, Err: fmt.Errorf("no room for %d octets more: %s", n, short)}
	}
	return nil
}

// short returns the limit that n more octets would break, or "" if there is
// none. The client's limits come first: dropping others does not help against
// those.
func (b *budget) short(l *lease, n int64) string {
	switch {
	case l.verified && l.client.verified+n > b.clientLimit, !l.verified && l.client.unverified+n > b.clientUnverified:
		return shortClient
	case b.used+n > b.limit:
		return "max-in-flight"
	case !l.verified && b.unverified+n > b.unverifiedLimit:
		return "unverified-share"
	}
	return ""
}

const shortClient = "client-share"

// shortForReader is short for a request that is being read. It has to leave as
// much of each share as it then holds itself. A request that is not small also
// leaves the last eighth to small ones.
func (b *budget) shortForReader(l *lease, n int64) string {
	if short := b.short(l, n); short != "" {
		return short
	}
	tooMuch := func(limit, used int64) bool {
		own, left := l.held+n, limit-used-n
		return own > left || own > smallRequest && left < limit/8
	}
	switch {
	case tooMuch(b.clientUnverified, l.client.unverified):
		return shortClient
	case tooMuch(b.unverifiedLimit, b.unverified):
		return "unverified-share"
	case tooMuch(b.limit, b.used):
		return "max-in-flight"
	}
	return ""
}

// smallRequest is the size up to which a request may take from the last eighth
// of a share.
const smallRequest = oneBuffer

// makeRoom drops readers for l, which needs n octets, until short returns "" or
// no reader is left that would help. It drops those below the least rate, then
// those that wait for room, unless l is being read itself and would hold half
// as much; the largest of each first. It returns the last result of short, and
// the leases whose reads the caller has to end.
func (b *budget) makeRoom(l *lease, n int64, short func() string) (why string, dropped []*lease) {
	if why = short(); why == "" || len(b.readers) == 0 || l.waiting && time.Now().Before(b.nextLook) {
		return why, nil
	}
	defer b.looked(time.Now())
	slow, larger := b.droppable(l, n)
	for i, r := range append(slow, larger...) {
		if why == "" {
			break
		}
		if why == shortClient && r.client != l.client {
			continue
		}
		b.charge(r, -r.held)
		if r.dropped = errTooSlow; i >= len(slow) {
			r.dropped = errOutbid
		}
		b.leaveReaders(r)
		dropped = append(dropped, r)
		why = short()
	}
	return why, dropped
}

// looked limits the time that waiting readers spend in makeRoom under the
// mutex, each looking at all others, to a fifth. It does not limit new readers.
func (b *budget) looked(since time.Time) {
	now := time.Now()
	b.nextLook = now.Add(4 * now.Sub(since))
}

// droppable returns the readers that may be dropped for l, which needs n
// octets.
func (b *budget) droppable(l *lease, n int64) (slow, larger []*lease) {
	now := time.Now()
	for _, r := range b.readers {
		switch {
		case r == l:
		case b.slow(r, now):
			slow = append(slow, r)
		case r.waiting && (l.whole || r.held > 2*(l.held+n)):
			larger = append(larger, r)
		}
	}
	for _, list := range [][]*lease{slow, larger} {
		slices.SortFunc(list, func(x, y *lease) int { return cmp.Compare(y.held, x.held) })
	}
	return slow, larger
}

// slow reports whether r is below the least rate: leastRate or, for a large
// request, the rate at which it would have arrived within largeReadTimeout.
func (b *budget) slow(r *lease, now time.Time) bool {
	return !r.waiting && now.Sub(r.mark) > time.Second && r.arrived-r.marked < b.rateOf(r)
}

func (b *budget) rateOf(r *lease) int64 {
	return max(b.leastRate, r.arrived/max(1, int64(b.largeReadTimeout/time.Second)))
}

// endReads ends the reads of dropped leases. Call it without the mutex, since
// it may wait for that of a connection.
func endReads(dropped []*lease) {
	for _, r := range dropped {
		r.dropMu.Lock()
		if r.drop != nil {
			r.drop()
		}
		r.dropMu.Unlock()
	}
}

// Reserve reserves octets, or gives back a negative number of them, for the
// exchange of ctx. It is meant as Reserve of [wssec.Config]. Without an
// exchange it does nothing.
func Reserve(ctx context.Context, octets int) error {
	if x, ok := exchangeOf(ctx); ok && x.lease != nil {
		return x.lease.take(int64(octets))
	}
	return nil
}

// reserve is take in the form that package xmltext calls.
func (l *lease) reserve(octets int) error { return l.take(int64(octets)) }

// verify moves l from the share of unverified messages to that of verified
// ones.
func (l *lease) verify() {
	b := l.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	held := l.held
	b.charge(l, -held)
	l.verified = true
	b.charge(l, held)
}

// A Use is how much of its limits a [Gateway] uses now.
type Use struct {
	Exchanges, MaxExchanges int   // in progress
	Octets, MaxOctets       int64 // that they hold
	Unverified              int64 // of Octets, in messages that are not verified
}

// Use returns the use of the limits now. It is safe for concurrent use.
func (g *Gateway) Use() Use {
	b := g.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	return Use{b.exchanges, b.exchangeLimit, b.used, b.limit, b.unverified}
}
