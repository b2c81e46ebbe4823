package gateway

import (
	"syscall"
	"time"
)

// sleepExactly sleeps in the kernel: its high-resolution timers end some tens of
// microseconds late, by how long the sleep was meant to be and not by when it began.
func sleepExactly(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&t, nil) // a signal ends it early; the caller looks at the clock
}
