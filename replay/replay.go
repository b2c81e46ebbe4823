package replay

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Store remembers ids. [Memory] and [Journal] are Stores. A package that uses
// one may declare the same interface, so that it need not import this one;
// gss.ReplayStore does.
type Store interface {
	// Add remembers id at least until expires and reports whether it was new. It
	// is atomic: of concurrent calls with one id exactly one returns true. If it
	// cannot promise to remember id it returns an error, and the caller must
	// refuse what id identifies. It is safe for concurrent use.
	Add(ctx context.Context, id [32]byte, expires time.Time) (added bool, err error)
}

// defaultMaxSkew is the usual bound on the difference of two clocks (RFC 4120
// 1.6).
const defaultMaxSkew = 5 * time.Minute

// The errors of Add and AddFor of [Memory] and [Journal], besides failures to
// write.
var (
	// ErrFull is the error when there is no room for another id until one of those
	// held expires.
	ErrFull = errors.New("replay store is full of ids that have not expired: raise its limit, or wait until some expire")
	// ErrShareFull is the error when the client has used up its share of the
	// store; see Memory.
	ErrShareFull = error(shareError{})
	// ErrTooOld is the error when the id has expired, or expires before one that
	// was dropped.
	ErrTooOld = errors.New("too old: the replay store may have remembered and dropped it")
)

// shareError has a code of its own, for callers that use a store for other ids
// than those of authenticators.
type shareError struct{}

// Error returns the rule that the client has broken.
func (shareError) Error() string {
	return "the client has three times as many ids in the replay store as there is room left for all others"
}

// ErrorCode returns the code for the error catalogue.
func (shareError) ErrorCode() string { return "replay-share" }

// Risk describes what risk of replay remains with a store after a restart, for
// an operator to read at start. maxSkew is the acceptor's, and 0 means 5
// minutes. It returns "" when none remains: with a journal that has been used
// for more than twice maxSkew and was not damaged. Risk cannot know of a
// process that has used another journal or none since then; after such a
// process the risk is that of a new journal.
func Risk(store Store, maxSkew time.Duration) string {
	if maxSkew <= 0 {
		maxSkew = defaultMaxSkew
	}
	unknown := func(since time.Time, why string) string {
		return fmt.Sprintf("which tokens were accepted before %s is not known, because %s. Clients whose clocks are "+
			"behind are refused until their clocks show that time, for at most %v. If another process accepted tokens "+
			"for these services in the %v before, there is another risk: until %v after that time, an attacker who has "+
			"recorded a message of a client whose clock is ahead can replay it once.",
			since.UTC().Format(time.RFC3339), why, maxSkew, maxSkew, 2*maxSkew)
	}
	switch s := store.(type) {
	case *Memory:
		return unknown(s.CompleteSince(), "they are remembered in memory only; it is the same after each restart")
	case *Journal:
		// What an earlier process accepted may have been made up to maxSkew after
		// that process ended, and is valid for maxSkew after that.
		if s.opened.Sub(s.CompleteSince()) < 2*maxSkew {
			return unknown(s.CompleteSince(), "the replay journal begins then")
		}
		if s.boot == 0 && !s.cfg.Sync {
			return "on this system the replay journal cannot detect that a restart of the machine has lost its last " +
				"records: an attacker can replay those tokens once."
		}
	}
	return ""
}
