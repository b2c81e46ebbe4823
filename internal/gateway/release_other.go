//go:build !linux

package gateway

import "time"

// sleepExactly is [time.Sleep], which waits in units of nanoseconds on systems
// with kqueue and of half a millisecond on Windows.
func sleepExactly(d time.Duration) { time.Sleep(d) }
