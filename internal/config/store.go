package config

import (
	"errors"
	"regexp"
	"slices"
	"time"

	"github.com/wssgate/wssgate/internal/store/storeurl"
)

// StoreNone is the value of store for a route whose state is in the memory of the
// process.
const StoreNone = "none"

// HasStore reports whether the route has a store that nodes share.
func (r *Route) HasStore() bool { return r.Store != StoreNone && r.Store != "" }

// Stores returns the stores of all routes, each once.
func (c *Config) Stores() (urls []string) {
	for i := range c.Routes {
		if r := &c.Routes[i]; r.HasStore() && !r.Shadow && !slices.Contains(urls, r.Store) {
			urls = append(urls, r.Store)
		}
	}
	return urls
}

// Replicas returns how many replicas have to have a record.
func (p *Process) Replicas() int {
	if p.ReplayDurability == "replicas" {
		return p.StoreReplicas
	}
	return 0
}

// stores checks the settings that all stores have in common.
func (k *checker) stores(p *Process) {
	if !regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`).MatchString(p.StorePrefix) {
		k.find("store-prefix", "is not a name of at most 64 letters, digits, dots, dashes and colons", "write wssgate")
	}
	if p.StoreTimeout > 10*time.Second {
		k.find("store-timeout", "is more than 10s, for which exchanges would wait", "write 250ms")
	}
	switch {
	case p.ReplayDurability == "replicas" && p.StoreReplicas < 1:
		k.find("replay-durability", "is replicas, and store-replicas does not say of how many",
			"set store-replicas to the number of replicas that may be promoted")
	case p.ReplayDurability != "replicas" && p.StoreReplicas > 0:
		k.find("store-replicas", "has no use without replay-durability replicas", "set replay-durability, or remove it")
	}
	if (p.StoreCert == "") != (p.StoreKey == "") {
		k.find("store-cert", "and store-key belong together", "give both")
	}
}

// store checks the store of a route.
func (k *checker) store(r *Route) {
	if !r.HasStore() {
		return
	}
	u, err := storeurl.Parse(r.Store)
	switch {
	case errors.Is(err, storeurl.ErrPassword):
		k.find("store", err.Error(), "write the password to a file, and name that by store-password-file")
	case err != nil:
		k.find("store", err.Error(), "write it as redis://host:6379, rediss://user@host, redis+sentinel://host1,host2/name "+
			"or redis+cluster://host1,host2")
	case !u.TLS && k.cfg.StoreCert != "":
		k.find("store-cert", "is for stores with TLS, and store is without", "write rediss:// in the place of redis://")
	case !u.TLS && k.cfg.StoreCA != "":
		k.find("store-ca", "is for stores with TLS, and store is without", "write rediss:// in the place of redis://")
	case k.cfg.StateKeys == "":
		k.find("store", "needs state-keys: what is kept there is encrypted under keys that all nodes have",
			"make a file with openssl rand -base64 32, and name it by state-keys on each node")
	}
}
