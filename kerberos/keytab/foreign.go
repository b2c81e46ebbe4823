package keytab

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// A FormatError describes a file that is not a keytab, without any of its
// content.
type FormatError struct {
	Found string // "is empty", "is the base64 of a keytab"
	Cure  string // how to make a keytab of it; "" if that is not possible
}

// Error returns what was found and the cure.
func (e *FormatError) Error() string {
	if e.Cure == "" {
		return "keytab: " + e.Found
	}
	return "keytab: " + e.Found + ": " + e.Cure
}

const cureBinaryCopy = "copy the original again, in binary"

// Explain describes octets that [ParseEntries] refused with err. It recognizes
// what commonly happens to keytabs on their way.
func Explain(b []byte, err error) *FormatError {
	switch {
	case len(b) == 0:
		return &FormatError{"is empty", "export the keytab into it"}
	case len(b) > maxKeytabBytes:
	case len(b) > 1 && b[0] == 5 && (b[1] == 3 || b[1] == 4):
		return &FormatError{"is a credential cache, which has tickets of a client and no keys of a service",
			"name the service's keytab"}
	case bytes.HasPrefix(b, []byte{5, 1}), bytes.HasPrefix(b, []byte{5, 2}):
		if found := damagedKeytab(b); found != "" {
			return &FormatError{found, cureBinaryCopy}
		}
	default:
		if e := explainKeytabText(b); e != nil {
			return e
		}
	}
	return &FormatError{Found: strings.TrimPrefix(err.Error(), "keytab: ")}
}

// damagedKeytab returns what a copy in text mode did to a keytab, or "" if it
// was something else.
func damagedKeytab(b []byte) string {
	crlf, latin1 := bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), fromLatin1(b)
	switch {
	case len(crlf) < len(b) && isKeytab(crlf):
		return "went through a copy in text mode, which put a CR before each LF"
	case latin1 != nil && isKeytab(latin1):
		return "went through a copy as text, which wrote its octets as UTF-8"
	case bytes.Contains(b, []byte(string(utf8.RuneError))):
		return "went through a copy as text, which replaced what is no UTF-8 by U+FFFD"
	}
	return ""
}

// fromLatin1 decodes UTF-8 whose characters U+0000 to U+00FF stand for octets.
// It returns nil if b is not that.
func fromLatin1(b []byte) (octets []byte) {
	if !utf8.Valid(b) {
		return nil
	}
	for _, r := range string(b) {
		if r > 0xff {
			return nil
		}
		octets = append(octets, byte(r))
	}
	return octets
}

func isKeytab(b []byte) bool {
	entries, err := ParseEntries(b)
	return err == nil && len(entries) > 0
}

// explainKeytabText recognizes text forms of a keytab and other text, in any
// encoding that Windows' tools write. It returns nil if b is not text.
func explainKeytabText(b []byte) *FormatError {
	wide := bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff"))
	text := bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if wide {
		text = bytes.ReplaceAll(text[2:], []byte{0}, nil)
	}
	if bytes.ContainsFunc(text, func(r rune) bool { return r > '~' || r < ' ' && r != '\n' && r != '\r' && r != '\t' }) {
		return nil
	}
	base64Cure := "decode it (base64 -d)"
	if wide {
		base64Cure = "save it as ASCII and decode it (base64 -d)"
	}
	compact := strings.Join(strings.Fields(string(text)), "")
	if octets, err := hex.DecodeString(strings.ReplaceAll(compact, ":", "")); err == nil && isKeytab(octets) {
		return &FormatError{"is a keytab in hexadecimal", "decode it (xxd -r -p)"}
	}
	if octets := decodeBase64(compact); isKeytab(octets) {
		return &FormatError{"is the base64 of a keytab", base64Cure}
	} else if isKeytab(decodeBase64(string(octets))) {
		return &FormatError{"is the base64 of the base64 of a keytab", "decode it twice (base64 -d)"}
	}
	return &FormatError{"is text: not a keytab",
		"name the service's keytab, as ktadd, ktutil, ktpass or ipa-getkeytab write it"}
}

// decodeBase64 decodes either alphabet, padded or not. It returns nil if text
// is not base64.
func decodeBase64(text string) []byte {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(strings.TrimSpace(text), "="))
	octets, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return octets
}
