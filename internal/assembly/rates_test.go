package assembly

import (
	"net/netip"
	"testing"

	"github.com/wssgate/wssgate/internal/config"
)

// A reload keeps what was counted, unless the rate itself has changed.
func TestRatesOutliveReloads(t *testing.T) {
	cfg := func(clients, failures, principals int) *config.Config {
		c := &config.Config{Routes: []config.Route{{Path: "/a", PrincipalRate: principals, PrincipalBurst: principals}}}
		c.ClientRate, c.ClientBurst, c.FailureRate, c.FailurePause = clients, clients, failures, 1<<40
		return c
	}
	var none rates
	first := none.of(cfg(1, 1, 1))
	client := netip.MustParsePrefix("192.0.2.1/32")
	first.failures.Fail(client)
	second := first.of(cfg(2, 1, 1))
	if second.failures.Wait(client) == 0 || second.routes["/a"] != first.routes["/a"] || second.clients == first.clients {
		t.Error("the rates that stay are not the same, or the other is")
	}
	if third := second.of(cfg(2, 2, 2)); third.failures.Wait(client) != 0 || third.routes["/a"] == second.routes["/a"] ||
		third.clients != second.clients {
		t.Error("changed rates count on")
	}
	if off := second.of(cfg(0, 0, 0)); off.clients != nil || off.failures != nil || off.routes["/a"] != nil {
		t.Errorf("%+v", off)
	}
}

// Without a burst that of ten seconds may come at once, and failures are counted by
// the minute.
func TestRatesAreOfTheSettings(t *testing.T) {
	c := &config.Config{}
	c.ClientRate, c.FailureRate, c.FailurePause = 5, 3, 7
	all := (&rates{}).of(c)
	if r := all.clients.Rate(); r.Burst != 50 || r.Every.Milliseconds() != 200 || r.Pause != 0 {
		t.Errorf("%+v", r)
	}
	if r := all.failures.Rate(); r.Burst != 3 || r.Every.Seconds() != 20 || r.Pause != 7 {
		t.Errorf("%+v", r)
	}
}
