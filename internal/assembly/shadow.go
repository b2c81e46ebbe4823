package assembly

import (
	"log/slog"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/location"
	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/wssec"
)

// What routes on trial may hold together: records of each of the two kinds, and
// octets of tokens.
const (
	shadowRecords = 100_000
	shadowTokens  = 4 << 20
)

// shadowShared returns what routes on trial share among each other and with no other
// route. A message that was tried is new to a real route: neither its ticket nor its
// signature is on record there, its token is not known there, and its failures
// count against no key there. Tickets are not counted as accepted.
func shadowShared(c Config, contexts contextStores) shared {
	records := replay.MemoryConfig{MaxEntries: min(shadowRecords, replayEntries(c.Settings)), Time: c.Time}
	one := store.MemoryConfig{MaxEntries: 1} // config refuses policies that need any
	return shared{
		messages: replay.NewMemory(records),
		records:  newTicketRecords(ReplayStores{Tickets: replay.NewMemory(records)}, slog.New(slog.DiscardHandler), c.Time),
		contexts: contextStores{halfOpen: store.NewMemory(one), contexts: store.NewMemory(one), keys: contexts.keys},
		tickets:  &ticketLog{log: c.Log}, guard: wssec.NewKeyGuard(wssec.KeyGuardConfig{}),
		tokens: wssec.NewMemoryTokenCache(wssec.TokenCacheConfig{MaxBytes: shadowTokens}),
		scopes: map[string]*wssec.MemoryTokenCache{}, places: map[string]*location.Current{}, now: c.Time,
	}
}

// onTrial makes a route of messages one that enforces nothing, and says so.
func onTrial(route *gateway.Route, r *config.Route, log *slog.Logger) {
	route.Door = door.NewShadow(route.Door)
	route.PolicyName = route.Door.Name()
	log.Warn("this route enforces nothing: every message passes as received, and is tried in the shadow",
		"path", r.Name(), "policy", r.Policy.String(),
		"cure", "remove shadow once shadow_code of all exchanges is ok, or is that of clients to be refused")
}
