package assembly

import (
	"os"
	"runtime/debug"
	"time"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/replay"
)

const (
	// memoryBase is what the process takes beside messages: connections, keys,
	// the program. Of it heapFloor is address space alone.
	memoryBase = 48<<20 + heapFloor

	// replayPeak is by how much more than its records a replay store takes
	// while one of its tables grows.
	replayPeak = 2

	// memoryLook is how often the replay stores are looked at.
	memoryLook = 5 * time.Second
)

// limitMemory sets Go's memory limit to what the settings allow, so that the
// collector keeps its garbage below that also when all of max-in-flight is in
// use. Replay stores take their memory when they need it, and the limit
// follows. GOMEMLIMIT in the environment is the operator's word and stays.
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

// memoryLimit is twice what exchanges may hold, since an octet that is given
// back is used again only after a collection, and what else there is.
func memoryLimit(cfg *config.Config, records int) int64 {
	return 2*int64(cfg.MaxInFlight) + int64(cfg.TokenCache) + memoryBase + replayPeak*int64(records)*replay.EntryBytes
}

// records counts what the stores hold.
func (s ReplayStores) records() int {
	n := 0
	for _, store := range []any{s.Tickets, s.Messages} {
		if counted, ok := store.(interface{ Len() int }); ok {
			n += counted.Len()
		}
	}
	return n
}
