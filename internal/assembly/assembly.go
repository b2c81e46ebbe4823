package assembly

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A Config has what a gateway is assembled from.
type Config struct {
	Settings *config.Config
	Keys     *Keyring
	Replay   ReplayStores
	Log      *slog.Logger
}

// New makes a Gateway of its settings. All routes share the replay stores.
func New(c Config) (*gateway.Gateway, error) {
	cfg, log := c.Settings, c.Log
	all := shared{
		replay: c.Replay, tickets: &ticketLog{log: log}, guard: wssec.NewKeyGuard(wssec.KeyGuardConfig{}),
		tokens: wssec.NewMemoryTokenCache(wssec.TokenCacheConfig{MaxBytes: int64(cfg.TokenCache)}),
	}
	gc := gateway.Config{
		Context: withRemoteAddr, RelativeNamespaces: cfg.RelativeNamespaces,
		Log: log, MaxMessage: int64(cfg.MaxMessage), MaxInFlight: int64(cfg.MaxInFlight),
		UnverifiedShare: cfg.UnverifiedShare, ClientShare: cfg.ClientShare, MinReadRate: int64(cfg.MinReadRate), BusyTimeout: cfg.BusyTimeout,
		MaxExchanges: cfg.MaxConnections, MaxClientExchanges: cfg.MaxClientConnections,
		ClientAddress: gateway.AddressSource(cfg.ClientAddress), TrustedProxies: cfg.Proxies(),
		WriteTimeout: cfg.WriteTimeout,
		RefusalDelay: cfg.RefusalDelay,
	}
	credentials := make([]*credential, len(cfg.Routes))
	for i := range cfg.Routes {
		credential, err := c.Keys.of(i)
		if err != nil {
			return nil, err
		}
		credentials[i] = credential
		route, err := newRoute(cfg, i, credential, &all)
		if err != nil {
			return nil, err
		}
		gc.Routes = append(gc.Routes, route)
	}
	warnOfSharedServices(cfg, credentials, log)
	warnOfInterchangeableRoutes(gc.Routes, credentials, log)
	warnOfUnusedServices(cfg, log)
	return gateway.New(gc)
}

// withRemoteAddr adds to ctx the client's address, for check-addresses.
func withRemoteAddr(ctx context.Context, _ *http.Request) context.Context {
	if a := gateway.ClientAddr(ctx); a.IsValid() {
		ctx = kerberos.WithRemoteAddr(ctx, a)
	}
	return ctx
}

// shared is what all routes have in common.
type shared struct {
	replay  ReplayStores
	tickets *ticketLog
	tokens  *wssec.MemoryTokenCache
	guard   *wssec.KeyGuard
}

func newRoute(cfg *config.Config, i int, c *credential, all *shared) (gateway.Route, error) {
	r := &cfg.Routes[i]
	if c.Disabled {
		all.tickets.log.Warn("route refuses every request: its service is disabled", "path", r.Path, "kerberos-service", r.KerberosService)
		return gateway.Route{Path: r.Path, Disabled: true, PolicyName: r.Policy.String()}, nil
	}
	if r.Standard == config.StandardNone {
		warnOfOpenRoute(r, all.tickets.log)
		return openRoute(cfg, i)
	}
	acceptor, err := gss.NewAcceptor(acceptorConfig(cfg, r, c, all.replay))
	if err != nil {
		return gateway.Route{}, c.lacks(err)
	}
	c.file.use(r.Path, acceptor)
	warnOfWeakKeys(r, c, all.tickets.log)
	warnOfPlainHTTP(cfg, r, all.tickets.log)
	warnOfRealmsWithoutGroups(r, c, all.tickets.log)
	warnOfBareTokensBeside(r, all.tickets.log)
	d, err := newDoor(cfg, i, acceptor, all)
	if err != nil {
		return gateway.Route{}, err
	}
	backend, err := url.Parse(r.Backend)
	if err != nil {
		return gateway.Route{}, cfg.Refuse(i, "backend", "is not a URL", "")
	}
	return gateway.Route{
		Path: r.Path, Door: d, PolicyName: d.Name(),
		Addresses: r.Addresses, RequireTo: r.WSATo == "required",
		Backend: backend, BackendTimeout: r.BackendTimeout,
		AllowedPrincipals: canonicalNames(r.AllowedPrincipals), AllowedRealms: r.AllowedRealms, AllowedGroups: r.AllowedGroups,
		PrincipalHeader: r.PrincipalHeader, RealmHeader: r.RealmHeader, PassHeaders: r.PassHTTPHeaders,
		OtherHeaders: wssec.HeaderRule(r.OtherHeaders), TLSOffloaded: r.TLSOffloaded,
	}, nil
}

// openRoute makes a route that lets everything in. The name of the principal's header is
// told to it, so that no client can write that.
func openRoute(cfg *config.Config, i int) (gateway.Route, error) {
	r := &cfg.Routes[i]
	backend, err := url.Parse(r.Backend)
	if err != nil {
		return gateway.Route{}, cfg.Refuse(i, "backend", "is not a URL", "")
	}
	d := door.None()
	return gateway.Route{
		Path: r.Path, Door: d, PolicyName: d.Name(), Backend: backend, BackendTimeout: r.BackendTimeout,
		PrincipalHeader: r.PrincipalHeader, RealmHeader: r.RealmHeader, PassHeaders: r.PassHTTPHeaders,
	}, nil
}

// newDoor makes the door of a route's policies, which have one acceptor.
func newDoor(cfg *config.Config, i int, acceptor *gss.Acceptor, all *shared) (door.Door, error) {
	r := &cfg.Routes[i]
	var doors []*door.Security
	for _, p := range r.Policy.All() {
		policy := p.Policy
		if policy.ClockSkew == 0 {
			policy.ClockSkew = cfg.ClockSkew
		}
		processor, err := wssec.NewProcessor(policy, wssec.Config{
			Verifier: all.tickets.of(acceptor), Replay: all.replay.Messages, Tokens: all.tokens.Scope(), Guard: all.guard,
			ReplyHeaders:    wssec.HeaderRule(r.OtherHeaders),
			ContentPrefixes: wssec.ContentPrefixes(r.ContentPrefixes), QNames: r.ContentQNames,
			Reserve: gateway.Reserve,
			XML:     xmltext.Options{Limits: xmltext.Limits{MessageBytes: int(cfg.MaxMessage)}, RelativeNamespaces: cfg.RelativeNamespaces},
		})
		if err != nil {
			return nil, cfg.Refuse(i, "policy", err.Error(), "")
		}
		doors = append(doors, door.NewSecurity(p.String(), processor))
	}
	if len(doors) == 1 {
		return doors[0], nil
	}
	d, err := door.NewOneOf(doors...)
	if err != nil {
		return nil, cfg.Refuse(i, "policy", err.Error(), "")
	}
	return d, nil
}

// canonicalNames writes principals as kerberos does: of "al\ice@A" and
// "alice@A", which are one name, it makes the second.
func canonicalNames(principals []string) []string {
	var names []string
	for _, text := range principals {
		if p, err := kerberos.ParsePrincipal(text); err == nil {
			text = p.String()
		}
		names = append(names, text) // never left out: an empty list admits everyone
	}
	return names
}

func acceptorConfig(cfg *config.Config, r *config.Route, c *credential, replay ReplayStores) gss.AcceptorConfig {
	ac := gss.AcceptorConfig{
		Keytab: c.file, Services: c.principals, MaxSkew: cfg.ClockSkew, ReplayWindow: cfg.ClockSkew, Replay: replay.Tickets,
		KeySource: gss.KeySource(r.KerberosKey), ClientRealms: r.TrustedRealms,
		BindingRule: bindingRule(r), ExactKvno: r.ExactKvno, CheckAddresses: r.CheckAddresses,
	}
	if r.AllowRC4 {
		ac.Etypes = allEtypes()
	}
	if len(r.AllowedGroups) > 0 {
		ac.RealmSIDs = r.DomainsOfRealms()
		ac.PAC = gss.PACWhenPresent // without one there are no groups, which the route refuses by its own code
	}
	return ac
}

// bindingRule is off where a proxy ends TLS: the channels that its clients'
// tokens are bound to are not known here.
func bindingRule(r *config.Route) gss.BindingRule {
	if r.ChannelBindings == "off" || r.TLSOffloaded {
		return gss.BindingsOff
	}
	return gss.BindingRule(r.ChannelBindings)
}

// allEtypes are those that package kerberos knows, RC4 included.
func allEtypes() []int32 {
	return []int32{etype.AES256SHA1, etype.AES128SHA1, etype.AES256SHA2, etype.AES128SHA2, etype.RC4}
}
