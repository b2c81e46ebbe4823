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
	ErrReplayTooOld    = errors.New("too old: it may have been remembered and forgotten")
)

// ReplayRisk says in words what risk of replay after a restart remains with a store, for an operator to read at start;
// maxSkew is the acceptor's. It is empty when none remains.
func ReplayRisk(store ReplayStore, maxSkew time.Duration) string {
	switch store.(type) {
	case *MemoryReplayStore:
		return fmt.Sprintf("accepted authenticators are remembered in memory only: after a restart, tokens made before it are refused, "+
			"but a token from a client whose clock runs ahead (by up to %v) can be presented once more until that time has come; "+
			"clients whose clocks run behind are refused for as long after a restart. A replay journal in a state directory avoids both.", maxSkew)
	}
	return ""
}
