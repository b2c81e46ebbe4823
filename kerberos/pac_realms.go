package kerberos

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// AnySID in AcceptorConfig.RealmSIDs stands for every domain.
const AnySID SID = "*"

// checkRealmSIDs demands domains of accounts, S-1-5-21 and three numbers.
func checkRealmSIDs(realms map[string][]SID) error {
	for _, realm := range slices.Sorted(maps.Keys(realms)) {
		for _, sid := range realms[realm] {
			if sid != AnySID && !sid.IsAccountDomain() {
				return fmt.Errorf("kerberos: %q of realm %s is not the SID of a domain", string(sid), realm)
			}
		}
	}
	return nil
}

// IsAccountDomain reports whether s is the SID of a domain that has accounts and groups: "S-1-5-21-", and three numbers.
func (s SID) IsAccountDomain() bool {
	_, err := ParseSID(string(s))
	return err == nil && strings.HasPrefix(string(s), "S-1-5-21-") && strings.Count(string(s), "-") == 6
}

// domain is what s is an account or group of.
func (s SID) domain() SID {
	return s[:max(0, strings.LastIndexByte(string(s), '-'))]
}

// withhold finds the groups that the client's realm may not tell of. The PAC of a ticket is signed by the service's KDC with
// the service's key, whoever wrote what is in it: of a client of another realm that was the client's KDC, and what ours lets
// pass depends on the trust and on the product (MS-PAC 4.1.2.2): all, within a forest or without a directory that knows
// better. A realm that is trusted to name its users must not make them administrators here. So unless the configuration says
// more, a client of another realm is in no group.
func (s *acceptance) withhold(pac *PAC) {
	domains, listed := s.cfg.RealmSIDs[string(s.ticket.crealm)]
	if slices.Contains(domains, AnySID) || !listed && bytes.Equal(s.ticket.crealm, s.req.realm) {
		return
	}
	for _, text := range pac.Groups() {
		if sid := SID(text); !slices.Contains(domains, sid.domain()) {
			pac.Withheld = append(pac.Withheld, sid)
		}
	}
}
