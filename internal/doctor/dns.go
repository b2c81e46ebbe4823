package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// checkDNS looks up the hosts in the names of services, from which clients
// derive those names, and the realms' KDCs.
func (d *doctor) checkDNS(ctx context.Context) []Result {
	hosts := each(d.hosts(), func(host string) []Result { return d.checkHost(ctx, host) })
	realms := each(d.realmNames(), func(name string) []Result { return d.checkSRV(name) })
	if len(hosts)+len(realms) == 0 {
		return []Result{skip("DNS", "no service has a host in its name")}
	}
	return append(hosts, realms...)
}

// hosts returns the second components of the services' names.
func (d *doctor) hosts() (list []string) {
	for _, s := range d.services {
		if host := s.host(); host != "" && !slices.Contains(list, host) {
			list = append(list, host)
		}
	}
	return list
}

// host returns the host in a service's name, or "" if it has none.
func (s *service) host() string {
	if len(s.Components) < 2 {
		return ""
	}
	return s.Components[1]
}

// checkHost resolves a host like a client that derives the service's name from
// a URL.
func (d *doctor) checkHost(ctx context.Context, host string) []Result {
	if _, err := netip.ParseAddr(host); err == nil {
		return []Result{warn(host, "is an address: clients ask for names, and for an address use NTLM or nothing",
			"name the service by the host name in the clients' URL, and register that")}
	}
	q, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	addrs, err := d.Resolver.LookupHost(q, host)
	if err != nil || len(addrs) == 0 {
		return []Result{warn(host, "does not resolve here: "+resolveError(err),
			"fine if clients' DNS has it; else name the service by the host name that clients call")}
	}
	list := []Result{ok(host, "resolves to %s", strings.Join(addrs, ", "))}
	if d.krb5.canonicalizes() {
		list = append(list, d.checkCanonical(q, host, addrs)...)
	}
	return list
}

// canonicalizes reports whether clients with this krb5.conf replace a host's
// name by one from DNS.
func (k *krb5Conf) canonicalizes() bool {
	if strings.EqualFold(k.setting("dns_canonicalize_hostname"), "fallback") {
		return false
	}
	return k.flag("dns_canonicalize_hostname", true)
}

// checkCanonical checks whether MIT's clients would ask for another service,
// because of an alias or the address of the host.
func (d *doctor) checkCanonical(ctx context.Context, host string, addrs []string) (list []Result) {
	const cure = "set dns_canonicalize_hostname = false in the clients' krb5.conf, or mend DNS, or register that " +
		"name too and put its key into the keytab"
	if cname, err := d.Resolver.LookupCNAME(ctx, host); err == nil && !sameHost(cname, host) &&
		strings.Contains(cname, ".") {
		list = append(list, warn(host,
			"is an alias of "+strings.TrimSuffix(cname, ".")+": clients with MIT's library ask for a ticket for that one", cure))
	}
	if !d.krb5.flag("rdns", true) {
		return list
	}
	for _, addr := range addrs {
		names, err := d.Resolver.LookupAddr(ctx, addr)
		if err == nil && len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return sameHost(n, host) }) {
			list = append(list, warn(host,
				fmt.Sprintf("%s resolves back to %s: clients with MIT's library and rdns ask for a ticket for that one", addr,
					strings.TrimSuffix(names[0], ".")),
				"set rdns = false in the clients' krb5.conf, or mend the PTR record"))
			break
		}
	}
	return list
}

func sameHost(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}

func resolveError(err error) string {
	var dns *net.DNSError
	switch {
	case err == nil:
		return "no addresses"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host"
	case errors.As(err, &dns) && dns.IsTimeout, errors.Is(err, context.DeadlineExceeded):
		return "no answer from DNS in time"
	}
	return err.Error()
}

// checkSRV looks up the records by which clients without a krb5.conf find the
// KDCs, as those of Windows do.
func (d *doctor) checkSRV(realm string) []Result {
	tcp, udp := d.lookupSRV(realm, "tcp"), d.lookupSRV(realm, "udp")
	subject := "_kerberos._tcp." + realm
	switch {
	case len(tcp)+len(udp) > 0:
		return []Result{ok(subject, "%s, %d over UDP", plural(len(tcp), "KDC"), len(udp))}
	case len(d.krb5.Values("realms", realm, "kdc")) > 0:
		return []Result{ok(subject, "not in DNS; krb5.conf names the KDCs")}
	}
	return []Result{warn(subject, "is not in DNS, and krb5.conf names no KDC of "+realm,
		"add the SRV records, or kdc = in [realms] of krb5.conf")}
}
