package doctor

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos/kdc"
)

// checkRelay reports which KDCs answer to which requests are relayed.
func (d *doctor) checkRelay(ctx context.Context) []Result {
	if !d.Settings.Relays() || d.RelayKDCs == nil {
		return nil
	}
	return each(d.Settings.RelayedRealms(), func(r config.KDCRealm) []Result {
		from := "kdc-servers"
		switch {
		case len(r.Servers) > 0:
		case d.Settings.KDCDNS:
			from = "kdc-krb5-conf or DNS"
		default:
			from = "kdc-krb5-conf"
		}
		found, err := d.relayKDCs(ctx, r.Name)
		if err != nil {
			return []Result{fail(r.Name, "the relay knows no KDC of it: "+plainError(err).Error(),
				"see kdc-servers, kdc-krb5-conf and kdc-dns; requests for the realm are answered 503")}
		}
		probes := d.probeRelayed(r.Name, from, found)
		others := slices.ContainsFunc(probes, (*kdcProbe).answers)
		var list []Result
		for _, p := range probes {
			list = append(list, p.reachable(r.Name, others))
		}
		return list
	})
}

func (d *doctor) relayKDCs(ctx context.Context, realm string) ([]kdc.Address, error) {
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	return d.RelayKDCs(ctx, realm)
}

var errNotAsked = errors.New("not asked, by its entry")

// probeRelayed probes KDCs at the same time, over UDP and TCP or what their
// entries say.
func (d *doctor) probeRelayed(realm, from string, found []kdc.Address) (probes []*kdcProbe) {
	for _, a := range found {
		i := slices.IndexFunc(probes, func(p *kdcProbe) bool { return p.addr == a.Address })
		if i < 0 && len(probes) == maxKDCs {
			continue
		}
		if i < 0 {
			i, probes = len(probes), append(probes, &kdcProbe{kdcPlace: kdcPlace{a.Address, from},
				tcp: kdcAnswer{err: errNotAsked}, udp: kdcAnswer{err: errNotAsked}})
		}
		for network, answer := range probes[i].answersOf() {
			if a.Network == "" || a.Network == network {
				answer.err = nil
			}
		}
	}
	var wg sync.WaitGroup
	for _, p := range probes {
		for network, answer := range p.answersOf() {
			if answer.err == nil {
				wg.Go(func() { *answer = d.probeKDC(realm, network, p.addr) })
			}
		}
	}
	wg.Wait()
	return probes
}

func (p *kdcProbe) answersOf() map[string]*kdcAnswer {
	return map[string]*kdcAnswer{"tcp": &p.tcp, "udp": &p.udp}
}
