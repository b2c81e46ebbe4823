package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wssgate/wssgate/internal/store/storeurl"
	"github.com/wssgate/wssgate/internal/store/valkey"
	"github.com/wssgate/wssgate/internal/stores"
)

// checkStores looks at the stores that nodes share.
func (d *doctor) checkStores(ctx context.Context) (list []Result) {
	for _, url := range d.Settings.Stores() {
		list = append(list, d.checkStore(ctx, url)...)
	}
	return list
}

func (d *doctor) checkStore(ctx context.Context, url string) []Result {
	u, err := storeurl.Parse(url)
	if err != nil {
		return []Result{fail("store", err.Error(), "write it as redis://host:6379")}
	}
	cfg, err := stores.ConfigOf(d.Settings, url)
	if err != nil {
		return []Result{fail(u.String(), err.Error(), "mend the file")}
	}
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	cfg.Timeout, cfg.Time = d.Timeout, d.Now
	primaries, err := valkey.Inspect(ctx, cfg)
	if err != nil {
		return []Result{fail(u.String(), err.Error(), storeCure(err))}
	}
	var list []Result
	for _, p := range primaries {
		list = append(list, d.checkPrimary(u.String()+" ("+p.Address+")", p)...)
	}
	if !u.TLS {
		list = append(list, warn(u.String(), "is reached without TLS: who is in between can remove records of replay, and "+
			"read the password", "write rediss://, or keep others off that network"))
	}
	return list
}

// storeCure returns what to do about a store that is not reached.
func storeCure(err error) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "WRONGPASS"), strings.Contains(text, "NOAUTH"):
		return "set store-password-file, and the user in the URL; the server has them with ACL LIST"
	case strings.Contains(text, "NOPERM"):
		return "allow the user what docs/shared-state.md lists"
	case strings.Contains(text, "x509"), strings.Contains(text, "tls"):
		return "set store-ca, and store-cert if the server wants a certificate"
	}
	return "look at the address, at the server's bind and protected-mode, and at firewalls in between"
}

// checkPrimary looks at a server.
func (d *doctor) checkPrimary(name string, p valkey.Primary) []Result {
	list := []Result{ok(name, "%s, answers in %v", p.Version, p.Latency.Round(10*time.Microsecond))}
	add := func(status Status, found, cure string) {
		list = append(list, Result{Status: status, Subject: name, Found: found, Cure: cure})
	}
	if v := d.Settings.StoreTimeout; p.Latency > v/4 {
		add(Warn, fmt.Sprintf("takes %v of the %v that store-timeout allows", p.Latency.Round(time.Millisecond), v),
			"put it nearer, or raise store-timeout")
	}
	if !atLeast(p.Version, 6) {
		add(Fail, p.Version+" has no client-side caching with RESP3", "take Valkey, or Redis 6 or later")
	}
	if p.Policy != "noeviction" {
		add(Fail, "maxmemory-policy is "+p.Policy+": under pressure it forgets what was accepted, and it is accepted again",
			"set maxmemory-policy noeviction")
	}
	if p.MaxMemory == 0 {
		add(Warn, "has no maxmemory: it grows until the machine ends it", "set maxmemory below the memory of the machine")
	}
	if !p.AppendOnly && p.Replicas == 0 {
		add(Warn, "keeps nothing on disk and has no replica: a restart ends all security contexts, and refuses "+
			"what was made "+
			"before it", "set appendonly yes, or add a replica")
	}
	if p.LastSaveFailed {
		add(Warn, "its last snapshot failed; it may refuse to write (stop-writes-on-bgsave-error)",
			"look at its log and its disk")
	}
	if want := d.Settings.Replicas(); p.Replicas < want {
		add(Fail, fmt.Sprintf("has %d replicas connected, and store-replicas is %d: nothing is accepted", p.Replicas, want),
			"bring the replicas back, or correct store-replicas")
	} else if want > 0 && p.Replicas > want {
		add(Warn, fmt.Sprintf("has %d replicas, and a record waits for any %d of them: another may be promoted without it",
			p.Replicas, want), "set store-replicas to all that may be promoted")
	}
	if off := p.ClockDiffers.Abs(); off > 30*time.Second {
		add(Fail, fmt.Sprintf("its clock differs from ours by %v; more than 30s are refused", off.Round(time.Second)),
			"set both clocks, as by chrony")
	} else if off > 5*time.Second {
		add(Warn, fmt.Sprintf("its clock differs from ours by %v", off.Round(time.Second)), "set both clocks, as by chrony")
	}
	return list
}

// atLeast reports whether a version, as "redis 7.0.15", is a major one or later.
func atLeast(version string, major int) bool {
	_, number, _ := strings.Cut(version, " ")
	first, _, _ := strings.Cut(number, ".")
	n, err := strconv.Atoi(first)
	return err == nil && n >= major
}
