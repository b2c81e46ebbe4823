package assembly

import (
	"crypto/x509"
	"log/slog"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// warnOfWeakKeys logs at start that a route can only be reached with RC4
// tickets.
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
		log.Warn("keytab holds only rc4-hmac keys, which is broken", "path", r.Path, "keytab", c.file.Path(), "service", c.text(),
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

// text names the credential's principals for the log.
func (c *credential) text() string {
	if len(c.principals) == 0 {
		return "any of the keytab"
	}
	return strings.Join(c.principals, ", ")
}

// warnOfUnusedServices warns of services that no route names.
func warnOfUnusedServices(cfg *config.Config, log *slog.Logger) {
	for _, s := range cfg.Services {
		if !slices.ContainsFunc(cfg.Routes, func(r config.Route) bool { return r.KerberosService == s.Name }) {
			log.Warn("no route uses this service", "kerberos-service", s.Name, "cure", "name it in a route, or remove it")
		}
	}
}

// warnOfRealmsWithoutGroups logs of which realms a route names clients that are
// in no group of its allowed-groups whatever their tickets say.
func warnOfRealmsWithoutGroups(r *config.Route, c *credential, log *slog.Logger) {
	if len(r.AllowedGroups) == 0 {
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
		own := slices.ContainsFunc(c.file.Keytab().Principals(), func(p kerberos.Principal) bool { return c.has(p) && p.Realm == realm })
		if len(domains[realm]) == 0 && !own {
			log.Warn("clients of this realm are refused: none of their groups count", "path", r.Path, "realm", realm,
				"cure", "list the realm with the domains of whose groups it may tell in realm-sids")
		}
	}
}

// warnOfPlainHTTP warns that a route takes over plain HTTP what its policy
// leaves to TLS to protect.
func warnOfPlainHTTP(cfg *config.Config, r *config.Route, log *slog.Logger) {
	if slices.ContainsFunc(r.Policy.All(), config.Policy.ReliesOnNothing) && cfg.TLSCert == "" && !r.TLSOffloaded {
		log.Warn("nothing protects the messages of this route: its policy relies on TLS, and allow-plain-http does without", "path", r.Path,
			"policy", r.Policy.String(), "cure", "remove allow-plain-http and give tls-cert and tls-key, or tls-offloaded if a proxy in front of wssgate ends TLS")
	}
}

// warnOfSharedServices warns of routes that take bare tokens for a service that
// another route, or another program, takes them for too. A token is as good on
// either, so who gets hold of one for the first speaks to the second. A token
// that has to be bound to the channel is no use elsewhere.
func warnOfSharedServices(cfg *config.Config, credentials []*credential, log *slog.Logger) {
	for i, c := range credentials {
		r := &cfg.Routes[i]
		if c.file == nil || !takesBareTokens(r) || r.ChannelBindings == "required" {
			continue
		}
		const cure = "give it a service principal of its own, or set channel-bindings: required if its clients bind their tokens"
		if other, name, what := sharing(cfg, credentials, i); other != "" {
			log.Warn(what, "path", r.Path, "policy", r.Policy.String(), "other", other, "service", name, "cure", cure)
		}
		for _, name := range c.names() {
			if class, _, _ := strings.Cut(name, "/"); strings.EqualFold(class, "host") || strings.EqualFold(class, "HTTP") {
				log.Warn("a token for this route is good for other programs of the host, and theirs for it", "path", r.Path, "policy", r.Policy.String(),
					"service", name, "cure", cure)
			}
		}
	}
}

// warnOfUnboundCertificate warns that no client can bind a token to the
// certificate.
func warnOfUnboundCertificate(cfg *config.Config, c *x509.Certificate, log *slog.Logger) {
	if _, err := gateway.EndPointBinding(c); err != nil && slices.ContainsFunc(cfg.Routes, func(r config.Route) bool {
		return r.Standard != config.StandardNone && bindingRule(&r) != gss.BindingsOff
	}) {
		log.Warn("clients cannot bind tokens to this certificate: those that try are refused", "tls-cert", cfg.TLSCert, "error", err.Error(),
			"cure", "take a certificate that is signed with RSA or ECDSA, or set channel-bindings: off")
	}
}

// sharing finds a route beside i that accepts tickets for one of its
// principals, first one whose messages a token protects.
func sharing(cfg *config.Config, credentials []*credential, i int) (path, name, what string) {
	for _, bare := range []bool{false, true} {
		for j, c := range credentials {
			if i == j || takesBareTokens(&cfg.Routes[j]) != bare {
				continue
			}
			what = "a token for this route is good for another one, whose messages it protects"
			if bare {
				what = "a token for this route is good for another one"
			}
			if name := sharedName(credentials[i], c); name != "" {
				return cfg.Routes[j].Path, name, what
			}
		}
	}
	return "", "", ""
}

// warnOfInterchangeableRoutes warns of routes that take messages that were made
// for another one: those of one service under policies that one message may
// meet, when nothing tells the message's address. Whoever is in between may
// deliver it to either.
func warnOfInterchangeableRoutes(routes []gateway.Route, credentials []*credential, log *slog.Logger) {
	for i := range routes {
		r := &routes[i]
		for j := range routes {
			other := &routes[j]
			if i == j || r.Disabled || other.Disabled || toldApart(r, other) {
				continue
			}
			if name := sharedName(credentials[i], credentials[j]); name != "" && interchangeable(r.Door.Policies(), other.Door.Policies()) {
				log.Warn("a message for another route may be good for this one too: they have one service, and policies that it may meet both", "path", r.Path, "other", other.Path,
					"service", name, "cure", "list each route's own public URLs in addresses, or give the routes service principals of their own")
				break
			}
		}
	}
}

// interchangeable reports whether a message under one of the policies of a
// route may meet one of another route's.
func interchangeable(own, others []wssec.Policy) bool {
	return slices.ContainsFunc(own, func(p wssec.Policy) bool {
		return p.Binding == wssec.SymmetricBinding && slices.ContainsFunc(others, func(other wssec.Policy) bool { return mayAccept(p, other) })
	})
}

// mayAccept reports whether one policy may accept a message that is made for
// the other: nothing that a message has one way only is demanded in two.
func mayAccept(a, b wssec.Policy) bool {
	if a.Binding != b.Binding || a.Actor != b.Actor || a.AlgorithmSuite != b.AlgorithmSuite || a.SignatureMethod != b.SignatureMethod || a.DigestMethod != b.DigestMethod ||
		a.ProtectionOrder != b.ProtectionOrder {
		return false
	}
	for _, p := range [][2]wssec.Policy{{a, b}, {b, a}} {
		if p[0].DerivedKeys == wssec.DerivedKeysRequired && p[1].DerivedKeys == wssec.DerivedKeysForbidden || p[0].Timestamp == wssec.TimestampRequired && p[1].Timestamp == wssec.TimestampForbidden ||
			p[0].EncryptedParts.Body && !p[1].EncryptedParts.Body && !p[1].OptionalEncryptedParts.Body {
			return false
		}
	}
	return true
}

// toldApart reports whether r has addresses and the other route none of them.
func toldApart(r, other *gateway.Route) bool {
	return len(r.Addresses) > 0 && !slices.ContainsFunc(r.Addresses, func(text string) bool {
		own, _ := soap.NormalAddress(text)
		return slices.ContainsFunc(other.Addresses, func(text string) bool {
			address, _ := soap.NormalAddress(text)
			return address == own
		})
	})
}

// sharedName returns a principal that both credentials accept tickets for, by
// whatever file, "" if there is none.
func sharedName(a, b *credential) string {
	if a.file == nil || b.file == nil {
		return ""
	}
	for _, p := range a.file.Keytab().Principals() {
		if a.has(p) && b.has(p) && slices.ContainsFunc(b.file.Keytab().Principals(), func(o kerberos.Principal) bool { return o.String() == p.String() }) {
			return p.Name()
		}
	}
	return ""
}

// names are the credential's principals as the file has them now, without
// realm: with or without, it is one account.
func (c *credential) names() (names []string) {
	for _, p := range c.file.Keytab().Principals() {
		if c.has(p) && !slices.Contains(names, p.Name()) {
			names = append(names, p.Name())
		}
	}
	return names
}

// takesBareTokens reports whether one of the route's policies is tokenOnly.
func takesBareTokens(r *config.Route) bool {
	return slices.ContainsFunc(r.Policy.All(), func(p config.Policy) bool { return tokenOnly(p.Policy) })
}

// warnOfBareTokensBeside logs that a token of a message which one of the route's
// policies protects is good alone too: the route protects what the weakest of its
// policies does.
func warnOfBareTokensBeside(r *config.Route, log *slog.Logger) {
	all := r.Policy.All()
	bare := slices.IndexFunc(all, func(p config.Policy) bool { return tokenOnly(p.Policy) })
	protected := slices.IndexFunc(all, func(p config.Policy) bool { return !tokenOnly(p.Policy) })
	if bare >= 0 && protected >= 0 {
		log.Warn("whoever takes the token out of a protected message can send it with another one to this route, which takes bare tokens too", "path", r.Path,
			"policy", all[bare].String(), "protected", all[protected].String(), "cure", "give bare tokens a route and a service principal of their own")
	}
}

// warnOfOpenRoute logs that a route asks nothing.
func warnOfOpenRoute(r *config.Route, log *slog.Logger) {
	log.Warn("this route lets everybody in: messages pass as they are, nobody is asked who they are, and the backend is told of nobody", "path", r.Path,
		"standard", r.Standard, "cure", "remove standard: none and set policy and keytab, unless the backend itself asks its clients")
}

// tokenOnly reports whether a message proves nothing but that somebody has a
// token.
func tokenOnly(p wssec.Policy) bool {
	return p.Binding != wssec.SymmetricBinding && !slices.ContainsFunc(p.SupportingTokens, func(t wssec.SupportingToken) bool {
		return t.Use == wssec.UseEndorsing || t.Use == wssec.UseSignedEndorsing
	})
}
