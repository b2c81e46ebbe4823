package kdc

import (
	"slices"
	"sync"
	"time"
)

const (
	retryAfter = 5 * time.Minute // until one request is sent in the configured order again
	maxGood    = 256             // realms that a memory holds
)

// A memory holds which KDC of a realm answered in the place of an earlier one,
// so that a KDC that is down costs its wait once, and which requests have
// answers that are too big for UDP. The zero value is ready to use.
type memory struct {
	mu     sync.Mutex
	good   map[string]goodKDC     // by realm
	tooBig map[exchange]time.Time // until when
}

// An exchange is a kind of request, to the AS or TGS of a realm. Its answers are
// of similar size.
type exchange struct {
	realm string
	tag   byte // of the request
}

type goodKDC struct {
	address Address // without network if it is good by both
	retry   time.Time
}

// order returns the addresses in the order to ask them: that of attempts, but
// for the good one, which is first. When it is time to retry the others, one
// call returns attempts.
func (m *memory) order(realm string, attempts []Address, now time.Time) []Address {
	m.mu.Lock()
	defer m.mu.Unlock()
	g, ok := m.good[realm]
	if !ok || !slices.ContainsFunc(attempts, g.is) {
		return attempts
	}
	if !now.Before(g.retry) {
		g.retry = now.Add(retryAfter)
		m.good[realm] = g
		return attempts
	}
	ordered := make([]Address, 0, len(attempts))
	for _, first := range []bool{true, false} {
		for _, a := range attempts {
			if g.is(a) == first {
				ordered = append(ordered, a)
			}
		}
	}
	return ordered
}

func (g goodKDC) is(a Address) bool {
	return a.Address == g.address.Address && (g.address.Network == "" || g.address.Network == a.Network)
}

// answered records the KDC that answered, and whether it is the one that the
// configured order begins with.
func (m *memory) answered(realm string, from Address, first bool, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case first:
		delete(m.good, realm)
	case m.good[realm].address != from:
		if m.good == nil || len(m.good) >= maxGood {
			m.good = make(map[string]goodKDC)
		}
		m.good[realm] = goodKDC{from, now.Add(retryAfter)}
	}
}

// isTooBig reports whether an answer of this kind was too big for UDP a while
// ago.
func (m *memory) isTooBig(kind exchange, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return now.Before(m.tooBig[kind])
}

func (m *memory) wasTooBig(kind exchange, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tooBig == nil || len(m.tooBig) >= 2*maxGood {
		m.tooBig = make(map[exchange]time.Time)
	}
	m.tooBig[kind] = now.Add(retryAfter)
}
