package etype

import (
	"sync/atomic"
	"time"
)

// clockSetBack is how far behind the last authenticator a clock must be to have been set back, rather than being coarse
// or asked too often. It is well within every limit for skew.
const clockSetBack = time.Minute

// An AuthenticatorClock gives each authenticator a time of its own: a service that tells authenticators apart by
// client, ctime and cusec (RFC 4120 3.2.3) takes two of one microsecond for a replay, and a coarse clock gives the same
// time for a long while. It lives with the session key, which all copies of a ticket share, so that no state is needed
// beside the tickets, and the keys of one kdc.Client share one, since such services do not look at the ticket. Nobody
// waits: a time that was given is followed by its next microsecond. The zero value is ready; it is safe for concurrent
// use.
type AuthenticatorClock struct{ last atomic.Int64 } // microseconds since 1970

// next returns now, or the first microsecond that was not given yet. When the clock was set back, times start over at
// its new time.
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

// AuthenticatorTime returns the time for a new authenticator under the session key k.
func (k Key) AuthenticatorTime(now time.Time) time.Time {
	s := k.state()
	if s.clock != nil {
		return s.clock.next(now)
	}
	return s.own.next(now)
}

// ShareClock makes k count the times of its authenticators with the other keys of c. It is for a key that nobody else
// has yet.
func (k Key) ShareClock(c *AuthenticatorClock) Key {
	k.state().clock = c
	return k
}
