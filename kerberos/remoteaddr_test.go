package kerberos

import (
	"context"
	"net/netip"
	"testing"
)

func TestRemoteAddrUnmapsIPv4(t *testing.T) {
	t.Parallel()
	ctx := WithRemoteAddr(context.Background(), netip.MustParseAddr("::ffff:192.0.2.7"))
	if addr, ok := RemoteAddr(ctx); !ok || addr != netip.MustParseAddr("192.0.2.7") {
		t.Error(addr, ok)
	}
	if addr, ok := RemoteAddr(context.Background()); ok || addr.IsValid() {
		t.Error(addr, ok)
	}
}
