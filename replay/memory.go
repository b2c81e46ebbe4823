package replay

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"
)

// A MemoryConfig configures a [Memory]. The zero value is ready.
type MemoryConfig struct {
	// MaxEntries bounds the ids held, and so the memory: at most EntryBytes each,
	// allocated when needed, and not released. 0 means 4,000,000, which with a
	// skew limit of 5 minutes is 13,000 accepted tokens a second.
	MaxEntries int
	// CompleteSince is the time before which authenticators are refused, because
	// an earlier process may have accepted them. Zero means the time of creation.
	// Tests with recorded tokens set it.
	CompleteSince time.Time
	// Time is the clock; nil means time.Now.
	Time func() time.Time
}

// EntryBytes is the most memory that a [Memory] or [Journal] takes for an id.
// What does not grow with their number is less than 200 kB.
const EntryBytes = 80

const replayShards = 64

// replayClients is the number of counters for the shares of clients. Two
// clients that have one counter, which they cannot choose, have one share.
const replayClients = 1 << 15

// shareOfRoom is how many ids a client may have for each that there is room
// for.
const shareOfRoom = 3

// noClient is the counter of ids without a client.
const noClient = 0

// A Memory is a bounded [Store] in memory. An id is dropped when it has expired
// and never before; while none has expired and the limit is reached,
// [Memory.Add] fails. An id that has expired is refused, so that it is not
// accepted again after it was dropped, whatever the clock does.
//
// A client may have three times as many ids as there is room left for others. A
// single client gets three quarters of the store. n clients that take all they
// can get leave 1/(3n+1) of the store, of which every other client gets its
// share in the same way.
//
// Make it with [NewMemory]; the zero value is not usable. It is safe for
// concurrent use.
type Memory struct {
	limit  int64
	since  time.Time
	now    func() time.Time
	seed   maphash.Seed // clients can choose ids to some degree; not where they land
	count  atomic.Int64
	held   []atomic.Int32 // ids by counter of their client
	shards [replayShards]replayShard
}

// NewMemory makes an empty [Memory].
func NewMemory(cfg MemoryConfig) *Memory {
	s := &Memory{limit: int64(cfg.MaxEntries), since: cfg.CompleteSince, now: cfg.Time, seed: maphash.MakeSeed(),
		held: make([]atomic.Int32, replayClients)}
	if s.limit <= 0 {
		s.limit = 4_000_000
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.since.IsZero() {
		s.since = s.now()
	}
	for i := range s.shards {
		s.shards[i].seed = s.seed
	}
	return s
}

// CompleteSince returns the time of creation, or [MemoryConfig].CompleteSince.
func (s *Memory) CompleteSince() time.Time { return s.since }

// CompleteFrom returns made, or [Memory.CompleteSince] if that is later. It
// implements gss.ReplayHistory.
func (s *Memory) CompleteFrom(made time.Time) time.Time {
	if since := ctimeOf(s.since); made.Before(since) {
		return since
	}
	return made
}

// ctimeOf returns the ctime that a client with our clock writes at t (RFC 4120
// 5.2.4).
func ctimeOf(t time.Time) time.Time { return t.Truncate(time.Microsecond) }

// Len returns the number of ids held, including expired ones that have not been
// dropped.
func (s *Memory) Len() int { return int(s.count.Load()) }

// Add remembers id at least until expires and reports whether it was new; see
// [Store]. It does not wait and ignores ctx. The error is [ErrFull] or
// [ErrTooOld].
func (s *Memory) Add(_ context.Context, id [32]byte, expires time.Time) (bool, error) {
	return s.add(noClient, &id, expires)
}

// AddFor is [Memory.Add] for an id of client, whose share is bounded; the error
// may then be [ErrShareFull]. It implements gss.ClientReplayStore.
func (s *Memory) AddFor(_ context.Context, client string, id [32]byte, expires time.Time) (bool, error) {
	return s.add(s.counterOf(client), &id, expires)
}

// counterOf returns the counter of a client's share. Names that differ only in
// case are one client: KDCs of Windows and Samba accept any case of a user's
// name and put it into the ticket as the user wrote it, and each spelling would
// have a share of its own.
func (s *Memory) counterOf(client string) uint32 {
	folded := make([]byte, 0, 128)
	for _, r := range client {
		folded = utf8.AppendRune(folded, unicode.ToLower(unicode.ToUpper(r)))
	}
	return 1 + uint32(maphash.Bytes(s.seed, folded)%(replayClients-1))
}

func (s *Memory) add(client uint32, id *[32]byte, expires time.Time) (bool, error) {
	shard, hash := s.shardOf(id)
	if err := s.reserve(client); err != nil {
		return shard.known(id, hash, err)
	}
	now := s.now().UnixNano()
	shard.mu.Lock()
	s.expire(shard, now, 4)
	added, err := shard.add(id, hash, client, expires.UnixNano(), now)
	shard.mu.Unlock()
	if !added {
		s.release(client)
	}
	return added, err
}

// shardOf returns the shard of an id and its hash there.
func (s *Memory) shardOf(id *[32]byte) (*replayShard, uint32) {
	sum := maphash.Bytes(s.seed, id[:])
	return &s.shards[sum%replayShards], uint32(sum >> 32)
}

// reserve counts one more id of a client if there is room for it, else returns
// ErrFull or ErrShareFull.
func (s *Memory) reserve(client uint32) (err error) {
	for range 2 {
		free, held := s.limit-s.count.Add(1), int64(s.held[client].Add(1))
		switch {
		case free < 0:
			err = ErrFull
		case client != noClient && held > shareOfRoom*(free+1):
			err = ErrShareFull
		default:
			return nil
		}
		s.release(client)
		s.sweep()
	}
	return err
}

// release ends reserve for an id that is not held.
func (s *Memory) release(client uint32) {
	s.count.Add(-1)
	s.held[client].Add(-1)
}

// expire drops up to limit expired ids of a locked shard, all of them if limit
// is negative.
func (s *Memory) expire(shard *replayShard, now int64, limit int) {
	for n := 0; n != limit && shard.expired(now); n++ {
		i := shard.pop()
		_, hash := s.shardOf(&shard.entries[i].id)
		s.release(shard.entries[i].client)
		shard.remove(i, hash)
	}
}

// sweep drops all expired ids. If none has expired it examines one id in each
// shard.
func (s *Memory) sweep() {
	now := s.now().UnixNano()
	for i := range s.shards {
		shard := &s.shards[i]
		shard.mu.Lock()
		s.expire(shard, now, -1)
		shard.mu.Unlock()
	}
}

// A replayShard is a hash table with chaining, whose entries are in one slice
// without pointers, and a heap of them by expiry. Index 0 of entries is unused
// and stands for none.
type replayShard struct {
	seed    maphash.Seed
	mu      sync.Mutex
	entries []replayEntry
	heads   []uint32 // hash table: first entry of each chain
	heap    []uint32 // entries, earliest expiry first
	free    uint32   // chain of unused entries
	dropped int64    // no id that expires by then is accepted any more
}

type replayEntry struct {
	id      [32]byte
	expires int64 // Unix nanoseconds
	client  uint32
	next    uint32
}

// known returns the result for an id that cannot be added: false without an
// error if it is held, else err.
func (h *replayShard) known(id *[32]byte, hash uint32, err error) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.find(id, hash) {
		return false, nil
	}
	return false, err
}

func (h *replayShard) find(id *[32]byte, hash uint32) bool {
	if len(h.heads) == 0 {
		return false
	}
	for i := h.heads[hash%uint32(len(h.heads))]; i != 0; i = h.entries[i].next {
		if h.entries[i].id == *id {
			return true
		}
	}
	return false
}

func (h *replayShard) add(id *[32]byte, hash, client uint32, expires, now int64) (bool, error) {
	if h.find(id, hash) {
		return false, nil
	}
	if expires <= now || expires <= h.dropped {
		return false, ErrTooOld
	}
	h.insert(id, hash, client, expires)
	return true, nil
}

// insert adds an id that is not held.
func (h *replayShard) insert(id *[32]byte, hash, client uint32, expires int64) {
	if len(h.heap) >= len(h.heads) {
		h.grow()
	}
	i := h.free
	if i != 0 {
		h.free = h.entries[i].next
	} else {
		i = uint32(len(h.entries))
		h.entries = append(h.entries, replayEntry{})
	}
	head := &h.heads[hash%uint32(len(h.heads))]
	h.entries[i] = replayEntry{id: *id, expires: expires, client: client, next: *head}
	*head = i
	h.push(i)
}

// grow doubles the hash table.
func (h *replayShard) grow() {
	if len(h.entries) == 0 {
		h.entries = make([]replayEntry, 1, 16)
	}
	h.heads = make([]uint32, max(16, 2*len(h.heads)))
	for _, i := range h.heap {
		e := &h.entries[i]
		head := &h.heads[uint32(maphash.Bytes(h.seed, e.id[:])>>32)%uint32(len(h.heads))]
		e.next, *head = *head, i
	}
}

// expired reports whether the id that expires first has expired.
func (h *replayShard) expired(now int64) bool {
	return len(h.heap) > 0 && h.entries[h.heap[0]].expires <= now
}

// remove takes entry i, which is no longer in the heap, out of the table.
func (h *replayShard) remove(i, hash uint32) {
	e := &h.entries[i]
	h.dropped = max(h.dropped, e.expires)
	link := &h.heads[hash%uint32(len(h.heads))]
	for *link != i {
		link = &h.entries[*link].next
	}
	*link = e.next
	*e = replayEntry{next: h.free}
	h.free = i
}

// push adds entry i to the binary heap by expiry.
func (h *replayShard) push(i uint32) {
	h.heap = append(h.heap, i)
	for at := len(h.heap) - 1; at > 0; {
		up := (at - 1) / 2
		if h.entries[h.heap[up]].expires <= h.entries[h.heap[at]].expires {
			break
		}
		h.heap[up], h.heap[at] = h.heap[at], h.heap[up]
		at = up
	}
}

// pop removes the entry that expires first from the heap and returns it.
func (h *replayShard) pop() uint32 {
	top, last := h.heap[0], len(h.heap)-1
	h.heap[0], h.heap = h.heap[last], h.heap[:last]
	for at := 0; ; {
		least := at
		for child := 2*at + 1; child <= 2*at+2 && child < last; child++ {
			if h.entries[h.heap[child]].expires < h.entries[h.heap[least]].expires {
				least = child
			}
		}
		if least == at {
			return top
		}
		h.heap[at], h.heap[least] = h.heap[least], h.heap[at]
		at = least
	}
}

// restore adds an id that an earlier process accepted, for no client, and
// reports whether it was new. One that has expired counts as dropped.
func (s *Memory) restore(id [32]byte, expires int64) (bool, error) {
	if now := s.now().UnixNano(); expires <= now {
		s.raiseFloor(expires)
		return false, nil
	}
	shard, hash := s.shardOf(&id)
	if s.count.Add(1) > s.limit {
		s.count.Add(-1)
		return false, ErrFull
	}
	s.held[noClient].Add(1)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if shard.find(&id, hash) {
		s.release(noClient)
		return false, nil
	}
	shard.insert(&id, hash, noClient, expires)
	return true, nil
}

// each calls f with each id held.
func (s *Memory) each(f func(id [32]byte, expires int64)) {
	for i := range s.shards {
		shard := &s.shards[i]
		shard.mu.Lock()
		for _, at := range shard.heap {
			f(shard.entries[at].id, shard.entries[at].expires)
		}
		shard.mu.Unlock()
	}
}

// floor is the latest expiry of a dropped id, in Unix nanoseconds.
func (s *Memory) floor() (floor int64) {
	for i := range s.shards {
		shard := &s.shards[i]
		shard.mu.Lock()
		floor = max(floor, shard.dropped)
		shard.mu.Unlock()
	}
	return floor
}

// raiseFloor refuses ids from now on that expire by floor.
func (s *Memory) raiseFloor(floor int64) {
	for i := range s.shards {
		shard := &s.shards[i]
		shard.mu.Lock()
		shard.dropped = max(shard.dropped, floor)
		shard.mu.Unlock()
	}
}
