package resecure

import (
	"container/list"
	"net/http"
	"sync"
	"time"
)

// Bounds of a table.
const (
	// maxClients is how many clients are kept, and maxOfOwner how many of one
	// caller, who may be logged in at several machines.
	maxClients = 1000
	maxOfOwner = 4
	// idle is how long one is kept that nobody uses.
	idle = 15 * time.Minute
)

// A table holds the clients of callers. Those that were used longest ago give way
// to others; one that is in use ends when it is not any more.
type table struct {
	now  func() time.Time
	open func(Login) (*leg, error)

	mu      sync.Mutex
	legs    map[string]*leg
	order   list.List // of *leg, most recently used first
	closing sync.WaitGroup
	closed  bool
}

// A leg is a client of the backend. The first fields are the table's.
type leg struct {
	key, owner string
	until      time.Time // zero: for ever
	used       time.Time // when it was left last
	users      int
	gone       bool // from the table
	place      *list.Element
	timer      *time.Timer

	http.RoundTripper
	close func() // ends its use, once nobody uses it
}

// take returns the leg of a login, for one request. The caller calls leave.
func (t *table) take(l Login) (*leg, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.legs[l.Key]
	if g != nil && (g.owner != l.Owner || g.ended(t.now())) {
		t.remove(g)
		g = nil
	}
	if g != nil {
		l.Drop()
		g.users++
		t.order.MoveToFront(g.place)
		return g, nil
	}
	g, err := t.open(l)
	if err != nil {
		return nil, err
	}
	g.key, g.owner, g.until, g.users = l.Key, l.Owner, l.Until, 1
	if t.closed {
		g.gone = true
		return g, nil
	}
	t.makeRoom(l.Owner)
	g.place = t.order.PushFront(g)
	t.legs[l.Key] = g
	return g, nil
}

// makeRoom drops what one more leg of owner has no room beside.
func (t *table) makeRoom(owner string) {
	var last *leg
	n := 0
	for e := t.order.Front(); e != nil; e = e.Next() {
		if g := e.Value.(*leg); g.owner == owner {
			n++
			last = g
		}
	}
	if owner != "" && n >= maxOfOwner {
		t.remove(last)
	}
	if t.order.Len() >= maxClients {
		t.remove(t.order.Back().Value.(*leg))
	}
}

// leave ends the use of a leg by one request.
func (t *table) leave(g *leg) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g.users--
	g.used = t.now()
	switch {
	case g.gone && g.users == 0:
		t.end(g)
	case g.gone, g.users > 0, g.until.IsZero():
	case g.timer == nil:
		g.timer = time.AfterFunc(g.left(g.used), func() { t.expire(g) })
	default:
		g.timer.Reset(g.left(g.used))
	}
}

// expire drops a leg that has ended or that nobody uses, once its time is over.
func (t *table) expire(g *leg) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch now := t.now(); {
	case g.gone || g.users > 0: // leave will look again
	case g.left(now) > 0:
		g.timer.Reset(g.left(now))
	default:
		t.remove(g)
	}
}

// ended reports whether the credential of a leg has ended.
func (g *leg) ended(now time.Time) bool { return !g.until.IsZero() && !now.Before(g.until) }

// left returns how long the leg is kept from now on if nobody uses it.
func (g *leg) left(now time.Time) time.Duration {
	return min(g.until.Sub(now), g.used.Add(idle).Sub(now))
}

// remove takes a leg out of the table, and ends it unless somebody uses it.
func (t *table) remove(g *leg) {
	g.gone = true
	if g.timer != nil {
		g.timer.Stop()
	}
	delete(t.legs, g.key)
	t.order.Remove(g.place)
	if g.users == 0 {
		t.end(g)
	}
}

// end closes a leg. It may call the backend, to cancel a security context.
func (t *table) end(g *leg) { t.closing.Go(g.close) }

// closeAll ends all legs, and waits for those that nobody uses.
func (t *table) closeAll() {
	t.mu.Lock()
	t.closed = true
	for len(t.legs) > 0 {
		t.remove(t.order.Front().Value.(*leg))
	}
	t.mu.Unlock()
	t.closing.Wait()
}
