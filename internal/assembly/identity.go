package assembly

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/identity"
)

// setIdentity lets the requests of route i to its backends carry an assertion
// about the client, if the route has them.
func (a *assembler) setIdentity(route *gateway.Route, cfg *config.Config, i int) error {
	r := &cfg.Routes[i]
	if !r.Asserts() {
		return nil
	}
	route.AssertedHeaders = append(route.AssertedHeaders, r.AssertionHeader)
	if route.Disabled {
		return nil
	}
	keys, err := a.Keys.assertionKeys(i)
	if err != nil {
		return err
	}
	signer, err := identity.NewSigner(identity.Config{
		Keys: &keys.CurrentKeys, Issuer: r.AssertionIssuer, Audience: r.AssertionAudience, Type: r.AssertionType,
		Lifetime: r.AssertionLifetime, Groups: r.AssertionGroups, Route: r.Name(),
	})
	if err != nil {
		return cfg.Refuse(i, "assertion-header", err.Error(), "")
	}
	route.Transport = &identity.Transport{Base: route.Transport, Signer: signer, Header: r.AssertionHeader}
	return nil
}

// assertionKeys are the keys of a file, which routes share.
type assertionKeys struct {
	identity.CurrentKeys
	path     string
	followed *followed
}

// assertionKeys returns the keys of the assertions of route i, which follow their
// file.
func (k *Keyring) assertionKeys(i int) (*assertionKeys, error) {
	cfg := k.cfg // that of now: route i may be another one later
	path := cfg.Routes[i].AssertionKey
	for _, keys := range k.signers {
		if keys.path == path {
			return keys, nil
		}
	}
	keys := &assertionKeys{path: path}
	load := func() (string, error) {
		next, err := identity.Load(path)
		if err != nil {
			return "", cfg.Refuse(i, "assertion-key", err.Error(), assertionKeyCure(err))
		}
		warnIfReadable(path, "assertion-key", k.log)
		keys.Store(next)
		ids := next.IDs()
		return fmt.Sprintf("signs with %s; other keys: %s", ids[0], strings.Join(ids[1:], ", ")), nil
	}
	if _, err := load(); err != nil {
		return nil, err
	}
	keys.followed = k.follow("assertion-key", []string{path}, load)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.signers = append(slices.Clip(k.signers), keys)
	return keys, nil
}

// assertionKeyCure returns what to do about a key file that was refused.
func assertionKeyCure(err error) string {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return "name a key file that this process can read"
	}
	return "make a key by: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
}

// jwks returns the public keys of all assertions, as a JWK Set; nil if there are
// none.
func (k *Keyring) jwks() []byte {
	k.mu.Lock()
	signers := slices.Clone(k.signers)
	k.mu.Unlock()
	if len(signers) == 0 {
		return nil
	}
	var all []identity.Keys
	for _, s := range signers {
		all = append(all, s.Load())
	}
	return identity.Join(all...).JWKS()
}
