package admin

import (
	"sync"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

const (
	// keptRefusals is how many of the last refusals are kept.
	keptRefusals = 200
	// keptText bounds the octets of an error's text.
	keptText = 1000
)

// A refusal is an exchange that has failed.
type refusal struct {
	Time                          time.Time
	ID, Code, Route, Client, Text string
	Principal                     string
	Status                        int
}

// recent holds the last refusals, and how many exchanges each route has had in
// the last minute and hour.
type recent struct {
	mu     sync.Mutex
	last   [keptRefusals]refusal
	n      int // that there were
	routes map[string]*series
}

func newRecent(routes []Route) *recent {
	r := &recent{routes: map[string]*series{}}
	for _, rt := range routes {
		r.routes[rt.Name] = new(series)
	}
	return r
}

// setRoutes begins to count the exchanges of new routes, and forgets those of routes
// that are gone.
func (r *recent) setRoutes(routes []Route) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := map[string]*series{}
	for _, rt := range routes {
		if now[rt.Name] = r.routes[rt.Name]; now[rt.Name] == nil {
			now[rt.Name] = new(series)
		}
	}
	r.routes = now
}

func (r *recent) observe(x *gateway.Record, now time.Time) {
	// A browser's first request has no token: that is how an exchange begins. Probes
	// would leave no room for what matters.
	refused := x.Err != nil && x.Code != string(negotiate.CodeNoToken) && !x.Probe
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.routes[x.Route]; s != nil {
		s.add(now, refused)
	}
	if !refused {
		return
	}
	text := x.Err.Error()
	if len(text) > keptText {
		text = text[:keptText] + "…"
	}
	r.last[r.n%keptRefusals] = refusal{Time: x.Start, ID: x.ID, Code: x.Code, Route: x.Route, Client: x.Client, Text: text,
		Principal: x.Principal, Status: x.Status}
	r.n++
}

// refusals returns those that are kept and match, the newest first.
func (r *recent) refusals(match func(*refusal) bool) []refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []refusal
	for i := r.n - 1; i >= max(r.n-keptRefusals, 0); i-- {
		if x := &r.last[i%keptRefusals]; match(x) {
			list = append(list, *x)
		}
	}
	return list
}

// of returns the counts of a route up to now.
func (r *recent) of(route string, now time.Time) (minute, hour counts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.routes[route]
	if s == nil {
		return counts{}, counts{}
	}
	return s.seconds.until(now, time.Second), s.minutes.until(now, time.Minute)
}

// slots is how many intervals a series has: seconds of a minute, minutes of an
// hour.
const slots = 60

// A series counts the exchanges of the last minute and the last hour.
type series struct{ seconds, minutes ring }

func (s *series) add(now time.Time, refused bool) {
	s.seconds.add(now.Unix(), refused)
	s.minutes.add(now.Unix()/60, refused)
}

// A ring counts by interval. An interval has a number; what is older than slots
// intervals is overwritten.
type ring [slots]struct {
	number       int64
	all, refused int
}

func (r *ring) add(number int64, refused bool) {
	s := &r[number%slots]
	if s.number != number {
		s.number, s.all, s.refused = number, 0, 0
	}
	s.all++
	if refused {
		s.refused++
	}
}

// counts are those of the intervals of a ring, the oldest first.
type counts struct {
	all, refused   [slots]int
	Total, Refused int
}

func (r *ring) until(now time.Time, interval time.Duration) (c counts) {
	last := now.Unix() / int64(interval/time.Second)
	for i := range slots {
		number := last - slots + 1 + int64(i)
		if s := r[((number%slots)+slots)%slots]; s.number == number {
			c.all[i], c.refused[i] = s.all, s.refused
			c.Total += s.all
			c.Refused += s.refused
		}
	}
	return c
}
