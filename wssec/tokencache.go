package wssec

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// CachedToken is what is kept of an accepted Kerberos token so that later messages can
// name it by its hash.
type CachedToken struct {
	Name, Realm string    // client principal
	Service     string    // service principal
	Groups      []string  // of the client, by the ticket's PAC
	ValueType   string    // of the BinarySecurityToken
	Etype       int32     // of Key
	Key         Key       // effective key
	EndTime     time.Time // of the ticket
}

// TokenCache keeps tokens by hash (Kerberos Token Profile 1.1.1 §3.3). An entry may be
// dropped early: the client then sends its token again. Implementations copy what they
// keep and are safe for concurrent use.
type TokenCache interface {
	PutToken(ctx context.Context, hash TokenHash, tok CachedToken) error
	// GetToken gives the entry, ok false if there is none. It may return entries past
	// their EndTime; the caller checks.
	GetToken(ctx context.Context, hash TokenHash) (tok CachedToken, ok bool, err error)
}

// MemoryTokenCache is a TokenCache in memory that holds a bounded number of tokens and
// drops the one used longest ago.
type MemoryTokenCache struct {
	max int

	mu      sync.Mutex
	entries map[TokenHash]*list.Element // of *cacheEntry
	order   list.List                   // most recently used first
}

type cacheEntry struct {
	hash TokenHash
	tok  CachedToken
}

// NewMemoryTokenCache makes a cache of at most max tokens; 0 means 10,000.
func NewMemoryTokenCache(max int) *MemoryTokenCache {
	if max <= 0 {
		max = 10_000
	}
	return &MemoryTokenCache{max: max, entries: make(map[TokenHash]*list.Element)}
}

// PutToken enters or replaces a token. It never fails.
func (c *MemoryTokenCache) PutToken(_ context.Context, hash TokenHash, tok CachedToken) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[hash]; ok {
		e.Value.(*cacheEntry).tok = tok
		c.order.MoveToFront(e)
		return nil
	}
	c.entries[hash] = c.order.PushFront(&cacheEntry{hash, tok})
	if c.order.Len() > c.max {
		last := c.order.Remove(c.order.Back()).(*cacheEntry)
		delete(c.entries, last.hash)
	}
	return nil
}

// GetToken gives a token. It never fails.
func (c *MemoryTokenCache) GetToken(_ context.Context, hash TokenHash) (CachedToken, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[hash]
	if !ok {
		return CachedToken{}, false, nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*cacheEntry).tok, true, nil
}
