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

	// heapFloor is the size of allocations that are never touched, so that they
	// take address space and no memory. They make the garbage collector run for
	// every 64 MB that are allocated. Without them the collector runs every few
	// milliseconds, for the few megabytes that messages of a usual size keep alive;
	// that was a quarter of the time of an exchange of 6 kB.
	heapFloor = 64 << 20

	// memoryLook is the interval at which the limit follows the replay stores.
	memoryLook = 5 * time.Second
)

// floorOfHeap returns memory of heapFloor octets, to be kept for as long as the
// process serves. It is in pieces because the runtime overwrites an allocation
// with zeros, and so touches it, if any of its pages was in use before: of 64 MB
// in one piece that happened at two of three starts.
func floorOfHeap() [][]byte {
	const piece = 1 << 20
	floor := make([][]byte, heapFloor/piece)
	for i := range floor {
		floor[i] = make([]byte, piece)
	}
	return floor
}

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
