package backend

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"strings"
)

// send sends the request to a member, and records what came of it. A kept
// connection that the backend has closed says nothing of it: it is tried again
// there, until all such connections are gone.
func (s *Set) send(m *member, t *ticket, sending *sending) (*http.Response, error) {
	for {
		a := &attempt{set: s, target: &m.Target}
		resp, err := a.roundTrip(m.transport, sending)
		if err == nil {
			s.answered(m, t, resp)
			return resp, nil
		}
		sending.sent = a.sent()
		stale := a.reused && !sending.sent
		switch {
		case stale && sending.mayRepeat() && sending.request.Context().Err() == nil:
			continue
		case !stale && a.failed(err, sending):
			s.failed(m, t, err)
		default:
			s.undecided(m, t)
		}
		return nil, err
	}
}

// An attempt is a request on its way to one target by one connection.
type attempt struct {
	set     *Set
	target  *Target
	onlyOne bool // HTTP/1.1 alone: the connection is to be upgraded

	// Set when net/http has a connection.
	got    bool
	reused bool
	conn   *conn // nil for HTTP/2
	before int64 // octets that were sent by it
}

type attemptKey struct{}

func (a *attempt) roundTrip(t *http.Transport, sending *sending) (*http.Response, error) {
	a.onlyOne = len(sending.request.Header["Upgrade"]) > 0
	ctx := context.WithValue(sending.request.Context(), attemptKey{}, a)
	r, err := sending.next(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: a.gotConn}))
	if err != nil {
		return nil, err
	}
	if r.Host == r.URL.Host {
		r.Host = "" // the target's
	}
	r.URL = a.target.urlOf(r.URL)
	resp, err := t.RoundTrip(r)
	if err != nil && strings.HasPrefix(err.Error(), "http2: client conn could not be established") {
		// All that net/http says of the alert by which TLS 1.3 refuses a certificate.
		err = fmt.Errorf("%w: the backend ended it after TLS; it may not take our certificate, or want one", err)
	}
	return resp, err
}

// gotConn is called before anything is written.
func (a *attempt) gotConn(info httptrace.GotConnInfo) {
	a.got, a.reused = true, info.Reused
	if a.conn, _ = info.Conn.(*conn); a.conn != nil {
		a.before = a.conn.sent.Load()
	}
}

// sent reports whether an octet of the request may have been sent.
func (a *attempt) sent() bool {
	return a.got && (a.conn == nil || a.conn.sent.Load() != a.before)
}

// failed reports whether the error is one of the target: a connection that does
// not come about, breaks, or brings no answer in time. Others are of the client
// or the request.
func (a *attempt) failed(err error, sending *sending) bool {
	var unconnected *dialError
	switch ctx := sending.request.Context(); {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return true
	case ctx.Err() != nil, sending.bodyFailed():
		return false
	}
	return a.got || errors.As(err, &unconnected)
}

// tlsConfig returns the configuration of a new connection for an attempt.
func (a *attempt) tlsConfig() *tls.Config {
	c := a.set.cfg.TLS().Clone()
	if c.NextProtos = []string{"h2", "http/1.1"}; a.onlyOne {
		c.NextProtos = []string{"http/1.1"}
	}
	return c
}
