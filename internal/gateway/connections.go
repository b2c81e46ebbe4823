package gateway

import (
	"cmp"
	"container/list"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/wssgate/wssgate/internal/buffer"
)

// A connLimiter is a listener that limits the number of connections, in all and
// for each client. The client of a connection may only be known once its first
// octets, those of the PROXY protocol, have been read. The first Read does
// that, so that a silent proxy does not block Accept.
type connLimiter struct {
	net.Listener
	most, perClient int // 0 for no limit
	headerOctets    int // the same; see headers
	maxHeader       int // octets of one header section, for the log
	proxies         []netip.Prefix
	proxyProtocol   bool          // proxies, and nobody else, use it
	headerTimeout   time.Duration // for its header
	log             *slog.Logger

	*Connections
	open map[*countedConn]struct{} // of this listener

	closing sync.Once
}

// Close closes the listener, once however often it is called, and no connection.
func (l *connLimiter) Close() (err error) {
	l.closing.Do(func() { err = l.Listener.Close() })
	return err
}

// Connections counts the connections of several listeners together. The zero
// value is ready. It is safe for concurrent use.
type Connections struct {
	mu       sync.Mutex
	n        int
	clients  map[netip.Prefix]int
	arriving headers
	refused  int       // since warned
	warned   time.Time // of refused connections
	bare     time.Time // of proxies without the PROXY protocol
	seldom   seldom    // what is logged of clients below HTTP requests
}

// Accept returns the next connection that there is room for, and closes others.
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

// wrap returns c as a connection that counts.
func (l *connLimiter) wrap(c net.Conn) *countedConn {
	counted := &countedConn{Conn: c, peer: c.RemoteAddr(), limiter: l}
	if l.proxyProtocol && trusts(l.proxies, addrOf(counted.peer)) {
		p := &proxyConn{heard: &heardConn{Conn: c}}
		// Required: a proxy that leaves its header out would let clients write one.
		p.Conn = proxyproto.NewConn(p.heard, proxyproto.WithPolicy(proxyproto.REQUIRE),
			proxyproto.SetReadHeaderTimeout(l.headerTimeout))
		counted.Conn, counted.proxy = p, p
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = make(map[*countedConn]struct{})
	}
	l.open[counted] = struct{}{}
	return counted
}

// A proxyConn is a connection from a proxy, which has to begin with the PROXY
// protocol.
type proxyConn struct {
	*proxyproto.Conn
	heard *heardConn
}

// bare reports whether the connection began with something else. It returns
// false if nothing was received, as from some health checks.
func (p *proxyConn) bare() bool { return p.heard.any && p.ProxyHeader() == nil }

// A heardConn records whether anything was received.
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
		l.warnRefused("max-connections", "")
		return false
	}
	l.n++
	return true
}

// admit counts a connection of the client at a. Those of trusted proxies are
// not counted, since they are of many clients.
func (l *connLimiter) admit(a netip.Addr) (key netip.Prefix, ok bool) {
	if l.perClient == 0 || !a.IsValid() || trusts(l.proxies, a) {
		return netip.Prefix{}, true
	}
	key = clientKey(a)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.clients[key] >= l.perClient {
		l.warnRefused("max-client-connections", key.String())
		return netip.Prefix{}, false
	}
	if l.clients == nil {
		l.clients = make(map[netip.Prefix]int)
	}
	l.clients[key]++
	return key, true
}

// warnRefused logs that connections are refused, once a minute.
func (l *connLimiter) warnRefused(limit, client string) {
	if l.refused++; time.Since(l.warned) < time.Minute {
		return
	}
	l.log.Warn("connections are refused", "limit", limit, "client", client, "refused", l.refused, "connections", l.n)
	l.refused, l.warned = 0, time.Now()
}

// warnBare logs that a proxy does not use the PROXY protocol, once a minute.
func (l *connLimiter) warnBare(proxy net.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.bare) < time.Minute {
		return
	}
	l.bare = time.Now()
	l.log.Warn("a connection from a trusted proxy is closed: it does not begin with the PROXY protocol",
		"proxy", proxy.String(),
		"cure", "turn the protocol on in the proxy, or set client-address to how it names clients")
}

// logRefused logs that net/http has refused a request, of which no exchange has an
// event: once per client and minute. Status is that of the answer, "" if it went
// out encrypted; header has how many octets of the request had come.
func (l *connLimiter) logRefused(client net.Addr, status string, header int) {
	long := status == "431" || l.maxHeader > 0 && header > l.maxHeader
	kind := "malformed"
	if long {
		kind = "long"
	}
	unlogged, now := l.seldom.now(kind, addrOf(client))
	switch {
	case !now:
	case long:
		l.log.Warn("a request is answered 431: its header section is larger than max-headers",
			"client", client.String(), "max-headers", l.maxHeader, "unlogged", unlogged,
			"cure", "raise max-headers; the token of a client with many groups takes up to 88 kB of it")
	default:
		l.log.Info("a request could not be read as HTTP", "client", client.String(), "status", cmp.Or(status, "400"),
			"unlogged", unlogged, "cure", "look at the client, or at what is in between: the request has broken off, or its "+
				"first line, a header or Transfer-Encoding is malformed")
	}
}

func (l *connLimiter) leave(c *countedConn, key netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arriving.forget(c)
	delete(l.open, c)
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

	certificates certificates // of its TLS handshake, once that is over
	out          gathering

	once    sync.Once
	refused bool

	mu      sync.Mutex
	key     netip.Prefix
	closed  bool
	header  int  // octets of the header section that is arriving
	serving bool // from the end of that section to that of the answer
	streams bool // HTTP/2: serving always, and its header sections are limited by net/http
	expired bool // reads have ended

	encrypted bool   // TLS
	active    bool   // HTTP/1: octets of a request have come
	answers   bool   // something was written then, though no request was being served
	status    string // of that; "" if it was encrypted

	// Of headers, under the mutex of Connections:
	counted int
	place   *list.Element
}

// RemoteAddr returns the client's address. It returns that of the proxy if the
// proxy has sent no IP address, as for its health checks and for clients at a
// Unix socket.
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
		c.limiter.warnBare(c.peer)
	}
	for _, other := range c.arrived(n) {
		_ = other.Close()
	}
	return n, err
}

// arrived counts n octets, and returns the connections to close for them.
func (c *countedConn) arrived(n int) (displaced []*countedConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.serving || c.closed || c.limiter.headerOctets == 0 {
		return nil
	}
	c.header += n
	if over := c.header - freeHeader; over > 0 {
		return c.limiter.headerGrows(c, min(n, over))
	}
	return nil
}

// begin records that the header section of a request has arrived.
func (c *countedConn) begin(r *http.Request, readTimeout time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.serving = true; c.header > freeHeader {
		c.limiter.headerEnds(c)
	}
	c.header, c.streams = 0, r.ProtoMajor > 1
	if c.expired { // meanwhile; this request is the last one
		c.expired = false
		_ = c.Conn.SetReadDeadline(deadline(readTimeout))
	}
}

// deadline returns the end of a time from now on; zero is no limit.
func deadline(d time.Duration) (end time.Time) {
	if d > 0 {
		end = time.Now().Add(d)
	}
	return end
}

// changed is the [http.Server.ConnState] of a server.
func changed(c net.Conn, state http.ConnState) {
	counted := countedOf(c)
	if counted == nil || state != http.StateIdle && state != http.StateActive {
		return
	}
	t, encrypted := c.(*tls.Conn)
	http1 := !encrypted || t.ConnectionState().NegotiatedProtocol != "h2"
	counted.mu.Lock()
	defer counted.mu.Unlock()
	counted.encrypted = encrypted
	if counted.active = state == http.StateActive && http1; state == http.StateIdle {
		counted.serving = counted.streams
	}
}

// leastAnswer is the size of what is written with an answer, and not without: an
// alert of TLS is smaller.
const leastAnswer = 64

// wrote takes note of an answer that no request has got.
func (c *countedConn) wrote(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.active || c.serving || c.answers || len(b) < leastAnswer {
		return
	}
	c.answers = true
	version, status, _ := strings.Cut(string(b[:min(len(b), len("HTTP/1.1 400"))]), " ")
	if strings.HasPrefix(version, "HTTP/") {
		c.status = status
	}
}

// expire ends the reads of a connection that serves no request. A request whose
// header section arrives at the same time is either served as the last one, or
// not at all. Idle is false if there is a request.
func (c *countedConn) expire() (idle bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.serving {
		c.expired = true
		_ = c.Conn.SetReadDeadline(longAgo)
	}
	return !c.serving
}

// countedOf returns the countedConn below a connection of a server, or nil.
func countedOf(c net.Conn) *countedConn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	counted, _ := c.(*countedConn)
	return counted
}

type connKey struct{}

// withConn returns the context of a connection's requests.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, countedOf(c))
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
		c.limiter.leave(c, key)
	default:
		c.key = key
	}
}

// Write implements [net.Conn].
func (c *countedConn) Write(b []byte) (int, error) {
	c.wrote(b)
	return c.out.write(c.Conn, b)
}

// A gathering is what is written to a connection while it holds that back.
type gathering struct {
	mu   sync.Mutex     // also held while it writes, so that the order stays
	held *buffer.Buffer // nil if writes pass
}

// hold holds what is written from now on back in b, as far as there is room.
func (g *gathering) hold(b *buffer.Buffer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = b
}

func (g *gathering) write(to net.Conn, b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held != nil && len(b) <= cap(g.held.Octets)-len(g.held.Octets) {
		g.held.Octets = append(g.held.Octets, b...)
		return len(b), nil
	}
	if err := g.pass(to); err != nil {
		return 0, err
	}
	return to.Write(b)
}

// release writes what was held back. From then on writes pass.
func (g *gathering) release(to net.Conn) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pass(to)
}

// pass is release under the mutex.
func (g *gathering) pass(to net.Conn) (err error) {
	if g.held != nil && len(g.held.Octets) > 0 {
		_, err = to.Write(g.held.Octets)
	}
	g.held.Free()
	g.held = nil
	return err
}

// Close also ends the counting.
func (c *countedConn) Close() error {
	c.mu.Lock()
	refused := false
	if !c.closed {
		c.closed = true
		c.limiter.leave(c, c.key)
		long := c.limiter.maxHeader > 0 && c.header > c.limiter.maxHeader
		refused = !c.serving && (c.answers || long)
	}
	status, header := c.status, c.header
	c.mu.Unlock()
	if refused {
		c.limiter.logRefused(c.RemoteAddr(), status, header)
	}
	return c.Conn.Close()
}

// freeHeader is how much of a header section is not counted, while it arrives
// and when it has been read. Few have more.
const freeHeader = 4 << 10

// headers counts the octets of header sections that are arriving, beyond the
// first freeHeader of each. Nobody has seen a request yet to which they could be
// charged; net/http holds up to sixteen octets for each, where they are fields
// of no length. If there are too many, the section that has been arriving
// longest makes room.
type headers struct {
	octets  int
	clients map[netip.Prefix]int
	queue   list.List // of *countedConn, by their beginning
}

// headerGrows counts n octets, and returns the connections that make room.
func (l *connLimiter) headerGrows(c *countedConn, n int) (displaced []*countedConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := &l.arriving
	if c.place == nil {
		c.place = h.queue.PushBack(c)
	}
	if h.clients == nil {
		h.clients = make(map[netip.Prefix]int)
	}
	c.counted += n
	h.octets += n
	h.clients[c.key] += n
	for {
		var longest *countedConn
		switch {
		case c.key.IsValid() && h.clients[c.key] > l.headerOctets/2:
			longest = h.longest(func(other *countedConn) bool { return other.key == c.key })
		case h.octets > l.headerOctets:
			longest = h.longest(func(*countedConn) bool { return true })
		default:
			return displaced
		}
		l.warnRefused("max-in-flight/64 of header sections", longest.key.String())
		h.forget(longest)
		displaced = append(displaced, longest)
	}
}

// headerEnds ends the counting of a section that has been read.
func (l *connLimiter) headerEnds(c *countedConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arriving.forget(c)
}

// longest returns the connection whose section has been arriving longest, of
// those that are meant.
func (h *headers) longest(meant func(*countedConn) bool) *countedConn {
	e := h.queue.Front()
	for !meant(e.Value.(*countedConn)) {
		e = e.Next()
	}
	return e.Value.(*countedConn)
}

func (h *headers) forget(c *countedConn) {
	if c.place == nil {
		return
	}
	h.queue.Remove(c.place)
	h.octets -= c.counted
	if h.clients[c.key] -= c.counted; h.clients[c.key] == 0 {
		delete(h.clients, c.key)
	}
	c.place, c.counted = nil, 0
}
