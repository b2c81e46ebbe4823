package client

import (
	"context"
	"sync"
	"time"

	"github.com/wssgate/wssgate/wssec"
)

type securityContext = wssec.SecurityContext

// A sharedContext is the security context that all calls of a channel share.
type sharedContext struct {
	now  func() time.Time
	turn chan struct{} // who holds it gets a fresh one

	mu sync.Mutex
	sc *securityContext
}

func newSharedContext(now func() time.Time) *sharedContext {
	return &sharedContext{now: now, turn: make(chan struct{}, 1)}
}

// A renewal gets another context; before is the present one as long as it lives,
// else nil.
type renewal func(ctx context.Context, before *securityContext) (*securityContext, error)

// get returns a context that is good for a while longer. Of calls that need a
// fresh one at the same time one gets it, and the others wait.
func (s *sharedContext) get(ctx context.Context, fresh renewal) (*securityContext, error) {
	if sc, enough := s.live(); enough {
		return sc, nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, &Error{Code: CodeNetwork, Err: ctx.Err()}
	}
	sc, enough := s.live()
	if enough {
		return sc, nil
	}
	sc, err := fresh(ctx, sc)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sc = sc
	return sc, nil
}

// live returns the present context, nil if it has expired, and whether it is good
// for longer than a message may be under way.
func (s *sharedContext) live() (sc *securityContext, enough bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sc == nil {
		return nil, false
	}
	left := s.sc.Expires.Sub(s.now())
	if left <= 0 {
		return nil, false
	}
	return s.sc, left > min(s.sc.Expires.Sub(s.sc.Created)/10, time.Minute)
}

// drop forgets a context, if it is the present one.
func (s *sharedContext) drop(sc *securityContext) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sc == sc {
		s.sc = nil
	}
}

// take forgets the present context and returns it, nil if none lives.
func (s *sharedContext) take() *securityContext {
	sc, _ := s.live()
	s.drop(sc)
	return sc
}
