package gss

import (
	"context"
	"errors"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/replay"
)

// A ReplayStore remembers accepted authenticators (RFC 4120 3.2.3). One store
// may serve all routes of a process, or several processes.
type ReplayStore interface {
	// Add remembers id at least until expires and reports whether it was new.
	// It is atomic: of concurrent calls with one id exactly one returns true.
	// It returns an error if it cannot remember id, and the token is then
	// refused. It is safe for concurrent use.
	Add(ctx context.Context, id [32]byte, expires time.Time) (added bool, err error)
}

// ClientReplayStore is implemented by a [ReplayStore] in which each client has
// a share, so that no client takes the room of all others. A wrapper of such a
// store must have the method too.
type ClientReplayStore interface {
	ReplayStore
	// AddFor is Add for an id of the authenticated client name@REALM. If the
	// client's share is full it fails with [replay.ErrShareFull], and the token
	// is refused.
	AddFor(ctx context.Context, client string, id [32]byte, expires time.Time) (added bool, err error)
}

// addFor adds an id of a client.
func addFor(ctx context.Context, s ReplayStore, client string, id [32]byte, expires time.Time) (bool, error) {
	if shares, ok := s.(ClientReplayStore); ok {
		return shares.AddFor(ctx, client, id, expires)
	}
	return s.Add(ctx, id, expires)
}

// replayError returns the error for an id that cannot be remembered.
func replayError(err error, detail string) error {
	code := kerberos.CodeReplayStore
	if errors.Is(err, replay.ErrShareFull) {
		code = kerberos.CodeReplayShare
	}
	return &kerberos.Error{Code: code, Detail: detail, Err: err}
}

// ReplayHistory is implemented by a [ReplayStore] that knows for which times
// its records are complete. Authenticators made at other times are refused,
// since an earlier process may have accepted them. A wrapper of such a store
// must have the method too. It is asked before an authenticator is entered, and
// again after that.
type ReplayHistory interface {
	// CompleteFrom returns made if the store has a record of every accepted
	// authenticator of that time, else the time from which on it has.
	CompleteFrom(made time.Time) time.Time
}
