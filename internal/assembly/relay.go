package assembly

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/wssgate/wssgate/internal/browser"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/telemetry"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/kdcproxy"
)

// newRelay returns the KDC relay of a configuration, nil if it has none. Its requests
// are traced by t, but for those of HTTP. The operator that whose returns is told of
// requests to KDCs.
func newRelay(
	cfg *config.Config, t *telemetry.Tracer, log *slog.Logger, whose func() *Operator,
) (*kdcproxy.Relay, error) {
	if !cfg.Relays() {
		return nil, nil
	}
	conf, err := relayKrb5Conf(cfg)
	if err != nil {
		return nil, err
	}
	rc := kdcproxy.Config{
		Realms: relayRealms(cfg), Krb5Conf: conf, LookUp: cfg.KDCDNS, Timeout: cfg.KDCTimeout, IdleTimeout: cfg.IdleTimeout,
		ClientRate: cfg.KDCClientRate, RealmRate: cfg.KDCRealmRate, Origins: cfg.KDCOrigins,
		MaxConnections: cfg.MaxConnections, MaxClientConnections: cfg.MaxClientConnections,
		MaxExchanges: cfg.MaxConnections, MaxClientExchanges: cfg.MaxClientConnections,
		ClientAddr: gateway.ClientAddressOf(gateway.AddressSource(cfg.ClientAddress), cfg.Proxies()),
		Report:     func(e kdcproxy.Event) { logRelayed(log, e) }, Begun: tracedRelay(t),
		Asked: func(ctx context.Context, realm string, began time.Time, err error) {
			whose().asked(ctx, askedByRelay, realm, began, err)
		},
	}
	relay, err := kdcproxy.New(rc)
	if err != nil {
		return nil, refuseRealms(cfg, err)
	}
	return relay, nil
}

// RelayKDCs returns the KDCs that the relay of a configuration asks for a realm,
// in its order.
func RelayKDCs(ctx context.Context, cfg *config.Config, realm string) ([]kdc.Address, error) {
	relay, err := newRelay(cfg, nil, slog.New(slog.DiscardHandler), nobody)
	if err != nil {
		return nil, err
	}
	defer relay.Close()
	return relay.KDCs(ctx, realm)
}

func refuseRealms(cfg *config.Config, err error) error {
	return cfg.Refuse(-1, "kdc-realms", err.Error(), "see kdc-servers, kdc-password-servers, kdc-krb5-conf and kdc-dns")
}

// relayRealms returns the realms of a configuration.
func relayRealms(cfg *config.Config) (list []kdcproxy.Realm) {
	for _, r := range cfg.RelayedRealms() {
		list = append(list,
			kdcproxy.Realm{Name: r.Name, Aliases: r.Aliases, KDCs: r.Servers, PasswordServers: r.PasswordServers})
	}
	return list
}

// A relayReloader applies changes to a running relay: the realms and where their
// servers are.
type relayReloader struct {
	relay   *kdcproxy.Relay // nil for none
	running *config.Config
	load    Load // nil: the krb5.conf is read again, and nothing else
	log     *slog.Logger
}

// watch applies changes at SIGHUP until ctx ends, as [reloader.watch] does.
func (r *relayReloader) watch(ctx context.Context) (stop func()) {
	if r.relay == nil {
		return func() {}
	}
	return onHangup(ctx, r.reload)
}

// reload applies a changed configuration and krb5.conf whole, or not at all.
func (r *relayReloader) reload() {
	if err := r.apply(); err != nil {
		r.log.Error("kdc relay not reloaded; the running realms stay in use", "error", err.Error())
		return
	}
	r.log.Info("kdc relay reloaded", "realms", r.running.KDCRealms)
}

func (r *relayReloader) apply() error {
	next := r.running
	if r.load != nil {
		var err error
		if next, err = r.load(); err != nil {
			return err
		}
		if err := r.running.ChangedRelay(next); err != nil {
			return err
		}
	}
	if err := applyRelay(r.relay, next); err != nil {
		return err
	}
	r.running = next
	return nil
}

// applyRelay makes the realms of a relay those of a configuration, and of the
// krb5.conf as it is now.
func applyRelay(relay *kdcproxy.Relay, next *config.Config) error {
	if relay == nil {
		return nil
	}
	conf, err := relayKrb5Conf(next)
	if err != nil {
		return err
	}
	if err := relay.SetRealms(relayRealms(next), conf, next.KDCDNS); err != nil {
		return refuseRealms(next, err)
	}
	return nil
}

// relayKrb5Conf returns the text of the krb5.conf files. Only files that the
// operator names have to be there.
func relayKrb5Conf(cfg *config.Config) (string, error) {
	return readKrb5Conf(cfg, "kdc-krb5-conf", cfg.KDCKrb5Conf)
}

// logRelayed writes the event of a request. Names in it are the client's own
// words.
func logRelayed(log *slog.Logger, e kdcproxy.Event) {
	level := slog.LevelInfo
	if e.Err != nil {
		level = slog.LevelWarn
	}
	client := ""
	if e.Client.IsValid() {
		client = e.Client.String()
	}
	attrs := []slog.Attr{
		slog.String("code", string(e.Code)), slog.String("via", string(e.Via)), slog.String("client", client),
		slog.String("request", string(e.Kind)), slog.String("realm", e.Realm), slog.String("principal", e.Principal),
		slog.String("service", e.Service), slog.String("kdc", e.Server),
		slog.Int("bytes_in", e.BytesIn), slog.Int("bytes_out", e.BytesOut), slog.Int64("total_ns", int64(e.Duration)),
	}
	if e.Skipped > 0 {
		attrs = append(attrs, slog.Int("skipped", e.Skipped))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	log.LogAttrs(context.Background(), level, "relay", attrs...)
}

// newBrowserClient returns the handler of the browser client, nil if it is not to
// be served.
func newBrowserClient(cfg *config.Config, files func() (*browser.Files, error)) (http.Handler, error) {
	if cfg.BrowserClient == "" {
		return nil, nil
	}
	all, err := files()
	if errors.Is(err, browser.ErrNotBuilt) {
		return nil, cfg.Refuse(-1, "browser-client", err.Error(), browser.Cure)
	} else if err != nil {
		return nil, err
	}
	return all.Handler(cfg.BrowserClient, cfg.KDCOrigins), nil
}

// embeddedClient returns the handler of the browser client that is in the program, nil
// if it is not to be served.
func embeddedClient(cfg *config.Config, log *slog.Logger) (http.Handler, error) {
	client, err := newBrowserClient(cfg, browser.Embedded)
	if client != nil {
		warnOfClientWithoutTLS(cfg, log)
	}
	return client, err
}

// warnOfClientWithoutTLS warns of a browser client that anybody on the way can
// replace by one that keeps passwords.
func warnOfClientWithoutTLS(cfg *config.Config, log *slog.Logger) {
	plain := func(l config.Listener) bool { return l.TLSCert == "" }
	offloaded := func(r config.Route) bool { return r.TLSOffloaded }
	open := slices.ContainsFunc(cfg.Listeners, plain) && !slices.ContainsFunc(cfg.Routes, offloaded)
	if cfg.BrowserClient == "" || !open {
		return
	}
	log.Warn("nothing protects the browser client on its way: whoever is in between can send pages another one, "+
		"which gets their users' passwords", "browser-client", cfg.BrowserClient,
		"cure", "give tls-cert and tls-key, or have a proxy in front end TLS")
}

// BesideRelay returns a handler with the relay of a configuration, and these files
// of the browser client, before next. Done ends the relay.
func BesideRelay(cfg *config.Config, files *browser.Files, next http.Handler, log *slog.Logger) (
	h http.Handler, done func(), err error) {
	client, err := newBrowserClient(cfg, func() (*browser.Files, error) { return files, nil })
	if err != nil {
		return nil, nil, err
	}
	relay, err := newRelay(cfg, nil, log, nobody)
	if err != nil {
		return nil, nil, err
	}
	return withRelay(cfg, relay, nil, client, next), relay.Close, nil
}

// withRelay returns a handler with the paths of the relay and of the browser client,
// which may be nil, before next.
func withRelay(
	cfg *config.Config, relay *kdcproxy.Relay, t *telemetry.Tracer, client, next http.Handler,
) http.Handler {
	if relay == nil {
		return next
	}
	paths := map[string]http.Handler{}
	if cfg.KDCProxyPath != "" {
		paths[cfg.KDCProxyPath] = traced(t, cfg.KDCProxyPath, relay.Proxy())
	}
	if cfg.KDCWebSocketPath != "" {
		paths[cfg.KDCWebSocketPath] = relay.WebSocket()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h, ok := paths[r.URL.Path]; ok {
			h.ServeHTTP(w, r)
		} else if client != nil && strings.HasPrefix(r.URL.Path, cfg.BrowserClient+"/") {
			client.ServeHTTP(w, r)
		} else {
			next.ServeHTTP(w, r)
		}
	})
}

// A relayListener is the address for plain TCP and UDP.
type relayListener struct {
	tcp net.Listener
	udp net.PacketConn
}

// listenRelay listens at kdc-listen, by TCP and UDP. It returns nil if there is
// none.
func listenRelay(cfg *config.Config) (*relayListener, error) {
	if cfg.KDCListen == "" {
		return nil, nil
	}
	refuse := func(err error) error { return cfg.Refuse(-1, "kdc-listen", err.Error(), listenCure(err)) }
	tcp, err := net.Listen("tcp", cfg.KDCListen)
	if err != nil {
		return nil, refuse(err)
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		tcp.Close()
		return nil, refuse(err)
	}
	return &relayListener{tcp, udp}, nil
}

func (l *relayListener) close() {
	if l != nil {
		l.tcp.Close()
		l.udp.Close()
	}
}

// start serves the listener, and ends the relay when ctx does. The function that
// it returns waits for that.
func (l *relayListener) start(ctx context.Context, relay *kdcproxy.Relay, log *slog.Logger) (wait func()) {
	if relay == nil {
		return func() {}
	}
	if l != nil {
		for network, serve := range map[string]func() error{
			"tcp": func() error { return relay.ServeTCP(l.tcp) }, "udp": func() error { return relay.ServeUDP(l.udp) },
		} {
			go func() {
				if err := serve(); err != nil {
					log.Error("kdc-listen ends", "network", network, "error", err.Error())
				}
			}()
		}
	}
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	go logProbe(ctx, relay, log)
	context.AfterFunc(ctx, func() { relay.Close(); close(ended) })
	return func() { cancel(); <-ended }
}

// logProbe warns of realms none of whose KDCs answers.
func logProbe(ctx context.Context, relay *kdcproxy.Relay, log *slog.Logger) {
	for _, p := range relay.Probe(ctx) {
		if p.Err != nil && ctx.Err() == nil {
			log.Warn("no KDC of a relayed realm answers", "realm", p.Realm, "error", p.Err.Error(),
				"cure", "see kdc-servers, kdc-krb5-conf and kdc-dns; requests for the realm are answered 503 until one does")
		}
	}
}

// logRelay logs what is relayed, and where.
func logRelay(cfg *config.Config, l *relayListener, log *slog.Logger) {
	if !cfg.Relays() {
		return
	}
	listen := ""
	if l != nil {
		listen = l.tcp.Addr().String()
	}
	log.Info("kdc relay", "kdc-proxy-path", cfg.KDCProxyPath, "kdc-websocket-path", cfg.KDCWebSocketPath,
		"kdc-listen", listen, "realms", cfg.KDCRealms, "browser-client", cfg.BrowserClient)
}

// CheckRelay does what [ServeRelay] does before it listens.
func CheckRelay(cfg *config.Config, log *slog.Logger) error {
	if _, _, err := loadTLS(cfg, 0, log); err != nil {
		return err
	}
	if _, err := embeddedClient(cfg, log); err != nil {
		return err
	}
	if err := telemetry.Check(os.Getenv); err != nil {
		return refusedTraces(err)
	}
	_, err := newRelay(cfg, nil, log, nobody)
	return err
}

// nobody is the operator of a relay without one.
func nobody() *Operator { return nil }

// ServeRelay relays requests to KDCs, and nothing else, until ctx ends. At SIGHUP
// it loads the configuration and the krb5.conf again, for the realms.
func ServeRelay(ctx context.Context, cfg *config.Config, load Load, version string, log *slog.Logger) error {
	defer runtime.KeepAlive(floorOfHeap())
	tracer, flush, err := openTracer(cfg, version, log)
	if err != nil {
		return err
	}
	defer flush()
	relay, err := newRelay(cfg, tracer, log, nobody)
	if err != nil {
		return err
	}
	defer relay.Close()
	client, err := embeddedClient(cfg, log)
	if err != nil {
		return err
	}
	keys := NewKeyring(cfg, log)
	listeners, plain, err := listenAll(cfg, keys)
	if err != nil {
		return err
	}
	defer listeners.close()
	defer plain.close()
	defer keys.Watch(ctx)()
	defer (&relayReloader{relay, cfg, load, log}).watch(ctx)()
	logRelay(cfg, plain, log)
	for _, l := range listeners {
		log.Info("serving", "listen", l.Addr().String(), "tls", l.tls != nil, "version", version)
	}
	defer plain.start(ctx, relay, log)()
	err = listeners.serve(ctx, newServer(cfg, withRelay(cfg, relay, tracer, client, http.NotFoundHandler()), log))
	log.Info("stopped")
	return err
}
