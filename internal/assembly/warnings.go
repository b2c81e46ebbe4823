package assembly

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/stores"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// warnOfWeakKeys warns of a route that accepts RC4 tickets alone.
func warnOfWeakKeys(r *config.Route, c *credential, log *slog.Logger) {
	usable, weak := 0, 0
	for _, e := range c.file.Keytab().Entries() {
		if !c.has(e.Principal) || e.Key.IsZero() {
			continue
		}
		if usable++; e.Etype == etype.RC4 {
			weak++
		}
	}
	if usable > 0 && weak == usable {
		log.Warn("keytab holds only rc4-hmac keys, which is broken",
			"path", r.Name(), "keytab", c.file.Path(), "service", c.text(),
			"cure", "give the service's account AES keys and export the keytab anew")
	}
}

// has reports whether a principal of the keytab is the credential's.
func (c *credential) has(p kerberos.Principal) bool {
	return len(c.principals) == 0 || slices.ContainsFunc(c.principals, func(text string) bool {
		own, err := kerberos.ParsePrincipal(text)
		return err == nil && own.Name() == p.Name() && (own.Realm == "" || own.Realm == p.Realm)
	})
}

// text returns the credential's principals for the log.
func (c *credential) text() string {
	if len(c.principals) == 0 {
		return "any of the keytab"
	}
	return strings.Join(c.principals, ", ")
}

// serviceOf returns the principals of route i for the log: those of its keytab
// if the configuration names none, and the name of a service that is disabled.
func (k *Keyring) serviceOf(i int) string {
	c, err := k.of(i)
	if err != nil || c.file == nil {
		return k.cfg.Routes[i].KerberosService
	}
	return c.text()
}

// warnOfUnusedServices warns of services that no route names.
func warnOfUnusedServices(cfg *config.Config, log *slog.Logger) {
	for _, s := range cfg.Services {
		if !slices.ContainsFunc(cfg.Routes, func(r config.Route) bool { return r.KerberosService == s.Name }) {
			log.Warn("no route uses this service", "kerberos-service", s.Name, "cure", "name it in a route, or remove it")
		}
	}
}

// warnOfPlainHTTP warns of a route that accepts over plain HTTP what its policy
// relies on TLS to protect.
func warnOfPlainHTTP(cfg *config.Config, r *config.Route, log *slog.Logger) {
	if r.TLSOffloaded || !cfg.HasPlain(r) {
		return
	}
	if slices.ContainsFunc(r.Policy.All(), config.Policy.ReliesOnNothing) {
		log.Warn("nothing protects the messages of this route: its policy relies on TLS, and allow-plain-http does without",
			"path", r.Name(), "policy", r.Policy.String(),
			"cure", "remove allow-plain-http and give tls-cert and tls-key, or tls-offloaded if a proxy ends TLS")
	}
	if slices.ContainsFunc(r.Policy.All(), func(p config.Policy) bool { return p.NeedsTLS() }) {
		log.Warn("a listener of this route is plain HTTP, and messages of a policy that relies on TLS are refused there",
			"path", r.Name(), "policy", r.Policy.String(), "cure", "name the listeners with TLS in on-listeners of the route")
	}
}

// warnOfUnprotectedBootstrap warns of a route that issues keys to requests that
// the bootstrap policy does not protect.
func warnOfUnprotectedBootstrap(r *config.Route, log *slog.Logger) {
	if r.BootstrapUnprotectedBody {
		log.Warn("keys of security contexts are issued in messages that nothing but the connection protects: "+
			"whoever reads one can read, change and send messages as its client",
			"path", r.Name(), "policy", r.Policy.String(),
			"cure", "sign and encrypt the Body in the bootstrap policy, and remove bootstrap-unprotected-body")
	}
}

// warnOfTokensOfOneProcess warns of a route whose tokens have the state of their
// security contexts, which only this process can read.
func warnOfTokensOfOneProcess(cfg *config.Config, r *config.Route, log *slog.Logger) {
	if r.ContextStorage == config.ContextInToken && cfg.StateKeys == "" {
		log.Warn("security contexts of this route are in their tokens, under a key that ends with this process",
			"path", r.Name(), "context-storage", r.ContextStorage,
			"cure", "give all nodes one state-keys, or remove context-storage")
	}
}

// warnOfSharedServices warns of routes that accept bare tokens for a service
// principal that another route or program accepts tokens for too. A token is
// good for each of them, unless it has to be bound to the channel.
func warnOfSharedServices(cfg *config.Config, credentials []*credential, log *slog.Logger) {
	for i, c := range credentials {
		r := &cfg.Routes[i]
		if c.file == nil || !takesBareTokens(r) || r.ChannelBindings == "required" {
			continue
		}
		const cure = "give it a service principal of its own, or set channel-bindings: required if its clients bind " +
			"their tokens"
		if other, name, what := sharing(cfg, credentials, i); other != "" {
			log.Warn(what, "path", r.Name(), "policy", cmp.Or(r.Policy.String(), r.Standard), "other", other, "service", name,
				"cure", cure)
		}
		for _, name := range c.names() {
			if r.Standard == config.StandardHTTP {
				break // as for every web server of a host
			}
			if class, _, _ := strings.Cut(name, "/"); strings.EqualFold(class, "host") || strings.EqualFold(class, "HTTP") {
				log.Warn("other programs of the host accept the tokens of this route, and it accepts theirs",
					"path", r.Name(), "policy", r.Policy.String(), "service", name, "cure", cure)
			}
		}
	}
}

// warnOfUnboundCertificate warns that no client can bind a token to the
// certificate of a listener.
func warnOfUnboundCertificate(cfg *config.Config, l *config.Listener, path string, c *x509.Certificate,
	log *slog.Logger) {
	if _, err := kerberos.EndPointBinding(c); err != nil && slices.ContainsFunc(cfg.Routes, func(r config.Route) bool {
		return r.Standard != config.StandardNone && bindingRule(&r) != gss.BindingsOff &&
			slices.Contains(cfg.ListenersOf(&r), *l)
	}) {
		log.Warn("clients cannot bind tokens to this certificate: those that try are refused",
			"tls-cert", path, "error", err.Error(),
			"cure", "use a certificate that is signed with RSA or ECDSA, or set channel-bindings: off")
	}
}

// warnOfHostsWithoutCertificate warns of hosts of routes that no certificate of
// their listener is for, and of further certificates that no client gets.
func warnOfHostsWithoutCertificate(cfg *config.Config, l *config.Listener, all []tls.Certificate, log *slog.Logger) {
	isFor := func(host string) func(tls.Certificate) bool {
		return func(c tls.Certificate) bool { return c.Leaf.VerifyHostname(host) == nil }
	}
	for i := range cfg.Routes {
		r := &cfg.Routes[i]
		if !slices.Contains(cfg.ListenersOf(r), *l) {
			continue
		}
		for _, host := range r.Hosts {
			if !slices.ContainsFunc(all, isFor(host)) {
				log.Warn("no certificate is for this host of a route: clients refuse the one that they get", "host", host,
					"path", r.Name(), "listen", l.Listen, "cure", "add one for it to certificates:")
			}
		}
	}
	for i, c := range all[1:] {
		if len(c.Leaf.DNSNames) == 0 {
			log.Warn("no client gets this certificate: it is for no host", "tls-cert", cfg.Certificates[i].TLSCert,
				"cure", "get one with the host in its subjectAltName")
		}
	}
}

// sharing returns another route than i that accepts tickets for one of its
// principals, preferably one whose messages are protected by the token's key.
func sharing(cfg *config.Config, credentials []*credential, i int) (path, name, what string) {
	for _, bare := range []bool{false, true} {
		for j, c := range credentials {
			if i == j || takesBareTokens(&cfg.Routes[j]) != bare {
				continue
			}
			what = "another route protects messages with tokens that are accepted here without a signature"
			if bare {
				what = "another route accepts the tokens of this one"
			}
			if name := sharedName(credentials[i], c); name != "" {
				return cfg.Routes[j].Name(), name, what
			}
		}
	}
	return "", "", ""
}

// warnOfInterchangeableRoutes warns of routes that accept each other's
// messages: those of one service under policies that one message may satisfy,
// unless their addresses differ. An attacker on the network could deliver a
// message to either.
func warnOfInterchangeableRoutes(routes []gateway.Route, credentials []*credential, log *slog.Logger) {
	for i := range routes {
		r := &routes[i]
		for j := range routes {
			other := &routes[j]
			if i == j || r.Door == nil || other.Door == nil || toldApart(r, other) {
				continue
			}
			if name := sharedName(credentials[i], credentials[j]); name != "" &&
				interchangeable(r.Door.Policies(), other.Door.Policies()) {
				log.Warn("a message for another route may be accepted here too: both have one service, and similar policies",
					"path", r.Name, "other", other.Name, "service", name,
					"cure", "list each route's own public URLs in addresses, or give each its own service principal")
				break
			}
		}
	}
}

// warnOfDividedStores warns of routes of one service that have different stores: a
// ticket that was accepted under one is new to the other on every other node. In one
// process it is not, since records are kept there too.
func warnOfDividedStores(cfg *config.Config, credentials []*credential, log *slog.Logger) {
	for i := range cfg.Routes {
		r := &cfg.Routes[i]
		for j := range i {
			other := &cfg.Routes[j]
			if r.Shadow || other.Shadow || stores.Name(r) == stores.Name(other) {
				continue
			}
			if name := sharedName(credentials[i], credentials[j]); name != "" {
				log.Warn("another route of this service has another store: what a node has accepted at one of them, "+
					"other nodes accept at the other once more",
					"path", r.Name(), "store", stores.Name(r), "other", other.Name(), "other-store", stores.Name(other),
					"service", name, "cure", "give both one store, or each its own service principal")
				break
			}
		}
	}
}

// interchangeable reports whether a message under one of a route's policies may
// satisfy one of another route's.
func interchangeable(own, others []wssec.Policy) bool {
	return slices.ContainsFunc(own, func(p wssec.Policy) bool {
		return p.Binding == wssec.SymmetricBinding &&
			slices.ContainsFunc(others, func(other wssec.Policy) bool { return mayAccept(p, other) })
	})
}

// mayAccept reports whether one policy may accept a message that is made for
// the other: they require nothing that one message cannot have at once. Actors
// make no difference, as nothing covers that of a Security header.
func mayAccept(a, b wssec.Policy) bool {
	if a.Binding != b.Binding || a.AlgorithmSuite != b.AlgorithmSuite ||
		a.SignatureMethod != b.SignatureMethod || a.DigestMethod != b.DigestMethod ||
		a.ProtectionOrder != b.ProtectionOrder {
		return false
	}
	for _, p := range [][2]wssec.Policy{{a, b}, {b, a}} {
		if p[0].DerivedKeys == wssec.DerivedKeysRequired && p[1].DerivedKeys == wssec.DerivedKeysForbidden ||
			p[0].Timestamp == wssec.TimestampRequired && p[1].Timestamp == wssec.TimestampForbidden ||
			p[0].EncryptedParts.Body && !p[1].EncryptedParts.Body && !p[1].OptionalEncryptedParts.Body {
			return false
		}
	}
	return true
}

// toldApart reports whether r has addresses, and the other route none of them.
func toldApart(r, other *gateway.Route) bool {
	return len(r.Addresses) > 0 && !slices.ContainsFunc(r.Addresses, func(text string) bool {
		own, _ := soap.NormalAddress(text)
		return slices.ContainsFunc(other.Addresses, func(text string) bool {
			address, _ := soap.NormalAddress(text)
			return address == own
		})
	})
}

// sharedName returns a principal that both credentials accept tickets for, from
// whatever file, or "" if there is none.
func sharedName(a, b *credential) string {
	if a.file == nil || b.file == nil {
		return ""
	}
	for _, p := range a.file.Keytab().Principals() {
		if a.has(p) && b.has(p) && slices.ContainsFunc(b.file.Keytab().Principals(),
			func(o kerberos.Principal) bool { return o.String() == p.String() }) {
			return p.Name()
		}
	}
	return ""
}

// names returns the credential's principals that the file holds now, without
// realm, since they are one account with or without it.
func (c *credential) names() (names []string) {
	for _, p := range c.file.Keytab().Principals() {
		if c.has(p) && !slices.Contains(names, p.Name()) {
			names = append(names, p.Name())
		}
	}
	return names
}

// takesBareTokens reports whether [tokenOnly] holds for one of the route's
// policies.
func takesBareTokens(r *config.Route) bool {
	return r.Standard == config.StandardHTTP ||
		slices.ContainsFunc(r.Policy.All(), func(p config.Policy) bool { return tokenOnly(p.Policy) })
}

// warnOfBareTokensBeside warns of a route that accepts bare tokens in addition
// to protected messages: the token of a protected message is good alone, too. A
// route protects no better than the weakest of its policies.
func warnOfBareTokensBeside(r *config.Route, log *slog.Logger) {
	all := r.Policy.All()
	bare := slices.IndexFunc(all, func(p config.Policy) bool { return tokenOnly(p.Policy) })
	protected := slices.IndexFunc(all, func(p config.Policy) bool { return !tokenOnly(p.Policy) })
	if bare >= 0 && protected >= 0 {
		log.Warn("a token taken from a protected message is accepted with any other message: the route takes bare tokens too",
			"path", r.Name(), "policy", all[bare].String(), "protected", all[protected].String(),
			"cure", "give bare tokens a route and a service principal of their own")
	}
}

// warnOfTokensInURLs warns of a route whose clients put tokens into URLs.
func warnOfTokensInURLs(r *config.Route, log *slog.Logger) {
	for _, l := range r.TokenLocation.All() {
		if l.InURL() {
			log.Warn("clients of this route write their tokens into URLs, which proxies and clients log",
				"path", r.Name(), "token-location", l.String(), "cure", "use authorization, or header:NAME")
		}
	}
}

// warnOfOpenRoute warns of a route that admits everybody.
func warnOfOpenRoute(r *config.Route, log *slog.Logger) {
	log.Warn("this route admits everybody: messages pass unverified, and the backend is not told who sent them",
		"path", r.Name(), "standard", r.Standard,
		"cure", "remove standard: none and set policy and keytab, unless the backend authenticates its clients")
}

// tokenOnly reports whether a message under the policy proves that its sender
// has a token, and not that he has the token's key.
func tokenOnly(p wssec.Policy) bool {
	return p.Binding != wssec.SymmetricBinding &&
		!slices.ContainsFunc(p.SupportingTokens, func(t wssec.SupportingToken) bool {
			return t.Use == wssec.UseEndorsing || t.Use == wssec.UseSignedEndorsing
		})
}

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
