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
// did not prove that their sender has it: what asks a padding oracle looks like
// this, and nothing else does often. After a few dozen the key may not be named
// any more until its owner shows up with a fresh token. So whoever has recorded
// a message can make its sender authenticate once more, and by going on make it
// send its token with each message, but can do no more than that. It is safe
// for concurrent use and bounded in memory.
type KeyGuard struct {
	allowance int

	mu     sync.Mutex
	keys   map[keyID]*suspicion
	owners map[clientName]int // how many of keys each has
}

// KeyGuardConfig configures a KeyGuard. The zero value is ready.
type KeyGuardConfig struct {
	// Allowance is the number of failures after which a key is suspended; each
	// time that its owner has come back it is half as many. Zero: 32.
	Allowance int
}

// NewKeyGuard makes a KeyGuard that suspects no key.
func NewKeyGuard(cfg KeyGuardConfig) *KeyGuard {
	setDefault(&cfg.Allowance, 32)
	return &KeyGuard{allowance: cfg.Allowance, keys: make(map[keyID]*suspicion), owners: make(map[clientName]int)}
}

const (
	// maxSuspicions bounds the keys that are counted, in all and for one owner:
	// a few MB. An owner can have any number of keys, as many as it makes
	// subkeys.
	maxSuspicions, maxOwnSuspicions = 10_000, maxSuspicions / clientShare
	// maxAskers and maxAsker bound the addresses that are kept of those who
	// asked.
	maxAskers, maxAsker = 8, 64
	// lateFailures is what a failure counts whose time told something.
	lateFailures = 10
)

// keyID tells keys apart without holding them: one key may go by many tokens.
type keyID [sha256.Size]byte

func (k Key) id() keyID { return sha256.Sum256(append([]byte("wssec key\x00"), k.octets...)) }

// suspicion is what is known of a key for which messages failed.
type suspicion struct {
	owner     clientName // folded
	failures  int
	allowance int
	suspended bool
	expires   time.Time // when the key can no longer be named anyway
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

// fail counts a failure n times. If the key is suspended by that, or was, it
// returns the addresses of those who asked.
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

// askersIfSuspended returns the addresses if the key is suspended.
func (s *suspicion) askersIfSuspended() []string {
	if !s.suspended {
		return nil
	}
	return slices.Clone(s.askers)
}

// suspends reports whether a key may not be named, and who asked about it.
func (g *KeyGuard) suspends(key keyID) (askers []string, suspended bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s, ok := g.keys[key]
	if !ok {
		return nil, false
	}
	return s.askersIfSuspended(), s.suspended
}

// renew lets a key be named again whose owner has proved to have it, with a
// fresh token. What failed before it was suspended still counts, or whoever
// asks between the messages of a client that sends a token with each could go
// on for ever.
func (g *KeyGuard) renew(key keyID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s, ok := g.keys[key]; ok && s.suspended {
		s.suspended, s.failures, s.askers = false, 0, nil
		s.allowance = max(s.allowance/2, 1)
	}
}

// makeRoom makes room for a key of owner: who has as many as one may loses
// some of its own, else somebody does. So nobody can drive out another's key
// alone.
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

// makeRoom forgets keys that have expired, and, as long as there are too
// many, those of the keys in question that have the fewest failures: to drive
// out a key others must have failed as often.
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

func (g *KeyGuard) forget(key keyID, s *suspicion) {
	delete(g.keys, key)
	if g.owners[s.owner]--; g.owners[s.owner] == 0 {
		delete(g.owners, s.owner)
	}
}

// suspect begins to watch the message, which has named a remembered key and not
// proved to have it; clearSuspicion ends that.
func (v *verification) suspect(t *CachedToken) {
	owner := clientName{t.Name, t.Realm}.folded()
	v.suspected = &failure{guard: v.p.cfg.Guard, key: t.Key.id(), owner: owner, expires: t.EndTime, client: v.ch.Client, now: v.now}
}

func (v *verification) clearSuspicion() { v.suspected = nil }

// countFailure counts the failure of a message under suspicion and notes it in
// its error. One that nothing was decrypted of, for lack of memory, has taught
// nobody anything.
func (v *verification) countFailure(err error) error {
	var e *Error
	if v.suspected != nil && errors.As(err, &e) && e.Code != CodeNoMemory {
		e.failure = v.suspected
		e.Askers = v.suspected.guard.fail(v.suspected, 1)
	}
	v.suspected = nil
	return err
}

// countPanic counts a message under suspicion in which verification panicked.
func (v *verification) countPanic() {
	if v.suspected != nil {
		v.suspected.guard.fail(v.suspected, lateFailures)
	}
}

// liftSuspension lets the key of a verified message be named again, if it came
// with its token.
func (v *verification) liftSuspension() {
	if v.sent == nil && v.p.policy.TokenOnce && v.token != nil && v.token.fresh {
		v.p.cfg.Guard.renew(v.token.Key.id())
	}
}

// AnsweredLate counts a failure that Verify returned ten times instead of once.
// Call it when the refusal was answered later than all of its size are, because
// its verification took longer: that may have told its sender something.
func (p *Processor) AnsweredLate(err error) {
	var e *Error
	if errors.As(err, &e) && e.failure != nil {
		e.failure.guard.fail(e.failure, lateFailures-1)
	}
}
