package wssec

import (
	"container/list"
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"
)

// CachedToken is what a [TokenCache] keeps of an accepted Kerberos token so
// that later messages can name it by its hash.
type CachedToken struct {
	Name, Realm string    // client principal
	Service     string    // service principal
	Groups      []string  // of the client, by the ticket's PAC
	ValueType   string    // of the BinarySecurityToken
	Etype       int32     // of Key
	Key         Key       // effective key
	EndTime     time.Time // of the ticket
	Credentials []byte    // of the client, see VerifiedCredentials; nil without
}

// TokenCache keeps tokens by hash (Kerberos Token Profile 1.1.1 §3.3). An entry
// may be dropped early: the client then sends its token again. Implementations
// copy what they keep and are safe for concurrent use.
type TokenCache interface {
	// PutToken enters or replaces the entry of hash.
	PutToken(ctx context.Context, hash TokenHash, tok CachedToken) error
	// GetToken returns the entry, ok false if there is none. It may return
	// entries past their EndTime; the caller checks.
	GetToken(ctx context.Context, hash TokenHash) (tok CachedToken, ok bool, err error)
}

// TokenCacheConfig configures a [MemoryTokenCache]. The zero value is ready.
type TokenCacheConfig struct {
	// MaxBytes bounds the memory that tokens take. Zero: 32 MiB, some 35,000
	// tokens.
	MaxBytes int64
}

// clientShare is the part of a cache that the tokens of one client may take:
// 1/16.
const clientShare = 16

// What a token and a client with tokens take beside their texts: allocations,
// their part of the maps, the spare room of a map that grew. A test compares
// them with the heap.
const (
	tokenBytes  = 512
	clientBytes = 384
	groupBytes  = 64
)

// MemoryTokenCache is a [TokenCache] in memory. It holds a bounded number of
// octets and drops the token that was used longest ago: one of the client's own
// if its tokens take more than 1/16 of the cache, so that no client evicts the
// tokens of all others; else one of any client's. Tokens of one client with the
// same groups, as those of one ticket have, share the list. Names that differ
// only in case are one client here: KDCs of Windows and Samba accept any case
// of a user's name and put it into the ticket as the user wrote it.
//
// The zero value is not usable; see [NewMemoryTokenCache]. It is safe for
// concurrent use.
type MemoryTokenCache struct {
	store *tokenStore
	scope uint32
}

// NewMemoryTokenCache makes an empty [MemoryTokenCache].
func NewMemoryTokenCache(cfg TokenCacheConfig) *MemoryTokenCache {
	setDefault(&cfg.MaxBytes, 32<<20)
	return &MemoryTokenCache{store: &tokenStore{
		max: cfg.MaxBytes, seed: maphash.MakeSeed(),
		entries: make(map[tokenKey]*cacheEntry), clients: make(map[clientName]*clientTokens),
	}}
}

// Scope returns a separate cache in the memory of c: a token that is put into
// one is not found in the other, and the bounds are for both together.
func (c *MemoryTokenCache) Scope() *MemoryTokenCache {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	c.store.scopes++
	return &MemoryTokenCache{store: c.store, scope: c.store.scopes}
}

// PutToken enters or replaces a token. It never fails; a token that alone takes
// more than a client may have is not kept.
func (c *MemoryTokenCache) PutToken(_ context.Context, hash TokenHash, tok CachedToken) error {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	c.store.put(tokenKey{hash, c.scope}, tok)
	return nil
}

// GetToken returns a token. It never fails. Callers must not change its Groups.
func (c *MemoryTokenCache) GetToken(_ context.Context, hash TokenHash) (CachedToken, bool, error) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	e, ok := c.store.entries[tokenKey{hash, c.scope}]
	if !ok {
		return CachedToken{}, false, nil
	}
	c.store.order.MoveToFront(e.inAll)
	e.client.order.MoveToFront(e.inClient)
	return e.tok, true, nil
}

// Len returns the number of tokens in all scopes.
func (c *MemoryTokenCache) Len() int {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	return len(c.store.entries)
}

// Bytes returns the octets that the tokens of all scopes take.
func (c *MemoryTokenCache) Bytes() int64 {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	return c.store.bytes
}

// tokenStore is what the scopes of a MemoryTokenCache share.
type tokenStore struct {
	max  int64
	seed maphash.Seed

	mu      sync.Mutex
	scopes  uint32
	bytes   int64
	entries map[tokenKey]*cacheEntry
	order   list.List // of *cacheEntry, most recently used first
	clients map[clientName]*clientTokens
}

type tokenKey struct {
	hash  TokenHash
	scope uint32
}

type clientName struct{ name, realm string }

// folded returns the form that all spellings of a name have in common.
func (n clientName) folded() clientName {
	return clientName{strings.ToLower(n.name), strings.ToLower(n.realm)}
}

func (n clientName) size() int64 { return int64(len(n.name) + len(n.realm)) }

func (n clientName) clone() clientName {
	return clientName{strings.Clone(n.name), strings.Clone(n.realm)}
}

// clientTokens are the tokens of one client.
type clientTokens struct {
	key    clientName // folded
	first  clientName // as its first token has it
	bytes  int64
	order  list.List // of *cacheEntry, most recently used first
	groups map[uint64]*groupList
}

// groupList is what tokens with the same groups share.
type groupList struct {
	sum    uint64
	groups []string
	tokens int
	bytes  int64
}

type cacheEntry struct {
	key      tokenKey
	tok      CachedToken
	bytes    int64
	client   *clientTokens
	groups   *groupList
	inAll    *list.Element
	inClient *list.Element
}

// put enters or replaces a token and drops others until the bounds hold.
func (s *tokenStore) put(key tokenKey, tok CachedToken) {
	if old, ok := s.entries[key]; ok {
		s.drop(old)
	}
	name := clientName{tok.Name, tok.Realm}
	c := s.client(name)
	e := &cacheEntry{key: key, tok: tok, client: c, groups: s.groupsOf(c, tok.Groups)}
	e.bytes = tokenBytes + int64(len(tok.Service)+len(tok.ValueType)+tok.Key.Len()+len(tok.Credentials))
	if name == c.first {
		name = c.first
	} else {
		name = name.clone()
		e.bytes += name.size()
	}
	e.tok.Name, e.tok.Realm, e.tok.Groups = name.name, name.realm, e.groups.groups
	e.tok.Credentials = slices.Clone(tok.Credentials)
	e.tok.Service, e.tok.ValueType = strings.Clone(tok.Service), strings.Clone(tok.ValueType)
	s.charge(c, e.bytes)
	s.entries[key] = e
	e.inAll, e.inClient = s.order.PushFront(e), c.order.PushFront(e)
	for c.bytes > s.max/clientShare && c.order.Len() > 0 {
		s.drop(c.order.Back().Value.(*cacheEntry))
	}
	for s.bytes > s.max {
		s.drop(s.order.Back().Value.(*cacheEntry))
	}
}

// charge adds n octets, which may be negative, to what a client takes.
func (s *tokenStore) charge(c *clientTokens, n int64) {
	c.bytes += n
	s.bytes += n
}

// client returns the place for a client's tokens, which it makes if need be.
func (s *tokenStore) client(name clientName) *clientTokens {
	key := name.folded()
	c, ok := s.clients[key]
	if !ok {
		c = &clientTokens{key: key.clone(), first: name.clone()}
		s.clients[c.key] = c
		s.charge(c, clientBytes+key.size()+name.size())
	}
	return c
}

// groupsOf returns the client's list of these groups, copied if it is a new
// one: all names in one string, since there may be a thousand.
func (s *tokenStore) groupsOf(c *clientTokens, groups []string) *groupList {
	var h maphash.Hash
	h.SetSeed(s.seed)
	for _, g := range groups {
		h.WriteString(g)
		h.WriteByte(0)
	}
	l := c.groups[h.Sum64()]
	if l == nil || !slices.Equal(l.groups, groups) {
		l = &groupList{sum: h.Sum64()}
		if groups != nil {
			l.groups = make([]string, 0, len(groups))
		}
		for rest := strings.Join(groups, ""); len(l.groups) < len(groups); {
			n := len(groups[len(l.groups)])
			l.groups, rest = append(l.groups, rest[:n]), rest[n:]
			l.bytes += 16 + int64(n)
		}
		l.bytes += l.bytes/4 + groupBytes // sizes of allocations are rounded up
		if c.groups == nil {
			c.groups = make(map[uint64]*groupList, 1)
		}
		c.groups[l.sum] = l
		s.charge(c, l.bytes)
	}
	l.tokens++
	return l
}

// drop forgets a token, and its client and groups with the last one.
func (s *tokenStore) drop(e *cacheEntry) {
	c, l := e.client, e.groups
	delete(s.entries, e.key)
	s.order.Remove(e.inAll)
	c.order.Remove(e.inClient)
	s.charge(c, -e.bytes)
	if l.tokens--; l.tokens == 0 {
		s.charge(c, -l.bytes)
		if c.groups[l.sum] == l {
			delete(c.groups, l.sum)
		}
	}
	if c.order.Len() == 0 {
		delete(s.clients, c.key)
		s.charge(c, -c.bytes)
	}
}
