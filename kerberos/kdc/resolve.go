package kdc

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
)

// How long answers of DNS are remembered. The resolver does not return their TTL.
const (
	freshFor      = time.Minute
	staleFor      = time.Hour       // they are used while they are looked up again
	failedFor     = 5 * time.Second // and until they are looked up again after a failure
	maxRemembered = 256             // names
)

// A remembered holds what was looked up. One look-up of a name is under way at a
// time. The zero value is ready to use.
type remembered[V any] struct {
	mu    sync.Mutex
	names map[string]*finding[V]
}

// A finding is what is known of a name.
type finding[V any] struct {
	value   V
	err     error
	good    time.Time     // when value was found; zero for never
	next    time.Time     // when to look it up again
	looking chan struct{} // closed when the look-up under way ends; nil for none
}

// get returns what is known of a name, or looks it up, for no longer than limit.
func (m *remembered[V]) get(
	ctx context.Context, name string, limit time.Duration, look func(context.Context) (V, error),
) (V, error) {
	m.mu.Lock()
	f := m.names[name]
	if f == nil {
		f = m.add(name)
	}
	if f.looking == nil && !time.Now().Before(f.next) {
		f.looking = make(chan struct{})
		go m.look(context.WithoutCancel(ctx), f, limit, look)
	}
	defer m.mu.Unlock()
	for f.looking != nil && !f.usable(time.Now()) {
		looking := f.looking
		m.mu.Unlock()
		select {
		case <-looking:
		case <-ctx.Done():
		}
		m.mu.Lock()
		if ctx.Err() != nil {
			return f.value, ctx.Err()
		}
	}
	return f.value, f.err
}

// add adds a name. The caller holds the lock.
func (m *remembered[V]) add(name string) *finding[V] {
	if m.names == nil || len(m.names) >= maxRemembered {
		m.names = make(map[string]*finding[V])
	}
	f := new(finding[V])
	m.names[name] = f
	return f
}

// usable reports whether the value may be used during a look-up.
func (f *finding[V]) usable(now time.Time) bool {
	return !f.good.IsZero() && now.Before(f.good.Add(freshFor+staleFor))
}

// look looks a name up. A failure does not replace a value that may be used.
func (m *remembered[V]) look(
	ctx context.Context, f *finding[V], limit time.Duration, look func(context.Context) (V, error),
) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	value, err := look(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	switch {
	case err == nil:
		f.value, f.err, f.good, f.next = value, nil, now, now.Add(freshFor)
	case f.usable(now):
		f.next = now.Add(failedFor)
	default:
		f.err, f.next = err, now.Add(failedFor)
	}
	close(f.looking)
	f.looking = nil
}

// known reports whether get would return at once.
func (m *remembered[V]) known(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.names[name]
	return f != nil && (f.usable(time.Now()) || f.looking == nil && time.Now().Before(f.next))
}

// prefer replaces the value of a name with one that lists the same in another
// order.
func (m *remembered[V]) prefer(name string, reorder func(V) V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.names[name]; f != nil && !f.good.IsZero() {
		f.value = reorder(f.value)
	}
}

// lookup returns the servers of a service, "kerberos" or "kpasswd", by their
// service records (RFC 4120 7.2.3.2), in the order of priorities and weights.
func (k *Transport) lookup(ctx context.Context, service, realm string) ([]Address, error) {
	found, err := k.services.get(ctx, service+" "+realm, k.cfg.Timeout, func(ctx context.Context) ([]record, error) {
		return k.lookupRecords(ctx, service, realm)
	})
	if err != nil {
		return nil, err
	}
	return inOrder(found), nil
}

// A record is a service record.
type record struct {
	Address
	priority, weight uint16
}

func (k *Transport) lookupRecords(ctx context.Context, service, realm string) (list []record, err error) {
	var failed []error
	for _, network := range []string{"udp", "tcp"} {
		if network == "udp" && k.udp == 0 && service == "kerberos" {
			continue
		}
		_, records, err := k.cfg.LookupSRV(ctx, service, network, realm)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			failed = append(failed, err)
		}
		for _, r := range records[:min(len(records), krb5conf.MaxKDCs)] {
			if host := strings.TrimSuffix(r.Target, "."); host != "" && r.Port != 0 { // "." means that there is none
				a := Address{network, net.JoinHostPort(host, strconv.Itoa(int(r.Port)))}
				list = append(list, record{a, r.Priority, r.Weight})
			}
		}
	}
	if len(list) == 0 {
		return nil, &kerberos.Error{Code: kerberos.CodeRealm,
			Detail: fmt.Sprintf("realm %s has no such server in krb5.conf, and DNS has no records _%[2]s._udp.%[1]s or "+
				"_%[2]s._tcp.%[1]s; name its KDCs in [realms]", realm, service), Err: kdcFailures(failed)}
	}
	return list, nil
}

// inOrder returns the addresses in the order of RFC 2782: by priority, and of the
// same priority at random by weight, anew for each request.
func inOrder(records []record) []Address {
	left := slices.Clone(records)
	list := make([]Address, 0, len(left))
	for len(left) > 0 {
		n := pick(left)
		list = append(list, left[n].Address)
		left = slices.Delete(left, n, n+1)
	}
	return list
}

// pick picks one of the records of the first record's network and lowest
// priority.
func pick(records []record) (picked int) {
	first, sum := records[0], 0
	for n, r := range records {
		switch {
		case r.Network != first.Network || r.priority > records[picked].priority:
			continue
		case r.priority < records[picked].priority:
			picked, sum = n, 0
		}
		weight := int(r.weight) + 1 // one without weight is picked seldom
		if sum += weight; rand.IntN(sum) < weight {
			picked = n
		}
	}
	return picked
}
