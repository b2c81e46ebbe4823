//go:build !linux

package systemd

import "time"

func closeOnExec(int) {}

func monotonic() time.Duration { return 0 }
