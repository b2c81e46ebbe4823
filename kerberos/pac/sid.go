package pac

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// AnySID stands for every domain, in gss.AcceptorConfig.RealmSIDs.
const AnySID SID = "*"

// A SID is a security identifier in its text form (MS-DTYP 2.4.2.1),
// "S-1-5-21-3623811015-3361044348-30300820-1013": a user's, a group's or a
// domain's. There is one text for each, so SIDs are compared with ==. The zero
// value is no SID.
type SID string

// maxSubAuthorities is SID_MAX_SUB_AUTHORITIES.
const maxSubAuthorities = 15

// String returns the text.
func (s SID) String() string { return string(s) }

// ParseSID returns the SID with a text form. It fails unless text is the only
// form that a SID of a PAC has, without leading zeros, signs or lower case, so
// that a configured SID can be compared.
func ParseSID(text string) (SID, error) {
	parts := strings.Split(text, "-")
	if len(parts) < 3 || len(parts) > 3+maxSubAuthorities || parts[0] != "S" || parts[1] != "1" {
		return "", fmt.Errorf("%.100q is no SID, which begins with S-1- and has up to %d numbers more",
			text, 1+maxSubAuthorities)
	}
	var b [8 + 4*maxSubAuthorities]byte
	b[0], b[1] = 1, byte(len(parts)-3)
	for i, part := range parts[2:] {
		v, err := strconv.ParseUint(part, 0, 48)
		if i > 0 {
			v, err = strconv.ParseUint(part, 10, 32)
			binary.LittleEndian.PutUint32(b[4+4*i:], uint32(v))
		} else {
			b[2], b[3] = byte(v>>40), byte(v>>32)
			binary.BigEndian.PutUint32(b[4:], uint32(v))
		}
		if err != nil {
			return "", fmt.Errorf("%.100q is no SID: %.20q is no number of one", text, part)
		}
	}
	if sid := sidText(b[:8+4*(len(parts)-3)]); string(sid) != text {
		return "", fmt.Errorf("%.100q is written %s", text, sid)
	}
	return SID(text), nil
}

// sidText returns the text of a SID's packet form (MS-DTYP 2.4.2.2), whose
// length was checked.
func sidText(b []byte) SID {
	text := append(make([]byte, 0, 64), "S-1-"...)
	authority := uint64(binary.BigEndian.Uint16(b[2:]))<<32 | uint64(binary.BigEndian.Uint32(b[4:]))
	if authority < 1<<32 {
		text = strconv.AppendUint(text, authority, 10)
	} else {
		text = fmt.Appendf(text, "0x%012x", authority)
	}
	for b = b[8:]; len(b) >= 4; b = b[4:] {
		text = append(text, '-')
		text = strconv.AppendUint(text, uint64(binary.LittleEndian.Uint32(b)), 10)
	}
	return SID(text)
}

// member returns the SID of the account or group of this domain whose relative
// identifier is rid.
func (s SID) member(rid uint32) SID {
	return SID(strconv.AppendUint(append([]byte(s), '-'), uint64(rid), 10))
}

// isDomain reports whether s can be the domain of relative identifiers.
func (s SID) isDomain() bool {
	return s != "" && strings.Count(string(s), "-") < 2+maxSubAuthorities
}

// IsAccountDomain reports whether s is the SID of a domain that has accounts
// and groups: "S-1-5-21-", and three numbers.
func (s SID) IsAccountDomain() bool {
	_, err := ParseSID(string(s))
	return err == nil && strings.HasPrefix(string(s), "S-1-5-21-") && strings.Count(string(s), "-") == 6
}

// Domain returns the SID of the domain that s is an account or group of.
func (s SID) Domain() SID {
	return s[:max(0, strings.LastIndexByte(string(s), '-'))]
}
