package web

import (
	"context"
	"errors"
	"net/url"

	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/kdcproxy"
)

// A relay exchanges messages with KDCs, one after the other, so that one
// WebSocket does for all.
type relay struct {
	kdc   kdc.Exchanger
	turn  chan struct{}
	close func()
}

func newRelay(cfg *Config, allow func(*url.URL) error) (*relay, error) {
	r := &relay{kdc: cfg.KDC, turn: make(chan struct{}, 1), close: func() {}}
	if r.kdc != nil {
		return r, nil
	}
	u, err := url.Parse(cfg.Relay)
	if err != nil {
		return nil, &Error{Code: CodeArgument, Err: errors.New("relay: not a URL")}
	}
	if err := allow(u); err != nil {
		return nil, err
	}
	c, err := kdcproxy.NewClient(kdcproxy.ClientConfig{URL: cfg.Relay, Transport: cfg.Transport})
	if err != nil {
		return nil, &Error{Code: CodeArgument, Err: err}
	}
	r.kdc, r.close = c, c.Close
	return r, nil
}

// Exchange implements [kdc.Exchanger].
func (r *relay) Exchange(ctx context.Context, realm string, request []byte) ([]byte, error) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return r.kdc.Exchange(valueless{ctx}, realm, request)
}

// A valueless is a context without its values. Those of a request to a service are
// for its transport, which may be the relay's too: in a page they are the request.
type valueless struct{ context.Context }

// Value returns nil.
func (valueless) Value(any) any { return nil }
