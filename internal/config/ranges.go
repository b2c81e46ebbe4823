package config

import (
	"fmt"
	"time"
)

// duration holds a time to what works: with less nobody could be served, and
// more is a slip of the pen.
func (k *checker) duration(name string, v time.Duration) {
	least, most := 10*time.Millisecond, 24*time.Hour
	switch name {
	case "refusal-delay":
		if v < minRefusalDelay || v > maxRefusalDelay {
			k.find(name, fmt.Sprintf("%v is not between %v and %v", v, minRefusalDelay, maxRefusalDelay),
				"write 50ms, or more where refusals are logged as late")
		}
		return
	case "clock-skew":
		if most = time.Hour; v > most {
			k.find(name, fmt.Sprintf("%v is more than any clock is wrong by", v), "write 5m, at most 1h, and set the clocks")
			return
		}
		least = time.Second
	case "keep-old-keys":
		most = 31 * 24 * time.Hour // no ticket lives longer, renewals included
	}
	if v < least || v > most {
		k.find(name, fmt.Sprintf("%v is not between %v and %v", v, least, most), "write it as 500ms, 30s or 5m")
	}
}

// size is duration for sizes. Those that process checks by themselves are left
// to it.
func (k *checker) size(name string, v Size) {
	least, most := Size(1<<10), Size(1<<40)
	switch name {
	case "replay-memory":
		return
	case "token-cache":
		least = 0
	case "max-headers":
		least, most = 4<<10, 1<<20 // a browser's cookies alone can take 4 KiB
	case "max-message":
		least, most = 4<<10, 1<<30 // a message with a ticket is never smaller
	}
	if v < least || v > most {
		k.find(name, fmt.Sprintf("%v is not between %v and %v", v, least, most), "write it as 500kB, 20MB or 32MiB")
	}
}
