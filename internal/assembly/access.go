package assembly

import (
	"log/slog"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos"
)

// warnOfIdleRules warns of entries of a route's lists of clients that can never
// match.
func warnOfIdleRules(r *config.Route, c *credential, rules *access.Rules, log *slog.Logger) {
	own := slices.DeleteFunc(c.file.Keytab().Principals(), func(p kerberos.Principal) bool { return !c.has(p) })
	for _, f := range rules.Idle(r.RealmsOf(own)) {
		log.Warn("an entry of a list of clients has no effect, or not the one that it seems to have", "path", r.Name(),
			"setting", f.Setting, "entry", f.Entry, "why", f.Why, "cure", f.Cure)
	}
}

// warnOfRealmsWithoutGroups warns of realms whose clients a route refuses,
// since it lists groups and no group in their tickets counts.
func warnOfRealmsWithoutGroups(r *config.Route, c *credential, log *slog.Logger) {
	if !r.ListsGroups() {
		return
	}
	realms := slices.Concat(r.AllowedRealms, r.TrustedRealms)
	for _, text := range r.AllowedPrincipals {
		if p, err := kerberos.ParsePrincipal(text); err == nil {
			realms = append(realms, p.Realm)
		}
	}
	domains := r.DomainsOfRealms()
	slices.Sort(realms)
	for _, realm := range slices.Compact(realms) {
		if strings.Contains(realm, "*") {
			continue // which clients have
		}
		own := slices.ContainsFunc(c.file.Keytab().Principals(),
			func(p kerberos.Principal) bool { return c.has(p) && p.Realm == realm })
		if len(domains[realm]) == 0 && !own {
			log.Warn("clients of this realm are refused: none of their groups count", "path", r.Name(), "realm", realm,
				"cure", "list the realm in realm-sids with the domains whose groups its clients may have")
		}
	}
}
