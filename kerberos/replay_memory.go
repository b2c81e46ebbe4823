package kerberos

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// MemoryReplayConfig configures a MemoryReplayStore. The zero value is ready.
type MemoryReplayConfig struct {
	// MaxEntries bounds the ids held, and so the memory: some 60 to 80 octets each, taken when needed. 0 means
	// 4,000,000, which with a skew limit of 5 minutes is 13,000 accepted tokens a second.
	MaxEntries int
	// CompleteSince is the time before which authenticators are refused, as an earlier process may have accepted them.
	// Zero means the time of creation. Tests with recorded tokens set it.
	CompleteSince time.Time
	// Time is the clock; nil means time.Now.
	Time func() time.Time
}

const replayShards = 64

// A MemoryReplayStore is a ReplayStore in memory, bounded: an id is dropped when its time has passed and never before;
// while all are live and the limit is reached, Add fails. An id whose time has passed is refused, so that it cannot
// come back after it was dropped, whatever the clock does.
type MemoryReplayStore struct {
	limit  int64
	since  time.Time
	now    func() time.Time
	seed   maphash.Seed // clients can choose ids to some degree; not where they land
	count  atomic.Int64
	shards [replayShards]replayShard
}

// NewMemoryReplayStore makes an empty store.
func NewMemoryReplayStore(cfg MemoryReplayConfig) *MemoryReplayStore {
	s := &MemoryReplayStore{limit: int64(cfg.MaxEntries), since: cfg.CompleteSince, now: cfg.Time, seed: maphash.MakeSeed()}
	if s.limit <= 0 {
		s.limit = 4_000_000
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.since.IsZero() {
		s.since = s.now()
	}
	return s
}

// CompleteSince is the time of creation, or as configured.
func (s *MemoryReplayStore) CompleteSince() time.Time { return s.since }

// CompleteFrom implements ReplayHistory.
func (s *MemoryReplayStore) CompleteFrom(made time.Time) time.Time {
	if since := ctimeOf(s.since); made.Before(since) {
		return since
	}
	return made
}

// ctimeOf is what a client whose clock is ours would have written then (RFC 4120 5.2.4).
func ctimeOf(t time.Time) time.Time { return t.Truncate(time.Microsecond) }

// Len is the number of ids held, dead ones that were not yet dropped included.
func (s *MemoryReplayStore) Len() int { return int(s.count.Load()) }

// Add implements ReplayStore. It does not wait and ignores ctx.
func (s *MemoryReplayStore) Add(_ context.Context, id [32]byte, expires time.Time) (bool, error) {
	at := expires.UnixNano()
	sum := maphash.Bytes(s.seed, id[:])
	shard := &s.shards[sum%replayShards]
	if s.count.Add(1) > s.limit {
		s.count.Add(-int64(s.sweep()))
		if s.count.Load() > s.limit {
			s.count.Add(-1)
			return s.full(shard, &id, uint32(sum>>32))
		}
	}
	shard.mu.Lock()
	dropped := shard.expire(s.now().UnixNano(), 4)
	added, err := shard.add(&id, uint32(sum>>32), at, s.now().UnixNano())
	shard.mu.Unlock()
	if !added {
		dropped++
	}
	s.count.Add(-int64(dropped))
	return added, err
}

// full answers while nothing can be added: a known id is still told from a new one.
func (s *MemoryReplayStore) full(shard *replayShard, id *[32]byte, hash uint32) (bool, error) {
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if shard.find(id, hash) {
		return false, nil
	}
	return false, ErrReplayStoreFull
}

// sweep drops all dead ids and gives their number. With none dead it looks at one id a shard.
func (s *MemoryReplayStore) sweep() (dropped int) {
	now := s.now().UnixNano()
	for i := range s.shards {
		shard := &s.shards[i]
		shard.mu.Lock()
		dropped += shard.expire(now, -1)
		shard.mu.Unlock()
	}
	return dropped
}

// A replayShard is a hash table with chaining whose entries lie in one slice without pointers, and a heap of them by
// expiry. Index 0 of entries is unused and means none.
type replayShard struct {
	mu      sync.Mutex
	entries []replayEntry
	heads   []uint32 // hash table: first entry of each chain
	heap    []uint32 // entries, earliest expiry first
	free    uint32   // chain of unused entries
	dropped int64    // no id that expires up to then is accepted any more
}

type replayEntry struct {
	id      [32]byte
	expires int64 // Unix nanoseconds
	hash    uint32
	next    uint32
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

func (h *replayShard) add(id *[32]byte, hash uint32, expires, now int64) (bool, error) {
	if h.find(id, hash) {
		return false, nil
	}
	if expires <= now || expires <= h.dropped {
		return false, ErrReplayTooOld
	}
	h.insert(id, hash, expires)
	return true, nil
}

// insert adds an id that is not there.
func (h *replayShard) insert(id *[32]byte, hash uint32, expires int64) {
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
	h.entries[i] = replayEntry{id: *id, expires: expires, hash: hash, next: *head}
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
		head := &h.heads[e.hash%uint32(len(h.heads))]
		e.next, *head = *head, i
	}
}

// expire drops up to limit ids whose time has passed, all of them if limit is negative, and gives their number.
func (h *replayShard) expire(now int64, limit int) (n int) {
	for len(h.heap) > 0 && n != limit && h.entries[h.heap[0]].expires <= now {
		i := h.pop()
		e := &h.entries[i]
		h.dropped = max(h.dropped, e.expires)
		link := &h.heads[e.hash%uint32(len(h.heads))]
		for *link != i {
			link = &h.entries[*link].next
		}
		*link = e.next
		*e = replayEntry{next: h.free}
		h.free = i
		n++
	}
	return n
}

// push and pop are a binary heap by expiry.
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

// restore adds an id that an earlier process had accepted. One whose time has passed is counted as dropped.
func (s *MemoryReplayStore) restore(id [32]byte, expires int64) (bool, error) {
	if now := s.now().UnixNano(); expires <= now {
		s.raiseFloor(expires)
		return false, nil
	}
	if s.count.Add(1) > s.limit {
		s.count.Add(-1)
		return false, ErrReplayStoreFull
	}
	sum := maphash.Bytes(s.seed, id[:])
	shard := &s.shards[sum%replayShards]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if shard.find(&id, uint32(sum>>32)) {
		s.count.Add(-1)
		return false, nil
	}
	shard.insert(&id, uint32(sum>>32), expires)
	return true, nil
}

// each calls f with all ids held.
func (s *MemoryReplayStore) each(f func(id [32]byte, expires int64)) {
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
func (s *MemoryReplayStore) floor() (floor int64) {
	for i := range s.shards {
		shard := &s.shards[i]
		shard.mu.Lock()
		floor = max(floor, shard.dropped)
		shard.mu.Unlock()
	}
	return floor
}

// raiseFloor has ids refused that expire up to then.
func (s *MemoryReplayStore) raiseFloor(floor int64) {
	for i := range s.shards {
		shard := &s.shards[i]
		shard.mu.Lock()
		shard.dropped = max(shard.dropped, floor)
		shard.mu.Unlock()
	}
}
