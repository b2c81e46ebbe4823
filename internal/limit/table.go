package limit

import (
	"hash/maphash"
	"sync"
	"time"
)

// Rate is what a [Table] allows each key.
type Rate struct {
	// Every is the time after which a key may do one thing more. It is positive.
	Every time.Duration
	// Burst is how many a key may do at once, from 1 on.
	Burst int
	// Pause is how long a key may do nothing once [Table.Fail] has used up its
	// allowance.
	Pause time.Duration
}

// A Table has the allowances of all keys. It is safe for concurrent use. A nil
// Table allows everything.
type Table[K comparable] struct {
	rate    Rate
	seed    maphash.Seed
	start   time.Time
	buckets []bucket
}

// The keys of a Table stand in buckets, by their hashes: 64 Ki keys in a little
// more than 1 MiB.
const (
	buckets    = 1 << 13
	bucketKeys = 8
)

type bucket struct {
	mu   sync.Mutex
	keys [bucketKeys]allowance
}

// An allowance is full from a time on, since the start of its Table.
type allowance struct {
	key  uint64 // the hash of the key; 64 bits under a random seed, so no two are the same
	full time.Duration
}

// NewTable returns a Table in which every key has its full allowance.
func NewTable[K comparable](r Rate) *Table[K] {
	return &Table[K]{rate: r, seed: maphash.MakeSeed(), start: time.Now(), buckets: make([]bucket, buckets)}
}

// Rate returns what the Table was made with; for nil the zero Rate.
func (t *Table[K]) Rate() Rate {
	if t == nil {
		return Rate{}
	}
	return t.rate
}

// Take takes one from the allowance of a key, and returns 0. If there is none left it
// takes nothing, and returns the time until there is one again.
func (t *Table[K]) Take(key K) (wait time.Duration) {
	t.with(key, func(a *allowance, now time.Duration) {
		if wait = t.wait(a, now); wait == 0 {
			a.full = max(a.full, now) + t.rate.Every
		}
	})
	return wait
}

// Fail takes one from the allowance of a key. If none is left then the key has to
// pause. It does nothing while the key pauses.
func (t *Table[K]) Fail(key K) {
	t.with(key, func(a *allowance, now time.Duration) {
		if t.wait(a, now) > 0 {
			return
		}
		if a.full = max(a.full, now) + t.rate.Every; t.wait(a, now) > 0 {
			a.full = now + t.most() + t.rate.Pause
		}
	})
}

// Wait returns how long a key has to pause; 0 if it need not.
func (t *Table[K]) Wait(key K) (wait time.Duration) {
	if t == nil {
		return 0
	}
	hash, b, now := t.find(key)
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.keys {
		if a := &b.keys[i]; a.key == hash {
			return t.wait(a, now)
		}
	}
	return 0
}

// most is the time in which all but one of an allowance comes back.
func (t *Table[K]) most() time.Duration { return time.Duration(t.rate.Burst-1) * t.rate.Every }

// wait returns the time until there is one in an allowance.
func (t *Table[K]) wait(a *allowance, now time.Duration) time.Duration {
	return max(0, a.full-now-t.most())
}

// find returns the hash of a key, its bucket, and the time.
func (t *Table[K]) find(key K) (hash uint64, b *bucket, now time.Duration) {
	hash = maphash.Comparable(t.seed, key)
	return hash, &t.buckets[hash%buckets], time.Since(t.start)
}

// with calls f with the allowance of a key, under the mutex of its bucket.
func (t *Table[K]) with(key K, f func(a *allowance, now time.Duration)) {
	if t == nil {
		return
	}
	hash, b, now := t.find(key)
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b.allowance(hash), now)
}

// allowance returns the allowance of a key. If it has none yet that takes the
// place of the one which is full first.
func (b *bucket) allowance(hash uint64) *allowance {
	first := &b.keys[0]
	for i := range b.keys {
		a := &b.keys[i]
		if a.key == hash {
			return a
		}
		if a.full < first.full {
			first = a
		}
	}
	*first = allowance{key: hash}
	return first
}
