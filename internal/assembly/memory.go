package assembly

import (
	"os"
	"runtime/debug"
	"time"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/replay"
)

const (
	// memoryBase is what the process takes in addition to messages: connections,
	// keys, the program. The part heapFloor is address space alone.
	memoryBase = 48<<20 + heapFloor

	// replayPeak is how many times the size of its records a replay store takes
	// while one of its tables grows.
	replayPeak = 2

	// memoryLook is the interval at which the limit follows the replay stores.
	memoryLook = 5 * time.Second
)

// limitMemory sets Go's memory limit to what the settings allow, so that the
// process stays below it when all of max-in-flight is in use, garbage included.
// Replay stores allocate memory when they need it, and the limit follows. It
// does nothing if the operator has set GOMEMLIMIT.
func limitMemory(cfg *config.Config, replay ReplayStores) (stop func()) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	set := func() int64 { return debug.SetMemoryLimit(memoryLimit(cfg, replay.records())) }
	before, done := set(), make(chan struct{})
	go func() {
		tick := time.NewTicker(memoryLook)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				set()
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		debug.SetMemoryLimit(before)
	}
}

// memoryLimit returns the limit for a number of replay records. It counts what
// exchanges may hold twice, since memory that they have released is used again
// only after a collection.
func memoryLimit(cfg *config.Config, records int) int64 {
	return 2*int64(cfg.MaxInFlight) + int64(cfg.TokenCache) + contextMemory(cfg) + memoryBase +
		replayPeak*int64(records)*replay.EntryBytes
}

// records returns the number of records that the stores hold.
func (s ReplayStores) records() int {
	n := 0
	for _, store := range []any{s.Tickets, s.Messages} {
		if counted, ok := store.(interface{ Len() int }); ok {
			n += counted.Len()
		}
	}
	return n
}
