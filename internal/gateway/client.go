package gateway

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// AddressSource is a source of the addresses of clients.
type AddressSource string

// The sources. The zero value means FromConnection.
const (
	FromConnection    AddressSource = "connection"      // the other end of the connection
	FromXForwardedFor AddressSource = "x-forwarded-for" // X-Forwarded-For, from trusted proxies
	FromForwarded     AddressSource = "forwarded"       // Forwarded (RFC 7239), from trusted proxies
	FromProxyProtocol AddressSource = "proxy-protocol"  // the PROXY protocol, from trusted proxies; see [Server]
)

// clientAddress returns the address of the client of r, and whether a trusted
// proxy wrote it. It returns the zero Addr if there is none.
//
// Each proxy appends the address that it has the request from, so the list is
// read from its right end. As long as an address is that of a trusted proxy,
// that proxy has written the one before it; the first that is not is the
// client. What is further left may be anybody's and is not read. Where a
// trusted proxy has written no address ("unknown", a name), the client cannot
// be known by that proxy, and the proxy's address is returned.
func (c *Config) clientAddress(r *http.Request) (a netip.Addr, passedOn bool) {
	a = remoteAddr(r)
	var before func() (string, bool)
	switch c.ClientAddress {
	case FromXForwardedFor:
		before = fromTheRight(r.Header.Values("X-Forwarded-For"), lastListed)
	case FromForwarded:
		before = fromTheRight(r.Header.Values("Forwarded"), lastForwarded)
	default:
		return a, false
	}
	for c.trusts(a) {
		text, ok := before()
		if !ok {
			break
		}
		next, ok := parseNode(text)
		if !ok {
			break
		}
		a, passedOn = next, true
	}
	return a, passedOn
}

// ClientAddressOf returns a function that returns the address of the client of a
// request, as a gateway with this source and these trusted proxies has it. It is
// for handlers beside the gateway.
func ClientAddressOf(source AddressSource, proxies []netip.Prefix) func(*http.Request) netip.Addr {
	c := &Config{ClientAddress: source, TrustedProxies: proxies}
	return func(r *http.Request) netip.Addr {
		a, _ := c.clientAddress(r)
		return a
	}
}

// trusts reports whether a is an address of TrustedProxies.
func (c *Config) trusts(a netip.Addr) bool { return trusts(c.TrustedProxies, a) }

func trusts(proxies []netip.Prefix, a netip.Addr) bool {
	return a.IsValid() && slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// remoteAddr returns the address at the other end of the connection of r, or
// the zero Addr.
func remoteAddr(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return plain(peer.Addr())
}

// plain returns an address as it is compared: unmapped, without a zone.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// fromTheRight returns an iterator over the elements of a list in one or
// several header fields, the last first. Cut splits off the last element of one
// field.
func fromTheRight(fields []string, cut func(string) (rest, last string, more bool)) func() (string, bool) {
	more, rest := len(fields) > 0, ""
	if more {
		rest = fields[len(fields)-1]
	}
	return func() (last string, ok bool) {
		if !more {
			return "", false
		}
		if rest, last, more = cut(rest); !more && len(fields) > 1 {
			fields = fields[:len(fields)-1]
			rest, more = fields[len(fields)-1], true
		}
		return last, true
	}
}

// lastListed cuts at the last comma.
func lastListed(s string) (rest, last string, more bool) {
	i := strings.LastIndexByte(s, ',')
	if i < 0 {
		return "", strings.TrimSpace(s), false
	}
	return s[:i], strings.TrimSpace(s[i+1:]), true
}

// lastForwarded cuts at the last comma outside quotes, and returns the value of
// "for" after it (RFC 7239 §4). Quotes are counted from the right, since what
// is further left may not be a trusted proxy's. An element with a backslash,
// which no address needs, counts as one without an address.
func lastForwarded(s string) (rest, last string, more bool) {
	quoted := false
	i := len(s) - 1
	for ; i >= 0 && (quoted || s[i] != ','); i-- {
		if s[i] == '"' {
			quoted = !quoted
		}
	}
	element := s[i+1:]
	if i > 0 {
		rest = s[:i]
	}
	more = i >= 0
	found := 0
	for pair := range strings.SplitSeq(element, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if strings.EqualFold(name, "for") {
			last = unquote(value)
			found++
		}
	}
	if found != 1 || quoted || strings.Contains(element, `\`) {
		last = ""
	}
	return rest, last, more
}

// unquote removes the quotes of a quoted-string.
func unquote(s string) string {
	if inner, ok := strings.CutPrefix(s, `"`); ok {
		if inner, ok = strings.CutSuffix(inner, `"`); ok {
			return inner
		}
	}
	return s
}

// parseNode parses an address as proxies write it: with or without a port, IPv6
// with or without brackets (RFC 7239 §6). It fails for names and "unknown".
func parseNode(s string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(s); err == nil {
		return plain(withPort.Addr()), true
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); !ok || !strings.Contains(inner, ":") {
			return netip.Addr{}, false
		}
		s = inner
	}
	a, err := netip.ParseAddr(s)
	return plain(a), err == nil
}

// ClientAddr returns the address of the client of the exchange of ctx, or the
// zero Addr.
func ClientAddr(ctx context.Context) netip.Addr {
	if x, ok := exchangeOf(ctx); ok {
		return x.from
	}
	return netip.Addr{}
}
