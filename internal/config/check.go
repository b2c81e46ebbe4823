package config

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/http/httpguts"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// checker collects findings about one Config.
type checker struct {
	cfg      *Config
	prefix   string // "" or "routes[0]."
	entry    string // where the file has this route; "" for a route of the top level
	findings []Finding
}

// check looks at every value, once all layers are joined.
func (c *Config) check() []Finding {
	k := &checker{cfg: c}
	k.process(&c.Process)
	k.services()
	paths := map[string]int{}
	for i := range c.Routes {
		k.prefix = routePrefix(i)
		if i < len(c.entries) {
			k.entry = c.entries[i]
		}
		k.route(&c.Routes[i])
		if first, ok := paths[c.Routes[i].Path]; ok && c.Routes[i].Path != "" {
			k.find("path", fmt.Sprintf("%q is the path of route %d already", c.Routes[i].Path, first+1), "give each route its own path")
		} else {
			paths[c.Routes[i].Path] = i
		}
	}
	return k.findings
}

// find reports about a setting of the current prefix.
func (k *checker) find(name, problem, cure string) {
	k.findings = append(k.findings, Finding{
		Origin: k.cfg.origins.of(k.prefix + name), Setting: name, Problem: problem, Cure: cure,
	})
}

// missing reports a setting that has no default and was not given. A path can
// only be missing in an entry of routes:, and nothing but the file can give it
// one.
func (k *checker) missing(name string) {
	cure := fmt.Sprintf("give --%s, %s or, in the file, %s:", name, Variable(name), name)
	if name == "path" {
		cure = "write path: in this entry of routes:"
	}
	k.findings = append(k.findings, Finding{Origin: k.entry, Setting: name, Problem: "is required", Cure: cure})
}

func (k *checker) process(p *Process) {
	if _, _, err := net.SplitHostPort(p.Listen); err != nil {
		k.find("listen", fmt.Sprintf("%q is not host:port", p.Listen), `write ":8080" or "127.0.0.1:8080"`)
	}
	switch {
	case p.TLSCert != "" && p.TLSKey == "":
		k.find("tls-cert", "has no tls-key beside it", "give the private key's file too")
	case p.TLSKey != "" && p.TLSCert == "":
		k.find("tls-key", "has no tls-cert beside it", "give the certificate's file too")
	}
	if p.MaxInFlight/4 < p.MaxMessage { // request, plaintext, what is forwarded, reply
		k.find("max-in-flight", fmt.Sprintf("%v has no room for one exchange with messages of max-message %v", p.MaxInFlight, p.MaxMessage),
			fmt.Sprintf("raise it to %v or more, or lower max-message", 4*min(p.MaxMessage, 1<<60)))
	}
	if p.TokenCache < minTokenCache {
		k.find("token-cache", fmt.Sprintf("%v has no room for the tokens of a few clients", p.TokenCache), fmt.Sprintf("write %v or more", minTokenCache))
	}
	if p.ReplayMemory < minReplayMemory || p.ReplayMemory > maxReplayMemory {
		k.find("replay-memory", fmt.Sprintf("%v is not between %v and %v", p.ReplayMemory, minReplayMemory, maxReplayMemory), "write 512MiB")
	}
	k.proxies(p)
	k.fields(p)
}

// proxies checks that clients' addresses are taken from proxies that are
// listed.
func (k *checker) proxies(p *Process) {
	for _, text := range p.TrustedProxies {
		if _, err := parseNetwork(text); err != nil {
			k.find("trusted-proxies", fmt.Sprintf("%q is not an address or a network", text), "write it as 10.1.2.3 or 10.0.0.0/8")
		}
	}
	switch {
	case p.ClientAddress != "connection" && len(p.TrustedProxies) == 0:
		k.find("client-address", p.ClientAddress+" could be written by anybody", "name the proxies that write it in trusted-proxies")
	case p.ClientAddress == "connection" && len(p.TrustedProxies) > 0:
		k.find("trusted-proxies", "has no use without client-address", "say by what they tell the client's address: client-address: x-forwarded-for, forwarded or proxy-protocol")
	}
}

// Proxies returns TrustedProxies as networks.
func (p *Process) Proxies() []netip.Prefix {
	var networks []netip.Prefix
	for _, text := range p.TrustedProxies {
		if n, err := parseNetwork(text); err == nil {
			networks = append(networks, n)
		}
	}
	return networks
}

// parseNetwork reads a network, or an address as the network that is that
// alone.
func parseNetwork(text string) (netip.Prefix, error) {
	if n, err := netip.ParsePrefix(text); err == nil {
		return n.Masked(), nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	a = a.Unmap().WithZone("")
	return a.Prefix(a.BitLen())
}

// A refusal has to be ready some milliseconds before its time, and that of a
// message of 32 MiB comes after 256 times the delay.
const minRefusalDelay, maxRefusalDelay = 20 * time.Millisecond, time.Second

// minTokenCache lets a client, who may have 1/16 of it, keep a token with a
// thousand groups.
const minTokenCache Size = 2 << 20

// What replay-memory may be: with less, a few thousand messages would fill it;
// more records than that would not be found by their numbers.
const (
	minReplayMemory Size = 1 << 20
	maxReplayMemory Size = 256 << 30
)

// fields checks what follows from a field's type and tag alone.
func (k *checker) fields(settings any) {
	forEachField(reflect.ValueOf(settings).Elem(), func(name string, field reflect.Value, tag reflect.StructTag) {
		switch v := field.Interface().(type) {
		case time.Duration:
			if _, zero := tag.Lookup("zero"); v < 0 || v == 0 && !zero {
				k.find(name, fmt.Sprintf("%v is not a time to wait", v), "write it as 500ms, 30s or 5m")
			} else if v != 0 {
				k.duration(name, v)
			}
		case Size:
			if v <= 0 {
				k.find(name, "must be more than nothing", "write it as 500kB, 20MB or 32MiB")
			} else {
				k.size(name, v)
			}
		case int:
			switch percent := tag.Get("placeholder") == "PERCENT"; {
			case percent && (v < 1 || v > 100):
				k.find(name, fmt.Sprintf("%d is not a percentage", v), "write a whole number from 1 to 100")
			case v < 1:
				k.find(name, fmt.Sprintf("%d is less than 1", v), "write a whole number from 1 on")
			}
		case string:
			if values := tag.Get("enum"); values != "" && !slices.Contains(strings.Split(values, ","), v) {
				k.find(name, fmt.Sprintf("%q is not a choice", v), "choose of "+strings.ReplaceAll(values, ",", ", "))
			}
		}
	})
}

func (k *checker) route(r *Route) {
	k.path(r.Path)
	k.backend(r.Backend)
	if !k.standard(r) {
		return
	}
	if r.Standard == StandardNone {
		k.httpHeaders(r)
		k.fields(r)
		return
	}
	k.addresses(r)
	k.protection(r)
	k.credential(r)
	for _, text := range r.AllowedPrincipals {
		p, err := kerberos.ParsePrincipal(text)
		domain, user, windows := strings.Cut(text, `\`)
		switch {
		case windows && domain != "" && !strings.ContainsAny(text, "@/"):
			k.find("allowed-principals", text+" is a logon name of Windows, and names no realm",
				fmt.Sprintf("write it as %s@REALM, with the Kerberos realm of the domain %s in capitals, as klist shows it", user, domain))
		case err != nil || p.Realm == "":
			k.find("allowed-principals", fmt.Sprintf("%q names no realm", text), "write it as alice@EXAMPLE.COM")
		case strings.ContainsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) || strings.ContainsAny(p.Realm, `@/\`):
			k.find("allowed-principals", fmt.Sprintf("%q cannot be told to a backend in an HTTP header, so it is never admitted", text), "remove it")
		}
	}
	if r.CheckAddresses && r.TLSOffloaded && k.cfg.ClientAddress == "connection" {
		k.find("check-addresses", "would compare tickets with the address of the proxy in front of wssgate (tls-offloaded)", "let it tell the client's address (client-address, trusted-proxies), or remove one of the two")
	}
	if r.ChannelBindings == "required" && (k.cfg.TLSCert == "" || r.TLSOffloaded) {
		k.find("channel-bindings", "cannot be required where TLS does not end at wssgate: only who ends it knows the channel",
			"give tls-cert and tls-key, without tls-offloaded, or write when-present")
	}
	k.realms("trusted-realms", r.TrustedRealms)
	k.realms("allowed-realms", r.AllowedRealms)
	k.groups(r.AllowedGroups)
	k.realmSIDs(r.RealmSIDs)
	for _, name := range r.ContentQNames {
		if wssec.CheckQName(name) != nil {
			k.find("content-qnames", fmt.Sprintf("%q is no name", name), "write it as {namespace}local, or as local if it has no namespace")
		}
	}
	k.httpHeaders(r)
	k.fields(r)
}

func (k *checker) realms(setting string, realms []string) {
	for _, realm := range realms {
		if !isRealm(realm) {
			k.find(setting, fmt.Sprintf("%q is not a realm", realm), "write it as EXAMPLE.COM")
		}
	}
}

func isRealm(s string) bool { return s != "" && !strings.ContainsAny(s, "@/ ") }

func (k *checker) path(path string) {
	switch {
	case path == "":
		k.missing("path")
	case path[0] != '/' || strings.ContainsAny(path, "*{}?# ") || path != cleanPath(path):
		k.find("path", fmt.Sprintf("%q is not a plain path", path), `write it as "/quotes": no patterns, no query, no ".."`)
	}
}

// cleanPath undoes what a URL parser would: two spellings of a path must not
// reach two policies.
func cleanPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Host != "" {
		return ""
	}
	return (&url.URL{Path: "/"}).JoinPath(u.Path).Path
}

// addresses checks that clients can have what is listed in wsa:To.
func (k *checker) addresses(r *Route) {
	for _, text := range r.Addresses {
		if _, err := soap.NormalAddress(text); err != nil || soap.IsAnonymousAddress(text) {
			k.find("addresses", fmt.Sprintf("%q is not the address of a service", text), "write it as https://gw.example.com/quotes, in full and as clients have it")
		}
	}
	if r.WSATo == "required" && len(r.Addresses) == 0 {
		k.find("wsa-to", "is required, and the route has no addresses that it could be", "list the route's public URLs in addresses")
	}
}

func (k *checker) backend(backend string) {
	if backend == "" {
		k.missing("backend")
		return
	}
	u, err := url.Parse(backend)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" {
		k.find("backend", "is not an http or https URL", "write it as http://localhost:9100/service")
		return
	}
	if isMasked(u) {
		k.find("backend", fmt.Sprintf("%s is a mask of --check", mask), "write the real one")
	}
}

// protection checks each policy, and that no message is for two of them.
func (k *checker) protection(r *Route) {
	found := len(k.findings)
	for i := range r.Policy.list {
		k.policy(r, &r.Policy.list[i])
	}
	if len(k.findings) > found || len(r.Policy.list) < 2 {
		return
	}
	var names []string
	var policies []wssec.Policy
	for _, p := range r.Policy.list {
		if slices.Contains(names, p.String()) {
			k.find("policy", fmt.Sprintf("two of the policies are called %s", p), "give each a name: of its own")
			return
		}
		names, policies = append(names, p.String()), append(policies, p.Policy)
	}
	if _, err := wssec.NewChoice(names, policies); err != nil {
		k.find("policy", err.Error(), "make them differ in what a message carries, or give each a route of its own")
	}
}

// policy refuses a policy that counts on a channel which is not there.
func (k *checker) policy(r *Route, p *Policy) {
	if err := p.Validate(); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") { // one for each rule, "key: what is wrong"
			key, problem, _ := strings.Cut(line, ": ")
			k.findings = append(k.findings, Finding{
				Origin: cmp.Or(p.places[key], k.cfg.origins.of(k.prefix+"policy")), Setting: "policy." + key, Problem: problem,
			})
		}
		return
	}
	if p.NeedsTLS() && k.cfg.TLSCert == "" && !r.TLSOffloaded {
		k.find("policy", p.String()+" protects messages only together with TLS, and this listener has none",
			"give tls-cert and tls-key, or tls-offloaded if a proxy in front of wssgate ends TLS")
	}
}

// httpHeaders checks the names, and that no client can write what we assert.
func (k *checker) httpHeaders(r *Route) {
	asserted := map[string]bool{}
	for _, h := range []struct{ setting, name string }{
		{"principal-header", r.PrincipalHeader}, {"realm-header", r.RealmHeader},
	} {
		if h.name == "" {
			continue
		}
		if !httpguts.ValidHeaderFieldName(h.name) || reserved(h.name) || clientsOwn(h.name) {
			k.find(h.setting, fmt.Sprintf("%q cannot carry it", h.name), "take a name of your own such as X-Remote-User")
		}
		if asserted[headerKey(h.name)] {
			k.find(h.setting, fmt.Sprintf("%q is principal-header too", h.name), "give each a name of its own; -, _ and case make no difference")
		}
		if headerKey(h.name) == "authorization" && hasUser(r.Backend) {
			k.find(h.setting, fmt.Sprintf("%q already carries the user information of backend", h.name), "take a name of your own such as X-Remote-User")
		}
		asserted[headerKey(h.name)] = true
	}
	if r.Standard == StandardNone { // backends may be those of other routes, and believe their headers
		for i := range k.cfg.Routes {
			asserted[headerKey(k.cfg.Routes[i].PrincipalHeader)], asserted[headerKey(k.cfg.Routes[i].RealmHeader)] = true, true
		}
	}
	for _, name := range r.PassHTTPHeaders {
		switch {
		case !httpguts.ValidHeaderFieldName(name) || reserved(name):
			k.find("pass-http-headers", fmt.Sprintf("%q is made anew for each connection or message", name), "remove it")
		case asserted[headerKey(name)]:
			k.find("pass-http-headers", fmt.Sprintf("a client could write %q, which tells the backend who it is", name), "remove it")
		}
	}
}

// hasUser reports whether requests to the backend carry a password.
func hasUser(backend string) bool {
	u, err := url.Parse(backend)
	return err == nil && u.User != nil
}

// headerKey is equal for names that servers (CGI, WSGI, servlets) may confuse.
func headerKey(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// reserved names belong to the connection, or are written by the gateway.
func reserved(name string) bool {
	key := headerKey(name)
	return strings.HasPrefix(key, "proxy-") || slices.Contains([]string{
		"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings",
		"host", "content-length", "content-type", "content-encoding", "expect", "soapaction", "x-request-id",
	}, key)
}

// clientsOwn names say something else, and a proxy or server on the way may
// read or rewrite them.
func clientsOwn(name string) bool {
	return slices.Contains([]string{"accept", "accept-language", "cookie", "user-agent"}, headerKey(name))
}
