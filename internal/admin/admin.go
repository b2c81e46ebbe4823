package admin

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wssgate/wssgate/internal/doctor"
	"github.com/wssgate/wssgate/internal/gateway"
)

// Config configures an [Admin]. Version and Level are required. Functions are
// called while a request is answered, by several goroutines; nil means that there
// is nothing of the kind.
type Config struct {
	Version string         // of the program, in one line
	Level   *slog.LevelVar // of the log
	Log     *slog.Logger   // of failed scrapes and changes of the level; nil discards
	Routes  []Route

	// Hosts are the names by which requests may come, beside IP addresses and
	// localhost.
	Hosts []string
	// ShowPrincipals shows the names of clients.
	ShowPrincipals bool

	// Protect authenticates and authorizes the clients of a handler, and puts them
	// into the context of requests ([negotiate.FromRequestContext]). It is called
	// once, for all paths but /healthz, /readyz and /metrics. Nil asks nobody.
	Protect func(http.Handler) http.Handler

	Use   func() gateway.Use // of the limits
	Keys  func() []KeyFile   // keytabs and password files
	State func() State       // of the stores
	// Backends are those of all routes, each route's together.
	Backends func() []Backend
	// Configuration is the file with the settings.
	Configuration func() Configuration
	// Traces are how many spans the collector has taken, and how many are lost.
	Traces func() (sent, lost uint64)
	// JWKS returns the public keys of assertions as a JWK Set, nil if there are
	// none.
	JWKS    func() []byte
	Unready func() []string // why no requests should come, in words
	Doctor  func(context.Context) doctor.Report
	Explain func(code string) (cause, cure string) // of the catalogue
	Now     func() time.Time                       // nil means time.Now
}

// A Route is what the page says of a route.
type Route struct {
	Name     string // as in [gateway.Record]
	Standard string // soap, spnego-http or none
	Policy   string // in words
	Service  string // principal; "" for standard none
	Backend  string // without user and password
	KeyFile  string // its path; "" for standard none
	Disabled bool
	Shadow   bool // nothing is enforced
}

// A KeyFile is a file with the keys of services.
type KeyFile struct {
	Path    string
	Taken   time.Time // when the file in use was read
	Failing string    // why the file as it is now is not used; "" if it is
	Keys    []Key
}

// A Key is the newest key of a principal and encryption type.
type Key struct {
	Principal string
	Etype     string
	Kvno      uint32
	Made      time.Time // zero if the file does not say
}

// A Backend is one of a route's backends.
type Backend struct {
	Route string // its Name
	Name  string // as in the log
	Out   bool   // it gets no requests, but for those that try it
}

// Configuration is the state of the settings.
type Configuration struct {
	File    string    // "" if there is none
	Loaded  time.Time // when those in force were loaded
	Failing string    // why they are not those of the file as it is now; "" if they are
}

// State is how much the stores hold.
type State struct {
	Contexts, Negotiations int // security contexts and HTTP sessions; half-open negotiations
	TicketRecords          int // replay records of authenticators
	MessageRecords         int // and of signatures
	Connections            int
}

// An Admin is the operator's side of one gateway. Its methods are safe for
// concurrent use.
type Admin struct {
	cfg      Config
	metrics  *metrics
	recent   *recent
	begun    time.Time
	routes   atomic.Pointer[[]Route]
	draining atomic.Bool
	checking chan struct{} // holds one: the doctor is at work
}

// New returns an [Admin] that has seen no exchange.
func New(cfg Config) *Admin {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	a := &Admin{cfg: cfg, recent: newRecent(cfg.Routes), begun: cfg.Now(), checking: make(chan struct{}, 1)}
	a.routes.Store(&cfg.Routes)
	a.metrics = newMetrics(a)
	return a
}

// Observe counts an exchange. It is for [gateway.Config].
func (a *Admin) Observe(r *gateway.Record) {
	a.metrics.observe(r)
	a.recent.observe(r, a.cfg.Now())
}

// SetRoutes replaces the routes of [Config].
func (a *Admin) SetRoutes(routes []Route) {
	a.routes.Store(&routes)
	a.recent.setRoutes(routes)
}

// Drain makes /readyz say that the process is about to end.
func (a *Admin) Drain() { a.draining.Store(true) }

// Handler returns the handler of all paths.
func (a *Admin) Handler() http.Handler {
	open, mux := http.NewServeMux(), http.NewServeMux()
	open.HandleFunc("GET /healthz", a.healthz)
	open.HandleFunc("GET /readyz", a.readyz)
	open.Handle("GET /metrics", a.metrics.handler())
	mux.HandleFunc("GET /{$}", a.page)
	mux.HandleFunc("GET /page.css", serveStyle)
	mux.HandleFunc("GET /jwks", a.jwks)
	mux.HandleFunc("GET /log-level", a.level)
	mux.HandleFunc("PUT /log-level", a.setLevel)
	mux.HandleFunc("POST /doctor", a.doctor)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", http.NotFound) // flags may have what is nobody's business
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	protected := http.NewCrossOriginProtection().Handler(mux)
	if a.cfg.Protect != nil {
		protected = a.cfg.Protect(protected)
	}
	open.Handle("/", protected)
	return a.guard(open)
}

// guard refuses requests that come by a name that is not ours, and those of other
// sites' pages for profiles, which take the time of all processors for minutes and
// need no form. It sets what all answers have.
func (a *Admin) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.isHost(r.Host) {
			http.Error(w, "this name is not among admin-hosts", http.StatusMisdirectedRequest)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/debug/") && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
			http.Error(w, "profiles are not for the pages of other sites", http.StatusForbidden)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; "+
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}

// isHost reports whether a request with this Host is answered: a name that another
// site's page can point at this address is none of them.
func (a *Admin) isHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	return name == "" || name == "localhost" || net.ParseIP(name) != nil ||
		slices.ContainsFunc(a.cfg.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}
