package config

import (
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/kerberos/pac"
)

// groups checks that the security identifiers of a list are ones, written as
// Windows writes them: another spelling would match nobody.
func (k *checker) groups(groups []string) {
	for _, sid := range groups {
		if _, err := pac.ParseSID(sid); err != nil {
			k.find("allowed-groups", fmt.Sprintf("%q is not a security identifier", sid), "write it as S-1-5-21-1004336348-1177238915-682003330-512; Get-ADGroup shows the one of a group")
		}
	}
}

// realmSIDs checks the entries of realm-sids.
func (k *checker) realmSIDs(entries []string) {
	for _, entry := range entries {
		if realm, sid, _ := strings.Cut(entry, "="); !isRealm(realm) || pac.SID(sid) != pac.AnySID && !pac.SID(sid).IsAccountDomain() {
			k.find("realm-sids", fmt.Sprintf("%q is not a realm with the SID of a domain", entry),
				"write it as OTHER.EXAMPLE=S-1-5-21-1004336348-1177238915-682003330, without the number of a group; Get-ADDomain shows it. OTHER.EXAMPLE=* takes every group")
		}
	}
}

// DomainsOfRealms is RealmSIDs by realm.
func (r *Route) DomainsOfRealms() map[string][]pac.SID {
	domains := map[string][]pac.SID{}
	for _, entry := range r.RealmSIDs {
		realm, sid, _ := strings.Cut(entry, "=")
		domains[realm] = append(domains[realm], pac.SID(sid))
	}
	return domains
}
