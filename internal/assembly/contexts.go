package assembly

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/location"
	"github.com/wssgate/wssgate/internal/seal"
	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/internal/stores"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// contextStores keep what is agreed with clients beyond one message, encrypted
// under one key, for all routes.
type contextStores struct {
	halfOpen wssec.ContextStore // negotiations in progress
	contexts wssec.ContextStore // security contexts
	keys     *seal.Ring
}

// memoryContexts returns stores that forget with the process. It fails if
// state-keys cannot be read.
func memoryContexts(cfg *config.Config, keys *Keyring, now func() time.Time) (s contextStores, err error) {
	s.keys, err = keys.stateKeys()
	// An entry holds the groups of a PAC if a mechListMIC is still to come.
	s.halfOpen = store.NewMemory(store.MemoryConfig{
		MaxEntries: cfg.MaxNegotiations, MaxEntryBytes: maxHalfOpen, MaxBytes: halfOpenBytes, Time: now,
	})
	s.contexts = store.NewMemory(store.MemoryConfig{
		MaxEntries: cfg.MaxContexts, MaxBytes: int64(cfg.MaxContexts) * contextBytes, Time: now,
	})
	return s, err
}

const (
	// contextBytes is the memory for one security context, on average: one
	// without groups takes two thirds of it.
	contextBytes = stores.ContextBytes
	// maxHalfOpen is the most octets of one negotiation in progress.
	maxHalfOpen = 256 << 10
	// halfOpenBytes is the memory for all negotiations in progress.
	halfOpenBytes = 64 << 20
)

// contextMemory returns the memory that negotiations, security contexts and HTTP
// sessions may take, 0 if no route has them.
func contextMemory(cfg *config.Config) int64 {
	for i := range cfg.Routes {
		r := &cfg.Routes[i]
		negotiates := func(p config.Policy) bool { return p.ClientToken() != wssec.KerberosToken }
		if r.Standard == config.StandardHTTP || slices.ContainsFunc(r.Policy.All(), negotiates) {
			return int64(cfg.MaxContexts)*contextBytes + halfOpenBytes
		}
	}
	return 0
}

// A routeDoors makes the doors of one route, which have one acceptor and one
// set of security contexts.
type routeDoors struct {
	cfg      *config.Config
	i        int
	route    *config.Route
	acceptor *routeAcceptor
	all      *shared
	contexts *wssec.SecurityContexts
	tokens   *location.Current
}

// newDoor makes the door of a route's policies.
func newDoor(cfg *config.Config, i int, acceptor *routeAcceptor, tokens *location.Current, all *shared) (
	door.Door, error) {
	r := &routeDoors{cfg: cfg, i: i, route: &cfg.Routes[i], acceptor: acceptor, tokens: tokens, all: all}
	r.contexts = wssec.NewSecurityContexts(wssec.ContextsConfig{
		Store: all.contexts.contexts, Sealer: all.contexts.keys, Scope: acceptor.scope(r.route),
		Sealed: r.route.ContextStorage == config.ContextInToken, GoOnWithoutStore: true, Time: all.now,
	})
	d, err := r.messages()
	if err != nil {
		return nil, err
	}
	var negotiated []wssec.Policy
	for _, p := range d.Policies() {
		for q := &p; q != nil; q = q.Bootstrap {
			if q.ClientToken() == wssec.SpnegoContextToken {
				negotiated = append(negotiated, *q)
			}
		}
	}
	if len(negotiated) == 0 {
		return d, nil
	}
	return r.negotiation(negotiated, d)
}

// messages makes the door of messages under the route's policies.
func (r *routeDoors) messages() (door.Door, error) {
	var doors []door.Door
	for _, p := range r.route.Policy.All() {
		d, err := r.policy(p.String(), p.Policy)
		if err != nil {
			return nil, err
		}
		doors = append(doors, d)
	}
	if len(doors) == 1 && r.route.Policy.All()[0].Bootstrap == nil {
		return doors[0], nil
	}
	d, err := door.NewOneOf(doors...)
	if err != nil {
		return nil, r.cfg.Refuse(r.i, "policy", err.Error(), "")
	}
	return d, nil
}

// policy makes the door of one policy, and of the one that bootstraps it.
func (r *routeDoors) policy(name string, p wssec.Policy) (door.Door, error) {
	messages, err := r.security(name, p, false)
	if err != nil || p.ClientToken() == wssec.KerberosToken {
		return messages, err
	}
	var bootstrap *door.Security
	if p.Bootstrap != nil {
		if bootstrap, err = r.security(name+" bootstrap", *p.Bootstrap, true); err != nil {
			return nil, err
		}
	}
	issuer, err := wstrust.NewIssuer(wstrust.IssuerConfig{
		Contexts: r.contexts, Policy: p, KeySize: r.keySize(), Lifetime: r.route.ContextLifetime,
		UnprotectedBody: r.route.BootstrapUnprotectedBody, Time: r.all.now,
	})
	if err != nil {
		return nil, r.cfg.Refuse(r.i, "policy", err.Error(), "")
	}
	return door.NewConversation(messages, bootstrap, issuer), nil
}

// security makes the door of messages under a policy, which contexts endorse
// where it bootstraps another.
func (r *routeDoors) security(name string, p wssec.Policy, bootstraps bool) (*door.Security, error) {
	processor, err := newProcessor(r.cfg, r.route, r.acceptor.scope(r.route), p, wssec.Config{
		Verifier: r.all.verifier(r.route, r.acceptor.Acceptor), Contexts: r.contexts, EndorsingContexts: bootstraps,
	}, r.all)
	if err != nil {
		return nil, r.cfg.Refuse(r.i, "policy", err.Error(), "")
	}
	return door.NewSecurity(name, processor).WithTokens(door.Tokens{
		Locations: r.tokens, Unwrap: gss.MechToken, Reserve: gateway.Reserve,
	}), nil
}

// keySize returns context-key-size in bits, 0 for that of the suite.
func (r *routeDoors) keySize() int {
	bits, _ := strconv.Atoi(r.route.ContextKeySize)
	return bits
}

// negotiation puts a Negotiator of contexts for policies in front of a door. Which
// of the policies a context will be used under is not known when it is negotiated.
func (r *routeDoors) negotiation(policies []wssec.Policy, behind door.Door) (door.Door, error) {
	needsTLS, timestamps, lifetime := true, false, r.route.ContextLifetime
	if r.onlyBootstraps() {
		lifetime = min(lifetime, bootstrapLifetime)
	}
	for _, p := range policies {
		needsTLS = needsTLS && p.NeedsTLS()
		timestamps = timestamps || p.Binding != wssec.SymmetricBinding
	}
	suite, keySize := suiteOf(policies)
	rrc, _ := strconv.ParseUint(r.route.WrapRRC, 10, 16)
	n, err := wstrust.NewNegotiator(wstrust.NegotiatorConfig{
		Acceptor: &negotiationAcceptor{r.acceptor.Acceptor, r.all.tickets.ofRoute(r.route), gss.AcceptConfig{
			Mechanism: gss.MechanismSPNEGO, BindingRule: bindingRule(r.route), SealedRRC: uint16(rrc),
			Delegation: takesDelegation(r.route),
			MaxOpen:    r.cfg.NegotiationTimeout, StateBinding: "ws-trust " + r.acceptor.scope(r.route),
		}},
		Contexts: r.contexts, AlgorithmSuite: suite, KeySize: cmp.Or(r.keySize(), keySize),
		Lifetime: lifetime,
		HalfOpen: r.all.contexts.halfOpen, MaxOpen: r.cfg.NegotiationTimeout, Sealer: r.all.contexts.keys,
		Scope: r.acceptor.scope(r.route), Timestamps: timestamps, ClockSkew: r.cfg.ClockSkew, Time: r.all.now,
	})
	if err != nil {
		return nil, r.cfg.Refuse(r.i, "context-key-size", err.Error(), "")
	}
	return door.NewNegotiation(n, needsTLS, behind), nil
}

// bootstrapLifetime is the life of a negotiated context that is for nothing but
// to ask for another one. Clients do not cancel it, so that a client with many
// sessions would have its share of contexts full of them.
const bootstrapLifetime = 15 * time.Minute

// onlyBootstraps reports whether negotiated contexts are for bootstrap policies
// alone.
func (r *routeDoors) onlyBootstraps() bool {
	for _, p := range r.route.Policy.All() {
		if p.ClientToken() == wssec.SpnegoContextToken {
			return false
		}
	}
	return true
}

// suiteOf returns the suite whose keys may have all sizes that policies take, and
// the least size in bits that each of them takes. A policy without a suite uses no
// key.
func suiteOf(policies []wssec.Policy) (widest wssec.SuiteName, keySize int) {
	least := 0
	for _, p := range policies {
		s, ok := wssec.LookupSuite(p.AlgorithmSuite)
		if !ok {
			continue
		}
		if least == 0 || s.MinKey < least {
			widest, least = s.Name, s.MinKey
		}
		keySize = max(keySize, 8*s.MinKey)
	}
	return cmp.Or(widest, wssec.Basic128), keySize
}

// A negotiationAcceptor makes the GSS-API contexts of a route's negotiations.
type negotiationAcceptor struct {
	acceptor *gss.Acceptor
	tickets  routeTickets
	cfg      gss.AcceptConfig
}

func (a *negotiationAcceptor) NewContext(bindings [][]byte) wstrust.GSSContext {
	return &loggedContext{a.acceptor.NewContext(a.bound(bindings)), a.tickets}
}

func (a *negotiationAcceptor) Resume(ctx context.Context, bindings [][]byte, sealer wssec.StateSealer, sealed []byte) (
	wstrust.GSSContext, error) {
	c, err := a.acceptor.Resume(ctx, a.bound(bindings), sealer, sealed)
	if err != nil {
		return nil, err
	}
	return &loggedContext{c, a.tickets}, nil
}

// bound returns the configuration for a channel.
func (a *negotiationAcceptor) bound(bindings [][]byte) gss.AcceptConfig {
	cfg := a.cfg
	cfg.ChannelBindings = bindings
	return cfg
}

// A loggedContext notes what its ticket was like in the event of the exchange.
type loggedContext struct {
	*gss.Context
	tickets routeTickets
}

func (c *loggedContext) Step(ctx context.Context, token []byte) (reply []byte, done bool, err error) {
	reply, done, err = c.Context.Step(ctx, token)
	if done && err == nil {
		f := c.Facts()
		gateway.Note(ctx, slog.Group("spnego", "mech", f.Mech, "mic", f.MechListMIC, "legs", f.Legs))
		c.tickets.note(ctx, c.Authentication())
	}
	return reply, done, err
}
