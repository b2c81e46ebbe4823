package xmltext

import "unicode/utf8"

// Classes of ASCII octets.
const (
	classNameStart = 1 << iota // NameStartChar without ':'
	className                  // NameChar without ':'
	classSpace                 // S: space, TAB, CR, LF
	classValue                 // ends or complicates an attribute value: quotes, &, <, TAB, CR, LF
	classText                  // written otherwise in canonical text: & < > CR
	classHigh                  // octet of a multi-octet character
	classColon                 // ':'
)

var classes = makeClasses()

func makeClasses() (t [256]uint8) {
	for c := range 256 {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
			t[c] = classNameStart | className
		case c >= '0' && c <= '9', c == '-', c == '.':
			t[c] = className
		case c >= utf8.RuneSelf:
			t[c] = classHigh
		}
	}
	for _, c := range " \t\r\n" {
		t[c] |= classSpace
	}
	for _, c := range "\"'&<\t\r\n" {
		t[c] |= classValue
	}
	for _, c := range "&<>\r" {
		t[c] |= classText
	}
	t[':'] = classColon
	return t
}

func isSpace(c byte) bool { return classes[c]&classSpace != 0 }

// isNameStart reports whether r is a NameStartChar (XML 1.0 5th edition,
// production 4) other than ':'.
func isNameStart(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return classes[byte(r)]&classNameStart != 0
	case r == 0xD7, r == 0xF7, r == 0x37E:
		return false
	}
	return r >= 0xC0 && r <= 0x2FF || r >= 0x370 && r <= 0x1FFF ||
		r >= 0x200C && r <= 0x200D || r >= 0x2070 && r <= 0x218F ||
		r >= 0x2C00 && r <= 0x2FEF || r >= 0x3001 && r <= 0xD7FF ||
		r >= 0xF900 && r <= 0xFDCF || r >= 0xFDF0 && r <= 0xFFFD ||
		r >= 0x10000 && r <= 0xEFFFF
}

// isNameChar reports whether r is a NameChar (production 4a) other than ':'.
func isNameChar(r rune) bool {
	if r < utf8.RuneSelf {
		return classes[byte(r)]&className != 0
	}
	return isNameStart(r) || r == 0xB7 || r >= 0x300 && r <= 0x36F || r >= 0x203F && r <= 0x2040
}

// isChar reports whether r is a Char (production 2).
func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF ||
		r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// scanNCName returns the end of the NCName that starts at b[i], or i when none
// does.
func scanNCName(b []byte, i int) int {
	if i >= len(b) {
		return i
	}
	class := classes[b[i]]
	if class&classNameStart == 0 {
		if class&classHigh == 0 {
			return i
		}
		r, n := utf8.DecodeRune(b[i:])
		if !isNameStart(r) {
			return i
		}
		i += n - 1
	}
	for i++; i < len(b); i++ {
		if classes[b[i]]&className != 0 {
			continue
		}
		if classes[b[i]]&classHigh == 0 {
			break
		}
		r, n := utf8.DecodeRune(b[i:])
		if !isNameChar(r) {
			break
		}
		i += n - 1
	}
	return i
}

// scanQName returns the end of the QName that starts at b[i] and the offset of
// its colon, 0 when there is none. ok is false when there is no QName. It reads
// ASCII names itself and leaves the rest to scanQNameSlow.
func scanQName(b []byte, i int) (colon, end int, ok bool) {
	start := i
	if i >= len(b) || classes[b[i]]&classNameStart == 0 {
		return scanQNameSlow(b, start)
	}
	for i++; i < len(b) && classes[b[i]]&className != 0; i++ {
	}
	if i >= len(b) || classes[b[i]]&(classHigh|classColon) == 0 {
		return 0, i, true
	}
	colon = i
	if i++; i >= len(b) || classes[b[i]]&classNameStart == 0 {
		return scanQNameSlow(b, start)
	}
	for i++; i < len(b) && classes[b[i]]&className != 0; i++ {
	}
	if i < len(b) && classes[b[i]]&(classHigh|classColon) != 0 {
		return scanQNameSlow(b, start)
	}
	return colon, i, true
}

func scanQNameSlow(b []byte, i int) (colon, end int, ok bool) {
	end = scanNCName(b, i)
	if end == i {
		return 0, i, false
	}
	if end >= len(b) || b[end] != ':' {
		return 0, end, true
	}
	colon = end
	end = scanNCName(b, colon+1)
	if end == colon+1 || end < len(b) && b[end] == ':' {
		return 0, end, false
	}
	return colon, end, true
}

// skipSpace returns the first offset at or after i that is not white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// isAllSpace reports whether b is white space only.
func isAllSpace(b []byte) bool { return skipSpace(b, 0) == len(b) }
