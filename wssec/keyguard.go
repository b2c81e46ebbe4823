package wssec

import (
	"crypto/sha256"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// KeyGuard counts, for each key, the messages that named it by a hash and then
// did not prove that their sender has it. A query of a padding oracle looks
// like this, and little else does. After a few dozen such messages the key is
// suspended: no message may name it until its owner sends a fresh token. So an
// attacker who has recorded a message can make its sender authenticate once
// more, and by going on make it send its token with each message, but no more
// than that. A KeyGuard is safe for concurrent use and bounded in memory. The
// zero value is not usable; see [NewKeyGuard].
type KeyGuard struct {
	allowance int

	mu     sync.Mutex
	keys   map[keyID]*suspicion
	owners map[clientName]int // how many of keys each has
}

// KeyGuardConfig configures a [KeyGuard]. The zero value is ready.
type KeyGuardConfig struct {
	// Allowance is the number of failures after which a key is suspended. It is
	// halved for a key each time that its suspension is lifted. Zero: 32.
	Allowance int
}

// NewKeyGuard makes a [KeyGuard] that has counted nothing.
func NewKeyGuard(cfg KeyGuardConfig) *KeyGuard {
	setDefault(&cfg.Allowance, 32)
	return &KeyGuard{allowance: cfg.Allowance, keys: make(map[keyID]*suspicion), owners: make(map[clientName]int)}
}

const (
	// maxSuspicions bounds the keys that are counted, in all and for one owner,
	// to a few MB. An owner can have any number of keys, because it makes the
	// subkeys.
	maxSuspicions, maxOwnSuspicions = 10_000, maxSuspicions / clientShare
	// maxAskers and maxAsker bound the number and length of the addresses that
	// are kept of one key.
	maxAskers, maxAsker = 8, 64
	// lateFailures is what a failure counts whose time may have disclosed
	// something.
	lateFailures = 10
)

// keyID identifies a key without holding it: one key may be that of many
// tokens.
type keyID [sha256.Size]byte

func (k Key) id() keyID { return sha256.Sum256(append([]byte("wssec key\x00"), k.octets...)) }

// suspicion is what is known of a key for which messages failed.
type suspicion struct {
	owner     clientName // folded
	failures  int
	allowance int
	suspended bool
	expires   time.Time // when no message can name the key any more
	askers    []string
}

// failure is one message that failed, as its error remembers it.
type failure struct {
	guard   *KeyGuard
	key     keyID
	owner   clientName // folded
	expires time.Time  // of the token
	client  string
	now     time.Time
}

// fail counts a failure n times. If the key is suspended then, it returns the
// addresses that the failures came from.
func (g *KeyGuard) fail(f *failure, n int) (askers []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s, ok := g.keys[f.key]
	if !ok {
		owner := f.owner.clone()
		g.makeRoom(owner, f.now)
		s = &suspicion{owner: owner, allowance: g.allowance}
		g.keys[f.key] = s
		g.owners[owner]++
	}
	s.failures += n
	if f.expires.After(s.expires) {
		s.expires = f.expires
	}
	client := f.client[:min(len(f.client), maxAsker)]
	if client != "" && len(s.askers) < maxAskers && !slices.Contains(s.askers, client) {
		s.askers = append(s.askers, strings.Clone(client))
	}
	s.suspended = s.suspended || s.failures >= s.allowance
	return s.askersIfSuspended()
}

// askersIfSuspended returns the addresses if the key is suspended, else nil.
func (s *suspicion) askersIfSuspended() []string {
	if !s.suspended {
		return nil
	}
	return slices.Clone(s.askers)
}

// suspends reports whether a key is suspended, and returns the addresses that
// the failures came from.
func (g *KeyGuard) suspends(key keyID) (askers []string, suspended bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s, ok := g.keys[key]
	if !ok {
		return nil, false
	}
	return s.askersIfSuspended(), s.suspended
}

// renew lifts the suspension of a key whose owner has proved to have it, with a
// fresh token. The failures of a key that is not suspended remain: otherwise an
// attacker could go on for ever between the messages of a client that sends a
// token with each.
func (g *KeyGuard) renew(key keyID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s, ok := g.keys[key]; ok && s.suspended {
		s.suspended, s.failures, s.askers = false, 0, nil
		s.allowance = max(s.allowance/2, 1)
	}
}

// makeRoom makes room for a key of owner. An owner with the most keys that one
// may have loses some of its own; otherwise any owner may. So no owner can
// evict another's key alone.
func (g *KeyGuard) makeRoom(owner clientName, now time.Time) {
	switch {
	case g.owners[owner] >= maxOwnSuspicions:
		own := func(s *suspicion) bool { return s.owner == owner }
		g.forgetSome(now, own, func() bool { return g.owners[owner] > maxOwnSuspicions*7/8 })
	case len(g.keys) >= maxSuspicions:
		anybodys := func(*suspicion) bool { return true }
		g.forgetSome(now, anybodys, func() bool { return len(g.keys) > maxSuspicions*7/8 })
	}
}

// forgetSome forgets keys that have expired, and, while there are too many,
// those of which that have the fewest failures: to evict a key, others must
// have failed as often.
func (g *KeyGuard) forgetSome(now time.Time, which func(*suspicion) bool, tooMany func() bool) {
	fewest := math.MaxInt
	for key, s := range g.keys {
		if !now.Before(s.expires) {
			g.forget(key, s)
		} else if which(s) {
			fewest = min(fewest, s.failures)
		}
	}
	for key, s := range g.keys {
		if !tooMany() {
			return
		}
		if which(s) && s.failures == fewest {
			g.forget(key, s)
		}
	}
}

// forget removes a key.
func (g *KeyGuard) forget(key keyID, s *suspicion) {
	delete(g.keys, key)
	if g.owners[s.owner]--; g.owners[s.owner] == 0 {
		delete(g.owners, s.owner)
	}
}

// suspect marks the message as one that has named a remembered key, that of t,
// and not proved to have it; clearSuspicion removes the mark.
func (v *verification) suspect(t *CachedToken, key keyID) {
	owner := clientName{t.Name, t.Realm}.folded()
	v.suspected = &failure{
		guard: v.p.cfg.Guard, key: key, owner: owner, expires: t.EndTime, client: v.ch.Client, now: v.now,
	}
}

// clearSuspicion ends suspect: the message has proved to have the key.
func (v *verification) clearSuspicion() { v.suspected = nil }

// countFailure counts the failure of a suspected message and records it in its
// error. A message that was refused for lack of memory does not count: nothing
// of it was decrypted.
func (v *verification) countFailure(err error) error {
	var e *Error
	if v.suspected != nil && errors.As(err, &e) && e.Code != CodeNoMemory {
		e.failure = v.suspected
		e.Askers = v.suspected.guard.fail(v.suspected, 1)
	}
	v.suspected = nil
	return err
}

// countPanic counts a suspected message whose verification panicked.
func (v *verification) countPanic() {
	if v.suspected != nil {
		v.suspected.guard.fail(v.suspected, lateFailures)
	}
}

// liftSuspension lifts the suspension of the key of a verified message, if the
// message came with its token.
func (v *verification) liftSuspension() {
	if v.sent == nil && v.p.policy.TokenOnce && v.token != nil && v.token.fresh {
		v.p.cfg.Guard.renew(v.token.Key.id())
	}
}

// AnsweredLate counts a failure that [Processor.Verify] returned ten times
// instead of once. Call it when the refusal was written later than others of
// its size because its verification took longer: the delay may have disclosed
// something to its sender.
func (p *Processor) AnsweredLate(err error) {
	var e *Error
	if errors.As(err, &e) && e.failure != nil {
		e.failure.guard.fail(e.failure, lateFailures-1)
	}
}
