package keytab

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"
)

// The error names what happened to a keytab on its way and what undoes it, and
// holds nothing of the content.
func TestParseNamesFilesThatAreNotKeytabs(t *testing.T) {
	t.Parallel()
	octets := append([]byte{5, 2}, parseEntry(false, 18, 32, '\n', []byte{0, 0, 0, '\n'})...)
	coded := base64.StdEncoding.EncodeToString(octets)
	wide := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(coded + "\r\n")) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	high := append([]byte{5, 2}, parseEntry(false, 18, 32, 0xc3, []byte{0, 0, 0, 0xc3})...)
	latin1 := []byte(string(func() (r []rune) {
		for _, c := range high {
			r = append(r, rune(c))
		}
		return r
	}()))
	for name, tt := range map[string]struct {
		file        []byte
		found, cure string
	}{
		"nothing": {nil, "is empty", "export the keytab into it"},
		"base64":  {[]byte(coded), "is the base64 of a keytab", "decode it (base64 -d)"},
		"base64 in lines": {[]byte(coded[:40] + "\r\n" + coded[40:] + "\r\n"), "is the base64 of a keytab",
			"decode it (base64 -d)"},
		"base64 of URLs": {[]byte(base64.RawURLEncoding.EncodeToString(high)), "is the base64 of a keytab",
			"decode it (base64 -d)"},
		"base64 with a mark":   {[]byte("\xef\xbb\xbf" + coded), "is the base64 of a keytab", "decode it (base64 -d)"},
		"base64 of PowerShell": {wide, "is the base64 of a keytab", "save it as ASCII and decode it"},
		"base64 twice": {[]byte(base64.StdEncoding.EncodeToString([]byte(coded + "\n"))),
			"is the base64 of the base64 of a keytab", "twice"},
		"hexadecimal": {[]byte(hex.EncodeToString(octets) + "\n"), "is a keytab in hexadecimal", "xxd -r -p"},
		"CR before LF": {bytes.ReplaceAll(octets, []byte("\n"), []byte("\r\n")), "put a CR before each LF",
			"in binary"},
		"UTF-8":              {latin1, "wrote its octets as UTF-8", "in binary"},
		"U+FFFD":             {bytes.ToValidUTF8(high, []byte("\ufffd")), "replaced what is no UTF-8", "in binary"},
		"a credential cache": {[]byte{5, 4, 0, 12}, "is a credential cache", "name the service's keytab"},
		"a certificate": {[]byte("-----BEGIN CERTIFICATE-----\n"), "is text: not a keytab",
			"name the service's keytab"},
		"base64 of other":        {[]byte("cGFzc3dvcmQ="), "is text: not a keytab", "name the service's keytab"},
		"octets of another file": {[]byte{0x1f, 0x8b, 8, 0}, "does not begin with 05 01 or 05 02: not a keytab", ""},
		"half a keytab":          {octets[:30], "is longer than the file", ""},
	} {
		_, err := Parse(tt.file)
		var e *FormatError
		if !errors.As(err, &e) || !strings.Contains(e.Found, tt.found) || !strings.Contains(e.Cure, tt.cure) ||
			tt.cure == "" && e.Cure != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
