package valkey

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valkey-io/valkey-go"
)

// An Outage is the error of calls while the server is not asked: it has not
// answered in time for several times in a row, or it refuses to write.
type Outage struct {
	Cause error // the error that began it
	what  string
	since time.Time
}

// Error returns what is wrong, since when, and the cause.
func (o *Outage) Error() string {
	return fmt.Sprintf("%s since %s: %v", o.what, o.since.UTC().Format(time.RFC3339), o.Cause)
}

// Unwrap returns the cause.
func (o *Outage) Unwrap() error { return o.Cause }

// A breaker fails calls at once while there is an outage.
type breaker struct {
	what string
	now  atomic.Pointer[Outage]
}

func (b *breaker) outage() error {
	if o := b.now.Load(); o != nil {
		return o
	}
	return nil
}

// open begins an outage, and reports whether there was none.
func (b *breaker) open(cause error, now time.Time) bool {
	return b.now.CompareAndSwap(nil, &Outage{Cause: cause, what: b.what, since: now})
}

// maxFailures is how many calls in a row may have no reply before none is made.
const maxFailures = 3

// Intervals of watch: how long after a failure the server is asked again, and how
// often otherwise.
const (
	askAgain  = 200 * time.Millisecond
	lookAfter = 5 * time.Second
)

// Outage returns why the server is not asked, or why it takes nothing; nil if it
// is and does.
func (s *Server) Outage() error {
	if err := s.link.outage(); err != nil {
		return err
	}
	return s.writes.outage()
}

// errOwn is an error of ours, about a reply that came.
type errOwn struct{ error }

// judge counts a failure, or forgets those before. It returns err.
func (s *Server) judge(err error) error {
	var own errOwn
	switch refusal, ok := valkey.IsValkeyErr(err); {
	case errors.Is(err, ErrReplicas):
		if s.short.Add(1) >= maxFailures {
			s.breaks(&s.writes, err)
		}
	case err == nil || errors.As(err, &own) || valkey.IsValkeyNil(err):
		s.lastGood.Store(s.now())
		if s.failures.Load() != 0 {
			s.failures.Store(0)
		}
	case ok && refusesWrites(refusal.Error()):
		s.breaks(&s.writes, err)
	case ok: // a refusal of this command alone
	case s.failures.Add(1) >= maxFailures:
		s.breaks(&s.link, err)
	}
	return err
}

// refusesWrites reports whether a server's error is about its state, not about
// the command.
func refusesWrites(text string) bool {
	code, _, _ := strings.Cut(text, " ")
	switch code {
	case "READONLY", "OOM", "MISCONF", "NOREPLICAS", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "NOAUTH", "NOPERM",
		"WRONGPASS":
		return true
	}
	return false
}

// breaks opens a breaker, and has watch look when the server works again.
func (s *Server) breaks(b *breaker, err error) {
	if !b.open(err, s.cfg.Time()) {
		return
	}
	s.logOutage(b, err)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// logOutage logs that an outage has begun.
func (s *Server) logOutage(b *breaker, err error) {
	const note = "what needs it is refused until it works; wssgate asks again by itself"
	if b == &s.writes {
		s.cfg.Log.Error("the store takes nothing", "store", s.String(), "error", err.Error(), "note", note,
			"cure", "look at its memory, its disk and its replicas; wssgate doctor checks them")
		return
	}
	s.cfg.Log.Error("the store does not answer", "store", s.String(), "error", err.Error(), "note", note,
		"cure", "look at the server, its users and certificates, and at the way to it; wssgate doctor checks it")
}

// watch connects, looks after the server, and ends outages, until ctx ends.
func (s *Server) watch(ctx context.Context) {
	asked := sync.OnceFunc(func() { close(s.asked) })
	defer asked()
	wait, logged := time.Duration(0), ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-time.After(wait):
		}
		err := s.look(ctx)
		if ctx.Err() != nil { // what look returns is then nothing about the server
			return
		}
		if wait = lookAfter; err != nil {
			wait = askAgain
			s.failed(err, &logged)
			asked()
			continue
		}
		s.works()
		asked()
		logged = ""
	}
}

// failed begins an outage, or keeps the cause of one that was begun before the
// server was asked for the first time.
func (s *Server) failed(err error, logged *string) {
	if o := s.link.now.Load(); o != nil && s.lastGood.Load() == 0 {
		s.link.now.Store(&Outage{Cause: err, what: o.what, since: o.since})
		if *logged == "" {
			*logged = err.Error()
			s.logOutage(&s.link, err)
		}
		return
	}
	if refusal, ok := valkey.IsValkeyErr(err); ok && refusesWrites(refusal.Error()) || errors.Is(err, ErrReplicas) {
		s.breaks(&s.writes, err)
		return
	}
	s.breaks(&s.link, err)
}

// works ends outages.
func (s *Server) works() {
	s.failures.Store(0)
	s.short.Store(0)
	for _, b := range []*breaker{&s.link, &s.writes} {
		if o := b.now.Swap(nil); o != nil {
			s.cfg.Log.Info("the store works", "store", s.String(),
				"after", s.cfg.Time().Sub(o.since).Round(time.Millisecond).String(), "complete-since",
				s.CompleteSince())
		}
	}
}

// look connects if there is no connection, and asks for all that calls need: the
// markers, the clock, and a write.
func (s *Server) look(ctx context.Context) error {
	client := s.client.Load()
	if client == nil {
		c, err := valkey.NewClient(s.options())
		if err != nil {
			if c != nil {
				c.Close()
			}
			return err
		}
		client = &c
		s.client.Store(client)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	if err := s.verify(ctx, *client); err != nil {
		return err
	}
	err := s.tryWrite(ctx, *client)
	if err == nil {
		s.lastGood.Store(s.now())
	}
	return err
}

// tryWrite writes something that is of no use, as far as records have to get.
func (s *Server) tryWrite(ctx context.Context, c valkey.Client) error {
	key := s.key('r', 0) + "probe"
	begun := s.now()
	replies := s.doMulti(ctx, c, c.B().Set().Key(key).Value("").PxMilliseconds(1000).Build(), c.B().Get().Key(key).Build())
	if err := replies[0].Error(); err != nil {
		return err
	}
	return s.onReplicas(replies, begun)
}
