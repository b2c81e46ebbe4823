package gateway

import (
	"syscall"
	"time"
)

// sleepExactly sleeps in the kernel. Its high-resolution timers end some tens
// of microseconds late, which depends on the length of the sleep and not on
// when it began.
func sleepExactly(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&t, nil) // a signal ends it early; the caller looks at the clock
}
