package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/kdc"
)

const (
	maxKDCs = 16   // that are looked at for a realm
	noEtype = 9999 // the number of no encryption type
)

// A kdcPlace is the address of a KDC, and where it was found.
type kdcPlace struct {
	addr string // host:port
	from string // "krb5.conf" or "DNS"
}

// A kdcProbe is what one KDC has answered.
type kdcProbe struct {
	kdcPlace
	tcp, udp kdcAnswer
}

// A kdcAnswer is its answer over one network.
type kdcAnswer struct {
	network string // "tcp" or "udp"
	err     error  // nil: it answered
	rtt     time.Duration
	refusal *kerberos.KRBError // nil: it issued a ticket
	ahead   time.Duration      // the KDC's clock before ours, with refusal
}

func (p *kdcProbe) answers() bool { return p.tcp.err == nil || p.udp.err == nil }

// best returns the answer over TCP, if there is one, else that over UDP.
func (p *kdcProbe) best() *kdcAnswer {
	if p.tcp.err != nil && p.udp.err == nil {
		return &p.udp
	}
	return &p.tcp
}

// locateKDCs finds a realm's KDCs as libkrb5 does: in krb5.conf, else in DNS.
func (d *doctor) locateKDCs(realm string) (places []kdcPlace, said []Result) {
	configured := d.krb5.Values("realms", realm, "kdc")
	if len(configured) > 0 {
		list, err := d.configuredKDCs(realm)
		if err != nil {
			return nil, []Result{fail(realm, err.Error(), "write kdc = host or kdc = host:port in [realms] of krb5.conf")}
		}
		for _, a := range list {
			places = append(places, kdcPlace{addr: a.Address, from: "krb5.conf"})
		}
	} else if d.krb5.flag("dns_lookup_kdc", true) {
		places = d.kdcsInDNS(realm)
	}
	if len(places) == 0 {
		said = append(said, fail(realm, "no KDC is known: "+d.soughtIn(realm),
			"name a krb5.conf that has the realm's KDCs (--krb5-conf), or put _kerberos._tcp."+realm+
				" into DNS; doctor cannot look at keys and clock without"))
	}
	places = slices.CompactFunc(places, func(a, b kdcPlace) bool { return a == b })
	return places[:min(len(places), maxKDCs)], said
}

func (d *doctor) configuredKDCs(realm string) ([]kdc.Address, error) {
	client, err := kdc.NewTransport(kdc.TransportConfig{Krb5Conf: d.krb5.text})
	if err != nil {
		return nil, err
	}
	ctx, cancel := d.question()
	defer cancel()
	list, err := client.KDCs(ctx, realm)
	var refused *kerberos.Error
	if errors.As(err, &refused) {
		return nil, errors.New(refused.Detail)
	}
	return list, err
}

func (d *doctor) soughtIn(realm string) string {
	if d.krb5.flag("dns_lookup_kdc", true) {
		return "neither krb5.conf nor DNS has one for " + realm
	}
	return "krb5.conf has none for " + realm + ", and dns_lookup_kdc is off"
}

// kdcsInDNS looks up SRV records (RFC 4120 7.2.3.2).
func (d *doctor) kdcsInDNS(realm string) (places []kdcPlace) {
	for _, proto := range []string{"tcp", "udp"} {
		for _, srv := range d.lookupSRV(realm, proto) {
			host := strings.TrimSuffix(srv.Target, ".")
			p := kdcPlace{addr: net.JoinHostPort(host, strconv.Itoa(int(srv.Port))), from: "DNS"}
			if host != "" && !slices.Contains(places, p) {
				places = append(places, p)
			}
		}
	}
	return places
}

func (d *doctor) lookupSRV(realm, proto string) []*net.SRV {
	ctx, cancel := d.question()
	defer cancel()
	_, list, err := d.Resolver.LookupSRV(ctx, "kerberos", proto, realm+".")
	if err != nil {
		return nil
	}
	return list
}

// question returns a context for one request of work that checks share.
func (d *doctor) question() (context.Context, context.CancelFunc) {
	return context.WithTimeout(d.ctx, d.Timeout)
}

// exchanger returns a transport to one KDC over "tcp" or "udp". It does not use
// the machine's krb5.conf, which another check is for.
func (d *doctor) exchanger(realm, network, addr string) (kdc.Exchanger, error) {
	return kdc.NewTransport(kdc.TransportConfig{Dial: d.Dial, Timeout: d.Timeout,
		Krb5Conf: fmt.Sprintf("[realms]\n%s = {\n kdc = %s/%s\n}\n", realm, network, addr)})
}

// probeKDCs probes all KDCs of a realm at the same time, over UDP and TCP.
func (d *doctor) probeKDCs(r *realm) []*kdcProbe {
	places, _ := r.kdcs()
	probes := make([]*kdcProbe, len(places))
	var wg sync.WaitGroup
	for i, place := range places {
		p := &kdcProbe{kdcPlace: place}
		probes[i] = p
		wg.Go(func() { p.tcp = d.probeKDC(r.name, "tcp", place.addr) })
		wg.Go(func() { p.udp = d.probeKDC(r.name, "udp", place.addr) })
	}
	wg.Wait()
	return probes
}

// probeKDC asks a KDC for a ticket under an encryption type that does not
// exist. The answer is an error with the KDC's time.
func (d *doctor) probeKDC(realm, network, addr string) kdcAnswer {
	client, tgs := d.clientOf(realm), kerberos.Principal{Components: []string{"krbtgt", realm}, Realm: realm}
	ctx, cancel := d.question()
	defer cancel()
	exchanger, err := d.exchanger(realm, network, addr)
	if err != nil {
		return kdcAnswer{err: err}
	}
	sent, began := d.Now(), time.Now()
	facts, err := kdc.Probe(ctx, exchanger, client, tgs, noEtype)
	a := kdcAnswer{network: network, err: plainError(err), rtt: time.Since(began), refusal: facts.Error}
	if err == nil && facts.Error != nil {
		a.ahead = facts.Error.Time.Sub(sent.Add(a.rtt / 2))
	}
	return a
}

// plainError returns an error without what the result's line has anyway.
func plainError(err error) error {
	var (
		op      *net.OpError
		refused *kerberos.Error
	)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("no answer in time")
	case errors.As(err, &op):
		return op.Err
	case errors.As(err, &refused) && refused.Code == kerberos.CodeKDC && refused.Err != nil:
		return refused.Err
	}
	return err
}

// checkKDCs reports which KDCs answer, and how fast.
func (d *doctor) checkKDCs(context.Context) []Result {
	if len(d.realms) == 0 {
		return []Result{skip("KDC", "no route names a service with a realm, and no keytab does")}
	}
	return each(d.realmNames(), func(name string) []Result {
		_, list := d.realms[name].kdcs()
		probes := d.realms[name].probes()
		others := slices.ContainsFunc(probes, (*kdcProbe).answers)
		for _, p := range probes {
			list = append(list, p.reachable(name, others))
		}
		return list
	})
}

// reachable returns the result for one KDC. Others reports whether the realm
// has one that answers.
func (p *kdcProbe) reachable(realm string, others bool) Result {
	subject := p.addr + " (" + realm + ", " + p.from + ")"
	best := p.best()
	if best.refusal != nil && best.refusal.Code == errWrongRealm {
		return fail(subject, "is a KDC of another realm", "correct the realm's entry in "+p.from)
	}
	switch {
	case p.tcp.err == nil && p.udp.err == nil:
		return ok(subject, "answers over TCP and UDP, in %v", best.rtt.Round(100*time.Microsecond))
	case p.tcp.err == nil:
		return ok(subject, "answers over TCP in %v; over UDP: %v", best.rtt.Round(100*time.Microsecond), p.udp.err)
	case p.udp.err == nil:
		return warn(subject, fmt.Sprintf("answers over UDP only; over TCP: %v", p.tcp.err),
			"open its port for TCP: tickets with a PAC do not fit into a datagram")
	}
	found := fmt.Sprintf("does not answer: over TCP %v; over UDP %v", p.tcp.err, p.udp.err)
	if others {
		return warn(subject, found, "start it or take it out of "+p.from+": clients wait for it before they ask another")
	}
	return fail(subject, found, "check host and port (TCP and UDP) in "+p.from+
		", the firewall, and that the KDC runs; clients get no tickets")
}

// clockWarning is the least difference to warn of. No synchronised clock is as
// wrong.
const clockWarning = time.Minute

// checkClocks compares each KDC's clock with ours.
func (d *doctor) checkClocks(context.Context) (list []Result) {
	for _, name := range d.realmNames() {
		for _, p := range d.realms[name].probes() {
			switch {
			case !p.answers():
			case p.best().refusal == nil:
				list = append(list, skip(p.addr, "its answer has no time"))
			default:
				list = append(list, d.clockResult(p.addr, p.best().ahead))
			}
		}
	}
	if len(list) == 0 {
		list = append(list, skip("clock", "no KDC answers"))
	}
	return list
}

func (d *doctor) clockResult(kdc string, ahead time.Duration) Result {
	size := ahead.Abs().Round(time.Millisecond)
	if size > 10*time.Second {
		size = size.Round(time.Second)
	}
	found := fmt.Sprintf("this machine's clock is %v behind the KDC's", size)
	if ahead < 0 {
		found = fmt.Sprintf("this machine's clock is %v ahead of the KDC's", size)
	}
	const cure = "find out which of the two is wrong (timedatectl, chronyc tracking; on Windows w32tm /query " +
		"/status) and let NTP set it"
	switch {
	case ahead.Abs() > d.Settings.ClockSkew:
		return fail(kdc, found+fmt.Sprintf(", more than clock-skew %v: clients that have the KDC's time are refused",
			d.Settings.ClockSkew), cure)
	case ahead.Abs() > min(clockWarning, d.Settings.ClockSkew/2):
		return warn(kdc, found, cure)
	}
	return ok(kdc, "its clock and this machine's differ by %v", size)
}
