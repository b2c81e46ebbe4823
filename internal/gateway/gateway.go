package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/wssec"
)

// Config is what a [Gateway] is made of.
type Config struct {
	// Routes has at least one element, with distinct paths.
	Routes []Route
	// Log takes one event for each exchange. Required.
	Log *slog.Logger
	// MaxMessage limits the body of a request and of a reply, in octets.
	// Zero means 32 MiB.
	MaxMessage int64
	// RelativeNamespaces accepts namespace names without a scheme.
	RelativeNamespaces bool
	// MaxInFlight limits the octets that all exchanges in progress hold together:
	// of messages, of the index over their markup, of plaintext and replies. Zero
	// means 256 MiB.
	MaxInFlight int64
	// UnverifiedShare and ClientShare are what of it, in percent, messages that
	// are not verified yet may hold together, and of that and of all what those of
	// one client may. One exchange with messages of MaxMessage always fits. Zero means 75 and 50.
	UnverifiedShare, ClientShare int
	// MinReadRate is the least rate, in octets a second, below which a request is
	// dropped when its memory is needed. Zero means 16 KiB.
	MinReadRate int64
	// BusyTimeout is for how long a request that arrives waits for memory. Zero
	// means two seconds.
	BusyTimeout time.Duration
	// ClientAddress says where the addresses of clients are read, for the log, shares
	// and limits and [ClientAddr]; other than from the connection they are the word of
	// TrustedProxies.
	ClientAddress  AddressSource
	TrustedProxies []netip.Prefix
	// MaxExchanges limits the exchanges in progress, and MaxClientExchanges those of
	// one client. Zero means 2048 and 512.
	MaxExchanges, MaxClientExchanges int
	// WriteTimeout limits the writing of a reply. Zero means one minute.
	WriteTimeout time.Duration
	// RefusalDelay is the time from the last octet of a request of up to 128 KiB
	// to the refusal of its protection; that of larger ones is doubled with each
	// doubling of their size. Zero means 50 ms.
	RefusalDelay time.Duration
	// Context adds to the context of a verification what the request is known
	// by besides its message. Nil adds nothing.
	Context func(context.Context, *http.Request) context.Context
	// Transport talks to the backends. Nil means [NewTransport].
	Transport http.RoundTripper
}

// Route says what is accepted at a path and where it goes.
type Route struct {
	Path       string    // matched exactly; plain, without chi patterns
	Disabled   bool      // refuses every request; needs neither Door nor Backend
	Door       door.Door // lets messages in
	PolicyName string    // for the log; where the door stands for several, until it has chosen

	Backend        *url.URL
	BackendTimeout time.Duration // for the whole reply; zero means 30 s

	// AllowedPrincipals (name@REALM), AllowedRealms and AllowedGroups (SIDs, one
	// of which must be the client's) all have to allow a client; an empty list
	// allows everyone whose ticket was accepted.
	AllowedPrincipals []string
	AllowedRealms     []string
	AllowedGroups     []string

	// Addresses are what clients call the route, for the wsa:To of messages; empty
	// accepts any. RequireTo refuses a message without a protected one.
	Addresses []string
	RequireTo bool

	PrincipalHeader string   // HTTP header for name@REALM; "" none
	RealmHeader     string   // HTTP header for the realm; "" none
	PassHeaders     []string // client's HTTP headers that are passed beside the usual few

	OtherHeaders wssec.HeaderRule // SOAP header blocks that the policy does not protect

	// TLSOffloaded counts plain HTTP as a protected channel, for a proxy in
	// front that ends TLS.
	TLSOffloaded bool
}

// Gateway is the http.Handler of all routes. It is safe for concurrent use.
type Gateway struct {
	cfg      Config
	budget   *budget
	releases *releases
	router   chi.Router
}

// New makes a Gateway. Errors are mistakes in cfg.
func New(cfg Config) (*Gateway, error) {
	if len(cfg.Routes) == 0 || cfg.Log == nil {
		return nil, errors.New("gateway: Config needs Routes and Log")
	}
	setDefault(&cfg.MaxMessage, 32<<20)
	setDefault(&cfg.MaxInFlight, 256<<20)
	setDefault(&cfg.UnverifiedShare, 75)
	setDefault(&cfg.ClientShare, 50)
	setDefault(&cfg.MinReadRate, 16<<10)
	setDefault(&cfg.BusyTimeout, 2*time.Second)
	setDefault(&cfg.MaxExchanges, 2048)
	setDefault(&cfg.MaxClientExchanges, 512)
	setDefault(&cfg.WriteTimeout, time.Minute)
	setDefault(&cfg.RefusalDelay, 50*time.Millisecond)
	if cfg.Context == nil {
		cfg.Context = func(ctx context.Context, _ *http.Request) context.Context { return ctx }
	}
	if cfg.Transport == nil {
		cfg.Transport = NewTransport()
	}
	g := &Gateway{cfg: cfg, budget: newBudget(cfg.budget()), releases: newReleases(cfg.RefusalDelay), router: chi.NewRouter()}
	g.router.NotFound(g.refuseOutside(CodeNoRoute))
	g.router.MethodNotAllowed(g.refuseOutside(CodeMethod))
	paths := map[string]bool{}
	for _, r := range cfg.Routes {
		if !r.Disabled && (r.Door == nil || r.Backend == nil) || paths[r.Path] {
			return nil, fmt.Errorf("gateway: route %q needs Door, Backend and a path of its own", r.Path)
		}
		paths[r.Path] = true
		setDefault(&r.BackendTimeout, 30*time.Second)
		rt, err := newRoute(r)
		if err != nil {
			return nil, err
		}
		g.router.Post(r.Path, func(w http.ResponseWriter, req *http.Request) { g.serve(w, req, rt) })
	}
	return g, nil
}

// budget gives the limits of c in octets.
func (c *Config) budget() budgetConfig {
	one := min(c.MaxInFlight, 4*c.MaxMessage) // request, plaintext, what is forwarded, reply
	share := func(of int64, percent int) int64 { return max(one, of/100*int64(percent)) }
	unverified := share(c.MaxInFlight, c.UnverifiedShare)
	return budgetConfig{
		limit: c.MaxInFlight, clientLimit: share(c.MaxInFlight, c.ClientShare),
		unverifiedLimit: unverified, clientUnverified: share(unverified, c.ClientShare),
		exchangeLimit: c.MaxExchanges, clientExchanges: c.MaxClientExchanges,
		leastRate: c.MinReadRate, busyTimeout: c.BusyTimeout, largeReadTimeout: time.Minute,
	}
}

// ServeHTTP routes by path; every method but POST is refused.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.router.ServeHTTP(w, r) }

// refuseOutside answers what reaches no route.
func (g *Gateway) refuseOutside(code Code) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x := g.begin(w, r, nil)
		defer x.end()
		a := x.refuse(&Error{Code: code, Err: fmt.Errorf("%.20s %.200q", r.Method, r.URL.Path)})
		if code == CodeMethod {
			w.Header().Set("Allow", http.MethodPost)
		}
		x.send(a)
	}
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// NewTransport gives the transport to backends: no proxy from the environment,
// no transparent decompression, and connections that are kept.
func NewTransport() *http.Transport {
	return &http.Transport{
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    64,
		MaxResponseHeaderBytes: 64 << 10,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
	}
}
