package store

import (
	"bytes"
	"container/heap"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// MemoryConfig configures a Memory. The zero value is ready.
type MemoryConfig struct {
	// MaxEntries bounds the entries. Zero: 100,000.
	MaxEntries int
	// MaxBytes bounds the memory that entries take, with what is needed to keep
	// them. Zero: 64 MiB.
	MaxBytes int64
	// MaxEntryBytes bounds one entry. Zero: 64 KiB.
	MaxEntryBytes int
	// ClientEntries bounds the entries of one client. Its part of MaxBytes is
	// as large as its part of MaxEntries, and at least one entry of the largest
	// size. Zero: 1/16 of MaxEntries, at least one. The clients of one IPv6 /48
	// have four times as much together.
	ClientEntries int
	// Time returns the current time. Nil: time.Now.
	Time func() time.Time
}

// What an entry and a client with entries take beside their texts: allocations,
// their part of the maps and of the heap, the spare room of what grew. A test
// holds them against the heap.
const (
	entryBytes  = 208
	clientBytes = 192
)

// Memory keeps entries in memory, a bounded number of them and of octets. It is
// safe for concurrent use. Nothing that is live is evicted: when there is no
// room, in the store or in a client's share, Add and Swap fail with a
// [FullError]. Entries whose time has passed are not found and make room.
type Memory struct {
	cfg         MemoryConfig
	clientBytes int64 // one client's part of MaxBytes

	mu      sync.Mutex
	entries map[string]*entry
	order   expiryHeap
	clients map[string]*share
	bytes   int64
}

// entry is what is kept under an id. Its octets are never changed, only
// replaced.
type entry struct {
	id      string
	octets  []byte
	client  *share
	expires int64 // microseconds since 1970
	index   int   // in the heap
}

func (e *entry) bytes() int64 { return sizeOf(e.id, e.octets) }

func sizeOf(id string, octets []byte) int64 {
	return int64(entryBytes + len(id) + len(octets))
}

// share is what one client has, or all clients of a network.
type share struct {
	name    string
	entries int
	bytes   int64
	network *share // that the client is in; nil for none
}

// NewMemory makes an empty store.
func NewMemory(cfg MemoryConfig) *Memory {
	setDefault(&cfg.MaxEntries, 100_000)
	setDefault(&cfg.MaxBytes, 64<<20)
	setDefault(&cfg.MaxEntryBytes, 64<<10)
	setDefault(&cfg.ClientEntries, max(cfg.MaxEntries/16, 1))
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	part := float64(cfg.ClientEntries) / float64(cfg.MaxEntries)
	return &Memory{
		cfg:         cfg,
		clientBytes: max(int64(part*float64(cfg.MaxBytes)), int64(cfg.MaxEntryBytes)+entryBytes+2*clientBytes),
		entries:     make(map[string]*entry),
		clients:     make(map[string]*share),
	}
}

// networkShares is how many shares of a client a /48 has. Who is given one, as
// sites are, has 65,536 networks of /64, each of which counts as a client.
const networkShares = 4

// NetworkOf returns the /48 that a client is in, if it is an IPv6 address or a
// longer prefix, and else "".
func NetworkOf(client string) string {
	p, err := netip.ParsePrefix(client)
	if a, notAddr := netip.ParseAddr(client); err != nil && notAddr == nil {
		p, err = a.WithZone("").Prefix(a.BitLen())
	}
	if err != nil || !p.Addr().Is6() || p.Addr().Is4In6() || p.Bits() <= 48 {
		return ""
	}
	p, _ = p.Addr().Prefix(48) // of a longer one it never fails
	return p.String()
}

func setDefault[T int | int64](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// Add enters a copy of entry under id until expires, unless there is one. It
// counts against the share of client, whatever the caller takes for a client.
// The error is a *FullError when there is no room.
func (m *Memory) Add(ctx context.Context, id string, octets []byte, client string, expires time.Time) (bool, error) {
	if err := m.lock(ctx); err != nil {
		return false, err
	}
	defer m.mu.Unlock()
	if m.entries[id] != nil {
		return false, nil
	}
	if err := m.checkRoom(client, 1, sizeOf(id, octets), len(octets)); err != nil {
		return false, err
	}
	e := &entry{
		id: strings.Clone(id), octets: bytes.Clone(octets), expires: expires.UnixMicro(), client: m.shareOf(client),
	}
	m.entries[e.id] = e
	heap.Push(&m.order, e)
	m.charge(e.client, 1, e.bytes())
	return true, nil
}

// Get returns a copy of the entry under id, nil without one.
func (m *Memory) Get(ctx context.Context, id string) ([]byte, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if e := m.entries[id]; e != nil {
		return bytes.Clone(e.octets), nil
	}
	return nil, nil
}

// Swap puts a copy of octets in the place of the entry under id, good until
// expires, if that entry equals old. It goes on counting against the share of
// the client that it was added for. The error is a *FullError when the new
// entry is larger and there is no room.
func (m *Memory) Swap(ctx context.Context, id string, old, octets []byte, expires time.Time) (bool, error) {
	if err := m.lock(ctx); err != nil {
		return false, err
	}
	defer m.mu.Unlock()
	e := m.entries[id]
	if e == nil || !bytes.Equal(e.octets, old) {
		return false, nil
	}
	if err := m.checkRoom(e.client.name, 0, int64(len(octets)-len(e.octets)), len(octets)); err != nil {
		return false, err
	}
	m.charge(e.client, 0, int64(len(octets)-len(e.octets)))
	e.octets, e.expires = bytes.Clone(octets), expires.UnixMicro()
	heap.Fix(&m.order, e.index)
	return true, nil
}

// Take returns the entry under id and removes it, nil without one.
func (m *Memory) Take(ctx context.Context, id string) ([]byte, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	e := m.entries[id]
	if e == nil {
		return nil, nil
	}
	m.remove(e)
	return e.octets, nil
}

// Len returns the number of entries that are live.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetExpired()
	return len(m.entries)
}

// lock locks, unless ctx is done, and forgets what has expired.
func (m *Memory) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	m.forgetExpired()
	return nil
}

func (m *Memory) forgetExpired() {
	now := m.cfg.Time().UnixMicro()
	for len(m.order) > 0 && m.order[0].expires <= now {
		m.remove(m.order[0])
	}
}

func (m *Memory) remove(e *entry) {
	delete(m.entries, e.id)
	heap.Remove(&m.order, e.index)
	m.charge(e.client, -1, -e.bytes())
	for s := e.client; s != nil && s.entries == 0; s = s.network {
		delete(m.clients, s.name)
		m.charge(s, 0, -s.ownBytes())
	}
}

func (s *share) ownBytes() int64 { return int64(clientBytes + len(s.name)) }

// shareOf returns the share of a client, which may be new.
func (m *Memory) shareOf(client string) *share {
	s, ok := m.clients[client]
	if !ok {
		s = &share{name: strings.Clone(client)}
		if network := NetworkOf(client); network != "" {
			s.network = m.shareOf(network)
		}
		m.clients[s.name] = s
		m.charge(s, 0, s.ownBytes())
	}
	return s
}

// charge counts entries and octets of a share, and of what that is in.
func (m *Memory) charge(s *share, entries int, octets int64) {
	m.bytes += octets
	for ; s != nil; s = s.network {
		s.entries += entries
		s.bytes += octets
	}
}

// checkRoom reports whether there is room for more entries of a client, which
// take so many octets more; the largest has size octets.
func (m *Memory) checkRoom(client string, entries int, octets int64, size int) error {
	if size > m.cfg.MaxEntryBytes {
		return fmt.Errorf("store: an entry of %d octets; one may have %d", size, m.cfg.MaxEntryBytes)
	}
	own, network := m.shareNow(client), share{}
	if own.entries == 0 {
		octets += own.ownBytes()
	}
	if name := NetworkOf(client); name != "" {
		if network = m.shareNow(name); network.entries == 0 {
			octets += network.ownBytes()
		}
	}
	full := func(s share, most int, mostBytes int64) bool {
		return s.entries+entries > most || octets > 0 && s.bytes+octets > mostBytes
	}
	switch {
	case len(m.entries)+entries > m.cfg.MaxEntries:
		return &FullError{fmt.Sprintf("it holds %d entries, all live", len(m.entries))}
	case octets > 0 && m.bytes+octets > m.cfg.MaxBytes:
		return &FullError{fmt.Sprintf("its entries, all live, take %d octets", m.bytes)}
	case full(own, m.cfg.ClientEntries, m.clientBytes):
		return &FullError{fmt.Sprintf("this client has %d entries, all live, of %d octets, which is its share", own.entries,
			own.bytes)}
	case full(network, networkShares*m.cfg.ClientEntries, networkShares*m.clientBytes):
		return &FullError{fmt.Sprintf("the network %s has %d entries, all live, of %d octets, which is its share",
			network.name, network.entries, network.bytes)}
	}
	return nil
}

// shareNow returns a copy of a share, which has nothing if it would be new.
func (m *Memory) shareNow(name string) share {
	if s := m.clients[name]; s != nil {
		return *s
	}
	return share{name: name}
}

// FullError is the error of a store that has no room for an entry: as a whole,
// or for this client.
type FullError struct {
	Cause string // what is full
}

// Error returns the cause.
func (e *FullError) Error() string { return "store: no room for the entry: " + e.Cause }

// Full returns true. Callers ask any error for it, and so need not know the
// store.
func (e *FullError) Full() bool { return true }

// expiryHeap is a heap of entries, the one that expires first at its top.
type expiryHeap []*entry

func (h expiryHeap) Len() int           { return len(h) }
func (h expiryHeap) Less(i, j int) bool { return h[i].expires < h[j].expires }

func (h expiryHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push appends an entry, for package heap.
func (h *expiryHeap) Push(x any) {
	e := x.(*entry)
	e.index = len(*h)
	*h = append(*h, e)
}

// Pop removes the last entry, for package heap.
func (h *expiryHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}
