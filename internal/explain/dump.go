package explain

import (
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
)

// dumpLine is a line of xxd, hexdump -C, od -tx1, tcpdump -X, Format-Hex, or of
// what Wireshark copies as hex dump: an offset, octets in groups, and perhaps
// the same as text.
var dumpLine = regexp.MustCompile(`^[ \t]*(?:0x)?([0-9a-fA-F]{4,16})(:?[ \t]+|[ \t]{2,})` +
	`((?:[0-9a-fA-F]{2}){1,8}(?:[ -]{1,3}(?:[0-9a-fA-F]{2}){1,8})*)?(.*)$`)

// A dumpRow is a line of a dump.
type dumpRow struct {
	offset string
	groups string // in hexadecimal; the first ones of the text, too, if they look so
	column int    // where groups begins in the line
}

// parseDump returns the octets of a hex dump that begins with offset 0. Offsets
// show how many octets a line has, so that none are taken from the text beside
// them.
func parseDump(text string) ([]byte, bool) {
	var rows []dumpRow
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		m := dumpLine.FindStringSubmatchIndex(line)
		if m == nil || m[6] < 0 {
			if len(rows) > 0 && m == nil && !offsetOnly.MatchString(line) {
				break // what stands behind the dump
			}
			continue
		}
		if len(rows) == 0 && strings.Trim(line[m[2]:m[3]], "0") != "" {
			return nil, false
		}
		if len(rows) == 0 && line[m[4]:m[5]] == " " && strings.Count(text, "\n") < 2 {
			return nil, false // one line of hexadecimal that begins with zeros
		}
		rows = append(rows, dumpRow{line[m[2]:m[3]], line[m[6]:m[7]], m[6]})
	}
	for _, base := range []int{16, 8} {
		if octets, ok := joinRows(rows, base); ok {
			return octets, true
		}
	}
	return nil, false
}

var offsetOnly = regexp.MustCompile(`^[ \t]*(?:[0-9a-fA-F]{4,16})?[ \t]*$`)

// joinRows reads the offsets in a base: all tools write hexadecimal but od.
func joinRows(rows []dumpRow, base int) (octets []byte, ok bool) {
	width := 0 // of a full line, in characters
	for n, row := range rows {
		offset, err := strconv.ParseUint(row.offset, base, 32)
		if err != nil || int(offset) != len(octets) {
			return nil, false
		}
		limit := 64
		if n+1 < len(rows) {
			next, err := strconv.ParseUint(rows[n+1].offset, base, 32)
			if err != nil || next <= offset || next-offset > 64 {
				return nil, false
			}
			limit = int(next - offset)
		}
		groups := row.groups
		if n+1 == len(rows) && n > 0 {
			groups = groups[:min(len(groups), width)]
		} else if n == 0 && len(rows) == 1 {
			groups = onlyRow(groups)
		}
		line, used := takeOctets(groups, limit)
		if len(line) == 0 || n+1 < len(rows) && len(line) != limit {
			return nil, false
		}
		octets, width = append(octets, line...), max(width, used)
	}
	return octets, len(octets) > 1
}

// onlyRow is a line without others to compare with: text begins behind two
// spaces, unless these stand in the middle.
func onlyRow(groups string) string {
	first, rest, ok := strings.Cut(groups, "  ")
	second, _, _ := strings.Cut(rest, "  ")
	if ok && len(strings.Fields(first)) == 8 && len(strings.Fields(second)) <= 8 {
		return first + " " + second
	}
	return first
}

// takeOctets takes up to n octets off groups, and returns how many characters
// they took.
func takeOctets(groups string, n int) (octets []byte, used int) {
	for i := 0; i+1 < len(groups) && len(octets) < n; {
		if groups[i] == ' ' || groups[i] == '-' {
			i++
			continue
		}
		c, err := hex.DecodeString(groups[i : i+2])
		if err != nil {
			break
		}
		octets, i = append(octets, c...), i+2
		used = i
	}
	return octets, used
}
