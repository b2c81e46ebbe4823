package gateway

import (
	"bytes"
	"context"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// Server serves the connections of a listener, with limits on what each may
// take. Zero durations mean no limit, so set them all.
type Server struct {
	Handler http.Handler
	Name    string       // of the listener, for [Route.Listeners]
	Log     *slog.Logger // for the end, and for errors below HTTP requests

	// Certificates are nil for plain HTTP.
	Certificates   *Certificates
	MaxHeaderBytes int
	// HeaderOctets limits what of all header sections is arriving, beyond the first
	// 4 KiB of each, and half of it that of one client. One more ends the one that
	// has been arriving longest. At least two of MaxHeaderBytes fit. Zero means no
	// limit. Once a section has been read its exchange is charged for it.
	HeaderOctets    int
	HeaderTimeout   time.Duration
	ReadTimeout     time.Duration // whole request
	IdleTimeout     time.Duration
	ShutdownTimeout time.Duration // for exchanges in progress once the context ends

	// MaxConnections limits the connections, and MaxClientConnections those of one
	// client (for IPv6, one /64). Zero means no limit. Connections of
	// TrustedProxies are of many clients, and count toward MaxConnections alone.
	// With ProxyProtocol they have to begin with the PROXY protocol and count
	// toward the client that it names; other connections must not use it.
	MaxConnections, MaxClientConnections int
	TrustedProxies                       []netip.Prefix
	ProxyProtocol                        bool
	// Connections counts them together with those of other Servers. Nil: alone.
	Connections *Connections
}

// connections returns what counts the connections of s.
func (s *Server) connections() *Connections {
	if s.Connections == nil {
		s.Connections = new(Connections)
	}
	return s.Connections
}

// limited returns ln with the limits of s.
func (s *Server) limited(ln net.Listener) *connLimiter {
	shared := s.connections()
	headerOctets := s.HeaderOctets
	if headerOctets > 0 {
		headerOctets = max(headerOctets, 2*(s.MaxHeaderBytes+2*freeHeader))
	}
	return &connLimiter{
		Connections: shared, headerOctets: headerOctets, maxHeader: s.MaxHeaderBytes,
		Listener: ln, most: s.MaxConnections, perClient: s.MaxClientConnections,
		proxies: s.TrustedProxies, proxyProtocol: s.ProxyProtocol, headerTimeout: s.HeaderTimeout, log: s.Log,
	}
}

// Serve serves HTTP/1.1, and HTTP/2 over TLS, until ctx ends. Then it accepts
// no new connections, logs how many exchanges are in progress, and waits up to
// ShutdownTimeout for them. An open connection may bring one more request for
// half a second. When it returns the events have been written.
//
// It ignores "Upgrade: h2c", as RFC 9110 §7.8 allows: Java clients send it on
// every plain connection and continue in HTTP/1.1.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	running := exchanges{readTimeout: s.ReadTimeout}
	// What requests wait for goes on when ctx ends, and until they are cut off.
	base, cutOff := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cutOff(nil)
	srv := s.newHTTP(base, &running)
	limited := s.limited(ln)
	served := make(chan error, 1)
	go func() {
		if s.Certificates != nil {
			served <- srv.ServeTLS(limited, "", "")
		} else {
			served <- srv.Serve(limited)
		}
	}()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	s.Log.Info("stopping", "exchanges", running.inProgress(), "shutdown-timeout", s.ShutdownTimeout.String())
	err := s.finish(base, srv, limited, &running)
	if errors.Is(err, context.DeadlineExceeded) {
		s.Log.Warn("exchanges were cut off", "exchanges", running.inProgress(),
			"shutdown-timeout", s.ShutdownTimeout.String())
		cutOff(errShutdown)
		err = srv.Close()
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastEvents)
	defer cancel()
	running.wait(last)
	if e := <-served; !errors.Is(e, http.ErrServerClosed) && !errors.Is(e, net.ErrClosed) {
		return e
	}
	return err
}

// newHTTP returns the server of HTTP/1.1 and HTTP/2 whose exchanges running
// counts. The contexts of requests are of base.
func (s *Server) newHTTP(base context.Context, running *exchanges) *http.Server {
	srv := &http.Server{
		Handler: running.count(s.Handler),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return withConn(negotiate.ConnContext(ctx, c), c)
		},
		ConnState: changed,
		BaseContext: func(net.Listener) context.Context {
			return withListener(withCutOff(base), s.Name)
		},
		MaxHeaderBytes:    s.MaxHeaderBytes,
		ReadHeaderTimeout: s.HeaderTimeout,
		ReadTimeout:       s.ReadTimeout,
		IdleTimeout:       s.IdleTimeout,
		// What a connection may send before a handler reads it is in no budget.
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 100, MaxReceiveBufferPerConnection: 256 << 10,
			MaxReceiveBufferPerStream: 128 << 10},
		ErrorLog: log.New(&below{s.Log, &s.connections().seldom}, "", 0),
	}
	if s.Certificates != nil {
		srv.TLSConfig = s.Certificates.config()
	}
	return srv
}

// finish waits for the exchanges in progress, up to ShutdownTimeout. The error is
// context.DeadlineExceeded if some are left.
func (s *Server) finish(ctx context.Context, srv *http.Server, ln *connLimiter, running *exchanges) error {
	limit, cancel := context.WithTimeout(ctx, s.ShutdownTimeout)
	defer cancel()
	running.drain(limit, ln)
	err := srv.Shutdown(limit)
	if err == nil {
		if running.wait(limit); running.inProgress() > 0 { // on connections that Shutdown does not know any more
			err = context.DeadlineExceeded
		}
	}
	return err
}

// lastEvents is the time that exchanges have to write their events once they
// have ended or been cut off. None of them waits for anything then.
const lastEvents = 5 * time.Second

// below is the writer of a server's errors below HTTP requests, one in each call. A
// connection that cannot be taken and a TLS handshake that fails are of interest to
// an operator; the rest is at level Debug.
type below struct {
	log    *slog.Logger
	seldom *seldom
}

// What net/http writes before an address and an error, and before an error of
// Accept, after which it tries again.
const (
	handshakeError = "http: TLS handshake error from "
	acceptError    = "http: Accept error: "
)

func (b *below) Write(line []byte) (int, error) {
	text := string(bytes.TrimSpace(line))
	if cause, accept := strings.CutPrefix(text, acceptError); accept {
		b.notAccepted(cause)
		return len(line), nil
	}
	rest, handshake := bytes.CutPrefix(bytes.TrimSpace(line), []byte(handshakeError))
	client, cause, _ := bytes.Cut(rest, []byte(": "))
	if !handshake {
		b.log.Debug(text)
		return len(line), nil
	}
	peer, _ := netip.ParseAddrPort(string(client))
	if unlogged, now := b.seldom.now("handshake", plain(peer.Addr())); now {
		b.log.Info("a TLS handshake has failed", "client", string(client), "error", string(cause), "unlogged", unlogged)
	}
	return len(line), nil
}

// notAccepted logs, once a minute, that a connection cannot be taken, which is for
// lack of descriptors or memory.
func (b *below) notAccepted(cause string) {
	if unlogged, now := b.seldom.now("accept", netip.Addr{}); now {
		b.log.Error("connections cannot be taken", "error", cause, "unlogged", unlogged,
			"cure", "let the process have more open files (LimitNOFILE=, ulimit -n), or lower max-connections")
	}
}

// A seldom holds what has been logged of clients lately, so that each kind of event
// is logged once per client and minute. What it remembers is bounded: of further
// clients it takes all for one. The zero value is ready. It is safe for concurrent
// use.
type seldom struct {
	mu   sync.Mutex
	last map[occasion]*logged
}

// An occasion is what is logged once a minute.
type occasion struct {
	kind   string
	client netip.Prefix // zero: of clients for which there is no room
}

// logged is when it was, and how many have not been logged since.
type logged struct {
	at       time.Time
	unlogged int
}

const (
	// seldomEvery is the time after which the same is logged again.
	seldomEvery = time.Minute
	// maxOccasions bounds the memory of a seldom, to some 200 kB.
	maxOccasions = 1000
)

// now reports whether an event of a client is to be logged, and how many of the kind
// have not been since the last one that was.
func (s *seldom) now(kind string, client netip.Addr) (unlogged int, ok bool) {
	at := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	o := occasion{kind, clientKey(client)}
	before := s.last[o]
	if before == nil {
		if s.forget(at); len(s.last) >= maxOccasions {
			o.client = netip.Prefix{}
			before = s.last[o]
		}
	}
	switch {
	case before == nil:
		if s.last == nil {
			s.last = make(map[occasion]*logged)
		}
		s.last[o] = &logged{at: at}
		return 0, true
	case at.Sub(before.at) < seldomEvery:
		before.unlogged++
		return 0, false
	}
	unlogged = before.unlogged
	*before = logged{at: at}
	return unlogged, true
}

// forget makes room, if there is none, by what is over.
func (s *seldom) forget(now time.Time) {
	if len(s.last) < maxOccasions {
		return
	}
	for o, l := range s.last {
		if now.Sub(l.at) >= seldomEvery {
			delete(s.last, o)
		}
	}
}
