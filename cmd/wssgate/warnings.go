package main

import (
	"cmp"
	"log/slog"
	"slices"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/wssec"
)

// warnOfWeakKeys says at start that a route can only be reached with RC4 tickets.
func warnOfWeakKeys(r *config.Route, keytab *kerberos.Keytab, log *slog.Logger) {
	service, err := kerberos.ParsePrincipal(r.Service)
	usable, weak := 0, 0
	for _, e := range keytab.Entries() {
		other := r.Service != "" && err == nil && (e.Principal.Name() != service.Name() || service.Realm != "" && e.Principal.Realm != service.Realm)
		if other || e.Key.IsZero() {
			continue
		}
		if usable++; e.Etype == kerberos.EtypeRC4 {
			weak++
		}
	}
	if usable > 0 && weak == usable {
		log.Warn("keytab holds only rc4-hmac keys, which is broken", "path", r.Path, "keytab", r.Keytab, "service", r.Service,
			"cure", "give the service's account AES keys and export the keytab anew")
	}
}

// warnOfPlainHTTP says that a route takes over plain HTTP what its policy leaves to
// TLS to protect.
func warnOfPlainHTTP(cfg *config.Config, r *config.Route, log *slog.Logger) {
	if r.Policy.AllowPlainHTTP && r.Policy.Binding != wssec.Symmetric && cfg.TLSCert == "" && !r.TLSOffloaded {
		log.Warn("nothing protects the messages of this route: its policy relies on TLS, and allow-plain-http does without", "path", r.Path,
			"policy", r.Policy.String(), "cure", "remove allow-plain-http and give tls-cert and tls-key, or tls-offloaded if a proxy in front of wssgate ends TLS")
	}
}

// warnOfSharedServices says which routes take bare tokens for a service that
// another route trusts to protect messages. A token is as good on either, so who
// gets hold of one for the first speaks to the second.
func warnOfSharedServices(cfg *config.Config, keytabs map[string]*kerberos.Keytab, log *slog.Logger) {
	type account struct{ keytab, service string }
	protected := map[account]string{}
	accountOf := func(r *config.Route) account {
		service := r.Service
		if p, err := kerberos.ParsePrincipal(service); err == nil {
			service = p.Name() // with or without realm: one account
		} else if all := keytabs[r.Keytab].Principals(); service == "" && len(all) == 1 {
			service = all[0].Name()
		}
		return account{r.Keytab, service}
	}
	for i := range cfg.Routes {
		if r := &cfg.Routes[i]; !tokenOnly(r.Policy.Policy) {
			protected[accountOf(r)] = cmp.Or(protected[accountOf(r)], r.Path)
		}
	}
	for i := range cfg.Routes {
		r := &cfg.Routes[i]
		if other := protected[accountOf(r)]; other != "" && tokenOnly(r.Policy.Policy) {
			log.Warn("a token for this route is good for another one, whose messages it protects", "path", r.Path, "policy", r.Policy.String(),
				"other", other, "service", accountOf(r).service, "cure", "give the two routes service principals of their own")
		}
	}
}

// tokenOnly tells whether a message proves nothing but that somebody has a token.
func tokenOnly(p wssec.Policy) bool {
	return p.Binding != wssec.Symmetric && !slices.ContainsFunc(p.SupportingTokens, func(t wssec.SupportingToken) bool {
		return t.Use == wssec.Endorsing || t.Use == wssec.SignedEndorsing
	})
}
