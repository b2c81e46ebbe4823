package vectors

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/location"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// routeSettings are what the receiver of an HTTP vector is told beside its
// policy, in the words of a configuration.
type routeSettings struct {
	Standard   string
	Policies   []yamlPolicy // any of them
	MaxMessage int64        `json:"max-message"`
	MTOM       gateway.MTOM
	Disabled   bool
	Session    bool // a cookie remembers a client

	AllowedPrincipals []string `json:"allowed-principals"`
	AllowedRealms     []string `json:"allowed-realms"`
	AllowedGroups     []string `json:"allowed-groups"`
	DeniedPrincipals  []string `json:"denied-principals"`
	DeniedRealms      []string `json:"denied-realms"`
	DeniedGroups      []string `json:"denied-groups"`

	Addresses         []string
	WSATo             string           `json:"wsa-to"`
	Addressing        string           // terminate
	OtherHeaders      wssec.HeaderRule `json:"other-headers"`
	ForwardActors     []string         `json:"forward-actors"`
	UnderstoodHeaders []string         `json:"understood-headers"`
	TokenLocation     []string         `json:"token-location"`
	ContextStorage    string           `json:"context-storage"` // token
}

// newRoute makes the route of a vector.
func (a *archive) newRoute(ctx context.Context) (r gateway.Route, err error) {
	s := &a.Route
	r = gateway.Route{MTOM: s.MTOM, Addresses: s.Addresses, RequireTo: s.WSATo == "required", Disabled: s.Disabled,
		TerminateAddressing: s.Addressing == "terminate", OtherHeaders: s.OtherHeaders,
		ForwardActors: s.ForwardActors, UnderstoodHeaders: s.UnderstoodHeaders, PrincipalHeader: "X-Principal",
		TLSOffloaded: a.TLS}
	r.Access, err = access.New(access.Lists{
		AllowedPrincipals: s.AllowedPrincipals, AllowedRealms: s.AllowedRealms, AllowedGroups: s.AllowedGroups,
		DeniedPrincipals: s.DeniedPrincipals, DeniedRealms: s.DeniedRealms, DeniedGroups: s.DeniedGroups,
	})
	if err != nil {
		return r, err
	}
	if s.Standard != "" {
		r.HTTP, err = a.httpDoor()
		return r, err
	}
	r.Door, err = a.newDoor(ctx, &r)
	return r, err
}

// httpDoor makes the door of requests of any kind.
func (a *archive) httpDoor() (*door.HTTP, error) {
	acceptor, err := a.tokenAcceptor()
	if err != nil {
		return nil, err
	}
	cfg := negotiate.Config{Acceptor: acceptor, Authorize: gateway.Authorize}
	if a.Route.Session {
		cfg.Session = time.Hour
	}
	n, err := negotiate.New(cfg)
	if err != nil {
		return nil, err
	}
	return door.NewHTTP(n, door.Origins{}), nil
}

// newDoor makes the door of messages under the policy, or under several.
func (a *archive) newDoor(ctx context.Context, r *gateway.Route) (door.Door, error) {
	cfg, acceptor, err := a.config(ctx)
	if err != nil {
		return nil, err
	}
	if r.Tokens, err = a.Route.locations(); err != nil {
		return nil, err
	}
	var doors []door.Door
	for _, p := range a.policies() {
		d, err := newPolicyDoor(p, cfg, r.Tokens)
		if err != nil {
			return nil, err
		}
		doors = append(doors, d)
	}
	d := doors[0]
	if len(doors) > 1 || a.Bootstrap.Policy != nil {
		if d, err = door.NewOneOf(doors...); err != nil {
			return nil, err
		}
	}
	return negotiationDoor(d, cfg, acceptor)
}

// policies are those of the receiver.
func (a *archive) policies() (list []wssec.Policy) {
	if a.Policy.Policy != nil {
		p := *a.Policy.Policy
		p.Bootstrap = a.Bootstrap.Policy
		list = append(list, p)
	}
	for _, p := range a.Route.Policies {
		list = append(list, *p.Policy)
	}
	return list
}

// newPolicyDoor makes the door of one policy.
func newPolicyDoor(p wssec.Policy, cfg wssec.Config, tokens *location.Current) (door.Door, error) {
	messages, err := newSecurity(p, cfg, tokens)
	if err != nil || p.ClientToken() == wssec.KerberosToken {
		return messages, err
	}
	var bootstrap *door.Security
	if p.Bootstrap != nil {
		cfg.EndorsingContexts = true
		if bootstrap, err = newSecurity(*p.Bootstrap, cfg, tokens); err != nil {
			return nil, err
		}
	}
	issuer, err := wstrust.NewIssuer(wstrust.IssuerConfig{Contexts: cfg.Contexts, Policy: p, Time: cfg.Time})
	if err != nil {
		return nil, err
	}
	return door.NewConversation(messages, bootstrap, issuer), nil
}

func newSecurity(p wssec.Policy, cfg wssec.Config, tokens *location.Current) (*door.Security, error) {
	processor, err := wssec.NewProcessor(p, cfg)
	if err != nil {
		return nil, err
	}
	return door.NewSecurity(p.Name, processor).WithTokens(door.Tokens{Locations: tokens, Unwrap: gss.MechToken}), nil
}

// negotiationDoor puts a Negotiator before the door of policies for negotiated
// contexts.
func negotiationDoor(d door.Door, cfg wssec.Config, acceptor *gss.Acceptor) (door.Door, error) {
	var negotiated *wssec.Policy
	for _, p := range d.Policies() {
		for q := &p; q != nil; q = q.Bootstrap {
			if q.ClientToken() == wssec.SpnegoContextToken {
				negotiated = q
			}
		}
	}
	if negotiated == nil || acceptor == nil {
		return d, nil
	}
	n, err := wstrust.NewNegotiator(wstrust.NegotiatorConfig{Acceptor: negotiating{acceptor}, Contexts: cfg.Contexts,
		AlgorithmSuite: negotiated.AlgorithmSuite, Timestamps: negotiated.Binding != wssec.SymmetricBinding,
		Time: cfg.Time})
	if err != nil {
		return nil, err
	}
	return door.NewNegotiation(n, negotiated.NeedsTLS(), d), nil
}

// negotiating is a *gss.Acceptor as package wstrust has it.
type negotiating struct{ *gss.Acceptor }

func (negotiating) config() gss.AcceptConfig {
	return gss.AcceptConfig{Mechanism: gss.MechanismSPNEGO, StateBinding: "ws-trust " + servicePath}
}

// NewContext begins a negotiation.
func (n negotiating) NewContext([][]byte) wstrust.GSSContext {
	return n.Acceptor.NewContext(n.config())
}

// Resume goes on with one.
func (n negotiating) Resume(ctx context.Context, _ [][]byte, sealer wssec.StateSealer, sealed []byte) (
	wstrust.GSSContext, error) {
	c, err := n.Acceptor.Resume(ctx, n.config(), sealer, sealed)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// locations are the places for tokens, nil for the Security header alone.
func (s *routeSettings) locations() (*location.Current, error) {
	if len(s.TokenLocation) == 0 {
		return nil, nil
	}
	var list location.Locations
	for _, text := range s.TokenLocation {
		l, err := location.Parse(text)
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	return location.NewCurrent(slices.Clip(list)), nil
}

// withAddress has tokens be judged as those of the client at the vector's
// address, if it has one.
func (a *archive) withAddress(ctx context.Context, _ *http.Request) context.Context {
	if a.Address == "" {
		return ctx
	}
	addr, _ := netip.ParseAddr(a.Address)
	return kerberos.WithRemoteAddr(ctx, addr)
}
