package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// A checker collects findings about one [Config].
type checker struct {
	cfg      *Config
	prefix   string // "" or "routes[0]."
	entry    string // the place in the file of this route; "" for a route of the top level
	findings []Finding
}

// check checks every value, once all layers are merged.
func (c *Config) check() []Finding {
	c.raiseMaxHeaders()
	k := &checker{cfg: c}
	k.process(&c.Process)
	k.listeners()
	k.certificates()
	k.relay(&c.Relay)
	k.services()
	taken := map[string]int{}
	for i := range c.Routes {
		k.prefix = routePrefix(i)
		if i < len(c.entries) {
			k.entry = c.entries[i]
		}
		k.route(&c.Routes[i])
		k.ownPath(i, taken)
		k.ownCookie(i)
	}
	return k.findings
}

// find adds a finding about a setting of the current prefix, once for a value
// that several routes have from one place.
func (k *checker) find(name, problem, cure string) {
	f := Finding{Origin: k.cfg.origins.of(k.prefix + name), Setting: name, Problem: problem, Cure: cure}
	if f.Origin == "" || !slices.Contains(k.findings, f) {
		k.findings = append(k.findings, f)
	}
}

// missing adds a finding about a setting that has no default and was not given.
// A path can only be missing in an entry of routes:, where no flag can set it.
func (k *checker) missing(name string) {
	cure := fmt.Sprintf("give --%s, %s or, in the file, %s:", name, Variable(name), name)
	if name == "path" {
		cure = "write path: in this entry of routes:"
	}
	k.findings = append(k.findings, Finding{Origin: k.entry, Setting: name, Problem: "is required", Cure: cure})
}

func (k *checker) process(p *Process) {
	if p.MaxInFlight/4 < p.MaxMessage { // request, plaintext, what is forwarded, reply
		k.find("max-in-flight",
			fmt.Sprintf("%v has no room for one exchange with messages of max-message %v", p.MaxInFlight, p.MaxMessage),
			fmt.Sprintf("raise it to %v or more, or lower max-message", 4*min(p.MaxMessage, 1<<60)))
	}
	if p.TokenCache < minTokenCache {
		k.find("token-cache", fmt.Sprintf("%v has no room for the tokens of a few clients", p.TokenCache),
			fmt.Sprintf("write %v or more", minTokenCache))
	}
	if p.ReplayMemory < minReplayMemory || p.ReplayMemory > maxReplayMemory {
		k.find("replay-memory",
			fmt.Sprintf("%v is not between %v and %v", p.ReplayMemory, minReplayMemory, maxReplayMemory), "write 512MiB")
	}
	k.proxies(p)
	k.rates("client-rate", "client-burst", p.ClientRate, p.ClientBurst)
	k.rates("failure-rate", "", p.FailureRate, 0)
	k.admin(p)
	k.stores(p)
	k.fields(p)
}

// proxies checks that client addresses are read from listed proxies alone.
func (k *checker) proxies(p *Process) {
	for _, text := range p.TrustedProxies {
		if _, err := parseNetwork(text); err != nil {
			k.find("trusted-proxies", fmt.Sprintf("%q is not an address or a network", text),
				"write it as 10.1.2.3 or 10.0.0.0/8")
		}
	}
	switch {
	case p.ClientAddress != "connection" && len(p.TrustedProxies) == 0:
		k.find("client-address", p.ClientAddress+" could be written by anybody",
			"name the proxies that write it in trusted-proxies")
	case p.ClientAddress == "connection" && len(p.TrustedProxies) > 0:
		k.find("trusted-proxies", "has no use without client-address",
			"set client-address to x-forwarded-for, forwarded or proxy-protocol, whichever they write")
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

// parseNetwork parses a network, or an address as a network of that address
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

// Bounds of refusal-delay. A refusal has to be ready some milliseconds before
// it is written, and that of a message of 32 MiB is written after 256 times the
// delay.
const minRefusalDelay, maxRefusalDelay = 20 * time.Millisecond, time.Second

// minTokenCache is the least token-cache. A client may have 1/16 of it, which
// has room for a token with a thousand groups.
const minTokenCache Size = 2 << 20

// Bounds of replay-memory. Less is full after a few thousand messages; more
// holds more records than the stores can number.
const (
	minReplayMemory Size = 1 << 20
	maxReplayMemory Size = 256 << 30
)

// maxRate is the greatest rate, and the greatest burst.
const maxRate = 1_000_000

// hasZero reports whether 0 is a value of a setting: there is no limit, or none.
func hasZero(tag reflect.StructTag) bool {
	_, zero := tag.Lookup("zero")
	return zero
}

// rates checks a rate and its burst, "" for none.
func (k *checker) rates(rate, burst string, perTime, atOnce int) {
	if perTime == 0 && atOnce > 0 {
		k.find(burst, "has no use without "+rate, "give "+rate+" too, or remove it")
	}
	for name, n := range map[string]int{rate: perTime, burst: atOnce} {
		if n > maxRate {
			k.find(name, fmt.Sprintf("%d is more than %d", n, maxRate), "write a smaller number, or 0")
		}
	}
}

// fields checks what follows from the types and tags of the fields alone.
func (k *checker) fields(settings any) {
	forEachField(reflect.ValueOf(settings).Elem(), func(name string, field reflect.Value, tag reflect.StructTag) {
		switch v := field.Interface().(type) {
		case time.Duration:
			if v < 0 || v == 0 && !hasZero(tag) {
				k.find(name, fmt.Sprintf("%v is not a duration", v), "write it as 500ms, 30s or 5m")
			} else if v != 0 {
				k.duration(name, v)
			}
		case Size:
			if v <= 0 {
				k.find(name, "must not be 0", "write it as 500kB, 20MB or 32MiB")
			} else {
				k.size(name, v)
			}
		case int:
			switch percent := tag.Get("placeholder") == "PERCENT"; {
			case percent && (v < 1 || v > 100):
				k.find(name, fmt.Sprintf("%d is not a percentage", v), "write a whole number from 1 to 100")
			case v == 0 && hasZero(tag):
			case v < 1:
				k.find(name, fmt.Sprintf("%d is less than 1", v), "write a whole number from 1 on")
			}
		case string:
			if list := choices(name); list != nil && !slices.Contains(list, v) {
				k.find(name, fmt.Sprintf("%q is not one of its values", v), "choose one of "+strings.Join(list, ", "))
			}
		}
	})
}

func (k *checker) route(r *Route) {
	k.path(r.Path)
	k.listenersOf(r)
	k.hosts(r.Hosts)
	k.backends(r)
	if !k.standard(r) {
		return
	}
	k.leg(r)
	k.corsOrigins(r.CORSOrigins)
	if r.Standard != StandardHTTP {
		k.addressing(r)
		k.wsdl(r)
	}
	if r.Standard == StandardNone {
		k.httpHeaders(r)
		k.fields(r)
		return
	}
	if r.Standard == StandardHTTP {
		k.negotiate(r)
	} else {
		k.addresses(r)
		k.protection(r)
		k.roles(r)
		k.tokenLocation(r)
		k.shadow(r)
	}
	k.credential(r)
	k.rates("principal-rate", "principal-burst", r.PrincipalRate, r.PrincipalBurst)
	k.access(r)
	if r.CheckAddresses && r.TLSOffloaded && k.cfg.ClientAddress == "connection" {
		k.find("check-addresses",
			"would compare tickets with the address of the proxy in front of wssgate (tls-offloaded)",
			"set client-address and trusted-proxies, or remove check-addresses or tls-offloaded")
	}
	if r.ChannelBindings == "required" && (!k.cfg.HasTLS(r) || r.TLSOffloaded) {
		k.find("channel-bindings", "cannot be required where TLS does not end at wssgate: only the end of the TLS "+
			"connection knows the channel",
			"give tls-cert and tls-key, without tls-offloaded, or write when-present")
	}
	k.realms("trusted-realms", r.TrustedRealms)
	k.realmSIDs(r.RealmSIDs)
	for _, name := range r.ContentQNames {
		if wssec.CheckQName(name) != nil {
			k.find("content-qnames", fmt.Sprintf("%q is not a qualified name", name),
				"write it as {namespace}local, or as local if it has no namespace")
		}
	}
	k.httpHeaders(r)
	k.identity(r)
	k.store(r)
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

// cleanPath returns a path as a URL parser reads it, "" if it is not one. Two
// spellings of one path must not have two policies.
func cleanPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Host != "" {
		return ""
	}
	return (&url.URL{Path: "/"}).JoinPath(u.Path).Path
}

// addressing checks what becomes of WS-Addressing.
func (k *checker) addressing(r *Route) {
	terminate := r.Addressing == "terminate"
	if len(r.ReplyActions) > 0 && !terminate {
		k.find("reply-actions", "has no use where wssgate writes no actions of replies",
			"set addressing: terminate, or remove it")
	}
	if _, problem := r.ActionsOfReplies(); problem != "" {
		k.find("reply-actions", problem, "write each as 'http://example.org/Quotes/Ask http://example.org/Quotes/Answer'")
	}
	if r.RewriteTo == "" {
		return
	}
	if terminate {
		k.find("rewrite-to", "has no use with addressing: terminate, under which the backend gets no wsa:To",
			"remove one of the two")
	}
	if _, err := soap.NormalAddress(r.RewriteTo); err != nil && r.RewriteTo != "backend" {
		k.find("rewrite-to", fmt.Sprintf("%q is not the address of a service", r.RewriteTo),
			"write backend, or http://quotes.internal/service")
	}
}

// ActionsOfReplies returns ReplyActions by the action of the request, or what is
// wrong with them.
func (r *Route) ActionsOfReplies() (actions map[string]string, problem string) {
	actions = map[string]string{}
	for _, entry := range r.ReplyActions {
		pair := strings.Fields(entry)
		switch {
		case len(pair) != 2:
			return nil, fmt.Sprintf("%q is not an action, a blank and an action", entry)
		case actions[pair[0]] != "":
			return nil, fmt.Sprintf("%q is there twice", pair[0])
		}
		actions[pair[0]] = pair[1]
	}
	return actions, ""
}

// addresses checks that the listed addresses can occur in wsa:To.
func (k *checker) addresses(r *Route) {
	for _, text := range r.Addresses {
		if _, err := soap.NormalAddress(text); err != nil || soap.IsAnonymousAddress(text) {
			k.find("addresses", fmt.Sprintf("%q is not the address of a service", text),
				"write it as https://gw.example.com/quotes, in full and as clients have it")
		}
	}
	if r.WSATo == "required" && len(r.Addresses) == 0 {
		k.find("wsa-to", "is required, but the route has no addresses to compare it with",
			"list the route's public URLs in addresses")
	}
}

// protection checks each policy, and that no message can be made for two of
// them.
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
		k.find("policy", err.Error(), "give each a route of its own, if they cannot differ")
	}
}

// policy checks one policy, and that there is TLS if it relies on that.
func (k *checker) policy(r *Route, p *Policy) {
	if r.BootstrapUnprotectedBody && p.Bootstrap != nil {
		p.Bootstrap.AllowUnsignedBody = true
	}
	if err := p.Validate(); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") { // one for each rule, "key: what is wrong"
			key, problem, _ := strings.Cut(line, ": ")
			k.findings = append(k.findings, Finding{
				Origin: cmp.Or(p.places[key], k.cfg.origins.of(k.prefix+"policy")), Setting: "policy." + key, Problem: problem,
			})
		}
		return
	}
	needsTLS := p.NeedsTLS() || p.Bootstrap != nil && p.Bootstrap.NeedsTLS()
	if needsTLS && !k.cfg.HasTLS(r) && !r.TLSOffloaded {
		k.find("policy", p.String()+" protects messages only together with TLS, and this listener has none",
			"give tls-cert and tls-key, or tls-offloaded if a proxy in front of wssgate ends TLS")
	}
	k.unprotectedBootstrap(r, p)
}

// unprotectedBootstrap checks that an eavesdropper does not get the keys of
// contexts that are issued to an unprotected Body.
func (k *checker) unprotectedBootstrap(r *Route, p *Policy) {
	const setting = "bootstrap-unprotected-body"
	switch {
	case !r.BootstrapUnprotectedBody:
	case p.Bootstrap == nil:
		k.find(setting, "has no use under "+p.String()+", which has no bootstrap policy", "remove it")
	case k.cfg.HasPlain(r) && !r.TLSOffloaded && !p.AllowPlainHTTP:
		k.find(setting, "shows the key of each context to whoever reads the request, and this listener has no TLS",
			"give tls-cert and tls-key, or set allow-plain-http in the policy as well if nobody can")
	}
}

// httpHeaders checks the names of headers, and that no client can write those
// that name it to the backend.
func (k *checker) httpHeaders(r *Route) {
	if r.ClientCertificateHeader != "" && !k.cfg.AsksClients(r) {
		k.find("client-certificate-header", "has no use: no listener of the route asks clients for certificates",
			"set tls-client-auth and tls-client-ca of the listener, or remove it")
	}
	asserted := map[string]string{} // by which setting
	for _, h := range []struct{ setting, name string }{
		{"principal-header", r.PrincipalHeader}, {"realm-header", r.RealmHeader}, {"groups-header", r.GroupsHeader},
		{"assertion-header", r.AssertionHeader}, {"client-certificate-header", r.ClientCertificateHeader},
	} {
		if h.name == "" {
			continue
		}
		if !httpguts.ValidHeaderFieldName(h.name) || reserved(h.name) || clientsOwn(h.name) {
			k.find(h.setting, fmt.Sprintf("%q is not a header name, or one that HTTP needs", h.name),
				"use another name such as X-Remote-User")
		}
		if other := asserted[headerKey(h.name)]; other != "" {
			k.find(h.setting, fmt.Sprintf("%q is %s too", h.name, other),
				"give each a name of its own; -, _ and case make no difference")
		}
		if headerKey(h.name) == "authorization" && r.Backend.hasUser() {
			k.find(h.setting, fmt.Sprintf("%q already carries the user information of backend", h.name),
				"use another name such as X-Remote-User")
		}
		asserted[headerKey(h.name)] = h.setting
	}
	if r.Standard == StandardNone { // the backend may serve other routes too, and trust their headers
		for i := range k.cfg.Routes {
			other := &k.cfg.Routes[i]
			for _, name := range []string{other.PrincipalHeader, other.RealmHeader, other.GroupsHeader,
				other.AssertionHeader, other.ClientCertificateHeader} {
				asserted[headerKey(name)] = other.Path
			}
		}
	}
	for _, name := range r.PassHTTPHeaders {
		switch {
		case !httpguts.ValidHeaderFieldName(name) || reserved(name):
			k.find("pass-http-headers", fmt.Sprintf("%q is set by wssgate or belongs to the connection", name), "remove it")
		case asserted[headerKey(name)] != "":
			k.find("pass-http-headers", fmt.Sprintf("a client could write %q, by which the backend knows the client", name),
				"remove it")
		}
	}
}

// headerKey returns the same text for names that servers (CGI, WSGI, servlets)
// may confuse.
func headerKey(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// reserved reports whether a header belongs to the connection or is written by
// the gateway.
func reserved(name string) bool {
	key := headerKey(name)
	return strings.HasPrefix(key, "proxy-") || slices.Contains([]string{
		"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings",
		"host", "content-length", "content-type", "content-encoding", "accept-encoding", "expect", "soapaction",
		"x-request-id",
	}, key)
}

// clientsOwn reports whether a header has a meaning of its own in HTTP, so that
// a proxy or server may read or rewrite it.
func clientsOwn(name string) bool {
	return slices.Contains([]string{"accept", "accept-language", "cookie", "user-agent"}, headerKey(name))
}
