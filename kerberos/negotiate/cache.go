package negotiate

import (
	"net/http"
	"slices"
	"strings"
)

// Complete adds to the header of a response with an Identity what it must have:
// the server's token and cookies. With status 401, which is the handler's own, it
// has no token: that would mean that the negotiation goes on (RFC 4559 5). It keeps the response out of caches that
// several clients share (RFC 9111 3.5, 7.3): one that a session cookie has
// authenticated looks to them like any other. A public or s-maxage of the
// handler, which does not know that, gives way to private, and private is added
// unless there is a no-store.
func (res *Result) Complete(h http.Header, status int) {
	addMissing(h, res.Header)
	if ours := res.Header["Www-Authenticate"]; status == http.StatusUnauthorized && len(ours) > 0 {
		theirs := slices.DeleteFunc(h["Www-Authenticate"], func(v string) bool { return slices.Contains(ours, v) })
		if h["Www-Authenticate"] = theirs; len(theirs) == 0 {
			h.Del("WWW-Authenticate")
		}
	}
	for _, name := range sharedCaches {
		h.Del(name)
	}
	directives, private := privateDirectives(h["Cache-Control"])
	if !private {
		directives = append(directives, "private")
	}
	h["Cache-Control"] = []string{strings.Join(directives, ", ")}
}

// sharedCaches are headers that are for shared caches alone, which take them
// before Cache-Control: RFC 9213, its forerunner, and that of nginx.
var sharedCaches = []string{"Cdn-Cache-Control", "Surrogate-Control", "X-Accel-Expires"}

// privateDirectives returns the directives of Cache-Control without those that
// let shared caches keep a response, and reports whether the others forbid it.
// Of private with names of fields, only these are private.
func privateDirectives(fields []string) (kept []string, private bool) {
	for _, field := range fields {
		for directive := range elements(field) {
			name, _, valued := strings.Cut(strings.ToLower(directive), "=")
			name = strings.TrimSpace(name)
			switch {
			case name == "public", name == "s-maxage", name == "private" && valued:
				continue
			case name == "private", name == "no-store":
				private = true
			}
			kept = append(kept, directive)
		}
	}
	return slices.Clip(kept), private
}
