package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Name returns what distinguishes the route from all others: its path and, if it
// names hosts or listeners, these, in one order and case.
func (r *Route) Name() string {
	name := r.Path
	if len(r.Hosts) > 0 {
		hosts := strings.Split(strings.ToLower(strings.Join(r.Hosts, " ")), " ")
		slices.Sort(hosts)
		name += " at " + strings.Join(hosts, " ")
	}
	if len(r.OnListeners) > 0 {
		name += " on " + strings.Join(slices.Sorted(slices.Values(r.OnListeners)), " ")
	}
	return name
}

// hostForm is a DNS name in A-labels (RFC 5890), or an IPv4 address.
var hostForm = regexp.MustCompile(`(?i)^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)

// hosts checks the hosts of a route.
func (k *checker) hosts(hosts []string) {
	for i, host := range hosts {
		cure := "write it as gw.example.com: no scheme, port, pattern, or dot at the end"
		if strings.ContainsFunc(host, func(r rune) bool { return r > 0x7e }) {
			cure = "write it as clients send it, in A-labels: xn--…"
		}
		switch {
		case !hostForm.MatchString(host) || len(host) > 253:
			k.find("hosts", fmt.Sprintf("%q is not the name of a host", host), cure)
		case slices.ContainsFunc(hosts[:i], func(o string) bool { return strings.EqualFold(o, host) }):
			k.find("hosts", fmt.Sprintf("%q is there twice", host), "remove one")
		}
	}
}

// ownCookie checks that browsers send no cookie of another route under the name
// of this one's: of two with one name it is not known which is whose, and neither
// is taken. They send those of a path to all below it, at any port.
func (k *checker) ownCookie(i int) {
	r := &k.cfg.Routes[i]
	if r.CookieName == "" || r.Standard != StandardHTTP {
		return
	}
	for n, other := range k.cfg.Routes {
		if n != i && other.Standard == StandardHTTP && other.CookieName == r.CookieName && meetAtHost(r, &other) &&
			(below(r.Path, other.Path) || other.Path == r.Path) {
			k.find("cookie-name", fmt.Sprintf("is %s also for the path %s, whose cookie browsers send to %s too",
				r.CookieName, other.Path, r.Path), "give each route a name of its own, or remove cookie-name")
			return
		}
	}
}

// below reports whether a path is below another one.
func below(path, other string) bool {
	return len(path) > len(other) && strings.HasPrefix(path, strings.TrimSuffix(other, "/")+"/")
}

// meetAtHost reports whether two routes may have a host in common.
func meetAtHost(a, b *Route) bool {
	return len(a.Hosts) == 0 || len(b.Hosts) == 0 || slices.ContainsFunc(a.Hosts, func(host string) bool {
		return slices.ContainsFunc(b.Hosts, func(other string) bool { return strings.EqualFold(host, other) })
	})
}

// ownPath checks that no route before Routes[i] has its path at one of its hosts,
// on one of its listeners.
func (k *checker) ownPath(i int, taken map[string]int) {
	r := &k.cfg.Routes[i]
	if r.Path == "" {
		return
	}
	at, cure := []string{""}, "give each route its own path, or hosts or on-listeners of its own"
	if len(r.Hosts) > 0 {
		at = strings.Split(strings.ToLower(strings.Join(r.Hosts, " ")), " ")
	}
	for _, listener := range k.cfg.ListenersOf(r) {
		for _, host := range at {
			key := r.Path + " " + host + " " + listener.Name
			first, there := taken[key]
			switch {
			case !there || first == i:
				taken[key] = i
				continue
			case host != "":
				k.find("hosts", fmt.Sprintf("%s has the path %q by route %d already", host, r.Path, first+1), cure)
			default:
				k.find("path", fmt.Sprintf("%q is the path of route %d already", r.Path, first+1), cure)
			}
			return
		}
	}
}
