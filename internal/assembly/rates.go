package assembly

import (
	"net/netip"
	"time"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/limit"
)

// rates are what the clients have done, of one configuration and of those that
// follow it. A reload that leaves a rate as it is leaves what was counted, too.
type rates struct {
	clients, failures *limit.Table[netip.Prefix]
	routes            map[string]*limit.Table[string] // by their names
}

// of returns the rates of a configuration, with what r has counted.
func (r *rates) of(cfg *config.Config) rates {
	failures := limit.Rate{}
	if n := cfg.FailureRate; n > 0 {
		failures = limit.Rate{Every: time.Minute / time.Duration(n), Burst: n, Pause: cfg.FailurePause}
	}
	next := rates{
		clients:  sameRate(r.clients, perSecond(cfg.ClientRate, cfg.ClientBurst)),
		failures: sameRate(r.failures, failures),
		routes:   map[string]*limit.Table[string]{},
	}
	for i := range cfg.Routes {
		route := &cfg.Routes[i]
		next.routes[route.Name()] = sameRate(r.routes[route.Name()], perSecond(route.PrincipalRate, route.PrincipalBurst))
	}
	return next
}

// burstTime is the time whose allowance may be used at once, unless a setting says
// how many that is.
const burstTime = 10

// perSecond returns the rate of n a second; the zero Rate for 0.
func perSecond(n, burst int) limit.Rate {
	if n == 0 {
		return limit.Rate{}
	}
	if burst == 0 {
		burst = burstTime * n
	}
	return limit.Rate{Every: time.Second / time.Duration(n), Burst: burst}
}

// sameRate returns a table if it has a rate, else a new one that has; nil for the
// zero Rate.
func sameRate[K comparable](table *limit.Table[K], rate limit.Rate) *limit.Table[K] {
	switch {
	case rate == limit.Rate{}:
		return nil
	case table.Rate() == rate:
		return table
	}
	return limit.NewTable[K](rate)
}
