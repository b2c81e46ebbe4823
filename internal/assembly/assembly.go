package assembly

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/location"
	"github.com/wssgate/wssgate/internal/store/valkey"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// Config holds what a gateway is assembled from. All fields but Operator and Time
// are required.
type Config struct {
	Settings *config.Config
	Keys     *Keyring
	Replay   ReplayStores
	Log      *slog.Logger
	Operator *Operator // is told of exchanges; nil: nobody

	// Time is the clock by which tickets, messages, security contexts and sessions are
	// judged. Nil means time.Now. That of Replay is to be the same.
	Time func() time.Time
}

// New returns the [gateway.Gateway] of a configuration. All routes share the
// replay stores. An error about a setting is a [config.Error].
func New(c Config) (*gateway.Gateway, error) {
	a, err := newAssembler(c)
	if err != nil {
		return nil, err
	}
	return a.running, nil
}

// An assembler makes gateways, one after the other, that share what outlives a
// configuration: replay records, security contexts, remembered tokens, warnings.
type assembler struct {
	Config
	all        shared
	shadow     shared             // of routes on trial, with nothing of all in it
	remote     map[string]*shared // of routes whose state is in a store, by its URL and by signature-records
	running    *gateway.Gateway   // nil while the first is made
	sets, next map[string]*backendSet
}

// newAssembler returns an assembler whose first gateway, that of c, runs.
func newAssembler(c Config) (*assembler, error) {
	contexts, err := memoryContexts(c.Settings, c.Keys, c.Time)
	if err != nil {
		return nil, err
	}
	a := &assembler{Config: c, shadow: shadowShared(c, contexts), all: shared{
		messages: c.Replay.Messages, records: newTicketRecords(c.Replay, c.Log, c.Time), contexts: contexts,
		tickets: &ticketLog{log: c.Log, operator: c.Operator}, guard: wssec.NewKeyGuard(wssec.KeyGuardConfig{}),
		tokens: wssec.NewMemoryTokenCache(wssec.TokenCacheConfig{MaxBytes: int64(c.Settings.TokenCache)}),
		scopes: map[string]*wssec.MemoryTokenCache{}, places: map[string]*location.Current{}, now: c.Time,
	}}
	_, commit, err := a.assemble(c.Settings)
	if err != nil {
		return nil, err
	}
	commit()
	return a, nil
}

// assemble makes the gateway of a configuration, which is that of Keys. Commit makes
// it the one that runs.
func (a *assembler) assemble(cfg *config.Config) (g *gateway.Gateway, commit func(), err error) {
	next := a.all.rates.of(cfg)
	gc := a.gatewayConfig(cfg, next)
	a.next = map[string]*backendSet{}
	if gc.Routes, err = a.routes(cfg); err != nil {
		return nil, nil, err
	}
	for i := range gc.Routes {
		gc.Routes[i].PrincipalRate = next.routes[gc.Routes[i].Name]
	}
	if a.Operator != nil && (a.Operator.audit != nil || cfg.HasAdmin()) {
		gc.Observe = a.Operator.Observe
	}
	if a.Operator != nil {
		gc.Tracer = a.Operator.tracer
	}
	if g, err = gateway.New(gc); err != nil {
		return nil, nil, err
	}
	return g, func() {
		a.all.takePlaces(cfg)
		a.shadow.takePlaces(cfg)
		a.all.rates = next
		a.takeSets()
		a.running = g
		if a.Operator != nil {
			a.Operator.runs(g, cfg, a.contextsShown(), a.sets)
		}
	}, nil
}

func (a *assembler) gatewayConfig(cfg *config.Config, next rates) gateway.Config {
	return gateway.Config{
		Replaces: a.running,
		Context:  withRemoteAddr, RelativeNamespaces: cfg.RelativeNamespaces,
		Log: a.Log, MaxMessage: int64(cfg.MaxMessage), MaxInFlight: int64(cfg.MaxInFlight),
		UnverifiedShare: cfg.UnverifiedShare, ClientShare: cfg.ClientShare,
		MinReadRate: int64(cfg.MinReadRate), BusyTimeout: cfg.BusyTimeout,
		MaxExchanges: cfg.MaxConnections, MaxClientExchanges: cfg.MaxClientConnections,
		ClientAddress: gateway.AddressSource(cfg.ClientAddress), TrustedProxies: cfg.Proxies(),
		WriteTimeout: cfg.WriteTimeout, StallTimeout: cfg.ReadTimeout, IdleTimeout: cfg.IdleTimeout,
		RefusalDelay: cfg.RefusalDelay,
		ClientRate:   next.clients, FailureRate: next.failures,
	}
}

// routes makes the routes of a configuration, and warns of what works and should
// be mended.
func (a *assembler) routes(cfg *config.Config) (routes []gateway.Route, err error) {
	credentials := make([]*credential, len(cfg.Routes))
	backends := secureBackends{cfg: cfg, keys: a.Keys, log: a.Log, operator: a.Operator}
	for i := range cfg.Routes {
		if credentials[i], err = a.Keys.of(i); err != nil {
			return nil, err
		}
		route, err := newRoute(cfg, i, credentials[i], a.sharedBy(&cfg.Routes[i]))
		if err != nil {
			return nil, err
		}
		route.CertificateHeader = cfg.Routes[i].ClientCertificateHeader
		if err := a.setTransport(&route, cfg, i); err != nil {
			return nil, err
		}
		// Here the Transport is the way to the backend and nothing more: a WSDL is
		// fetched as it is published, whatever protects the messages.
		if err := publishWSDL(cfg, i, credentials[i], &route, a.Log); err != nil {
			return nil, err
		}
		if err := backends.secure(i, &route, credentials[i]); err != nil {
			return nil, err
		}
		if err := a.setIdentity(&route, cfg, i); err != nil {
			return nil, err
		}
		routes = append(routes, route)
	}
	warnOfSharedServices(cfg, credentials, a.Log)
	warnOfInterchangeableRoutes(routes, credentials, a.Log)
	warnOfDividedStores(cfg, credentials, a.Log)
	warnOfUnusedServices(cfg, a.Log)
	return routes, nil
}

// withRemoteAddr adds to ctx the client's address, for check-addresses.
func withRemoteAddr(ctx context.Context, _ *http.Request) context.Context {
	if a := gateway.ClientAddr(ctx); a.IsValid() {
		ctx = kerberos.WithRemoteAddr(ctx, a)
	}
	return ctx
}

// shared holds what all routes share, of one configuration and of those that follow
// it.
type shared struct {
	messages wssec.ReplayCache
	records  *ticketRecords
	contexts contextStores
	tickets  *ticketLog
	tokens   *wssec.MemoryTokenCache
	scopes   map[string]*wssec.MemoryTokenCache // of tokens, by scope of a route and policy
	places   map[string]*location.Current       // of tokens, by route
	guard    *wssec.KeyGuard
	rates    rates
	now      func() time.Time // nil: time.Now
	server   *valkey.Server   // of the store that the above is in; nil for the memory of the process
}

// tokensOf returns the tokens that messages to a route of a scope have brought
// under a policy.
func (s *shared) tokensOf(scope string, p wssec.Policy) wssec.TokenCache {
	text, err := json.Marshal(p)
	if err != nil {
		return s.tokens.Scope()
	}
	key := scope + "\n" + string(text)
	if s.scopes[key] == nil {
		s.scopes[key] = s.tokens.Scope()
	}
	return s.onAllNodes(s.scopes[key], key)
}

// placesOf returns the places of tokens of a route: those of its first
// configuration, until takePlaces.
func (s *shared) placesOf(r *config.Route) *location.Current {
	if s.places[r.Name()] == nil {
		s.places[r.Name()] = location.NewCurrent(r.TokenLocation.All())
	}
	return s.places[r.Name()]
}

// takePlaces makes the places of tokens those of a configuration.
func (s *shared) takePlaces(cfg *config.Config) {
	for i := range cfg.Routes {
		r := &cfg.Routes[i]
		if current := s.places[r.Name()]; current != nil {
			current.Store(r.TokenLocation.All())
		}
	}
}

func newRoute(cfg *config.Config, i int, c *credential, all *shared) (gateway.Route, error) {
	r := &cfg.Routes[i]
	if c.Disabled {
		all.tickets.log.Warn("route refuses every request: its service is disabled", "path", r.Name(),
			"kerberos-service", r.KerberosService)
		return disabledRoute(r), nil
	}
	if r.Standard == config.StandardNone {
		warnOfOpenRoute(r, all.tickets.log)
		return openRoute(cfg, i)
	}
	acceptor, err := newAcceptor(cfg, r, c, all)
	if err != nil {
		return gateway.Route{}, c.lacks(err)
	}
	c.file.use(r.Name(), acceptor.Acceptor)
	warnOfWeakKeys(r, c, all.tickets.log)
	rules, err := access.New(r.Access())
	if err != nil {
		return gateway.Route{}, cfg.Refuse(i, "path", "has a list of clients that is not understood: "+err.Error(), "")
	}
	warnOfRealmsWithoutGroups(r, c, all.tickets.log)
	warnOfIdleRules(r, c, rules, all.tickets.log)
	if r.Standard == config.StandardHTTP {
		warnOfHTTPWithoutTLS(cfg, r, all.tickets.log)
		return httpRoute(cfg, i, acceptor, rules, all)
	}
	return messageRoute(cfg, i, acceptor, rules, all)
}

// messageRoute returns a route of messages under a policy.
func messageRoute(cfg *config.Config, i int, acceptor *routeAcceptor, rules *access.Rules, all *shared) (
	gateway.Route, error,
) {
	r := &cfg.Routes[i]
	warnOfPlainHTTP(cfg, r, all.tickets.log)
	warnOfUnprotectedBootstrap(r, all.tickets.log)
	warnOfTokensOfOneProcess(cfg, r, all.tickets.log)
	warnOfBareTokensBeside(r, all.tickets.log)
	warnOfTokensInURLs(r, all.tickets.log)
	tokens := all.placesOf(r)
	d, err := newDoor(cfg, i, acceptor, tokens, all)
	if err != nil {
		return gateway.Route{}, err
	}
	backend, err := r.Backend.URL()
	if err != nil {
		return gateway.Route{}, cfg.Refuse(i, "backend", "is not a URL", "write it as http://localhost:9100/service")
	}
	route := gateway.Route{
		Path: r.Path, Door: d, PolicyName: d.Name(), Origins: r.CORSOrigins,
		Addresses: r.Addresses, RequireTo: r.WSATo == "required",
		Backend: backend, BackendTimeout: r.BackendTimeout,
		Access: rules, PrincipalHeader: r.PrincipalHeader, RealmHeader: r.RealmHeader, GroupsHeader: r.GroupsHeader,
		PassHeaders: r.PassHTTPHeaders, OtherHeaders: wssec.HeaderRule(r.OtherHeaders), TLSOffloaded: r.TLSOffloaded,
		Tokens: tokens, Name: r.Name(), Hosts: r.Hosts, Listeners: r.OnListeners,
		ForwardActors: r.ForwardActors, UnderstoodHeaders: r.UnderstoodHeaders, MTOM: gateway.MTOM(r.MTOM),
	}
	setAddressing(&route, r)
	if r.Shadow {
		onTrial(&route, r, all.tickets.log)
	}
	return route, nil
}

// setAddressing sets what becomes of WS-Addressing on a route with a backend.
func setAddressing(route *gateway.Route, r *config.Route) {
	route.TerminateAddressing = r.Addressing == "terminate"
	route.ReplyActions, _ = r.ActionsOfReplies()
	if route.RewriteTo = r.RewriteTo; r.RewriteTo == "backend" {
		own := *route.Backend
		own.User = nil // is for the backend's HTTP server alone
		route.RewriteTo = own.String()
	}
}

// disabledRoute makes a route that refuses every request.
func disabledRoute(r *config.Route) gateway.Route {
	route := gateway.Route{Path: r.Path, Name: r.Name(), Hosts: r.Hosts, Listeners: r.OnListeners, Disabled: true,
		PolicyName: r.Policy.String()}
	if r.Standard == config.StandardHTTP { // for all paths below its own
		route.HTTP, route.PolicyName = door.NewHTTP(nil, nil), r.Standard
	}
	return route
}

// openRoute makes a route that admits everything. It knows the names of the
// headers that name clients to the backend, so that no client can write them.
func openRoute(cfg *config.Config, i int) (gateway.Route, error) {
	r := &cfg.Routes[i]
	backend, err := r.Backend.URL()
	if err != nil {
		return gateway.Route{}, cfg.Refuse(i, "backend", "is not a URL", "write it as http://localhost:9100/service")
	}
	d := door.None()
	route := gateway.Route{
		Path: r.Path, Name: r.Name(), Hosts: r.Hosts, Listeners: r.OnListeners, Door: d, PolicyName: d.Name(),
		Backend: backend, BackendTimeout: r.BackendTimeout,
		PrincipalHeader: r.PrincipalHeader, RealmHeader: r.RealmHeader, PassHeaders: r.PassHTTPHeaders,
		MTOM: gateway.MTOM(r.MTOM), Origins: r.CORSOrigins,
	}
	setAddressing(&route, r)
	return route, nil
}

// newProcessor makes the Processor of a policy on a route of a scope, with the
// contexts of c.
func newProcessor(cfg *config.Config, r *config.Route, scope string, p wssec.Policy, c wssec.Config, all *shared) (
	*wssec.Processor, error) {
	if p.ClockSkew == 0 {
		p.ClockSkew = cfg.ClockSkew
	}
	if !r.TokenLocation.All().HasSecurityHeader() {
		p.TokenOnce = false // each message has its token, in the place where it belongs
	}
	c.Replay, c.Tokens, c.Guard, c.Time = all.messages, all.tokensOf(scope, p), all.guard, all.now
	c.ReplyHeaders, c.Reserve = wssec.HeaderRule(r.OtherHeaders), gateway.Reserve
	c.ContentPrefixes, c.QNames = wssec.ContentPrefixes(r.ContentPrefixes), r.ContentQNames
	c.XML = xmltext.Options{Limits: xmltext.Limits{MessageBytes: int(cfg.MaxMessage)},
		RelativeNamespaces: cfg.RelativeNamespaces}
	return wssec.NewProcessor(p, c)
}
