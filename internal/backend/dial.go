package backend

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// pingAfter is how long a connection of HTTP/2 is silent before the other end is
// asked for a sign of life, and how long that has.
const pingAfter = 15 * time.Second

// newTransport returns the transport of a target. Each has its own, so that
// connections of two are never taken for one another.
func (s *Set) newTransport(t Target) *http.Transport {
	own := s.cfg.Transport.Clone()
	own.Proxy = nil
	own.ResponseHeaderTimeout = s.cfg.ResponseTimeout
	own.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingAfter}
	d := dialer{target: t, timeout: s.cfg.ConnectTimeout}
	own.DialContext = d.dialPlain
	own.DialTLSContext = d.dialTLS
	return own
}

// A dialer makes the connections of a target.
type dialer struct {
	target  Target
	timeout time.Duration
}

func (d dialer) dialPlain(ctx context.Context, _, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	c, err := d.connect(ctx, address)
	if err != nil {
		return nil, d.failed(err)
	}
	return &conn{Conn: c}, nil
}

func (d dialer) connect(ctx context.Context, address string) (net.Conn, error) {
	network := "tcp"
	if d.target.Socket != "" {
		network, address = "unix", d.target.Socket
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// dialTLS returns a connection over TLS. One of HTTP/2 is a [tls.Conn], by which
// net/http recognizes it.
func (d dialer) dialTLS(ctx context.Context, _, address string) (net.Conn, error) {
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok {
		return nil, errors.New("backend: a connection that no attempt asked for")
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	raw, err := d.connect(ctx, address)
	if err != nil {
		return nil, d.failed(err)
	}
	config := a.tlsConfig()
	if config.ServerName == "" {
		config.ServerName = hostname(address)
	}
	secure := tls.Client(raw, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, d.failed(err)
	}
	if secure.ConnectionState().NegotiatedProtocol == "h2" {
		return secure, nil
	}
	return &conn{Conn: secure}, nil
}

func hostname(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

// failed returns the error of a connection that did not come about.
func (d dialer) failed(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return &dialError{text: fmt.Sprintf("no connection within %v", d.timeout)}
	}
	return &dialError{text: err.Error(), err: err}
}

// A dialError is a connection that did not come about, so that nothing was sent.
type dialError struct {
	text string
	err  error // nil for one that took too long, which is not the request's time
}

func (e *dialError) Error() string { return e.text }
func (e *dialError) Unwrap() error { return e.err }

// A conn counts the octets that are sent by a connection of HTTP/1.1, under TLS
// those inside.
type conn struct {
	net.Conn
	sent atomic.Int64
}

// Write implements [io.Writer].
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.sent.Add(int64(n))
	return n, err
}

// CloseWrite closes the half of an upgraded connection.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
