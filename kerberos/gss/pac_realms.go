package gss

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/wssgate/wssgate/kerberos/pac"
)

// checkRealmSIDs returns an error unless all SIDs are of domains with accounts,
// S-1-5-21 and three numbers.
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

// withhold moves the groups that the client's realm may not name to Withheld.
// The service's KDC signs a PAC with the service's key, whoever wrote its
// content: for a client of another realm that is the client's KDC. What the
// service's KDC lets pass depends on the trust and the product (MS-PAC
// 4.1.2.2): everything, within a forest or without a directory to compare with.
// A realm that is trusted to name its users must not make them administrators
// here. So by default a client of another realm is in no group.
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

// noteDenied notes the SIDs of DeniedSIDs that the PAC names. A realm that may
// not put its clients into groups here can only take rights from them by that.
func (s *acceptance) noteDenied(logon *pac.PAC) {
	for _, sid := range s.cfg.DeniedSIDs {
		if logon.Names(sid) {
			logon.Denied = append(logon.Denied, sid)
		}
	}
}
