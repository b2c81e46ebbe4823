package gss

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/wssgate/wssgate/kerberos/pac"
)

// checkRealmSIDs demands domains of accounts, S-1-5-21 and three numbers.
func checkRealmSIDs(realms map[string][]pac.SID) error {
	for _, realm := range slices.Sorted(maps.Keys(realms)) {
		for _, sid := range realms[realm] {
			if sid != pac.AnySID && !sid.IsAccountDomain() {
				return fmt.Errorf("kerberos: %q of realm %s is not the SID of a domain", string(sid), realm)
			}
		}
	}
	return nil
}

// withhold finds the groups that the client's realm may not tell of. The PAC of a ticket is signed by the service's KDC
// with the service's key, whoever wrote what is in it: of a client of another realm that was the client's KDC, and what
// ours lets pass depends on the trust and on the product (MS-PAC 4.1.2.2): all, within a forest or without a directory
// that knows better. A realm that is trusted to name its users must not make them administrators here. So unless the
// configuration says more, a client of another realm is in no group.
func (s *acceptance) withhold(logon *pac.PAC) {
	domains, listed := s.cfg.RealmSIDs[string(s.ticket.CRealm)]
	if slices.Contains(domains, pac.AnySID) || !listed && bytes.Equal(s.ticket.CRealm, s.req.Realm) {
		return
	}
	for _, text := range logon.Groups() {
		if sid := pac.SID(text); !slices.Contains(domains, sid.Domain()) {
			logon.Withheld = append(logon.Withheld, sid)
		}
	}
}
