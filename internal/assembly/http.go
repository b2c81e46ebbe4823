package assembly

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// httpRoute makes a route of HTTP requests whose clients HTTP Negotiate
// authenticates.
func httpRoute(cfg *config.Config, i int, acceptor *routeAcceptor, rules *access.Rules, all *shared) (
	gateway.Route, error) {
	r := &cfg.Routes[i]
	tickets := all.tickets.ofRoute(r)
	auth, err := negotiate.New(negotiate.Config{
		Authorize: func(r *http.Request, i *negotiate.Identity) error {
			if i.Context() != nil {
				tickets.noteContext(r.Context(), i)
			}
			return gateway.Authorize(r, i)
		},
		Acceptor: acceptor.Acceptor, BindingRule: bindingRule(r), Bindings: gateway.Bindings, Delegation: takesDelegation(r),
		NoChallenge: !r.Challenge, Invite: r.ChallengeAgain, Application: r.ChallengeScheme == "application",
		Challenge: negotiate.ApplicationChallenge{Connect: r.ChallengeConnect, Identifier: r.ChallengeIdentifier},
		BodyLater: r.BodyAfterContext, Session: r.SessionLifetime, ConnectionBound: r.ConnectionBound,
		CookieName: r.CookieName, CookiePath: r.Path, SameSite: sameSite(r.CookieSameSite), SecureCookie: r.TLSOffloaded,
		Store: all.contexts.halfOpen, Sessions: all.contexts.contexts, Sealer: all.contexts.keys,
		Scope: "http " + r.Name(), Accepts: acceptor.accepts, MaxOpen: cfg.NegotiationTimeout, Time: all.now,
		ClientAddr: func(r *http.Request) netip.Addr { return gateway.ClientAddr(r.Context()) },
	})
	if err != nil {
		return gateway.Route{}, cfg.Refuse(i, "cookie-name", err.Error(), "")
	}
	backend, err := r.Backend.URL()
	if err != nil {
		return gateway.Route{}, cfg.Refuse(i, "backend", "is not a URL", "write it as http://localhost:9100/service")
	}
	return gateway.Route{
		Path: r.Path, HTTP: door.NewHTTP(auth, r.CORSOrigins), PolicyName: r.Standard,
		Backend: backend, BackendTimeout: r.BackendTimeout,
		Access: rules, PrincipalHeader: r.PrincipalHeader, RealmHeader: r.RealmHeader, GroupsHeader: r.GroupsHeader,
		KeepUpgraded: r.UpgradedUntil == "closed",
		TLSOffloaded: r.TLSOffloaded, Name: r.Name(), Hosts: r.Hosts, Listeners: r.OnListeners,
	}, nil
}

func sameSite(name string) http.SameSite {
	switch name {
	case "strict":
		return http.SameSiteStrictMode
	case "none":
		return http.SameSiteNoneMode
	}
	return http.SameSiteLaxMode
}

// noteContext adds what a context and its ticket were like to the event of the
// exchange.
func (t routeTickets) noteContext(ctx context.Context, i *negotiate.Identity) {
	c := i.Context()
	f := c.Facts()
	gateway.Note(ctx, slog.Group("negotiate", "spnego", f.SPNEGO, "mech", f.Mech, "mic", f.MechListMIC, "legs", f.Legs))
	t.note(ctx, c.Authentication())
}

// warnOfHTTPWithoutTLS warns of tokens and cookies that anybody on the way can
// use.
func warnOfHTTPWithoutTLS(cfg *config.Config, r *config.Route, log *slog.Logger) {
	if !cfg.HasPlain(r) || r.TLSOffloaded {
		return
	}
	log.Warn("nothing protects the requests of this route: whoever is in between can read and change them, and use "+
		"their tokens and cookies", "path", r.Name(), "standard", r.Standard,
		"cure", "give tls-cert and tls-key, or tls-offloaded if a proxy ends TLS")
}
