package config

import (
	"fmt"

	"github.com/wssgate/wssgate/kerberos"
)

// groups checks that the security identifiers of a list are ones, written as
// Windows writes them: another spelling would match nobody.
func (k *checker) groups(groups []string) {
	for _, sid := range groups {
		if _, err := kerberos.ParseSID(sid); err != nil {
			k.find("allowed-groups", fmt.Sprintf("%q is not a security identifier", sid), "write it as S-1-5-21-1004336348-1177238915-682003330-512; Get-ADGroup shows the one of a group")
		}
	}
}
