package gateway

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// AddressSource says where the address of a client is read.
type AddressSource string

// The sources. The zero value is FromConnection.
const (
	FromConnection    AddressSource = "connection"      // the other end of the connection
	FromXForwardedFor AddressSource = "x-forwarded-for" // what trusted proxies say in X-Forwarded-For
	FromForwarded     AddressSource = "forwarded"       // what they say in Forwarded (RFC 7239)
	FromProxyProtocol AddressSource = "proxy-protocol"  // what they say before anything else; see Server
)

// clientAddress gives the address of the client that r comes from, and whether a
// trusted proxy told it; the zero Addr if r has none.
//
// Such a list grows at its right end: each proxy adds whom it has the request
// from. So it is read from there: as long as an address is a trusted proxy's, what
// stands before it is that proxy's word, and the first that is not is the
// client. What stands further left is anybody's and is not read. Where a trusted
// proxy has written no address ("unknown", a name) the client cannot be told from
// that proxy, and the proxy's address counts.
func (c *Config) clientAddress(r *http.Request) (a netip.Addr, told bool) {
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
		a, told = next, true
	}
	return a, told
}

// trusts reports whether a is one of TrustedProxies.
func (c *Config) trusts(a netip.Addr) bool { return trusts(c.TrustedProxies, a) }

func trusts(proxies []netip.Prefix, a netip.Addr) bool {
	return a.IsValid() && slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// remoteAddr gives the address at the other end of the connection of r, or the
// zero Addr.
func remoteAddr(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return plain(peer.Addr())
}

// plain gives an address as it is compared: IPv4 as such, without a zone.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// fromTheRight gives the elements of a list that may stand in several header
// fields, the last first. cut splits off the last of one field.
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

// lastForwarded cuts at the last comma outside quotes, and gives the value of "for"
// before the end (RFC 7239 §4). Quotes are counted from the right, since what is to
// the left need not be a trusted proxy's; a backslash, which no address needs, makes
// the element one without an address.
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

// unquote takes the quotes of a quoted-string off.
func unquote(s string) string {
	if inner, ok := strings.CutPrefix(s, `"`); ok {
		if inner, ok = strings.CutSuffix(inner, `"`); ok {
			return inner
		}
	}
	return s
}

// parseNode reads an address as proxies write it: with or without a port, IPv6 with
// or without brackets (RFC 7239 §6). Nothing else is an address: no name, no
// "unknown".
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

// ClientAddr gives the address of the client of the exchange that ctx is of, or the
// zero Addr.
func ClientAddr(ctx context.Context) netip.Addr {
	if x, ok := exchangeOf(ctx); ok {
		return x.from
	}
	return netip.Addr{}
}
