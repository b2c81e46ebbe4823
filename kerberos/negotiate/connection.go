package negotiate

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// A connection is what Authenticators know of one TCP connection. A nil
// connection knows nothing.
type connection struct {
	mu    sync.Mutex
	known map[*Authenticator]*bound
}

// bound is what one Authenticator knows of a connection.
type bound struct {
	leg      cookie // of a negotiation, for clients without cookies
	identity *Identity
}

type connectionKey struct{}

// ConnContext is the [http.Server.ConnContext] of a server with
// Config.ConnectionBound.
func ConnContext(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, new(connection))
}

// A connectionView is a connection as one Authenticator sees it.
type connectionView struct {
	c *connection
	a *Authenticator
}

// view returns the connection of a request, if it may be trusted to be of one
// client: with HTTP/2 and behind proxies it is not.
func (a *Authenticator) view(r *http.Request) connectionView {
	c, ok := r.Context().Value(connectionKey{}).(*connection)
	if !ok || !a.cfg.ConnectionBound || r.ProtoMajor != 1 {
		return connectionView{}
	}
	for _, name := range []string{"Via", "Forwarded", "X-Forwarded-For"} {
		if len(r.Header.Values(name)) > 0 {
			return connectionView{}
		}
	}
	return connectionView{c, a}
}

// with calls f with what is known of the connection.
func (v connectionView) with(f func(*bound)) {
	if v.c == nil {
		return
	}
	v.c.mu.Lock()
	defer v.c.mu.Unlock()
	b := v.c.known[v.a]
	if b == nil {
		if v.c.known == nil {
			v.c.known = make(map[*Authenticator]*bound)
		}
		b = new(bound)
		v.c.known[v.a] = b
	}
	f(b)
}

func (v connectionView) setLeg(c cookie) { v.with(func(b *bound) { b.leg = c }) }

// takeLeg returns the negotiation that the connection is in, and forgets it.
func (v connectionView) takeLeg() (c cookie) {
	v.with(func(b *bound) { c, b.leg = b.leg, cookie{} })
	return c
}

func (v connectionView) setIdentity(i *Identity) { v.with(func(b *bound) { b.identity = i }) }

// identity returns the client of the connection, nil if it has none.
func (v connectionView) identity() (i *Identity) {
	v.with(func(b *bound) { i = b.identity })
	return i
}
