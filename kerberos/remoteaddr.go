package kerberos

import (
	"context"
	"net/netip"
)

type RemoteAddrKey struct{}

// WithRemoteAddr gives Accept the client's address, for gss.AcceptorConfig.CheckAddresses.
func WithRemoteAddr(ctx context.Context, addr netip.Addr) context.Context {
	return context.WithValue(ctx, RemoteAddrKey{}, addr.Unmap())
}
