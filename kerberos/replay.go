package kerberos

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A ReplayStore remembers which authenticators were accepted. One store serves all routes of a process, or of several.
type ReplayStore interface {
	// Add remembers id at least until expires and reports whether it was new. It is atomic: of concurrent calls with
	// one id exactly one is told true. When it cannot promise to remember it returns an error, and the token is
	// refused. It is safe for concurrent use.
	Add(ctx context.Context, id [32]byte, expires time.Time) (added bool, err error)
}

// ClientReplayStore is implemented by a ReplayStore in which clients have shares, so that no client takes the room of all
// others. What wraps such a store passes the method on.
type ClientReplayStore interface {
	ReplayStore
	// AddFor is Add of an id that client, as name@REALM, has proved to come from. It fails with ErrReplayShareFull, and
	// the token is refused, when the client has its share.
	AddFor(ctx context.Context, client string, id [32]byte, expires time.Time) (added bool, err error)
}

// addFor enters an id of a client's.
func addFor(ctx context.Context, s ReplayStore, client string, id [32]byte, expires time.Time) (bool, error) {
	if shares, ok := s.(ClientReplayStore); ok {
		return shares.AddFor(ctx, client, id, expires)
	}
	return s.Add(ctx, id, expires)
}

// replayError tells that an id cannot be remembered.
func replayError(err error, detail string) error {
	code := CodeReplayStore
	if errors.Is(err, ErrReplayShareFull) {
		code = CodeReplayShare
	}
	return &Error{Code: code, Detail: detail, Err: err}
}

// ReplayHistory is implemented by a ReplayStore that knows of which times its memory is complete. Authenticators made at
// other times are refused, as they may have been accepted by a process that nobody remembers. What wraps such a store
// passes the method on.
type ReplayHistory interface {
	// CompleteFrom is made when an authenticator of that time would be known had one been accepted, else the time from
	// which on this is so again.
	CompleteFrom(made time.Time) time.Time
}

// Errors of the stores in this package.
var (
	ErrReplayStoreFull = errors.New("replay store is full of authenticators that are still valid")
	ErrReplayShareFull = error(replayShareError{})
	ErrReplayTooOld    = errors.New("too old: it may have been remembered and forgotten")
)

// replayShareError has a code of its own, for those who use a store for other ids than authenticators.
type replayShareError struct{}

func (replayShareError) Error() string {
	return "the client has three times as many ids in the replay store as there is room left for all others"
}

// ErrorCode gives the code for the error catalogue.
func (replayShareError) ErrorCode() string { return string(CodeReplayShare) }

// ReplayRisk says in words what risk of replay after a restart remains with a store, for an operator to read at start;
// maxSkew is the acceptor's, and 0 means DefaultMaxSkew. It is empty when none remains: with a journal that has been used
// for a while and was not damaged. A process that has used another journal or none since then cannot be known of; after
// one the risk is that of a new journal.
func ReplayRisk(store ReplayStore, maxSkew time.Duration) string {
	if maxSkew <= 0 {
		maxSkew = DefaultMaxSkew
	}
	unknown := func(since time.Time, why string) string {
		return fmt.Sprintf("which tokens were accepted before %s is not known, as %s. Clients whose clocks are behind are refused until their clocks show "+
			"that time, for at most %v. If another process accepted tokens for these services in the %v before, there is a risk besides: until %v after that time, whoever has "+
			"recorded a message of a client whose clock is ahead can have it accepted a second time.", stamp(since), why, maxSkew, maxSkew, 2*maxSkew)
	}
	switch s := store.(type) {
	case *MemoryReplayStore:
		return unknown(s.CompleteSince(), "they are remembered in memory only, so that it is the same after each restart")
	case *ReplayJournal:
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
