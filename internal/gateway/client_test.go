package gateway

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// The client is the first address from the right that is no trusted proxy's.
// What an unlisted peer says, and what stands further left, is nobody's word;
// where a proxy wrote no address the proxy itself counts.
func TestClientAddressReadsTrustedProxies(t *testing.T) {
	t.Parallel()
	const xff, fwd = FromXForwardedFor, FromForwarded
	for _, c := range []struct {
		name   string
		source AddressSource
		peer   string
		fields string // separated by |
		want   string
	}{
		{"not asked for", FromConnection, "10.0.0.1:1", "192.0.2.1", "10.0.0.1"},
		{"one proxy", xff, "10.0.0.1:1", "192.0.2.1", "192.0.2.1"},
		{"two proxies", xff, "10.0.0.1:1", "192.0.2.1, 10.0.0.2", "192.0.2.1"},
		{"two proxies, two fields", xff, "10.0.0.1:1", "192.0.2.1|10.0.0.2", "192.0.2.1"},
		{"forged to the left", xff, "10.0.0.1:1", "198.51.100.9, 192.0.2.1", "192.0.2.1"},
		{"forged as a proxy to the left", xff, "10.0.0.1:1", "198.51.100.9, 10.0.0.7, 192.0.2.1", "192.0.2.1"},
		{"forged in a field before", xff, "10.0.0.1:1", "198.51.100.9|192.0.2.1", "192.0.2.1"},
		{"unlisted peer", xff, "203.0.113.5:1", "192.0.2.1", "203.0.113.5"},
		{"no header", xff, "10.0.0.1:1", "", "10.0.0.1"},
		{"proxies alone", xff, "10.0.0.1:1", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
		{"unknown", xff, "10.0.0.1:1", "192.0.2.1, unknown", "10.0.0.1"},
		{"unknown before a proxy", xff, "10.0.0.1:1", "192.0.2.1, unknown, 10.0.0.2", "10.0.0.2"},
		{"junk", xff, "10.0.0.1:1", "192.0.2.1, 192.0.2", "10.0.0.1"},
		{"empty element", xff, "10.0.0.1:1", "192.0.2.1,", "10.0.0.1"},
		{"port", xff, "10.0.0.1:1", "192.0.2.1:4711", "192.0.2.1"},
		{"IPv6", xff, "10.0.0.1:1", "2001:db8::1", "2001:db8::1"},
		{"IPv6 in brackets", xff, "10.0.0.1:1", "[2001:db8::1]", "2001:db8::1"},
		{"IPv6 and port", xff, "10.0.0.1:1", "[2001:db8::1]:4711", "2001:db8::1"},
		{"IPv4 in IPv6", xff, "[::ffff:10.0.0.1]:1", "::ffff:192.0.2.1", "192.0.2.1"},
		{"IPv6 proxy", xff, "[2001:db8:ffff::1]:1", "192.0.2.1", "192.0.2.1"},
		{"the other header", xff, "10.0.0.1:1", "for=192.0.2.1", "10.0.0.1"},

		{"Forwarded", fwd, "10.0.0.1:1", "for=192.0.2.1", "192.0.2.1"},
		{"Forwarded, all of it", fwd, "10.0.0.1:1", `proto=https; For="192.0.2.1:4711";by=10.0.0.1`, "192.0.2.1"},
		{"Forwarded, IPv6", fwd, "10.0.0.1:1", `for="[2001:db8::1]:4711"`, "2001:db8::1"},
		{"Forwarded, two proxies", fwd, "10.0.0.1:1", `for=192.0.2.1, for=10.0.0.2;proto=http`, "192.0.2.1"},
		{"Forwarded, two fields", fwd, "10.0.0.1:1", `for=192.0.2.1|for=10.0.0.2`, "192.0.2.1"},
		{"Forwarded, open quote to the left", fwd, "10.0.0.1:1", `for="evil, for=192.0.2.1`, "192.0.2.1"},
		{"Forwarded, comma in quotes", fwd, "10.0.0.1:1", `for=192.0.2.1;ext="a,for=198.51.100.9"`, "192.0.2.1"},
		{"Forwarded, escape", fwd, "10.0.0.1:1", `for=192.0.2.1;ext="\""`, "10.0.0.1"},
		{"Forwarded, hidden", fwd, "10.0.0.1:1", `for=192.0.2.1, for=_hidden`, "10.0.0.1"},
		{"Forwarded, twice", fwd, "10.0.0.1:1", `for=198.51.100.9;for=192.0.2.1`, "10.0.0.1"},
		{"Forwarded, none", fwd, "10.0.0.1:1", `proto=https`, "10.0.0.1"},
		{"Forwarded, empty", fwd, "10.0.0.1:1", `,`, "10.0.0.1"},
		{"Forwarded, unlisted peer", fwd, "203.0.113.5:1", "for=192.0.2.1", "203.0.113.5"},
	} {
		cfg := Config{ClientAddress: c.source,
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48")}}
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
		name := "X-Forwarded-For"
		if c.source == fwd {
			name = "Forwarded"
		}
		if c.fields != "" {
			r.Header[name] = strings.Split(c.fields, "|")
		}
		got, told := cfg.clientAddress(r)
		if got.String() != c.want || told != (c.want != plain(netip.MustParseAddrPort(c.peer).Addr()).String()) {
			t.Errorf("%s: %v (told %v), want %s", c.name, got, told, c.want)
		}
	}
}

// A share belongs to an IPv4 address, and to a /64 of IPv6.
func TestClientKeyIsTheNetworkOfAnIPv6Address(t *testing.T) {
	t.Parallel()
	for a, b := range map[string]string{
		"192.0.2.1": "::ffff:192.0.2.1", "2001:db8::1": "2001:db8::ffff:1", "fe80::1%eth0": "fe80::1",
	} {
		if clientKey(netip.MustParseAddr(a)) != clientKey(netip.MustParseAddr(b)) {
			t.Errorf("%s and %s are two", a, b)
		}
	}
	for a, b := range map[string]string{"192.0.2.1": "192.0.2.2", "2001:db8::1": "2001:db8:0:1::1", "::1": "127.0.0.1"} {
		if clientKey(netip.MustParseAddr(a)) == clientKey(netip.MustParseAddr(b)) {
			t.Errorf("%s and %s are one", a, b)
		}
	}
}
