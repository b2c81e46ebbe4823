package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// paths finds the route of a request by its path: a route of SOAP messages has
// it exactly, one of HTTP requests is for all below its own, and the longest
// wins.
type paths struct {
	exact    map[string]*route
	prefixes []*route // the longest first
	folded   *paths   // the same, by lower-case paths; nil in itself
}

func newPaths(routes []*route) *paths {
	p := &paths{exact: map[string]*route{}}
	p.folded = &paths{exact: map[string]*route{}}
	for _, rt := range routes {
		if rt.HTTP != nil {
			p.prefixes = append(p.prefixes, rt)
			continue
		}
		p.exact[rt.Path], p.folded.exact[strings.ToLower(rt.Path)] = rt, rt
	}
	slices.SortStableFunc(p.prefixes, func(a, b *route) int { return cmp.Compare(len(b.Path), len(a.Path)) })
	p.folded.prefixes = p.prefixes
	return p
}

func (p *paths) empty() bool { return len(p.exact) == 0 && len(p.prefixes) == 0 }

// match returns the route of a path, nil if there is none.
func (p *paths) match(path string) *route {
	if rt := p.exact[path]; rt != nil {
		return rt
	}
	for _, rt := range p.prefixes {
		own := strings.TrimSuffix(rt.Path, "/")
		if p.folded == nil {
			own = strings.ToLower(own)
		}
		if rest, below := strings.CutPrefix(path, own); below && (rest == "" || rest[0] == '/') {
			return rt
		}
	}
	return nil
}

// find returns the route of HTTP requests that a URL is for, nil if it is for
// none. It refuses a path that a backend may read as one of another route: with
// "..", twice encoded, with a backslash, a control character, a parameter, a
// dot or space at the end of a name, or in another case.
func (p *paths) find(u *url.URL) (*route, error) {
	if len(p.prefixes) == 0 {
		return nil, nil
	}
	rt, other := p.match(u.Path), p.folded.match(normalPath(u.Path))
	switch {
	case strings.ContainsFunc(u.Path, unicode.IsControl):
		return nil, &Error{Code: CodePath, Err: fmt.Errorf("%.200q has a control character", u.Path)}
	case rt != other && (rt != nil && rt.HTTP != nil || other != nil && other.HTTP != nil):
		return nil, &Error{Code: CodePath, Err: fmt.Errorf("%.200q can be read as a path of another route", u.Path)}
	case rt == nil || rt.HTTP == nil:
		return nil, nil
	}
	return rt, nil
}

// normalPath returns a path as the most lenient server would read it.
func normalPath(p string) string {
	for range 3 {
		decoded, err := url.PathUnescape(p)
		if err != nil || decoded == p {
			break
		}
		p = decoded
	}
	segments := strings.Split(strings.ReplaceAll(shortest(p), `\`, "/"), "/")
	for i, s := range segments {
		segments[i] = normalSegment(s)
	}
	return strings.ToLower(path.Clean("/" + strings.Join(segments, "/")))
}

// normalSegment returns a segment without parameters, and without what Windows
// ignores at the end of a name: dots and spaces.
func normalSegment(s string) string {
	s, _, _ = strings.Cut(s, ";")
	if s = strings.TrimRight(s, " "); strings.Trim(s, ".") == "" {
		return s
	}
	return strings.TrimRight(s, ". ")
}

// shortest returns a path with the ASCII characters that it has in two or three
// octets in one each. That is not UTF-8 (RFC 3629 10), and some servers decode
// it all the same.
func shortest(p string) string {
	if utf8.ValidString(p) {
		return p
	}
	var out []byte
	for len(p) > 0 {
		c, n := p[0], 1
		switch {
		case len(p) > 1 && p[0]&^1 == 0xc0 && p[1]&0xc0 == 0x80:
			c, n = p[0]&1<<6|p[1]&0x3f, 2
		case len(p) > 2 && p[0] == 0xe0 && p[1]&^1 == 0x80 && p[2]&0xc0 == 0x80:
			c, n = p[1]&1<<6|p[2]&0x3f, 3
		}
		out, p = append(out, c), p[n:]
	}
	return string(out)
}

// A place is where a request comes in: a listener's name and a host, in lower
// case; "" for those that no route names.
type place struct{ listener, host string }

// A site holds the routes of a place: those on its listener that name its host,
// and of those that name none the ones whose path no route that names it has
// there.
type site struct {
	*paths
	elsewhere *paths // of routes of other places alone
	unserved  *paths // of those of the host, or of any, that are on other listeners alone
}

// addSites adds the sites of all listeners and hosts that routes name, and those
// of others.
func (g *Gateway) addSites() {
	listeners, hosts := []string{""}, []string{""}
	for _, rt := range g.routes {
		listeners = append(listeners, rt.Listeners...)
		for _, host := range rt.Hosts {
			hosts = append(hosts, strings.ToLower(host))
		}
	}
	g.sites = map[place]*site{}
	for _, listener := range listeners {
		for _, host := range hosts {
			if at := (place{listener, host}); g.sites[at] == nil {
				g.sites[at] = g.newSite(at)
			}
		}
	}
}

func (g *Gateway) newSite(at place) *site {
	var own, foreign, unserved []*route
	for _, rt := range g.routes {
		switch {
		case !rt.isOn(at.listener):
			foreign = append(foreign, rt)
			if len(rt.Hosts) == 0 || rt.names(at.host) {
				unserved = append(unserved, rt)
			}
		case rt.names(at.host), len(rt.Hosts) == 0 && !slices.ContainsFunc(g.routes, func(o *route) bool {
			return o.Path == rt.Path && o.isOn(at.listener) && o.names(at.host)
		}):
			own = append(own, rt)
		case len(rt.Hosts) > 0:
			foreign = append(foreign, rt)
		}
	}
	return &site{paths: newPaths(own), elsewhere: newPaths(foreign), unserved: newPaths(unserved)}
}

// siteOf returns the site of the place that a request comes in.
func (g *Gateway) siteOf(r *http.Request) *site {
	at := place{listenerOf(r.Context()), hostName(r.Host)}
	if g.sites[place{at.listener, ""}] == nil {
		at.listener = ""
	}
	if s := g.sites[at]; s != nil {
		return s
	}
	return g.sites[place{at.listener, ""}]
}

// leavesOut reports whether a path is that of a route of other places alone, and
// rt, which is nil or has it by a shorter path only. A client could otherwise
// name any host, or come by another listener, to have that part of a backend by
// rt. One that names its host has all that is below its path there.
func (s *site) leavesOut(rt *route, path string) bool {
	others := s.elsewhere
	if rt != nil && len(rt.Hosts) > 0 {
		others = s.unserved
	}
	if others.empty() {
		return false
	}
	for _, there := range []*route{others.match(path), others.folded.match(normalPath(path))} {
		if there != nil && (rt == nil || len(there.Path) > len(rt.Path)) {
			return true
		}
	}
	return false
}

// names reports whether a host is among those of the route.
func (r *Route) names(host string) bool {
	return slices.ContainsFunc(r.Hosts, func(own string) bool { return strings.EqualFold(own, host) })
}

// isOn reports whether a listener serves the route.
func (r *Route) isOn(listener string) bool {
	return len(r.Listeners) == 0 || slices.Contains(r.Listeners, listener)
}

// taken reports whether a route that was added before has a path, host and
// listener of r.
func (g *Gateway) taken(r *Route) bool {
	return slices.ContainsFunc(g.routes, func(o *route) bool {
		return o.Path == r.Path &&
			(len(o.Hosts) == 0 && len(r.Hosts) == 0 || slices.ContainsFunc(r.Hosts, o.names)) &&
			(len(o.Listeners) == 0 || len(r.Listeners) == 0 || slices.ContainsFunc(r.Listeners, o.isOn))
	})
}

// hostName returns the name in a Host header or :authority: in lower case,
// without port and the dot of the root. It is "" if there is none.
func hostName(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.Trim(host[i+1:], "0123456789") == "" {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

var errPrefix = errors.New("the path writes that of the route in escapes")

// backendURL returns the URL of the backend for a request. The backend's path,
// if it has one, takes the place of the route's.
func (rt *route) backendURL(in *url.URL) (*url.URL, error) {
	out := &url.URL{Scheme: rt.Backend.Scheme, Host: rt.Backend.Host, Path: in.Path, RawPath: in.RawPath,
		RawQuery: in.RawQuery, ForceQuery: in.ForceQuery}
	if rt.Backend.RawQuery != "" {
		out.RawQuery = strings.TrimSuffix(rt.Backend.RawQuery+"&"+in.RawQuery, "&")
	}
	if rt.Backend.Path == "" {
		return out, nil
	}
	own := strings.TrimSuffix((&url.URL{Path: rt.Path}).EscapedPath(), "/")
	rest, ok := strings.CutPrefix(in.EscapedPath(), own)
	if !ok || rest != "" && rest[0] != '/' {
		return nil, &Error{Code: CodePath, Err: errPrefix}
	}
	raw := rt.Backend.EscapedPath()
	if rest != "" {
		raw = strings.TrimSuffix(raw, "/") + rest
	}
	var err error
	if out.Path, err = url.PathUnescape(raw); err != nil {
		return nil, &Error{Code: CodePath, Err: err}
	}
	out.RawPath = raw
	return out, nil
}
