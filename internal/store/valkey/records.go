package valkey

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/wssgate/wssgate/internal/store"
)

// Local is the store that a process has for itself, in memory or in a journal.
type Local interface {
	Add(ctx context.Context, id [32]byte, expires time.Time) (added bool, err error)
	AddFor(ctx context.Context, client string, id [32]byte, expires time.Time) (added bool, err error)
}

// Records remember ids on the server, each until it expires. They are asked after
// those of the process itself, so that nothing is accepted twice in one process
// whatever becomes of the server. They are safe for concurrent use.
type Records struct {
	server *Server
	kind   byte
	local  Local
}

// ErrTooOld is the error for an id that has expired.
var ErrTooOld = errors.New("too old: it has expired")

// ErrReplicas is the error for an id that not all replicas have in time.
var ErrReplicas error = errOwn{errors.New("not every replica that replay-durability asks for has the record in time")}

var errNoValues error = errOwn{errors.New("a reply that has not two values")}

// Tickets returns the records of authenticators.
func (s *Server) Tickets(local Local) *Records { return &Records{s, 't', local} }

// Signatures returns the records of signature values.
func (s *Server) Signatures(local Local) *Records { return &Records{s, 's', local} }

// Add remembers id at least until expires and reports whether it was new on any
// node. Under a context of [store.Later] it returns true for one that is new here,
// and the server's answer comes later.
func (r *Records) Add(ctx context.Context, id [32]byte, expires time.Time) (bool, error) {
	added, err := r.local.Add(ctx, id, expires)
	if err != nil || !added {
		return false, err
	}
	return r.answer(ctx, id, expires)
}

// AddFor is [Records.Add] for an id of client, whose share of the process's own
// records is bounded.
func (r *Records) AddFor(ctx context.Context, client string, id [32]byte, expires time.Time) (bool, error) {
	added, err := r.local.AddFor(ctx, client, id, expires)
	if err != nil || !added {
		return false, err
	}
	return r.answer(ctx, id, expires)
}

// AddLater is [Records.AddFor] without waiting for the server: wait does. An id
// that was entered with the same token counts as new. It implements
// wssec.SharedReplayCache.
func (r *Records) AddLater(ctx context.Context, client string, id [32]byte, token [20]byte, expires time.Time) (
	wait func() (bool, error)) {
	added, err := r.local.AddFor(ctx, client, id, expires)
	if err != nil || !added {
		return func() (bool, error) { return false, err }
	}
	return store.Go(func() (bool, error) { return r.enter(ctx, id, string(token[:]), expires) })
}

func (r *Records) answer(ctx context.Context, id [32]byte, expires time.Time) (bool, error) {
	if store.Ask(ctx, func() (bool, error) { return r.enter(ctx, id, "", expires) }) {
		return true, nil
	}
	return r.enter(ctx, id, "", expires)
}

// CompleteFrom returns made if the records of that time are complete, else the
// time from which on they are.
func (r *Records) CompleteFrom(made time.Time) time.Time {
	if since := r.server.CompleteSince(); made.Before(since) {
		return since
	}
	return made
}

// RecordsFrom returns the time from which on records are complete.
func (r *Records) RecordsFrom() time.Time { return r.server.CompleteSince() }

// Len returns the number of ids that this process holds, 0 if it does not count.
func (r *Records) Len() int {
	if l, ok := r.local.(interface{ Len() int }); ok {
		return l.Len()
	}
	return 0
}

// enter enters an id with a value, and looks at the marker behind it, in one round
// trip. One that has the same value, and not "", counts as new.
func (r *Records) enter(ctx context.Context, id [32]byte, value string, expires time.Time) (added bool, err error) {
	s := r.server
	keep := expires.Sub(s.cfg.Time())
	if keep <= 0 {
		return false, ErrTooOld
	}
	group := int(id[0]) % s.groups
	key := s.key('r', group) + string(r.kind) + string(id[:])
	err = s.write(ctx, func(ctx context.Context, c valkey.Client) error {
		begun := s.now()
		set := c.B().Set().Key(key).Value(value).Nx().PxMilliseconds((keep + drift).Milliseconds()).Build()
		replies := s.doMulti(ctx, c, set, s.behind(c, s.markerKey(group), key))
		err := replies[0].Error()
		if ignoreNil(err) != nil {
			return err
		}
		found, readErr := replies[1].AsStrSlice()
		if readErr != nil || len(found) < 2 {
			return cmp.Or(readErr, errNoValues)
		}
		if added = err == nil || value != "" && found[1] == value; !added {
			return nil
		}
		if err := s.onReplicas(replies, begun); err != nil {
			return err
		}
		return s.sameEpoch(ctx, c, group, found[0], strings.Join(found[2:], ""))
	})
	return added && err == nil, err
}

// waitFor returns for how long replicas are waited for: the most of the deadline.
func (s *Server) waitFor() time.Duration { return max(s.cfg.Timeout*4/5, time.Millisecond) }

// historyScript reads a marker and a record, and the server's replication history.
var historyScript = `
local id = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or ''
return {redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2]), id}
`

// behind returns the command that reads a marker and a record, behind the one that
// enters the record. A cluster promotes a replica to which there may be a connection
// for long, so that there its history is read too.
func (s *Server) behind(c valkey.Client, marker, key string) valkey.Completed {
	if s.groups > 1 {
		return c.B().Eval().Script(historyScript).Numkeys(2).Key(marker, key).Build()
	}
	return c.B().Mget().Key(marker, key).Build()
}

// doMulti sends commands, and behind them the one that waits for replicas, if any
// are waited for. In a cluster that one is not sent on to another node with the
// others, so that all go over one connection and are not sent on.
func (s *Server) doMulti(ctx context.Context, c valkey.Client, commands ...valkey.Completed) []valkey.ValkeyResult {
	if s.cfg.Replicas == 0 {
		return c.DoMulti(ctx, commands...)
	}
	wait := c.B().Wait().Numreplicas(int64(s.cfg.Replicas)).Timeout(s.waitFor().Milliseconds()).Build()
	if s.groups == 1 {
		return c.DoMulti(ctx, append(commands, wait)...)
	}
	one, release := c.Dedicate()
	defer release()
	return one.DoMulti(ctx, append(commands, wait)...)
}

// onReplicas returns an error unless all replicas that are waited for have what
// was written since begun.
func (s *Server) onReplicas(replies []valkey.ValkeyResult, begun int64) error {
	if s.cfg.Replicas == 0 {
		return nil
	}
	n, err := replies[len(replies)-1].AsInt64()
	if err == nil && n < int64(s.cfg.Replicas) {
		err = fmt.Errorf("%w: %d of %d", ErrReplicas, n, s.cfg.Replicas)
	}
	if err == nil {
		s.lastKept.Store(begun)
	}
	return err
}

// ignoreNil returns err, nil for that of a key that is not there, or is.
func ignoreNil(err error) error {
	if valkey.IsValkeyNil(err) {
		return nil
	}
	return err
}

// randomText returns 16 random octets in hexadecimal.
func randomText() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
