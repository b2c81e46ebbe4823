package gateway

import (
	"net/http"
	"net/netip"
)

// remoteAddr gives the address at the other end of the connection of r, or the
// zero Addr.
func remoteAddr(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return peer.Addr().Unmap().WithZone("")
}
