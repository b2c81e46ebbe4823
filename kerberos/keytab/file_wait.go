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

// A waitingRoom holds the tickets that wait for a key. Anyone can claim a key
// version, so anyone can send tickets that wait for a key that never comes.
// Therefore no ticket is turned away, and none is sure of its place: when all
// places are taken, a new ticket displaces the one that waits longest at the
// client address with most of them. A flood of tickets displaces itself, and
// clients at other addresses wait as if it were not there.
type waitingRoom struct {
	mu      sync.Mutex
	waiting []*waiter // in the order of their coming
}

// A waiter is one ticket in a waitingRoom.
type waiter struct {
	from      netip.Prefix
	displaced chan struct{} // closed when another takes its place
}

// enter adds a ticket from the client address of ctx (kerberos.WithRemoteAddr).
// All tickets without an address count as of one.
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

// longestOfMost returns the index of the ticket that waits longest at the
// address with most.
func (r *waitingRoom) longestOfMost() int {
	count := make(map[netip.Prefix]int)
	most := 0
	for _, w := range r.waiting {
		count[w.from]++
		most = max(most, count[w.from])
	}
	return slices.IndexFunc(r.waiting, func(w *waiter) bool { return count[w.from] == most })
}

// leave removes a ticket, unless it was displaced.
func (r *waitingRoom) leave(w *waiter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.waiting, w); i >= 0 {
		r.waiting = slices.Delete(r.waiting, i, i+1)
	}
}

// clientNetwork returns the network that one client can have all addresses of:
// 64 bits of IPv6.
func clientNetwork(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the zero Prefix without an address
	return p
}
