package gss

import (
	"context"
	"errors"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/replay"
)

// A ReplayStore remembers which authenticators were accepted. One store serves all routes of a process, or of several.
type ReplayStore interface {
	// Add remembers id at least until expires and reports whether it was new. It is atomic: of concurrent calls with one
	// id exactly one returns true. When it cannot promise to remember it returns an error, and the token is refused. It is
	// safe for concurrent use.
	Add(ctx context.Context, id [32]byte, expires time.Time) (added bool, err error)
}

// ClientReplayStore is implemented by a ReplayStore in which clients have shares, so that no client takes the room of
// all others. What wraps such a store passes the method on.
type ClientReplayStore interface {
	ReplayStore
	// AddFor is Add of an id that client, as name@REALM, has proved to come from. It fails with replay.ErrShareFull, and
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

// replayError is the error that an id cannot be remembered.
func replayError(err error, detail string) error {
	code := kerberos.CodeReplayStore
	if errors.Is(err, replay.ErrShareFull) {
		code = kerberos.CodeReplayShare
	}
	return &kerberos.Error{Code: code, Detail: detail, Err: err}
}

// ReplayHistory is implemented by a ReplayStore that knows of which times its memory is complete. Authenticators made
// at other times are refused, as they may have been accepted by a process that nobody remembers. What wraps such a
// store passes the method on.
type ReplayHistory interface {
	// CompleteFrom returns made if an authenticator of that time would be known had one been accepted, else the time from
	// which on this is so again.
	CompleteFrom(made time.Time) time.Time
}
