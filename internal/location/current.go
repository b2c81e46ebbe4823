package location

import (
	"slices"
	"sync/atomic"
)

// Current holds the [Locations] of a route, which a reload may replace. It is
// safe for concurrent use. A nil Current has none.
type Current struct{ value atomic.Pointer[current] }

type current struct{ now, ever Locations }

// NewCurrent returns a Current with these Locations.
func NewCurrent(ls Locations) *Current {
	c := new(Current)
	c.value.Store(&current{now: ls, ever: ls})
	return c
}

// Load returns the locations that count now.
func (c *Current) Load() Locations {
	if c == nil {
		return nil
	}
	return c.value.Load().now
}

// Ever returns the locations that count now or have counted before. A token at
// one of them does not reach the backend, also if a reload comes while its
// message is on its way.
func (c *Current) Ever() Locations {
	if c == nil {
		return nil
	}
	return c.value.Load().ever
}

// Store replaces the locations.
func (c *Current) Store(ls Locations) {
	before := c.value.Load()
	next := &current{now: ls, ever: slices.Clone(before.ever)}
	for _, l := range ls {
		if !slices.ContainsFunc(next.ever, func(o Location) bool { return o.String() == l.String() }) {
			next.ever = append(next.ever, l)
		}
	}
	c.value.Store(next)
}
