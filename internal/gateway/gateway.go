package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/limit"
	"github.com/wssgate/wssgate/internal/location"
	"github.com/wssgate/wssgate/internal/telemetry"
	"github.com/wssgate/wssgate/internal/wsdl"
	"github.com/wssgate/wssgate/wssec"
)

// Config configures a [Gateway]. Routes and Log are required; zero values of
// the other fields mean the defaults that they document.
type Config struct {
	// Routes has at least one element. Of two with one path that a listener serves
	// both, no host may be of both, and one of them has to name hosts.
	Routes []Route
	// Log receives one event for each exchange.
	Log *slog.Logger
	// Observe is called at the end of each exchange, from its goroutine. Nil means
	// that nobody observes.
	Observe func(*Record)
	// Tracer traces exchanges, in the traces of their traceparent. Nil means that
	// none is traced.
	Tracer *telemetry.Tracer
	// MaxMessage limits the body of a request and of a reply, in octets.
	// Zero means 32 MiB.
	MaxMessage int64
	// RelativeNamespaces accepts namespace names without a scheme.
	RelativeNamespaces bool
	// MaxInFlight limits the octets that all exchanges in progress hold together:
	// large header sections, messages, the index over their markup, plaintext and
	// replies. Zero means 256 MiB.
	MaxInFlight int64
	// UnverifiedShare is the part of MaxInFlight, in percent, for messages that
	// are not verified yet. ClientShare is the part of it, and of the part for
	// unverified messages, for one client. One exchange with messages of
	// MaxMessage always fits. Zero means 75 and 50.
	UnverifiedShare, ClientShare int
	// MinReadRate is the least rate, in octets a second, below which a request is
	// dropped when its memory is needed. Zero means 16 KiB.
	MinReadRate int64
	// BusyTimeout limits how long a request waits for memory while it is read.
	// Zero means two seconds.
	BusyTimeout time.Duration
	// ClientAddress is the source of client addresses, for the log, the limits
	// and [ClientAddr]. Any source but the connection is believed only if one of
	// TrustedProxies has written it.
	ClientAddress  AddressSource
	TrustedProxies []netip.Prefix
	// MaxExchanges limits the exchanges in progress, and MaxClientExchanges
	// those of one client. Zero means 2048 and 512.
	MaxExchanges, MaxClientExchanges int
	// ClientRate holds the exchanges of each client address to a rate, and FailureRate
	// what an address may fail to authenticate; then its requests are answered
	// without a look at them, for the Pause of the rate. Addresses of TrustedProxies
	// are of many clients, and count in neither. Nil means no limit. An address is
	// that of IPv4, or an IPv6 /64.
	ClientRate, FailureRate *limit.Table[netip.Prefix]
	// WriteTimeout limits the writing of a reply. Zero means one minute.
	WriteTimeout time.Duration
	// StallTimeout limits how long a client may send nothing of a body that
	// passes. Zero means one minute. WriteTimeout is for each write then.
	StallTimeout time.Duration
	// IdleTimeout limits how long nothing passes on an upgraded connection. Zero
	// means two minutes.
	IdleTimeout time.Duration
	// RefusalDelay is the time from the last octet of a request of up to 128 KiB
	// to the refusal of its protection. It doubles with each doubling of the
	// size of larger requests. Zero means 50 ms.
	RefusalDelay time.Duration
	// Context returns the context for the verification of a request, derived from
	// ctx. Nil means ctx itself.
	Context func(context.Context, *http.Request) context.Context
	// Replaces is a gateway whose exchanges may be in progress still. Both count
	// together toward the limits of memory and of exchanges, which have to be the
	// same, and share a transport. Nil means that there is none.
	Replaces *Gateway
	// Transport sends requests to the backends of routes that have none of their
	// own. Nil means [NewTransport].
	Transport http.RoundTripper
}

// Route is a path, the door that admits its messages, and their backend.
type Route struct {
	// Listeners are the names of the Servers that serve the route; none means
	// all. On the others its path is answered as if there were nothing, and no
	// route of a shorter path has it.
	Listeners []string

	// Hosts are the hosts of the route, without ports, as DNS names in A-labels;
	// case makes no difference. None means all but those that another route of
	// the same path names. A path that is a route's at other hosts alone is
	// answered as if there were nothing, unless a route that names the request's
	// host has it, or one of a shorter path does.
	Hosts []string

	Name     string    // for the log; "" means Path
	Path     string    // matched exactly, without patterns
	Disabled bool      // refuse every request; needs neither Door nor Backend
	Door     door.Door // admits messages
	// HTTP admits requests of any kind, in place of Door. Path is then that of
	// all paths below it, and the longest of several wins; what is about SOAP
	// messages has no effect.
	HTTP *door.HTTP
	// Origins are those of pages whose scripts may send messages, and read the
	// replies. An HTTP door has its own.
	Origins    door.Origins
	PolicyName string // for the log, until the door has chosen among several policies

	Backend        *url.URL
	BackendTimeout time.Duration // for the whole reply; zero means 30 s
	// Transport sends requests to Backend. Nil means that of [Config].
	Transport http.RoundTripper

	// Access decides which clients are admitted, of those whose tickets are
	// accepted. Nil admits them all. An HTTP door asks [Authorize].
	Access *access.Rules

	// PrincipalRate holds the exchanges of each client, by its name@REALM, to a rate.
	// Nil means no limit.
	PrincipalRate *limit.Table[string]

	// Addresses are the values of wsa:To that messages may have; none means any.
	// RequireTo refuses a message without a protected wsa:To.
	Addresses []string
	RequireTo bool

	// TerminateAddressing ends WS-Addressing here, for a backend that knows none:
	// requests are forwarded without its header blocks, and replies to those that
	// had some get theirs. ReplyActions are the actions of replies by those of
	// requests; for others see [github.com/wssgate/wssgate/soap.ReplyAction].
	TerminateAddressing bool
	ReplyActions        map[string]string
	// RewriteTo stands in place of the address in the wsa:To that is forwarded; ""
	// leaves it as it is.
	RewriteTo string

	// Tokens are the places where the door looks for tokens, if it looks in HTTP.
	// Headers and cookies among them do not reach the backend; the query of a
	// URL never does. Where Authorization is one of them, a message without a
	// token is answered with a challenge. Nil means none.
	Tokens *location.Current

	PrincipalHeader string // HTTP header for name@REALM; "" means none
	RealmHeader     string // HTTP header for the realm; "" means none
	GroupsHeader    string // HTTP header for the SIDs of groups, separated by commas; "" means none
	// CertificateHeader is the HTTP header for the subject of the client's
	// certificate in TLS (RFC 4514), if it has one; "" means none.
	CertificateHeader string
	// AssertedHeaders are further HTTP headers by which backends know clients, which
	// Transport writes, and no client may.
	AssertedHeaders []string
	PassHeaders     []string // further HTTP headers of clients to pass

	OtherHeaders      wssec.HeaderRule // SOAP header blocks that the policy does not protect
	ForwardActors     []string         // SOAP actors and roles whose header blocks the backend gets
	UnderstoodHeaders []string         // SOAP header blocks that the backend understands in our place

	// MTOM is what becomes of messages in packages. "" means MTOMInline.
	MTOM MTOM

	// KeepUpgraded lets an upgraded connection go on when the client's ticket or
	// session ends.
	KeepUpgraded bool

	// TLSOffloaded treats plain HTTP as a protected channel, for a proxy in front
	// that ends TLS.
	TLSOffloaded bool

	// Description publishes the WSDL of the service, to anybody who asks. Nil
	// refuses that. It has no effect with HTTP.
	Description *wsdl.Publisher
	// PublicAddress is the URL of the route in its Description; "" for that of each
	// request.
	PublicAddress string
}

// Gateway is the [http.Handler] of all routes. It is safe for concurrent use.
type Gateway struct {
	cfg      Config
	budget   *budget
	releases *releases
	routes   []*route // as in Config
	sites    map[place]*site
	asserted asserted
	cookies  []string // of the HTTP doors, which no backend gets
	probes   *seldom  // of requests that are no messages, as those of load balancers
}

// New returns a [Gateway]. It fails if cfg is incomplete or contradicts itself.
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
	setDefault(&cfg.StallTimeout, time.Minute)
	setDefault(&cfg.IdleTimeout, 2*time.Minute)
	setDefault(&cfg.RefusalDelay, 50*time.Millisecond)
	if cfg.Context == nil {
		cfg.Context = func(ctx context.Context, _ *http.Request) context.Context { return ctx }
	}
	if cfg.Transport == nil && cfg.Replaces != nil {
		cfg.Transport = cfg.Replaces.cfg.Transport
	}
	if cfg.Transport == nil {
		cfg.Transport = NewTransport()
	}
	g := &Gateway{cfg: cfg, budget: newBudget(cfg.budget()), releases: newReleases(cfg.RefusalDelay),
		probes: new(seldom), asserted: assertedHeaders(cfg.Routes)}
	if old := cfg.Replaces; old != nil {
		g.budget, g.probes, g.cfg.Replaces = old.budget, old.probes, nil
	}
	if err := g.addRoutes(); err != nil {
		return nil, err
	}
	return g, nil
}

// addRoutes adds the routes of cfg. It fails if one is incomplete.
func (g *Gateway) addRoutes() error {
	for _, r := range g.cfg.Routes {
		if !r.Disabled && (r.Door == nil && r.HTTP == nil || r.Backend == nil) || g.taken(&r) {
			return fmt.Errorf("gateway: route %q needs Door, Backend and, at each host, a path of its own", r.Path)
		}
		setDefault(&r.BackendTimeout, 30*time.Second)
		setDefault(&r.Name, r.Path)
		if r.Transport == nil {
			r.Transport = g.cfg.Transport
		}
		rt, err := newRoute(r)
		if err != nil {
			return err
		}
		g.routes = append(g.routes, rt)
		if r.HTTP != nil {
			rt.Transport = streamTransport(r.Transport, r.BackendTimeout)
			if !r.Disabled {
				g.cookies = append(g.cookies, r.HTTP.Cookie())
			}
		}
	}
	g.addSites()
	return nil
}

// budget returns the limits of c in octets.
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

// ServeHTTP serves the route of the request's listener, host and path. A route of
// SOAP messages refuses every method but POST.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := misdirected(r); err != nil {
		g.refuseRequest(w, r, err)
		return
	}
	s := g.siteOf(r)
	rt, err := s.find(r.URL)
	switch {
	case s.leavesOut(s.match(r.URL.Path), r.URL.Path):
		g.refuseOutside(CodeNoRoute)(w, r)
	case err != nil:
		g.refuseRequest(w, r, err)
	case rt != nil:
		g.stream(w, r, rt)
	default:
		path := cmp.Or(r.URL.RawPath, r.URL.Path, "/")
		rt := s.exact[path]
		if of := s.metadataRoute(path); rt == nil && of != nil {
			g.serveMetadata(w, r, of)
			return
		}
		g.serveMessage(w, r, rt)
	}
}

// serveMessage serves a request for a route of SOAP messages, nil if there is
// none.
func (g *Gateway) serveMessage(w http.ResponseWriter, r *http.Request, rt *route) {
	switch {
	case rt == nil:
		g.refuseOutside(CodeNoRoute)(w, r)
	case rt.Origins.IsPreflight(r): // which reaches nothing
		rt.Origins.Answer(w, r)
	case rt.asksForDescription(r):
		g.describe(w, r, rt)
	case r.Method != http.MethodPost:
		g.refuseOutside(CodeMethod)(w, r)
	default:
		rt.Origins.Complete(w.Header(), r)
		g.serve(w, r, rt, false)
	}
}

type listenerKey struct{}

// withListener returns the context of a listener's requests, with its name.
func withListener(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, listenerKey{}, name)
}

// listenerOf returns the name of the listener that a request came by, or "".
func listenerOf(ctx context.Context) string {
	name, _ := ctx.Value(listenerKey{}).(string)
	return name
}

// refuseRequest answers a request that reaches no route for err.
func (g *Gateway) refuseRequest(w http.ResponseWriter, r *http.Request, err error) {
	x := g.begin(w, r, nil)
	defer x.linger()
	defer x.end()
	x.refuseText(err)
}

// refuseOutside returns a handler of requests that reach no route.
func (g *Gateway) refuseOutside(code Code) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x := g.begin(w, r, nil)
		defer x.linger()
		defer x.end()
		x.log.probe = isProbe(r)
		a := x.refuse(&Error{Code: code, Err: fmt.Errorf("%.20s %.200q", r.Method, r.URL.Path)})
		if code == CodeMethod {
			w.Header().Set("Allow", http.MethodPost)
		}
		x.send(a)
	}
}

// isProbe reports whether a request that reaches no route is one of those by which
// load balancers, monitors and browsers ask whether somebody is there.
func isProbe(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// NewTransport returns the default transport to backends. It takes no proxy
// from the environment, asks for no compression, and keeps connections.
func NewTransport() *http.Transport {
	return &http.Transport{
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    64,
		MaxResponseHeaderBytes: 64 << 10,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		// A usual message goes out in one write, and comes in by one read.
		WriteBufferSize:       32 << 10,
		ReadBufferSize:        32 << 10,
		ExpectContinueTimeout: time.Second,
	}
}
