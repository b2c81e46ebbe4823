package kerberos

import (
	"context"
	"net/netip"
)

type remoteAddrKey struct{}

// WithRemoteAddr returns a context with the address of the client whose token is accepted under it: for
// gss.AcceptorConfig.CheckAddresses, and for the places of tickets that wait for a keytab.File.
func WithRemoteAddr(ctx context.Context, addr netip.Addr) context.Context {
	return context.WithValue(ctx, remoteAddrKey{}, addr.Unmap())
}

// RemoteAddr returns the address that WithRemoteAddr has put into ctx, and whether there is one.
func RemoteAddr(ctx context.Context) (addr netip.Addr, ok bool) {
	addr, ok = ctx.Value(remoteAddrKey{}).(netip.Addr)
	return addr, ok
}
