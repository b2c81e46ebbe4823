package kdcproxy

import (
	"context"
	"sync"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/kdc"
)

// A Probed is what [Relay.Probe] found of a realm.
type Probed struct {
	Realm string
	Err   error // nil if a KDC answers
}

// probeName is the client that probes ask for. No realm has it; the KDC's log
// does.
const probeName = "kdcproxy-probe"

// Probe asks a KDC of each realm for a ticket in a name that nobody has, to see
// whether one answers. Any answer is one. The realms are in the order of Config.
func (r *Relay) Probe(ctx context.Context) []Probed {
	realms := r.realms.Load().list
	found := make([]Probed, len(realms))
	var all sync.WaitGroup
	for i, to := range realms {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
			defer cancel()
			_, err := kdc.Probe(ctx, to.transport, kerberos.Principal{Components: []string{probeName}, Realm: to.name},
				kerberos.Principal{Components: []string{"krbtgt", to.name}, Realm: to.name})
			found[i] = Probed{to.name, err}
		})
	}
	all.Wait()
	return found
}
