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

// A budget is the number of octets that all exchanges in progress may hold
// together. Messages that are not verified yet have a share of it as a whole, so
// that verified ones can be finished, and each client has one, so that it leaves
// room for others. A request that is still arriving takes part of what is left
// and never the last of it, so that however many there are a small one finds room.
//
// An exchange that needs more than there is gets it from readers below the least
// rate, which are dropped, and from larger ones that wait for room themselves;
// else it is refused, which sheds load. Only a reader waits for room, for a while.
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

// budgetConfig has the limits of a budget.
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

// clientUse is what the exchanges of one client hold.
type clientUse struct {
	verified   int64
	unverified int64
	exchanges  int
}

func newBudget(c budgetConfig) *budget {
	return &budget{budgetConfig: c, clients: make(map[netip.Prefix]*clientUse)}
}

// A lease is what one exchange holds. Its methods are called by one goroutine;
// all of it but held is under the budget's mutex.
type lease struct {
	budget *budget
	key    netip.Prefix
	client *clientUse

	held     int64
	place    int  // in the budget's readers, from 1 on; 0 if it is none
	whole    bool // it has arrived
	verified bool

	// Of a request that arrives:
	dropMu  sync.Mutex    // for drop, which is not under the budget's
	drop    func()        // ends the read or the wait for room; nil before and afterwards
	dropped error         // why it has nothing any more
	gone    chan struct{} // closed by drop
	waiting bool          // for room, by no fault of its own
	arrived int64
	marked  int64 // arrived at the time mark
	mark    time.Time
}

// clientKey is whom a share belongs to: an address or, since a subscriber has at
// least that much of IPv6, a network of 64 bits.
func clientKey(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	key, _ := a.Prefix(bits) // the zero Prefix for the zero Addr
	return key
}

// open begins an exchange of the client at a, which holds nothing yet.
func (b *budget) open(a netip.Addr) (*lease, error) {
	key := clientKey(a)
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.clients[key]
	switch {
	case b.exchanges >= b.exchangeLimit:
		return nil, &Error{Code: CodeOverloaded, Err: fmt.Errorf("%d exchanges are in progress (max-connections)", b.exchanges)}
	case c != nil && c.exchanges >= b.clientExchanges:
		return nil, &Error{Code: CodeOverloaded, Err: fmt.Errorf("%d exchanges of this client are in progress (max-client-connections)", c.exchanges)}
	case c == nil:
		c = &clientUse{}
		b.clients[key] = c
	}
	b.exchanges++
	c.exchanges++
	return &lease{budget: b, key: key, client: c}, nil
}

// giveBack gives back all octets, before the exchange is over.
func (l *lease) giveBack() {
	l.budget.mu.Lock()
	defer l.budget.mu.Unlock()
	l.budget.charge(l, -l.held)
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

// joinReaders makes l one that may be dropped.
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

// charge adds n octets, which may be negative, to what l holds.
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

// take reserves n more octets, before they are allocated; a negative n gives
// back. It does not wait.
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

// short says which limit n octets more would break, "" if none. Those of one
// client come first: what others hold does not help it.
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

// shortForReader is short for a request that arrives. It has to leave as much of
// each share as it then holds itself and, when it is not a small one, the last
// eighth to those that are.
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

// smallRequest is what a request may take of the last eighth of a share.
const smallRequest = oneBuffer

// makeRoom drops readers for l, which needs n octets, until short gives "" or none
// is left that would help: those below the least rate, then those that wait for
// room, unless l arrives itself and would hold half as much; the largest of each
// first. It returns what short gave last, and whose reads are to be ended.
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

// looked bounds the time, under the mutex, that readers spend on looking again and
// again, each of them at all others: a fifth. One that comes new looks in any case.
func (b *budget) looked(since time.Time) {
	now := time.Now()
	b.nextLook = now.Add(4 * now.Sub(since))
}

// droppable gives the readers that may be dropped for l, which needs n octets.
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

// slow tells whether r is below the least rate: leastRate or, if it holds much,
// that with which it would have arrived within largeReadTimeout.
func (b *budget) slow(r *lease, now time.Time) bool {
	return !r.waiting && now.Sub(r.mark) > time.Second && r.arrived-r.marked < b.rateOf(r)
}

func (b *budget) rateOf(r *lease) int64 {
	return max(b.leastRate, r.arrived/max(1, int64(b.largeReadTimeout/time.Second)))
}

// endReads ends the reads of dropped leases; outside the mutex, since it can
// have to wait for a connection's.
func endReads(dropped []*lease) {
	for _, r := range dropped {
		r.dropMu.Lock()
		if r.drop != nil {
			r.drop()
		}
		r.dropMu.Unlock()
	}
}

// Reserve is the Reserve of the wssec.Config of a route's Processor: it charges
// the exchange that ctx is of. Without an exchange it does nothing.
func Reserve(ctx context.Context, octets int) error {
	if x, ok := exchangeOf(ctx); ok && x.lease != nil {
		return x.lease.take(int64(octets))
	}
	return nil
}

// reserve is take for a scan.
func (l *lease) reserve(octets int) error { return l.take(int64(octets)) }

// verify takes l out of the share of messages that are not verified.
func (l *lease) verify() {
	b := l.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	held := l.held
	b.charge(l, -held)
	l.verified = true
	b.charge(l, held)
}
