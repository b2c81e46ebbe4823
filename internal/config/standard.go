package config

import (
	"fmt"
	"slices"
	"strings"
)

// Standards that a route can follow. What each of them takes of a route's
// settings stands in standards.
const (
	StandardSOAP = "soap" // WS-Security under a policy
	StandardNone = "none" // messages pass as they are
)

// standards are all of them, with the settings that mean something to each; nil
// stands for every setting.
var standards = []struct {
	name     string
	settings []string
}{
	{StandardSOAP, nil},
	{StandardNone, []string{"path", "standard", "backend", "backend-timeout", "pass-http-headers"}},
}

// Takes reports whether a setting means something to the route.
func (r *Route) Takes(setting string) bool {
	for _, s := range standards {
		if s.name == r.Standard {
			return s.settings == nil || slices.Contains(s.settings, setting)
		}
	}
	return false
}

// standard checks that the route's standard is one, and that nothing is given
// that would have no use under it: an allow-list that is not asked is worse than
// none.
func (k *checker) standard(r *Route) bool {
	var names []string
	for _, s := range standards {
		names = append(names, s.name)
	}
	switch {
	case r.Standard == "spnego-http":
		k.find("standard", "spnego-http, Negotiate in HTTP, is not served by this version", "choose of "+strings.Join(names, ", "))
		return false
	case !slices.Contains(names, r.Standard):
		k.find("standard", fmt.Sprintf("%q is not a standard", r.Standard), "choose of "+strings.Join(names, ", "))
		return false
	}
	for _, name := range sorted(fieldsOf(r)) {
		if _, given := k.cfg.origins[k.prefix+name]; given && !r.Takes(name) {
			k.find(name, fmt.Sprintf("has no use under standard %s of the route %s%s, which asks nothing of messages and tells the backend nothing of clients",
				r.Standard, r.Path, k.at("standard")), "remove one of the two; a setting of the top level belongs into the routes that it is for")
		}
	}
	return true
}
