package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Server is a listener's side: what a connection may take, and for how long.
// Zero durations mean no limit, so set them all.
type Server struct {
	Handler http.Handler
	Log     *slog.Logger // for the end; and, at level Debug, for errors below HTTP requests

	TLS             *tls.Config // nil: plain HTTP
	MaxHeaderBytes  int
	HeaderTimeout   time.Duration
	ReadTimeout     time.Duration // whole request
	IdleTimeout     time.Duration
	ShutdownTimeout time.Duration // for exchanges in progress once the context ends

	// MaxConnections limits the connections, and MaxClientConnections those of one
	// client (of IPv6: one /64); 0 for no limit. Those of TrustedProxies are of many
	// clients and count in all alone, unless they tell the client by the PROXY
	// protocol, which with ProxyProtocol they have to and nobody else may.
	MaxConnections, MaxClientConnections int
	TrustedProxies                       []netip.Prefix
	ProxyProtocol                        bool
}

// limited is ln with the limits of s.
func (s *Server) limited(ln net.Listener) net.Listener {
	return &connLimiter{
		Listener: ln, most: s.MaxConnections, perClient: s.MaxClientConnections,
		proxies: s.TrustedProxies, proxyProtocol: s.ProxyProtocol, headerTimeout: s.HeaderTimeout, log: s.Log,
	}
}

// Serve serves HTTP/1.1, and HTTP/2 over TLS, until ctx ends; then no new
// request is taken and those in progress get ShutdownTimeout to finish. How many
// those are is logged at once, and when it returns their events are written.
//
// An "Upgrade: h2c" offer is ignored, as RFC 9110 §7.8 allows: Java clients
// make one on every plain connection and go on in HTTP/1.1.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	var running exchanges
	// What requests wait for goes on when ctx ends, and until they are cut off.
	base, cutOff := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cutOff(nil)
	srv := &http.Server{
		Handler:           running.count(s.Handler),
		BaseContext:       func(net.Listener) context.Context { return withEndPoints(withCutOff(base), s.TLS) },
		TLSConfig:         s.TLS,
		MaxHeaderBytes:    s.MaxHeaderBytes,
		ReadHeaderTimeout: s.HeaderTimeout,
		ReadTimeout:       s.ReadTimeout,
		IdleTimeout:       s.IdleTimeout,
		// What a connection may send before a handler reads it is in no budget.
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: 100, MaxReceiveBufferPerConnection: 256 << 10, MaxReceiveBufferPerStream: 128 << 10},
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	ln = s.limited(ln)
	served := make(chan error, 1)
	go func() {
		if s.TLS != nil {
			served <- srv.ServeTLS(ln, "", "")
		} else {
			served <- srv.Serve(ln)
		}
	}()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	s.Log.Info("stopping", "exchanges", running.inProgress(), "shutdown-timeout", s.ShutdownTimeout)
	limit, cancel := context.WithTimeout(base, s.ShutdownTimeout)
	defer cancel()
	err := srv.Shutdown(limit)
	if errors.Is(err, context.DeadlineExceeded) {
		s.Log.Warn("exchanges were cut off", "exchanges", running.inProgress(), "shutdown-timeout", s.ShutdownTimeout)
		cutOff(errShutdown)
		err = srv.Close()
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastEvents)
	defer cancel()
	running.wait(last)
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		return e
	}
	return err
}

// lastEvents is the time that exchanges have to log their events when they are
// over or have been cut off. None waits for anything then.
const lastEvents = 5 * time.Second
