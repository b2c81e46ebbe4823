package assembly

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"syscall"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
)

// Check does all of [Serve] that leaves no trace: keytabs, policies and
// certificate are loaded.
func Check(cfg *config.Config, log *slog.Logger) error {
	if _, err := tlsConfig(cfg, log); err != nil {
		return err
	}
	_, err := New(Config{cfg, NewKeyring(cfg, log), MemoryReplay(cfg), log})
	return err
}

// heapFloor is the size of an allocation that is never touched, so that it
// costs address space and no memory. With it the collector counts from 64 MB on
// instead of running every few milliseconds for the few megabytes that messages
// of a usual size leave alive; that was a quarter of the time of an exchange of
// 6 kB.
const heapFloor = 64 << 20

// Serve runs the gateway until ctx ends. It looks at all that can be refused,
// the address included, before it makes anything: a start that fails leaves
// nothing behind. Whoever connects meanwhile waits, and finds a gateway that is
// ready.
func Serve(ctx context.Context, cfg *config.Config, version string, log *slog.Logger) error {
	defer runtime.KeepAlive(make([]byte, heapFloor))
	keys := NewKeyring(cfg, log)
	if _, err := New(Config{cfg, keys, MemoryReplay(cfg), slog.New(slog.DiscardHandler)}); err != nil {
		return err
	}
	tls, err := tlsConfig(cfg, log)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return cfg.Refuse(-1, "listen", err.Error(), listenCure(err))
	}
	defer ln.Close()
	replay, closeReplay, err := openReplay(cfg, log)
	if err != nil {
		return err
	}
	defer closeReplay()
	defer limitMemory(cfg, replay)()
	g, err := New(Config{cfg, keys, replay, log})
	if err != nil {
		return err
	}
	defer keys.Watch(ctx)()
	for _, r := range cfg.Routes {
		if r.Standard == config.StandardNone {
			log.Info("route", "path", r.Path, "standard", r.Standard)
			continue
		}
		log.Info("route", "path", r.Path, "policy", r.Policy.String(), "service", cmp.Or(r.Service, r.KerberosService), "principal-header", r.PrincipalHeader)
	}
	log.Info("memory", "max-in-flight", cfg.MaxInFlight.String(), "token-cache", cfg.TokenCache.String(), "replay-memory", cfg.ReplayMemory.String(),
		"replay-records", 2*replayEntries(cfg))
	log.Info("serving", "listen", ln.Addr().String(), "tls", tls != nil, "version", version,
		"note", "one node: replay records and remembered tickets are not shared with other processes")
	server := &gateway.Server{
		Handler: g, Log: log, TLS: tls, MaxHeaderBytes: int(cfg.MaxHeaders),
		HeaderTimeout: cfg.HeaderTimeout, ReadTimeout: cfg.ReadTimeout,
		IdleTimeout: cfg.IdleTimeout, ShutdownTimeout: cfg.ShutdownTimeout,
		MaxConnections: cfg.MaxConnections, MaxClientConnections: cfg.MaxClientConnections,
		TrustedProxies: cfg.Proxies(), ProxyProtocol: cfg.ClientAddress == string(gateway.FromProxyProtocol),
	}
	err = server.Serve(ctx, ln)
	log.Info("stopped")
	return err
}

func listenCure(err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return "stop what listens there, or give another --listen"
	}
	return ""
}
