package replay

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Store remembers ids. Memory and Journal are Stores. A package that uses one may declare the same interface, so that
// it need not import this one; gss.ReplayStore does.
type Store interface {
	// Add remembers id at least until expires and reports whether it was new. It is atomic: of concurrent calls with
	// one id exactly one returns true. When it cannot promise to remember it returns an error, and what the id is of
	// must be refused. It is safe for concurrent use.
	Add(ctx context.Context, id [32]byte, expires time.Time) (added bool, err error)
}

// defaultMaxSkew is the usual limit for differing clocks (RFC 4120 1.6).
const defaultMaxSkew = 5 * time.Minute

// What Add and AddFor of Memory and Journal fail with, beside failures to write.
var (
	// ErrFull tells that there is no room for another id until one of those held ends.
	ErrFull = errors.New("replay store is full of authenticators that are still valid")
	// ErrShareFull tells that the client has its share of the store; see Memory.
	ErrShareFull = error(shareError{})
	// ErrTooOld tells that the end of the id has passed, or comes before that of one that was dropped.
	ErrTooOld = errors.New("too old: it may have been remembered and forgotten")
)

// shareError has a code of its own, for those who use a store for other ids than authenticators.
type shareError struct{}

func (shareError) Error() string {
	return "the client has three times as many ids in the replay store as there is room left for all others"
}

// ErrorCode returns the code for the error catalogue.
func (shareError) ErrorCode() string { return "replay-share" }

// Risk returns in words what risk of replay after a restart remains with a store, for an operator to read at start;
// maxSkew is the acceptor's, and 0 means 5 minutes. It is empty when none remains: with a journal that has been used
// for a while and was not damaged. A process that has used another journal or none since then cannot be known of; after
// one the risk is that of a new journal.
func Risk(store Store, maxSkew time.Duration) string {
	if maxSkew <= 0 {
		maxSkew = defaultMaxSkew
	}
	unknown := func(since time.Time, why string) string {
		return fmt.Sprintf("which tokens were accepted before %s is not known, as %s. Clients whose clocks are behind are refused until their clocks show "+
			"that time, for at most %v. If another process accepted tokens for these services in the %v before, there is a risk besides: until %v after that time, whoever has "+
			"recorded a message of a client whose clock is ahead can have it accepted a second time.", since.UTC().Format(time.RFC3339), why, maxSkew, maxSkew, 2*maxSkew)
	}
	switch s := store.(type) {
	case *Memory:
		return unknown(s.CompleteSince(), "they are remembered in memory only, so that it is the same after each restart")
	case *Journal:
		// What a process before accepted has its time up to maxSkew ahead of its end, and is valid for as long after that.
		if s.opened.Sub(s.CompleteSince()) < 2*maxSkew {
			return unknown(s.CompleteSince(), "the replay journal begins then")
		}
		if s.boot == 0 && !s.cfg.Sync {
			return "on this system it is not noticed when a restart of the machine loses the last records of the replay journal: " +
				"those tokens can be presented once more."
		}
	}
	return ""
}
