package valkey

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valkey-io/valkey-go"
)

// caches are the caches of all connections that there are.
type caches struct {
	hits, misses atomic.Uint64
	mu           sync.Mutex
	all          map[*cache]struct{}
}

// make returns what makes the cache of a connection, for so many octets.
func (cs *caches) make(limit int) valkey.NewCacheStoreFn {
	return func(valkey.CacheStoreOption) valkey.CacheStore {
		c := &cache{of: cs, limit: limit, values: map[string]*list.Element{}, pending: map[string]*flight{}}
		cs.mu.Lock()
		defer cs.mu.Unlock()
		if cs.all == nil {
			cs.all = map[*cache]struct{}{}
		}
		cs.all[c] = struct{}{}
		return c
	}
}

// drop forgets a key: this process has just changed it.
func (cs *caches) drop(key string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.all {
		c.mu.Lock()
		c.remove(key)
		c.mu.Unlock()
	}
}

// Cached describes the entries that a [Server] holds in memory.
type Cached struct {
	Entries, Bytes int
	Hits, Misses   uint64 // of reads so far
}

// Cached returns what is held in memory.
func (s *Server) Cached() Cached {
	cs := &s.caches
	cs.mu.Lock()
	defer cs.mu.Unlock()
	held := Cached{Hits: cs.hits.Load(), Misses: cs.misses.Load()}
	for c := range cs.all {
		c.mu.Lock()
		held.Bytes, held.Entries = held.Bytes+c.octets, held.Entries+len(c.values)
		c.mu.Unlock()
	}
	return held
}

// A cache holds the values that were read over one connection, until the server
// says that they have changed, or the connection ends. It is bounded: the value
// that was used longest ago goes first. Keys without a value are not held.
type cache struct {
	of    *caches
	limit int

	mu      sync.Mutex
	closed  error
	octets  int
	values  map[string]*list.Element // of *cached
	order   list.List                // most recently used first
	pending map[string]*flight
}

// cached is a value.
type cached struct {
	key     string
	value   valkey.ValkeyMessage
	octets  int
	expires int64 // Unix milliseconds
}

// cachedBytes is what a value takes beside its key and octets.
const cachedBytes = 384

// A flight is a question that is under way.
type flight struct {
	done  chan struct{}
	value valkey.ValkeyMessage
	err   error
	until int64
}

// Wait waits for the answer.
func (f *flight) Wait(ctx context.Context) (valkey.ValkeyMessage, error) {
	select {
	case <-ctx.Done():
		return valkey.ValkeyMessage{}, ctx.Err()
	case <-f.done:
		return f.value, f.err
	}
}

// Flight returns the value of a key, or the question that is under way; neither
// if the caller is to ask. All keys are read by GET alone.
func (c *cache) Flight(key, _ string, ttl time.Duration, now time.Time) (valkey.ValkeyMessage, valkey.CacheEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.values[key]; ok {
		if v := e.Value.(*cached); v.expires > now.UnixMilli() {
			c.order.MoveToFront(e)
			c.of.hits.Add(1)
			return v.value, nil
		}
		c.remove(key)
	}
	if f, ok := c.pending[key]; ok {
		return valkey.ValkeyMessage{}, f
	}
	c.of.misses.Add(1)
	if c.closed == nil {
		c.pending[key] = &flight{done: make(chan struct{}), until: now.Add(ttl).UnixMilli()}
	}
	return valkey.ValkeyMessage{}, nil
}

// Update holds the answer to a question.
func (c *cache) Update(key, _ string, val valkey.ValkeyMessage) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, ok := c.pending[key]
	if !ok {
		return 0
	}
	delete(c.pending, key)
	if at := val.CachePXAT(); at > 0 {
		f.until = min(f.until, at)
	}
	if !val.IsNil() {
		c.put(&cached{key: key, value: val, octets: cachedBytes + 2*len(key) + val.CacheSize(), expires: f.until})
	}
	f.value = val
	close(f.done)
	return f.until
}

// put holds a value, and lets others go that there is no room for.
func (c *cache) put(v *cached) {
	c.remove(v.key)
	c.values[v.key] = c.order.PushFront(v)
	for c.octets += v.octets; c.octets > c.limit && c.order.Len() > 0; {
		c.remove(c.order.Back().Value.(*cached).key)
	}
}

func (c *cache) remove(key string) {
	if e, ok := c.values[key]; ok {
		delete(c.values, key)
		c.octets -= c.order.Remove(e).(*cached).octets
	}
}

// Cancel ends a question without an answer.
func (c *cache) Cancel(key, _ string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.pending[key]; ok {
		delete(c.pending, key)
		f.err = err
		close(f.done)
	}
}

// Delete forgets keys that have changed; all of them if keys is nil.
func (c *cache) Delete(keys []valkey.ValkeyMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if keys == nil {
		c.forget()
	}
	for i := range keys {
		if key, err := keys[i].ToString(); err == nil {
			c.remove(key)
		}
	}
}

func (c *cache) forget() {
	clear(c.values)
	c.order.Init()
	c.octets = 0
}

// Close forgets everything: nobody says any more what has changed.
func (c *cache) Close(err error) {
	c.of.mu.Lock()
	delete(c.of.all, c)
	c.of.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = err
	c.forget()
	for key, f := range c.pending {
		delete(c.pending, key)
		f.err = err
		close(f.done)
	}
}
