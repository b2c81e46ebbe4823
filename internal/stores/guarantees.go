package stores

import (
	"fmt"
	"log/slog"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/store/storeurl"
)

// Guarantees returns what holds on a route, as far as it depends on where its state
// is: a sentence or more.
func Guarantees(cfg *config.Config, r *config.Route) string {
	inTokens := r.ContextStorage == config.ContextInToken && !r.Shadow
	switch {
	case inTokens && !r.HasStore() && cfg.StateKeys != "":
		return "each node for itself: security contexts, which are in their tokens, are good on all nodes with these " +
			"state-keys and after a restart, and what another process has accepted, cancelled or renewed is not known here"
	case !r.HasStore() || r.Shadow:
		return "one node: what another process accepts is not known here, and security contexts end with the process"
	}
	text := "no ticket or message is accepted twice by any node, and any node goes on with what another has begun; what " +
		"needs the store is refused when it does not answer. "
	if n := cfg.Replicas(); n > 0 {
		text += fmt.Sprintf("A failover loses no record, as %d replicas have each before it counts", n)
	} else {
		text += "A failover can lose the last records: what was made before it is refused then, but for clients whose " +
			"clocks are ahead"
	}
	if r.SignatureRecords == "node" {
		text += ". A message under a security context or a remembered token can be replayed once to each other node"
		if inTokens {
			text += ", and while the store does not answer a context goes on that was cancelled"
		}
	}
	return text
}

// Log logs what holds on each route.
func Log(cfg *config.Config, log *slog.Logger) {
	for i := range cfg.Routes {
		r := &cfg.Routes[i]
		if r.Standard == config.StandardNone {
			continue
		}
		log.Info("state", "path", r.Name(), "store", Name(r), "guarantees", Guarantees(cfg, r))
	}
}

// Name returns the address of a route's store, however it is written, or none.
func Name(r *config.Route) string {
	u, err := storeurl.Parse(r.Store)
	if err != nil {
		return config.StoreNone
	}
	return u.String()
}
