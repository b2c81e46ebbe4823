package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"sync"

	"github.com/wssgate/wssgate/kerberos"
)

// ServerBinding returns a function for Config.ChannelBindings: the channel
// binding tls-server-end-point of the server of an https URL (RFC 5929 §4.1),
// whose certificate it learns by a TLS connection of its own, once. cfg is that of
// the transport; nil means the zero value. Several servers behind one address
// must have one certificate, and none must end TLS before the service does.
func ServerBinding(address string, cfg *tls.Config) func(context.Context) ([]byte, error) {
	var (
		mu    sync.Mutex
		known []byte
	)
	return func(ctx context.Context) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		if known != nil {
			return known, nil
		}
		var err error
		known, err = endPointBinding(ctx, address, cfg)
		return known, err
	}
}

func endPointBinding(ctx context.Context, address string, cfg *tls.Config) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "https" {
		return nil, fmt.Errorf("client: %q has no TLS channel to be bound to", address)
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	conn, err := (&tls.Dialer{Config: cfg}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, &Error{Code: CodeNetwork, Err: err}
	}
	defer conn.Close()
	return kerberos.EndPointBinding(conn.(*tls.Conn).ConnectionState().PeerCertificates[0])
}

// bindings returns those of the channel, nil for none.
func (cfg *Config) bindings(ctx context.Context) ([]byte, error) {
	if cfg.ChannelBindings == nil {
		return nil, nil
	}
	return cfg.ChannelBindings(ctx)
}
