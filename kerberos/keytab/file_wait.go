package keytab

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/wssgate/wssgate/kerberos"
)

// keytabMaxWaits bounds the tickets that wait for a file.
const keytabMaxWaits = 32

// A waitingRoom has the tickets that wait for a key. A ticket's key version is the sender's claim, so whoever can reach
// us can send any number that wait for what never comes. Therefore nobody is turned away, and no place is kept: who
// comes when all are taken gets that of the ticket which waits longest, of those of the client address that has most.
// Who floods displaces itself, and clients at other addresses wait as if it were not there.
type waitingRoom struct {
	mu      sync.Mutex
	waiting []*waiter // in the order of their coming
}

// A waiter is a ticket in a waitingRoom.
type waiter struct {
	from      netip.Prefix
	displaced chan struct{} // closed when another got its place
}

// enter takes a place for a ticket from the address of ctx, which kerberos.WithRemoteAddr gave; all without one are one
// address.
func (r *waitingRoom) enter(ctx context.Context) *waiter {
	addr, _ := kerberos.RemoteAddr(ctx)
	w := &waiter{from: clientNetwork(addr), displaced: make(chan struct{})}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = append(r.waiting, w)
	if len(r.waiting) > keytabMaxWaits {
		i := r.longestOfMost()
		close(r.waiting[i].displaced)
		r.waiting = slices.Delete(r.waiting, i, i+1)
	}
	return w
}

// longestOfMost finds who waits longest of those of the address that has most.
func (r *waitingRoom) longestOfMost() int {
	count := make(map[netip.Prefix]int)
	most := 0
	for _, w := range r.waiting {
		count[w.from]++
		most = max(most, count[w.from])
	}
	return slices.IndexFunc(r.waiting, func(w *waiter) bool { return count[w.from] == most })
}

// leave gives the place back, unless it was lost.
func (r *waitingRoom) leave(w *waiter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.waiting, w); i >= 0 {
		r.waiting = slices.Delete(r.waiting, i, i+1)
	}
}

// clientNetwork is what one client can have addresses of: of IPv6 64 bits of them.
func clientNetwork(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // zero without an address
	return p
}
