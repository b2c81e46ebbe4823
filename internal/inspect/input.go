package inspect

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"
)

// An input is one thing to explain, and how it was written down.
type input struct {
	octets []byte
	form   string // "base64", "Negotiate header, base64"; "" for octets as they are
	xml    bool
}

// decode finds what a file, standard input or an argument holds: XML as it is, text as the base64 (of either alphabet,
// padded or not) or hexadecimal of a token, or as an HTTP message with tokens in its header fields; all else is the token
// itself. Text that is none of these is nil.
func decode(b []byte) []input {
	if len(b) == 0 {
		return nil
	}
	if isXML(b) {
		return []input{{octets: b, xml: true}}
	}
	if !isText(b) {
		return []input{{octets: b}}
	}
	text := string(b)
	if fields := headerTokens(text); len(fields) > 0 {
		return fields
	}
	octets, form := decodeText(text)
	if octets == nil {
		return nil
	}
	return []input{{octets: octets, form: form, xml: isXML(octets)}}
}

// isXML looks for the first mark-up behind a byte order mark and white space.
func isXML(b []byte) bool {
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		if rest, ok := bytes.CutPrefix(b, []byte(mark)); ok {
			return bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n\x00"), []byte("<"))
		}
	}
	b = bytes.TrimLeft(b, " \t\r\n")
	return bytes.HasPrefix(b, []byte("<")) || bytes.HasPrefix(b, []byte("\x00<"))
}

// isText is true for what may be base64, hexadecimal or a header field: printable ASCII and white space.
func isText(b []byte) bool {
	for _, c := range b {
		if c > '~' || c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return len(b) > 0
}

// headerTokens are the tokens of header fields (RFC 4559 4), one for each field.
func headerTokens(text string) (list []input) {
	field := regexp.MustCompile(`(?im)^[ \t]*(?:(?:<|>|[*] )?[ \t]*((?:Proxy-)?Authorization|(?:WWW|Proxy)-Authenticate|Authentication-Info):[ \t]*)?(Negotiate|Kerberos|NTLM)[ \t]+([A-Za-z0-9+/_=-]+)[ \t\r]*$`)
	for _, m := range field.FindAllStringSubmatch(text, maxInputs) {
		octets, _ := decodeText(m[3])
		if octets == nil {
			continue
		}
		form := m[2] + " token, base64"
		if m[1] != "" {
			form = "header field " + m[1] + ", " + form
		}
		list = append(list, input{octets: octets, form: form})
	}
	return list
}

// maxInputs bounds the tokens of one HTTP message.
const maxInputs = 16

// decodeText takes text for hexadecimal if it can be that, else for base64.
func decodeText(text string) ([]byte, string) {
	compact := strings.Join(strings.Fields(text), "")
	digits := strings.ReplaceAll(strings.TrimPrefix(compact, "0x"), ":", "")
	if octets, err := hex.DecodeString(digits); err == nil && len(octets) > 1 {
		return octets, "hexadecimal"
	}
	compact = strings.TrimRight(compact, "=")
	compact = strings.NewReplacer("-", "+", "_", "/").Replace(compact)
	if octets, err := base64.RawStdEncoding.DecodeString(compact); err == nil && len(octets) > 1 {
		return octets, "base64"
	}
	return nil, ""
}
