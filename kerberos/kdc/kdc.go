package kdc

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
)

// Defaults and limits of a Transport.
const (
	defaultKDCPatience = time.Second      // before the next KDC is asked too
	defaultKDCTimeout  = 10 * time.Second // for one KDC
	maxKDCMessage      = 128 << 10        // octets of a request or reply
	defaultUDPLimit    = 1465             // octets of a request; MIT's udp_preference_limit
	kdcPort            = "88"
)

// An Exchanger sends a request, AS-REQ or TGS-REQ, to a KDC of a realm and
// returns the reply. A KRB-ERROR is a reply and not an error. It returns soon
// after ctx is done. It is safe for concurrent use.
type Exchanger interface {
	Exchange(ctx context.Context, realm string, request []byte) (reply []byte, err error)
}

var _ Exchanger = (*Transport)(nil)

// A TransportConfig configures a [Transport]. Only Krb5Conf is required.
type TransportConfig struct {
	// Krb5Conf is the text of a krb5.conf; see [krb5conf.Read]. It uses the
	// "kdc" entries of [realms], in their order, and of [libdefaults]
	// default_realm, dns_lookup_kdc (SRV records are looked up only if it is
	// true, and only for a realm without kdc entries) and udp_preference_limit
	// (the size in octets up to which UDP is tried before TCP, and not after;
	// 1465 if not set, 1 for never by UDP).
	Krb5Conf string
	// AnyRealm allows realms that Krb5Conf does not name: they are looked up in
	// DNS if dns_lookup_kdc is true. Otherwise they are refused: a relay for
	// strangers must not send requests to hosts of their choice.
	AnyRealm bool
	// Dial connects; network is "udp" or "tcp", address is host:port. By UDP it
	// must not wait. nil means the method of a [net.Dialer], and each socket of
	// UDP has a port of its own that nobody can foresee.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// LookupNetIP looks up the addresses of hosts, which Dial gets then. nil means
	// the method of [net.DefaultResolver], or with a Dial that it gets hosts.
	LookupNetIP func(ctx context.Context, network, host string) ([]netip.Addr, error)
	// LookupSRV looks up service records; nil means the method of
	// [net.DefaultResolver].
	LookupSRV func(ctx context.Context, service, proto, name string) (cname string, records []*net.SRV, err error)
	// Patience is how long to wait for a KDC before the next one is asked too;
	// the first reply counts. 0 means 1s.
	Patience time.Duration
	// Timeout is how long to wait for one KDC. 0 means 10s.
	Timeout time.Duration
}

// A Transport finds KDCs by a krb5.conf and exchanges messages with them by UDP
// and TCP (RFC 4120 7.2). It is safe for concurrent use and keeps no connection.
//
// All KDCs are asked by UDP before any by TCP. A KDC whose reply is too big for
// UDP is asked again by TCP, and requests like that one go by TCP first for five
// minutes. One that is silent by UDP gets the request by TCP after a second, and
// one that has it by TCP not by UDP: two copies may count as two logins.
//
// An AS-REQ that may hold a one-time password (with FAST, RFC 6113, or OTP, RFC
// 6560) goes by TCP first. A KDC that takes the connection has half of Timeout for
// it, as somebody may have to look at a telephone, before another one gets it.
//
// If an earlier KDC of a realm was silent or failed, it remembers which one
// answered and asks that first; every five minutes one request is sent in the
// configured order again. What DNS says is remembered for a minute; for up to an
// hour more it is used while it is being looked up again.
type Transport struct {
	cfg      TransportConfig
	conf     *krb5conf.Config
	udp      int // octets
	good     memory
	services remembered[[]record]
	hosts    remembered[[]netip.Addr]
}

// NewTransport returns a Transport, or an error if cfg is invalid. It uses no
// network.
func NewTransport(cfg TransportConfig) (*Transport, error) {
	conf, err := krb5conf.Parse(cfg.Krb5Conf)
	if err != nil {
		return nil, fmt.Errorf("kerberos: %w", err)
	}
	k := &Transport{cfg: cfg, conf: conf, udp: defaultUDPLimit}
	if s := conf.Setting("udp_preference_limit"); s != "" {
		if k.udp, err = strconv.Atoi(s); err != nil || k.udp < 0 {
			return nil, fmt.Errorf("kerberos: krb5.conf: udp_preference_limit = %.50q is no number of octets", s)
		}
	}
	if k.udp = min(k.udp, maxUDPRequest); k.udp <= 1 {
		k.udp = 0
	}
	if cfg.Dial == nil {
		k.cfg.Dial = (&net.Dialer{KeepAlive: -1}).DialContext // a connection is for one request
		if cfg.LookupNetIP == nil {
			k.cfg.LookupNetIP = net.DefaultResolver.LookupNetIP
		}
	}
	if cfg.LookupSRV == nil {
		k.cfg.LookupSRV = net.DefaultResolver.LookupSRV
	}
	k.cfg.Patience, k.cfg.Timeout = cmp.Or(cfg.Patience, defaultKDCPatience), cmp.Or(cfg.Timeout, defaultKDCTimeout)
	return k, nil
}

// An Address is where a KDC is.
type Address struct {
	Network string // "udp", "tcp", or "" for both
	Address string // host:port
}

// String returns the address, after the network if there is only one.
func (a Address) String() string {
	if a.Network == "" {
		return a.Address
	}
	return a.Network + "/" + a.Address
}

// KDCs returns the KDCs of a realm, in the order in which they are asked. The
// error is a [*kerberos.Error] with [kerberos.CodeRealm] if the realm is not
// configured or has no KDC, or ctx's.
func (k *Transport) KDCs(ctx context.Context, realm string) ([]Address, error) {
	entries := k.conf.Values("realms", realm, "kdc")
	if len(entries) > 0 {
		return configuredKDCs(realm, entries)
	}
	if err := k.mayLookUp(realm, "kdc"); err != nil {
		return nil, err
	}
	return k.lookup(ctx, "kerberos", realm)
}

// mayLookUp returns an error unless the servers of a realm without such an entry
// may be found by DNS.
func (k *Transport) mayLookUp(realm, entry string) error {
	dns := k.conf.Bool("dns_lookup_kdc")
	switch {
	case realm == "" || !kerberos.LegalName(realm):
		return kerberos.Errorf(kerberos.CodeRealm, "%.100q is not a realm name", realm)
	case !k.conf.HasRealm(realm) && !(dns && k.cfg.AnyRealm):
		return kerberos.Errorf(kerberos.CodeRealm,
			"realm %s is not configured: krb5.conf has %s; name its KDCs in [realms]", realm, orNone(k.conf.Realms()))
	case !dns:
		return kerberos.Errorf(kerberos.CodeRealm,
			"realm %s has no %s in krb5.conf; name one in [realms], or set dns_lookup_kdc = true to find them by DNS",
			realm, entry)
	}
	return nil
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// configuredKDCs parses the kdc entries of a realm.
func configuredKDCs(realm string, entries []string) (list []Address, err error) {
	var proxies []string
	for _, entry := range entries {
		if isProxy(entry) {
			proxies = append(proxies, entry)
			continue
		}
		a, why := parseKDCEntry(entry, kdcPort)
		if why != "" {
			return nil, kerberos.Errorf(kerberos.CodeRealm, "kdc = %.100q of realm %s %s", entry, realm, why)
		}
		list = append(list, a)
	}
	if len(list) == 0 {
		return nil, kerberos.Errorf(kerberos.CodeRealm,
			"realm %s has KDC proxies only in krb5.conf (%s), which are not used from there; name KDCs, or give the "+
				"proxy's URL to a kdcproxy.Client (wssgate request --kdc URL)",
			realm, strings.Join(proxies, ", "))
	}
	return list[:min(len(list), krb5conf.MaxKDCs)], nil
}

// parseKDCEntry parses host, host:port, [IPv6]:port or an IPv6 address, any of
// them after "udp/" or "tcp/". As for MIT's library, a host ends at white
// space, and nothing may follow a port. why is empty on success.
func parseKDCEntry(entry, defaultPort string) (a Address, why string) {
	network, spec, ok := strings.Cut(entry, "/")
	switch {
	case !ok:
		network, spec = "", entry
	case network == "":
		return a, "is the socket of a KDC on this machine; name its host and port"
	case network != "udp" && network != "tcp":
		return a, fmt.Sprintf("is for %.20q, which is neither udp nor tcp", network)
	}
	host, port, hasPort := cutKDCHost(spec)
	if host == "" || strings.Trim(spec, "0123456789") == "" || strings.ContainsAny(host, "/[]") {
		return a, "is no host or host:port"
	}
	if !hasPort {
		return Address{network, net.JoinHostPort(host, defaultPort)}, ""
	}
	number, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimLeft(port, krb5conf.ConfSpace), "+"), 10, 16)
	if err != nil || number == 0 {
		return a, fmt.Sprintf("is no host or host:port: there is no port %.50q", port)
	}
	return Address{network, net.JoinHostPort(host, strconv.FormatUint(number, 10))}, ""
}

// isProxy reports whether an entry is the URL of a KDC proxy.
func isProxy(entry string) bool { return strings.Contains(entry, "://") }

// withPort returns a host:port with another port.
func withPort(address, port string) string {
	host, _, _ := net.SplitHostPort(address)
	return net.JoinHostPort(host, port)
}

func cutKDCHost(spec string) (host, port string, hasPort bool) {
	if host, rest, ok := strings.Cut(strings.TrimPrefix(spec, "["), "]"); ok && spec[0] == '[' {
		port, hasPort = strings.CutPrefix(rest, ":")
		return host, port, hasPort
	}
	end := strings.IndexAny(spec, " \t")
	if end < 0 {
		end = len(spec)
	}
	if net.ParseIP(spec[:end]) != nil { // also IPv6 without brackets
		return spec[:end], "", false
	}
	if colon := strings.IndexByte(spec[:end], ':'); colon >= 0 {
		return spec[:colon], spec[colon+1:], true
	}
	return spec[:end], "", false
}
