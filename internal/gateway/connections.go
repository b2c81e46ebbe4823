package gateway

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"
)

// A connLimiter is a listener that holds the number of connections below its
// limits, in all and for each client. Whose a connection is may only be known when
// its first octets, the PROXY protocol's, have been read; that is done by whoever
// reads from it first, so that a proxy that says nothing keeps nobody waiting.
type connLimiter struct {
	net.Listener
	most, perClient int // 0 for no limit
	proxies         []netip.Prefix
	proxyProtocol   bool          // proxies, and nobody else, speak it
	headerTimeout   time.Duration // for its header
	log             *slog.Logger

	mu      sync.Mutex
	n       int
	clients map[netip.Prefix]int
	refused int       // since told
	told    time.Time // when the log was told of refused ones
	bare    time.Time // when it was told of proxies without their header
}

// Accept gives the next connection that there is room for, and closes others.
func (l *connLimiter) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if !l.enter() {
			_ = c.Close()
			continue
		}
		return l.wrap(c), nil
	}
}

// wrap makes c one that counts.
func (l *connLimiter) wrap(c net.Conn) *countedConn {
	peer := c.RemoteAddr()
	if !l.proxyProtocol || !trusts(l.proxies, addrOf(peer)) {
		return &countedConn{Conn: c, peer: peer, limiter: l}
	}
	p := &proxyConn{heard: &heardConn{Conn: c}}
	// Required: a proxy that leaves its header out would let clients write one.
	p.Conn = proxyproto.NewConn(p.heard, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.SetReadHeaderTimeout(l.headerTimeout))
	return &countedConn{Conn: p, peer: peer, limiter: l, proxy: p}
}

// A proxyConn is a connection from a proxy that has to begin it with the PROXY
// protocol.
type proxyConn struct {
	*proxyproto.Conn
	heard *heardConn
}

// bare reports whether it began with something else. A connection on which nothing
// came, as those of some health checks, did not.
func (p *proxyConn) bare() bool { return p.heard.any && p.ProxyHeader() == nil }

// A heardConn knows whether anything came.
type heardConn struct {
	net.Conn
	any bool
}

func (c *heardConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.any = c.any || n > 0
	return n, err
}

func addrOf(a net.Addr) netip.Addr {
	peer, _ := netip.ParseAddrPort(a.String())
	return plain(peer.Addr())
}

func (l *connLimiter) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.most > 0 && l.n >= l.most {
		l.tell("max-connections", "")
		return false
	}
	l.n++
	return true
}

// admit counts a connection of the client at a. Trusted proxies have those of many
// clients.
func (l *connLimiter) admit(a netip.Addr) (key netip.Prefix, ok bool) {
	if l.perClient == 0 || !a.IsValid() || trusts(l.proxies, a) {
		return netip.Prefix{}, true
	}
	key = clientKey(a)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.clients[key] >= l.perClient {
		l.tell("max-client-connections", key.String())
		return netip.Prefix{}, false
	}
	if l.clients == nil {
		l.clients = make(map[netip.Prefix]int)
	}
	l.clients[key]++
	return key, true
}

// tell logs that connections are refused, once a minute.
func (l *connLimiter) tell(limit, client string) {
	if l.refused++; time.Since(l.told) < time.Minute {
		return
	}
	l.log.Warn("connections are refused", "limit", limit, "client", client, "refused", l.refused, "connections", l.n)
	l.refused, l.told = 0, time.Now()
}

// tellBare logs that a proxy does not speak the PROXY protocol, once a minute.
func (l *connLimiter) tellBare(proxy net.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.bare) < time.Minute {
		return
	}
	l.bare = time.Now()
	l.log.Warn("a connection from a trusted proxy is closed: it does not begin with the PROXY protocol", "proxy", proxy.String(),
		"cure", "turn the protocol on in the proxy, or say in client-address how else it tells the client")
}

func (l *connLimiter) leave(key netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n--
	if !key.IsValid() {
		return
	}
	if l.clients[key]--; l.clients[key] == 0 {
		delete(l.clients, key)
	}
}

// A countedConn is a connection that a connLimiter counts until it is closed.
type countedConn struct {
	net.Conn
	peer    net.Addr // the other end, whatever the PROXY protocol says
	limiter *connLimiter
	proxy   *proxyConn // Conn, if it has to begin with the PROXY protocol

	once    sync.Once
	refused bool

	mu     sync.Mutex
	key    netip.Prefix
	closed bool
}

// RemoteAddr gives the client's address, or that of the proxy where it told none of IP:
// its health checks, and clients of its own machine that it has from a Unix socket.
func (c *countedConn) RemoteAddr() net.Addr {
	if client := c.Conn.RemoteAddr(); addrOf(client).IsValid() {
		return client
	}
	return c.peer
}

// Read admits the connection first.
func (c *countedConn) Read(b []byte) (int, error) {
	c.once.Do(c.admit)
	if c.refused {
		return 0, io.EOF
	}
	n, err := c.Conn.Read(b)
	if err != nil && c.proxy != nil && c.proxy.bare() {
		c.limiter.tellBare(c.peer)
	}
	return n, err
}

func (c *countedConn) admit() {
	key, ok := c.limiter.admit(addrOf(c.RemoteAddr()))
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !ok:
		c.refused = true
	case c.closed && key.IsValid(): // leave has been called without it
		c.limiter.mu.Lock()
		c.limiter.n++
		c.limiter.mu.Unlock()
		c.limiter.leave(key)
	default:
		c.key = key
	}
}

// Close ends the counting, too.
func (c *countedConn) Close() error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		c.limiter.leave(c.key)
	}
	c.mu.Unlock()
	return c.Conn.Close()
}
