package assembly

import (
	"context"
	"crypto/fips140"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"syscall"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/doctor"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/stores"
	"github.com/wssgate/wssgate/internal/systemd"
	"github.com/wssgate/wssgate/internal/telemetry"
)

// A Program is what [Serve] runs. Settings and Log are required.
type Program struct {
	Settings *config.Config
	Load     Load // at SIGHUP; nil: settings are not loaded again
	// ConfigFile is the file of Load, which is followed; "" for none.
	ConfigFile string
	Version    string // in one line
	Log        *slog.Logger
	// Level is that of Log, which the operator may set. Nil: it stays as it is.
	Level *slog.LevelVar
	// Doctor checks what the gateway needs, for the operator. Nil: nobody does.
	Doctor func(context.Context) doctor.Report
}

func (p *Program) level() *slog.LevelVar {
	if p.Level == nil {
		return new(slog.LevelVar)
	}
	return p.Level
}

// Check does what [Serve] does before it creates anything: it loads keytabs,
// policies, certificates and the files of stores.
func Check(cfg *config.Config, log *slog.Logger) error {
	for i := range cfg.Listeners {
		if _, _, err := loadTLS(cfg, i, log); err != nil {
			return err
		}
	}
	if _, err := newRelay(cfg, nil, log, nobody); err != nil {
		return err
	}
	if err := telemetry.Check(os.Getenv); err != nil {
		return refusedTraces(err)
	}
	if _, err := embeddedClient(cfg, log); err != nil {
		return err
	}
	if _, err := openAdminClients(cfg, log); err != nil {
		return err
	}
	if err := stores.Check(cfg); err != nil {
		return err
	}
	_, err := New(Config{cfg, NewKeyring(cfg, log), MemoryReplay(cfg), log, nil, nil})
	return err
}

// Serve runs the gateway until ctx ends. It checks all that can be refused, the
// addresses included, before it creates anything, so that a start that fails
// leaves nothing behind. Connections that are made meanwhile wait until it is
// ready. At SIGHUP it loads the configuration again, for what can change while it
// runs.
func Serve(ctx context.Context, p *Program) error {
	cfg, log := p.Settings, p.Log
	defer runtime.KeepAlive(floorOfHeap())
	defer onHangup(context.Background(), func() {})() // to the end: what nobody waits for kills the process
	keys := NewKeyring(cfg, log)
	if _, err := New(Config{cfg, keys, MemoryReplay(cfg), slog.New(slog.DiscardHandler), nil, nil}); err != nil {
		return err
	}
	if err := stores.Check(cfg); err != nil {
		return err
	}
	clients, err := openAdminClients(cfg, log)
	if err != nil {
		return err
	}
	tracer, flush, err := openTracer(cfg, p.Version, log)
	if err != nil {
		return err
	}
	defer flush()
	var o *Operator
	relay, err := newRelay(cfg, tracer, log, func() *Operator { return o })
	if err != nil {
		return err
	}
	client, err := embeddedClient(cfg, log)
	if err != nil {
		return err
	}
	listeners, plain, err := listenAll(cfg, keys)
	if err != nil {
		return err
	}
	defer listeners.close()
	defer plain.close()
	operator, err := openAdmin(cfg, log)
	if err != nil {
		return err
	}
	if operator != nil {
		defer operator.Close()
	}
	trail, err := openAudit(cfg, log)
	if err != nil {
		return err
	}
	defer trail.Close()
	replay, closeReplay, err := openReplay(cfg, log)
	if err != nil {
		return err
	}
	defer closeReplay()
	if replay.stores, err = stores.Open(cfg, log); err != nil {
		return err
	}
	defer replay.stores.Close()
	replay.stores.Wait(ctx)
	defer limitMemory(cfg, replay)()
	o = newOperator(p, keys, replay, watchers{trail, tracer, clients})
	r, err := newReloader(p, Config{cfg, keys, replay, log, o, nil}, relay)
	if err != nil {
		return err
	}
	defer keys.Watch(ctx)()
	defer r.watch(ctx)()
	defer clients.watch(ctx)()
	defer followAudit(ctx, trail, log)()
	logRoutes(cfg, keys, log)
	logRelay(cfg, plain, log)
	stores.Log(cfg, log)
	log.Info("memory", "max-in-flight", cfg.MaxInFlight.String(), "token-cache", cfg.TokenCache.String(),
		"replay-memory", cfg.ReplayMemory.String(), "replay-records", 2*replayEntries(cfg))
	if fips140.Enabled() {
		log.Info("FIPS 140-3 mode", "module", fips140.Version(), "enforced", fips140.Enforced())
	}
	for _, l := range listeners {
		log.Info("serving", "listen", l.Addr().String(), "tls", l.tls != nil, "listener", l.name, "version", p.Version)
	}
	defer plain.start(ctx, relay, log)()
	defer o.serveAdmin(ctx, operator, log)()
	defer o.tellSystemd(ctx, log)()
	err = listeners.serve(ctx, newServer(cfg, withRelay(cfg, relay, tracer, client, r), log))
	log.Info("stopped")
	return err
}

// logRoutes logs each route with what it is for.
func logRoutes(cfg *config.Config, keys *Keyring, log *slog.Logger) {
	for i, r := range cfg.Routes {
		on, service, backend := strings.Join(r.OnListeners, ", "), keys.serviceOf(i), withoutUsers(r.Backend)
		if !r.BackendPolicy.IsZero() {
			log.Info("secured backend", "path", r.Name(), "backend-policy", r.BackendPolicy.String(),
				"backend-service", r.BackendService, "backend-credential", r.BackendCredential)
		}
		switch r.Standard {
		case config.StandardNone:
			log.Info("route", "path", r.Name(), "standard", r.Standard, "backend", backend, "on-listeners", on)
		case config.StandardHTTP:
			log.Info("route", "path", r.Name(), "standard", r.Standard, "service", service,
				"principal-header", r.PrincipalHeader, "session-lifetime", r.SessionLifetime.String(), "backend", backend,
				"on-listeners", on)
		default:
			policy, header := r.Policy.String(), r.PrincipalHeader
			if r.Shadow {
				policy, header = "shadow of "+policy, ""
			}
			log.Info("route", "path", r.Name(), "policy", policy, "service", service,
				"principal-header", header, "backend", backend, "on-listeners", on)
		}
	}
}

// headerShare is the part of max-in-flight, one in so many, for the octets of
// header sections that are arriving. Once they are read they can take sixteen
// times as much.
const headerShare = 64

// newServer returns the server of a handler, with the limits of the
// configuration, for each listener.
func newServer(cfg *config.Config, h http.Handler, log *slog.Logger) gateway.Server {
	return gateway.Server{
		Handler: h, Log: log, MaxHeaderBytes: int(cfg.MaxHeaders), HeaderOctets: int(cfg.MaxInFlight / headerShare),
		HeaderTimeout: cfg.HeaderTimeout, ReadTimeout: cfg.ReadTimeout,
		IdleTimeout: cfg.IdleTimeout, ShutdownTimeout: cfg.ShutdownTimeout,
		MaxConnections: cfg.MaxConnections, MaxClientConnections: cfg.MaxClientConnections,
		TrustedProxies: cfg.Proxies(), ProxyProtocol: cfg.ClientAddress == string(gateway.FromProxyProtocol),
		Connections: new(gateway.Connections),
	}
}

// A listener is one that is open, and waits to be served.
type listener struct {
	net.Listener
	name string
	tls  *gateway.Certificates // nil for plain HTTP
}

type listeners []listener

// listenAll opens all addresses of a configuration, or none: those of HTTP, and
// those at which the relay is reached without it.
func listenAll(cfg *config.Config, keys *Keyring) (listeners, *relayListener, error) {
	all, err := listen(cfg, keys)
	if err != nil {
		return nil, nil, err
	}
	plain, err := listenRelay(cfg)
	if err != nil {
		all.close()
		return nil, nil, err
	}
	return all, plain, nil
}

// listen opens the listeners of a configuration: all, or none.
func listen(cfg *config.Config, keys *Keyring) (all listeners, err error) {
	defer func() {
		if err != nil {
			all.close()
		}
	}()
	for i, l := range cfg.Listeners {
		tls, err := keys.certificates(i)
		if err != nil {
			return all, err
		}
		ln, err := open(&l)
		if err != nil {
			return all, cfg.RefuseListener(i, "listen", err.Error(), listenCure(err))
		}
		all = append(all, listener{ln, l.Name, tls})
	}
	return all, nil
}

// open opens a listener, or takes the socket that systemd passes for it.
func open(l *config.Listener) (net.Listener, error) {
	if name, passed := l.Passed(); passed {
		return systemd.Listener(name)
	}
	return net.Listen("tcp", l.Listen)
}

func (all listeners) close() {
	for _, l := range all {
		_ = l.Close()
	}
}

// serve serves all listeners like s until ctx ends, or one of them fails. It
// returns the first error.
func (all listeners) serve(ctx context.Context, s gateway.Server) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(all))
	for _, l := range all {
		server := s
		server.Name, server.Certificates = l.name, l.tls
		go func() { ended <- server.Serve(ctx, l) }()
	}
	for range all {
		if e := <-ended; err == nil {
			err = e
		}
		cancel()
	}
	return err
}

func listenCure(err error) string {
	switch {
	case errors.Is(err, systemd.ErrNoSocket):
		return "write a socket unit with ListenStream= and FileDescriptorName=, and start the service by it"
	case errors.Is(err, syscall.EADDRINUSE):
		return "stop the process that listens there, or give another address"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "give an address that this machine has"
	case errors.Is(err, fs.ErrPermission):
		return "give another address, or let the process open it: a port below 1024 needs CAP_NET_BIND_SERVICE"
	case errors.Is(err, fs.ErrNotExist):
		return "make the folder of the socket, or give another address"
	}
	return ""
}
