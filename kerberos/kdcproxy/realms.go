package kdcproxy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
)

// A realm is a listed realm and the way to its servers.
type realm struct {
	name      string
	transport *kdc.Transport
	rate      *rate
	forgeable *rate // of requests by UDP, whose senders are not proved
}

// realms holds the listed realms.
type realms struct {
	list  []*realm
	named map[string]*realm // by names and aliases, in lower case
}

// find returns the realm of a name, nil if it is not listed.
func (all *realms) find(name string) *realm { return all.named[strings.ToLower(name)] }

// KDCs returns the KDCs that are asked for a realm, which is one of Config or an
// alias, in the order of their configuration. It asks DNS if they are found there.
func (r *Relay) KDCs(ctx context.Context, realm string) ([]kdc.Address, error) {
	to := r.realms.Load().find(realm)
	if to == nil {
		return nil, refuse(CodeRealm, "realm %.100q is not relayed", realm)
	}
	return to.transport.KDCs(ctx, to.name)
}

// SetRealms replaces the realms of a running relay, and where their servers are;
// see [Config]. Requests under way end as they began. If it returns an error
// nothing has changed.
func (r *Relay) SetRealms(list []Realm, krb5Conf string, lookUp bool) error {
	cfg := r.cfg
	cfg.Realms, cfg.Krb5Conf, cfg.LookUp = list, krb5Conf, lookUp
	if len(list) == 0 {
		return errNoRealms
	}
	next, err := newRealms(&cfg)
	if err != nil {
		return err
	}
	for _, one := range next.list {
		if was := r.realms.Load().find(one.name); was != nil {
			one.rate, one.forgeable = was.rate, was.forgeable
		}
	}
	r.realms.Store(next)
	return nil
}

func newRealms(cfg *Config) (*realms, error) {
	conf, err := krb5conf.Parse(cfg.Krb5Conf)
	if err != nil {
		return nil, fmt.Errorf("kdcproxy: %w", err)
	}
	all := &realms{named: map[string]*realm{}}
	for i := range cfg.Realms {
		r := &cfg.Realms[i]
		one := &realm{name: r.Name, rate: new(rate), forgeable: new(rate)}
		if one.transport, err = newTransport(cfg, r, conf); err != nil {
			return nil, fmt.Errorf("kdcproxy: realm %.100q: %w", r.Name, err)
		}
		for _, name := range append([]string{r.Name}, r.Aliases...) {
			if other := all.find(name); other != nil && other != one {
				return nil, fmt.Errorf("kdcproxy: %q is the name of two realms, %s and %s", name, other.name, r.Name)
			}
			if !plainName(name) {
				return nil, fmt.Errorf("kdcproxy: %.100q is not a realm name", name)
			}
			all.named[strings.ToLower(name)] = one
		}
		all.list = append(all.list, one)
	}
	return all, nil
}

// plainName reports whether a realm name can stand in a krb5.conf, and names one
// domain.
func plainName(name string) bool {
	return name != "" && len(name) <= kerberos.MaxNameBytes && kerberos.LegalName(name) &&
		!strings.ContainsAny(name, " \t={}[]#;*/@") && !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".")
}

// newTransport returns the way to the servers of one realm. It fails if none is
// configured and none may be looked up, or if an entry is wrong. It looks
// nothing up.
func newTransport(cfg *Config, r *Realm, conf *krb5conf.Config) (*kdc.Transport, error) {
	if !plainName(r.Name) {
		return nil, errors.New("is not a realm name")
	}
	kdcs, passwords := serversOf(r, conf)
	dns := cfg.LookUp || conf.Bool("dns_lookup_kdc")
	t, err := kdc.NewTransport(kdc.TransportConfig{
		Krb5Conf: realmConf(r.Name, conf.Setting("udp_preference_limit"), dns, kdcs, passwords), AnyRealm: true,
		Patience: cfg.Patience, Timeout: cfg.Timeout, Dial: cfg.Dial, LookupSRV: cfg.LookupSRV,
	})
	if err != nil {
		return nil, err
	}
	if len(kdcs) > 0 || !dns {
		if _, err := t.KDCs(context.Background(), r.Name); err != nil {
			return nil, err
		}
	}
	if len(passwords) > 0 { // a realm may have none: most clients change no password
		if _, err := t.PasswordServers(context.Background(), r.Name); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// serversOf returns the entries of a realm as lines of a krb5.conf.
func serversOf(r *Realm, conf *krb5conf.Config) (kdcs, passwords []string) {
	entries := func(name string, own []string) (lines []string) {
		if len(own) == 0 {
			own = conf.Values("realms", r.Name, name)
		}
		for _, v := range own {
			lines = append(lines, name+" = "+strings.NewReplacer("\n", " ", "\r", " ").Replace(v))
		}
		return lines
	}
	return entries("kdc", r.KDCs), append(entries("kpasswd_server", r.PasswordServers), entries("admin_server", nil)...)
}

// realmConf returns the krb5.conf of one realm.
func realmConf(name, udpLimit string, dns bool, kdcs, passwords []string) string {
	if udpLimit != "" {
		udpLimit = "udp_preference_limit = " + udpLimit + "\n"
	}
	lines := strings.Join(append(kdcs, passwords...), "\n")
	return fmt.Sprintf("[libdefaults]\ndns_lookup_kdc = %t\n%s[realms]\n%s = {\n%s\n}\n", dns, udpLimit, name, lines)
}

// listed returns the realm that a request is for. Its target-domain, if it has
// one, and the realm inside it have to be names of that realm.
func (all *realms) listed(domain, inside string) (*realm, error) {
	r := all.find(inside)
	if r == nil {
		return nil, refuse(CodeRealm, "realm %.100q is not relayed", inside)
	}
	if domain != "" && all.find(domain) != r {
		return nil, refuse(CodeDomain, "target-domain %.100q is not realm %s, which the request is for", domain, r.name)
	}
	return r, nil
}
