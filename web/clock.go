package web

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/wssgate/wssgate/kerberos"
)

// maxOffset bounds what is learnt of another clock. More is no clock that is
// wrong by hours or a time zone.
const maxOffset = 36 * time.Hour

// A clock is that of the machine, corrected by what a KDC says. A page cannot set
// the machine's. It is safe for concurrent use.
type clock struct {
	machine func() time.Time
	behind  atomic.Int64 // nanoseconds to be added
}

func newClock(machine func() time.Time) *clock {
	if machine == nil {
		machine = time.Now
	}
	return &clock{machine: machine}
}

func (c *clock) now() time.Time        { return c.machine().Add(c.offset()) }
func (c *clock) offset() time.Duration { return time.Duration(c.behind.Load()) }

// learn corrects the clock by a KDC's error KRB_AP_ERR_SKEW, and reports whether
// that was one. Nothing authenticates the error: the reply to the next request
// does, which the client accepts only if its times are near this clock.
func (c *clock) learn(err error) bool {
	e, ok := errors.AsType[*kerberos.Error](err)
	if !ok || e.Code != kerberos.CodeSkew || e.Skew == 0 {
		return false
	}
	offset := c.offset() - e.Skew
	if offset.Abs() > maxOffset {
		return false
	}
	c.behind.Store(int64(offset))
	return true
}
