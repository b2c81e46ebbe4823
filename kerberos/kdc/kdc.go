package kdc

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
)

// Defaults and limits of a Transport.
const (
	defaultKDCPatience = time.Second      // until the next KDC is asked too
	defaultKDCTimeout  = 10 * time.Second // of one KDC
	maxKDCMessage      = 128 << 10        // octets of a request or reply
	defaultUDPLimit    = 1465             // octets of a request; MIT's udp_preference_limit
	kdcPort            = "88"
)

// An Exchanger sends a request, AS-REQ or TGS-REQ, to a KDC of a realm and returns the reply, a KRB-ERROR included:
// that is no error here. It returns soon after ctx is done. It is safe for concurrent use.
type Exchanger interface {
	Exchange(ctx context.Context, realm string, request []byte) (reply []byte, err error)
}

var _ Exchanger = (*Transport)(nil)

// A TransportConfig configures a Transport. Only Krb5Conf is required.
type TransportConfig struct {
	// Krb5Conf is the text of a krb5.conf; see krb5conf.Read. Of [realms], "kdc" entries are used, in their order; of
	// [libdefaults], default_realm, dns_lookup_kdc (SRV records are asked for only when it is true, and only for a realm
	// without kdc entries) and udp_preference_limit (octets up to which UDP is tried first; 1465 when not set, 1 for
	// none).
	Krb5Conf string
	// AnyRealm looks realms up in DNS that Krb5Conf does not name, when dns_lookup_kdc is true. Without it such realms are
	// refused: whoever relays requests of strangers must not ask anybody in their name.
	AnyRealm bool
	// Dial connects; network is "udp" or "tcp", address is host:port. nil means a net.Dialer's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// LookupSRV finds service records; nil means net.DefaultResolver's.
	LookupSRV func(ctx context.Context, service, proto, name string) (cname string, records []*net.SRV, err error)
	// Patience is how long a KDC may take before the next one is asked too; the first reply counts. 0 means 1 s.
	Patience time.Duration
	// Timeout ends waiting for one KDC. 0 means 10 s.
	Timeout time.Duration
}

// A Transport finds KDCs by a krb5.conf and exchanges messages with them by UDP and TCP (RFC 4120 7.2). It is immutable
// and safe for concurrent use, and keeps no connection.
type Transport struct {
	cfg  TransportConfig
	conf *krb5conf.Config
	udp  int // octets
}

// NewTransport checks the configuration. It does not talk to anybody.
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
	if k.udp = min(k.udp, 32700); k.udp <= 1 { // the most that MIT's library sends by UDP
		k.udp = 0
	}
	if cfg.Dial == nil {
		k.cfg.Dial = new(net.Dialer).DialContext
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

// String returns the address, with the network in front when it is only one.
func (a Address) String() string {
	if a.Network == "" {
		return a.Address
	}
	return a.Network + "/" + a.Address
}

// KDCs returns the KDCs of a realm, in the order in which they are asked. The error is a *kerberos.Error with
// kerberos.CodeRealm when the realm is not configured or has none, or ctx's.
func (k *Transport) KDCs(ctx context.Context, realm string) ([]Address, error) {
	entries := k.conf.Values("realms", realm, "kdc")
	if len(entries) > 0 {
		return configuredKDCs(realm, entries)
	}
	dns := k.conf.Bool("dns_lookup_kdc")
	switch {
	case realm == "" || !kerberos.LegalName(realm):
		return nil, kerberos.Errorf(kerberos.CodeRealm, "no realm is given, or %.100q, which is none", realm)
	case !k.conf.HasRealm(realm) && !(dns && k.cfg.AnyRealm):
		return nil, kerberos.Errorf(kerberos.CodeRealm, "realm %s is not configured: krb5.conf has %s; name its KDCs in [realms]", realm, orNone(k.conf.Realms()))
	case !dns:
		return nil, kerberos.Errorf(kerberos.CodeRealm, "realm %s has no kdc in krb5.conf; name one in [realms], or set dns_lookup_kdc = true to find them by DNS", realm)
	}
	return k.lookup(ctx, realm)
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// configuredKDCs reads kdc entries.
func configuredKDCs(realm string, entries []string) (list []Address, err error) {
	var proxies []string
	for _, entry := range entries {
		if strings.Contains(entry, "://") {
			proxies = append(proxies, entry)
			continue
		}
		a, why := parseKDCEntry(entry)
		if why != "" {
			return nil, kerberos.Errorf(kerberos.CodeRealm, "kdc = %.100q of realm %s %s", entry, realm, why)
		}
		list = append(list, a)
	}
	if len(list) == 0 {
		return nil, kerberos.Errorf(kerberos.CodeRealm, "realm %s has KDC proxies only in krb5.conf (%s), which are not supported here; name KDCs themselves",
			realm, strings.Join(proxies, ", "))
	}
	return list[:min(len(list), krb5conf.MaxKDCs)], nil
}

// parseKDCEntry reads host, host:port, [IPv6]:port or an IPv6 address, any of them behind "udp/" or "tcp/". As to MIT's
// library, a host ends at white space, and nothing may stand behind a port. why is empty on success.
func parseKDCEntry(entry string) (a Address, why string) {
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
		return Address{network, net.JoinHostPort(host, kdcPort)}, ""
	}
	number, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimLeft(port, krb5conf.ConfSpace), "+"), 10, 16)
	if err != nil || number == 0 {
		return a, fmt.Sprintf("is no host or host:port: there is no port %.50q", port)
	}
	return Address{network, net.JoinHostPort(host, strconv.FormatUint(number, 10))}, ""
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
	if net.ParseIP(spec[:end]) != nil { // also of IPv6 without brackets
		return spec[:end], "", false
	}
	if colon := strings.IndexByte(spec[:end], ':'); colon >= 0 {
		return spec[:colon], spec[colon+1:], true
	}
	return spec[:end], "", false
}

// lookup finds KDCs by their service records (RFC 4120 7.2.3.2), in the order of priorities and weights.
func (k *Transport) lookup(ctx context.Context, realm string) ([]Address, error) {
	var list []Address
	var failed []error
	for _, network := range []string{"udp", "tcp"} {
		if network == "udp" && k.udp == 0 {
			continue
		}
		_, records, err := k.cfg.LookupSRV(ctx, "kerberos", network, realm)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			failed = append(failed, err)
		}
		for _, r := range records[:min(len(records), krb5conf.MaxKDCs)] {
			if host := strings.TrimSuffix(r.Target, "."); host != "" && r.Port != 0 { // "." means that there is none
				list = append(list, Address{network, net.JoinHostPort(host, strconv.Itoa(int(r.Port)))})
			}
		}
	}
	if len(list) == 0 {
		return nil, &kerberos.Error{Code: kerberos.CodeRealm, Detail: fmt.Sprintf("realm %s has no kdc in krb5.conf, and DNS has no records _kerberos._udp.%[1]s or "+
			"_kerberos._tcp.%[1]s; name its KDCs in [realms]", realm), Err: kdcFailures(failed)}
	}
	return list, nil
}

// attempts are the addresses to be asked, in order: all by UDP first, if the request is small enough, then all by TCP.
func (k *Transport) attempts(list []Address, size int) (attempts []Address) {
	for _, network := range []string{"udp", "tcp"} {
		for _, a := range list {
			if a.Network != "" && a.Network != network || network == "udp" && size > k.udp && a.Network == "" || network == "udp" && k.udp == 0 {
				continue
			}
			if a = (Address{network, a.Address}); !slices.Contains(attempts, a) {
				attempts = append(attempts, a)
			}
		}
	}
	return attempts
}

// Exchange sends the request to the realm's KDCs, one after the other and without waiting long for any, and returns the
// first reply. When all that answer are out of service (KDC_ERR_SVC_UNAVAILABLE), that is the reply. Errors are
// *kerberos.Error: with kerberos.CodeRealm as those of KDCs, or with kerberos.CodeKDC, which names each KDC that was
// tried; or ctx's.
func (k *Transport) Exchange(ctx context.Context, realm string, request []byte) (reply []byte, err error) {
	if len(request) == 0 || len(request) > maxKDCMessage {
		return nil, kerberos.Errorf(kerberos.CodeKDC, "request of %d octets; there are 1 to %d", len(request), maxKDCMessage)
	}
	list, err := k.KDCs(ctx, realm)
	if err != nil {
		return nil, err
	}
	r := kdcRun{Transport: k, request: request, waiting: k.attempts(list, len(request))}
	if reply, err = r.run(ctx); reply != nil || err != nil {
		return reply, err
	}
	e := kerberos.Errorf(kerberos.CodeKDC, "no KDC of realm %s answered; is one running there, and do firewalls let port 88 through, UDP and TCP?", realm)
	if len(r.asked) == 0 {
		e.Detail = fmt.Sprintf("realm %s has KDCs for UDP only (%s), and a request of %d octets goes by TCP; see udp_preference_limit in krb5.conf", realm, describe(list), len(request))
	}
	if len(r.failed) > 0 {
		e.Err = kdcFailures(r.failed)
	}
	return nil, e
}

// kdcFailures is what became of each KDC, in one line.
type kdcFailures []error

func (f kdcFailures) Error() string {
	lines := make([]string, len(f))
	for n, err := range f {
		lines[n] = err.Error()
	}
	return strings.Join(lines, "; ")
}

func (f kdcFailures) Unwrap() []error { return f }

// kdcRun is one Exchange: KDCs are asked in order, the next one when the one before has failed or takes long.
type kdcRun struct {
	*Transport
	request []byte
	waiting []Address // not yet asked
	asked   []Address
	results chan kdcResult
	open    int    // asked and not yet heard of
	refused []byte // the reply of a KDC that is out of service
	failed  []error
}

type kdcResult struct {
	from  Address
	reply []byte
	err   error
}

// run returns the reply, nil when nobody gave one, or ctx's error.
func (r *kdcRun) run(ctx context.Context) ([]byte, error) {
	outer := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.results = make(chan kdcResult, 2*len(r.waiting)) // each at most twice, so that nobody is left behind sending
	patience := time.NewTimer(0)
	defer patience.Stop()
	for r.open > 0 || len(r.waiting) > 0 {
		select {
		case <-patience.C:
			if r.next(ctx) {
				patience.Reset(r.cfg.Patience)
			}
		case result := <-r.results:
			r.open--
			reply, askNext := r.took(ctx, result)
			if reply != nil {
				return reply, nil
			}
			if askNext {
				patience.Reset(0)
			}
		case <-outer.Done():
			return nil, fmt.Errorf("%w while waiting for %s", outer.Err(), describe(r.asked))
		}
	}
	return r.refused, nil
}

func describe(list []Address) string {
	var names []string
	for _, a := range list {
		names = append(names, a.String())
	}
	return orNone(names)
}

// next asks the next KDC.
func (r *kdcRun) next(ctx context.Context) bool {
	if len(r.waiting) == 0 {
		return false
	}
	a := r.waiting[0]
	r.waiting = r.waiting[1:]
	r.ask(ctx, a)
	return true
}

func (r *kdcRun) ask(ctx context.Context, a Address) {
	r.asked = append(r.asked, a)
	r.open++
	go func() {
		reply, err := r.exchange(ctx, a, r.request)
		r.results <- kdcResult{a, reply, err}
	}()
}

// took looks at what a KDC sent: it is the reply, or the next KDC is to be asked, or this one by TCP, which it is.
func (r *kdcRun) took(ctx context.Context, result kdcResult) (reply []byte, askNext bool) {
	if result.err != nil {
		r.failed = append(r.failed, fmt.Errorf("%s: %w", result.from, result.err))
		return nil, true
	}
	if result.reply[0] != der.TagApplication(30) {
		return result.reply, false
	}
	e, err := krbmsg.ParseKRBError(result.reply)
	if err != nil || e.Code != krbErrTooBig && e.Code != krbErrUnavailable {
		return result.reply, false
	}
	if e.Code == krbErrUnavailable {
		r.refused = result.reply
		return nil, true
	}
	a := Address{"tcp", result.from.Address}
	if result.from.Network != "udp" || slices.Contains(r.asked, a) {
		r.failed = append(r.failed, fmt.Errorf("%s: %w", result.from, e))
		return nil, true
	}
	r.waiting = slices.DeleteFunc(r.waiting, func(w Address) bool { return w == a })
	r.ask(ctx, a)
	return nil, false
}
