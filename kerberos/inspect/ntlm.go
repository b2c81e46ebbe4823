package inspect

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
)

// ntlm explains an NTLM message (MS-NLMP 2.2.1) as far as it shows why it came.
// The gateway looks at none of it.
func (x *inspection) ntlm(n *Node, b []byte) {
	kind := uint32(0)
	if len(b) >= 12 {
		kind = binary.LittleEndian.Uint32(b[8:])
	}
	names := map[uint32]string{1: "NEGOTIATE", 2: "CHALLENGE", 3: "AUTHENTICATE"}
	n.Name = "NTLM"
	n.Value = strings.TrimSpace(fmt.Sprintf("message %d %s", kind, names[kind])) + ", " + OctetCount(len(b))
	x.initial = x.depth == 1 || x.initial
	if kind != 3 {
		return
	}
	for i, name := range []string{"domain", "user", "workstation"} {
		if text := ntlmField(b, 28+8*i); text != "" {
			n.Add(name, text).Note = "not read by the gateway"
		}
	}
}

// ntlmField is a text of an AUTHENTICATE message: length, room and offset stand
// at pos.
func ntlmField(b []byte, pos int) string {
	if len(b) < pos+8 {
		return ""
	}
	size, at := uint64(binary.LittleEndian.Uint16(b[pos:])), uint64(binary.LittleEndian.Uint32(b[pos+4:]))
	if at+size > uint64(len(b)) {
		return ""
	}
	return utf16Text(b[at : at+size])
}

// utf16Text is text of UTF-16, low octets first.
func utf16Text(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}
