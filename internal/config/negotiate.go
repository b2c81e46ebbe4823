package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/wssgate/wssgate/internal/location"
)

// httpHeaderBytes is max-headers if a route takes tokens in a header: one of
// Windows' largest, 65,535 octets, takes 88 kB in base64.
const httpHeaderBytes Size = 128 << 10

// raiseMaxHeaders makes room for tokens in headers, unless max-headers is given.
func (c *Config) raiseMaxHeaders() {
	for i := range c.Routes {
		if c.Routes[i].tokensInHeaders() && !c.givesMaxHeaders() {
			c.MaxHeaders = max(c.MaxHeaders, httpHeaderBytes)
		}
	}
}

// givesMaxHeaders reports whether max-headers is given, and not the default.
func (c *Config) givesMaxHeaders() bool {
	_, given := c.origins["max-headers"]
	return given
}

// tokensInHeaders reports whether tokens come in the header section: in a
// header, a cookie or the URL.
func (r *Route) tokensInHeaders() bool {
	return r.Standard == StandardHTTP || slices.ContainsFunc(r.TokenLocation.list, func(l location.Location) bool {
		return l.Header() != "" || l.Cookie() != "" || l.InURL()
	})
}

// negotiate checks the settings of a route with HTTP Negotiate.
func (k *checker) negotiate(r *Route) {
	r.Policy = Policies{} // of messages
	if r.CookieName != "" && !httpguts.ValidHeaderFieldName(r.CookieName) {
		k.find("cookie-name", fmt.Sprintf("%q cannot be the name of a cookie", r.CookieName), "write it as wssgate-session")
	}
	if r.CookieSameSite == "none" && !k.cfg.HasTLS(r) && !r.TLSOffloaded {
		k.find("cookie-same-site", "is none, which browsers take with TLS only, and this listener has none",
			"give tls-cert and tls-key, or tls-offloaded if a proxy in front of wssgate ends TLS")
	}
	k.connectionBound(r)
	k.applicationChallenge(r)
}

// corsOrigins checks that origins are written as browsers send them: one in
// another form would never be met. All origins are not allowed at once, as not in
// the protocol for users who are signed on; null is whoever wants to be it.
func (k *checker) corsOrigins(list []string) {
	for _, origin := range list {
		host, tls := strings.CutPrefix(origin, "https://")
		switch {
		case !isOrigin(origin), strings.ContainsAny(origin, "*@"), origin != strings.ToLower(origin),
			tls && strings.HasSuffix(host, ":443"), !tls && strings.HasSuffix(origin, ":80"):
			k.find("cors-origins", fmt.Sprintf("%q is not an origin as browsers send it", origin),
				"write it as https://app.example.com: in small letters, without a path, * or the port of the scheme")
		}
	}
}

// connectionBound checks that connections are of one client each. One that the
// PROXY protocol begins is.
func (k *checker) connectionBound(r *Route) {
	proxied := ""
	switch source := k.cfg.ClientAddress; {
	case source == "x-forwarded-for", source == "forwarded":
		proxied = "client-address " + source
	case r.TLSOffloaded && source != "proxy-protocol":
		proxied = "tls-offloaded"
	}
	if r.ConnectionBound && proxied != "" {
		k.find("connection-bound", "would take all clients of a proxy for one: their requests share its connections "+
			"("+proxied+")", "remove it, and set session-lifetime")
	}
}

// applicationChallenge checks what the challenge "Application Negotiate" says.
func (k *checker) applicationChallenge(r *Route) {
	bad := func(s string) bool {
		return strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || c == ',' || c == '"' })
	}
	u, err := url.Parse(r.ChallengeConnect)
	switch {
	case r.ChallengeScheme != "application" && r.ChallengeConnect+r.ChallengeIdentifier != "":
		name := map[bool]string{true: "challenge-connect", false: "challenge-identifier"}[r.ChallengeConnect != ""]
		k.find(name, "has no effect without challenge-scheme: application", "remove it, or set challenge-scheme")
	case r.ChallengeConnect != "" && (err != nil || !u.IsAbs() || bad(r.ChallengeConnect)):
		k.find("challenge-connect", fmt.Sprintf("%q is not a URI", r.ChallengeConnect),
			"write it as wss://gw.example.com/kerberos5")
	case r.ChallengeIdentifier != "" && r.ChallengeConnect == "":
		k.find("challenge-identifier", "is written behind challenge-connect, which is empty", "give challenge-connect too")
	case bad(r.ChallengeIdentifier):
		k.find("challenge-identifier", fmt.Sprintf("%q has white space or a character that a header cannot have there",
			r.ChallengeIdentifier), "write it as HTTP/gw.example.com")
	}
}
