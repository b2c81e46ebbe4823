package etype

import (
	"sync/atomic"
	"time"
)

// clockSetBack is how far a clock must be behind the last authenticator to
// count as set back, and not as coarse or read too often. It is well within
// every limit for skew.
const clockSetBack = time.Minute

// An AuthenticatorClock makes the times of authenticators unique: a service
// that identifies authenticators by client, ctime and cusec (RFC 4120 3.2.3)
// takes a second one of the same microsecond for a replay, and a coarse clock
// returns the same time for a long while. It lives in the session key, which
// all copies of a ticket share, so that tickets need no further state. The keys
// of one kdc.Client share a clock, since such services do not look at the
// ticket. No call waits: a time that was used is followed by the next
// microsecond. The zero value is ready to use. It is safe for concurrent use.
type AuthenticatorClock struct{ last atomic.Int64 } // microseconds since 1970

// next returns now, or the first microsecond that was not used yet. If the
// clock was set back, times start over at its new time.
func (c *AuthenticatorClock) next(now time.Time) time.Time {
	for {
		last, t := c.last.Load(), now.UnixMicro()
		if t <= last && last-t < clockSetBack.Microseconds() {
			t = last + 1
		}
		if c.last.CompareAndSwap(last, t) {
			return time.UnixMicro(t).UTC()
		}
	}
}

// AuthenticatorTime returns the time for a new authenticator under the session
// key k.
func (k Key) AuthenticatorTime(now time.Time) time.Time {
	s := k.state()
	if s.clock != nil {
		return s.clock.next(now)
	}
	return s.own.next(now)
}

// ShareClock makes k use c for the times of its authenticators, and returns k.
// Call it before anything else uses the key.
func (k Key) ShareClock(c *AuthenticatorClock) Key {
	k.state().clock = c
	return k
}
