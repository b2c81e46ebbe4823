package config

import (
	"fmt"
	"strconv"
	"strings"
)

// groups checks that the security identifiers of a list are ones, written as
// Windows writes them: another spelling would match nobody.
func (k *checker) groups(groups []string) {
	for _, sid := range groups {
		if !securityID(sid) {
			k.find("allowed-groups", fmt.Sprintf("%q is not a security identifier", sid), "write it as S-1-5-21-1004336348-1177238915-682003330-512; Get-ADGroup shows the one of a group")
		}
	}
}

// securityID knows the text form of MS-DTYP 2.4.2.1 with a decimal authority:
// revision 1, an authority of 48 bits, 1 to 15 subauthorities of 32 bits.
func securityID(s string) bool {
	rest, ok := strings.CutPrefix(s, "S-1-")
	parts := strings.Split(rest, "-")
	if !ok || len(parts) < 2 || len(parts) > 16 {
		return false
	}
	for i, part := range parts {
		bits := 32
		if i == 0 {
			bits = 48
		}
		if !plainNumber(part, bits) {
			return false
		}
	}
	return true
}

// plainNumber knows a decimal number without leading zeros.
func plainNumber(s string, bits int) bool {
	n, err := strconv.ParseUint(s, 10, bits)
	return err == nil && strconv.FormatUint(n, 10) == s
}
