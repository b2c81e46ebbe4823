package backend

import (
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	maxFailures = 3                // in a row, until a member is out
	firstPause  = time.Second      // that it is out then
	maxPause    = 30 * time.Second // and at most, before what chance adds
)

// health is what is known of a member.
type health struct {
	waiting  int // requests that wait for an answer
	failures int // in a row

	out   bool
	since time.Time     // that it is out
	until time.Time     // from then on one request tries it
	pause time.Duration // before chance added to it
	probe *ticket       // of the request that tries it
}

// A Status is what a [Set] knows of one of its targets.
type Status struct {
	Name string // of the [Target]
	Out  bool   // it gets no requests, but for those that try it
}

// Status returns the state of all targets, in the order of [Config].
func (s *Set) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Status, len(s.members))
	for i, m := range s.members {
		list[i] = Status{m.Name, m.health.out}
	}
	return list
}

// A ticket is the choice of a member for a request. It ends with answered,
// failed or undecided.
type ticket struct {
	out bool // the member was out
}

// choose returns a member that is not among tried, which are not all.
func (s *Set) choose(tried []*member) (*member, *ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.now()
	var best *member
	next := 0
	for i := range s.members {
		at := (s.turn + i) % len(s.members)
		m := s.members[at]
		if !slices.Contains(tried, m) && (best == nil || m.health.rank(now) < best.health.rank(now)) {
			best, next = m, at+1
		}
	}
	s.turn = next
	h := &best.health
	t := &ticket{out: h.out}
	if h.waiting++; h.isDue(now) {
		h.probe = t
	}
	return best, t
}

// rank orders members, the first choice lowest: one that is due to be tried,
// those that are in by the requests that wait there, those that are out.
func (h *health) rank(now time.Time) int {
	switch {
	case h.isDue(now):
		return -1
	case h.out:
		return math.MaxInt
	}
	return h.waiting
}

// isDue reports whether one request may try whether it is back.
func (h *health) isDue(now time.Time) bool { return h.out && h.probe == nil && !now.Before(h.until) }

// answered records a response. One to a request that was sent before m went out
// does not bring it back.
func (s *Set) answered(m *member, t *ticket, resp *http.Response) {
	now := s.cfg.now()
	pause := pauseAsked(resp, now)
	if len(s.members) == 1 {
		pause = 0 // there is no other one to go to
	}
	s.mu.Lock()
	h := &m.health
	h.end(t)
	wentOut := pause > 0 && !h.out
	back := pause == 0 && h.out && t.out
	away := now.Sub(h.since)
	switch {
	case pause > 0:
		h.takeOut(now, pause)
	case back, !h.out:
		*h = health{waiting: h.waiting}
	}
	s.mu.Unlock()
	switch {
	case wentOut:
		s.cfg.Log.Warn("backend out", "backend", m.Name, "for", pause, "cause", "it answers 503 with Retry-After")
	case back:
		s.cfg.Log.Info("backend back", "backend", m.Name, "after", away.Round(time.Millisecond))
	}
}

// failed records that m took no connection, broke it, or did not answer in time.
// While it is out only the request that tries it makes a difference.
func (s *Set) failed(m *member, t *ticket, err error) {
	s.mu.Lock()
	h := &m.health
	tries := h.end(t)
	if !h.out {
		h.failures++
	}
	goesOut := !h.out && h.failures >= maxFailures
	if goesOut || tries {
		h.pause = min(max(2*h.pause, firstPause), maxPause)
		h.takeOut(s.cfg.now(), h.pause+rand.N(h.pause/2))
	}
	pause := h.pause
	s.mu.Unlock()
	if goesOut {
		s.cfg.Log.Warn("backend out", "backend", m.Name, "for", pause, "cause", "no answer to three requests in a row",
			"error", err.Error())
	}
}

// undecided records the end of a request that says nothing of m.
func (s *Set) undecided(m *member, t *ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.health.end(t)
}

// end ends the wait of a request. It reports whether it was the one that tries
// whether the member is back.
func (h *health) end(t *ticket) (tries bool) {
	h.waiting--
	if tries = h.probe == t; tries {
		h.probe = nil
	}
	return tries
}

// takeOut begins a pause.
func (h *health) takeOut(now time.Time, pause time.Duration) {
	if !h.out {
		h.out, h.since = true, now
	}
	h.until = now.Add(pause)
}

// pauseAsked returns the pause that a response asks for, at most maxPause, or 0.
func pauseAsked(resp *http.Response, now time.Time) time.Duration {
	text := resp.Header.Get("Retry-After")
	if resp.StatusCode != http.StatusServiceUnavailable || text == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxPause)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxPause)
}
