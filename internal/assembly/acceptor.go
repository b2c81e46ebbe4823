package assembly

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// A routeAcceptor accepts the tickets of a route.
type routeAcceptor struct {
	*gss.Acceptor
	// accepts names how it does so, and under which policies messages come: what was
	// agreed with a client under another name does not hold here.
	accepts string
}

// scope names the route. What is kept for a client is of no use in another scope:
// neither on another route, nor after a reload of the configuration by which the
// client, its ticket or its messages might be refused. So nothing is accepted that
// a gateway would refuse which has just been started, and no message for the second
// time by reason of a longer time to accept it in.
func (a *routeAcceptor) scope(r *config.Route) string { return r.Name() + "\n" + a.accepts }

func newAcceptor(cfg *config.Config, r *config.Route, c *credential, all *shared) (*routeAcceptor, error) {
	ac := acceptorConfig(cfg, r, c)
	policies, err := json.Marshal(policiesOf(r))
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(fmt.Appendf(nil, "%+v\n%s", ac, policies)) // without files and stores
	ac.Keytab, ac.Replay, ac.Time = c.file, all.records.of(cfg.ClockSkew, all.sharedTickets()), all.now
	a, err := gss.NewAcceptor(ac)
	return &routeAcceptor{a, hex.EncodeToString(digest[:8])}, err
}

// acceptorConfig returns what a route accepts tickets by, without the files and
// stores that it has for that.
func acceptorConfig(cfg *config.Config, r *config.Route, c *credential) gss.AcceptorConfig {
	ac := gss.AcceptorConfig{
		Services: c.principals, MaxSkew: cfg.ClockSkew, ReplayWindow: cfg.ClockSkew,
		KeySource: gss.KeySource(r.KerberosKey), ClientRealms: r.TrustedRealms,
		BindingRule: bindingRule(r), ExactKvno: r.ExactKvno, CheckAddresses: r.CheckAddresses,
		Delegation: takesDelegation(r), KeepTicket: r.BackendCredential == config.CredentialProxy,
	}
	if r.AllowRC4 {
		ac.Etypes = allEtypes()
	}
	if r.ListsGroups() || r.GroupsHeader != "" || r.Asserts() && r.AssertionGroups {
		ac.RealmSIDs = r.DomainsOfRealms()
		for _, sid := range r.DeniedGroups {
			ac.DeniedSIDs = append(ac.DeniedSIDs, pac.SID(sid))
		}
		ac.PAC = gss.PACWhenPresent // without one there are no groups, which the route refuses by its own code
	}
	return ac
}

// bindingRule returns the rule of a route's channel-bindings. It is off where a
// proxy ends TLS: the channels that tokens are bound to are not known here.
func bindingRule(r *config.Route) gss.BindingRule {
	if r.ChannelBindings == "off" || r.TLSOffloaded {
		return gss.BindingsOff
	}
	return gss.BindingRule(r.ChannelBindings)
}

// allEtypes returns the encryption types of package etype, RC4 included.
func allEtypes() []int32 {
	return etype.Supported(etype.AES256SHA1, etype.AES128SHA1, etype.AES256SHA2, etype.AES128SHA2, etype.RC4)
}
