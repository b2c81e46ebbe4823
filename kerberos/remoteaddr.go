package kerberos

import (
	"context"
	"net/netip"
)

type remoteAddrKey struct{}

// WithRemoteAddr returns a context that has the address of the client whose
// token is to be accepted. gss.AcceptorConfig.CheckAddresses and tickets that
// wait for a keytab.File need it.
func WithRemoteAddr(ctx context.Context, addr netip.Addr) context.Context {
	return context.WithValue(ctx, remoteAddrKey{}, addr.Unmap())
}

// RemoteAddr returns the address that [WithRemoteAddr] put into ctx, and
// reports whether there is one.
func RemoteAddr(ctx context.Context) (addr netip.Addr, ok bool) {
	addr, ok = ctx.Value(remoteAddrKey{}).(netip.Addr)
	return addr, ok
}
