package explain

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// An input is one thing to explain, and how it was written down.
type input struct {
	octets []byte
	form   string // "base64", "Negotiate header, base64"; "" for octets as they are
	xml    bool
}

// Bounds on what is found in one file or argument.
const (
	maxInputs  = 16
	maxText    = 8 << 20 // octets that are searched; more than that is one token or none
	maxNesting = 3       // of texts in texts, such as a hex dump of an HTTP message
)

// decode finds what a file, standard input or an argument holds: XML as it is;
// text as people paste it, with tokens in header fields, dumps, base64 or
// hexadecimal; all else is the token itself. Text in which there is nothing is
// nil.
func decode(b []byte) []input { return decodeNested(b, maxNesting) }

func decodeNested(b []byte, depth int) []input {
	if len(b) == 0 || depth == 0 {
		return nil
	}
	if isXML(b) {
		if fragment := fragmentTokens(b); len(fragment) > 0 {
			return fragment
		}
		return []input{{octets: b, xml: true}}
	}
	text, ok := asText(b)
	if !ok {
		return []input{{octets: b}}
	}
	if len(text) > maxText {
		return whole(text, depth)
	}
	plain := unescape(text)
	list := headerTokens(plain)
	if envelope, ok := envelopeIn(text); ok {
		return append(list, input{octets: envelope, form: "in text", xml: true})
	}
	if len(list) > 0 {
		return list
	}
	if octets, ok := parseDump(text); ok {
		return inDump(octets, depth)
	}
	if list = tokensIn(plain); len(list) > 0 {
		return list
	}
	return whole(plain, depth)
}

// whole is what a text is in base64 or hexadecimal, whether it looks like a
// token or not.
func whole(text string, depth int) []input {
	octets, form := decodeText(text)
	_, known := tokenLength(octets)
	words := form == "base64" && !known && strings.ContainsAny(strings.TrimSpace(text), " \t")
	if octets == nil || words {
		return nil
	}
	if inner := nested(octets, form, depth); len(inner) > 0 {
		return inner
	}
	return []input{{octets: octets, form: form}}
}

// nested is what a text that stood in a text holds.
func nested(octets []byte, form string, depth int) (list []input) {
	if _, ok := asText(octets); !ok && !isXML(octets) {
		return nil
	}
	for _, in := range decodeNested(octets, depth-1) {
		if in.form != "" {
			in.form = ", " + in.form
		}
		in.form = form + in.form
		list = append(list, in)
	}
	return list
}

// inDump is what a hex dump holds: a token, a text, or a packet with tokens in
// the text that it has.
func inDump(octets []byte, depth int) []input {
	const form = "hex dump"
	if inner := nested(octets, form, depth); len(inner) > 0 {
		return inner
	}
	if _, known := tokenLength(octets); !known {
		text := strings.Map(func(r rune) rune {
			if r < ' ' || r > '~' {
				return '\n'
			}
			return r
		}, string(octets))
		inner := nested([]byte(text), form, depth)
		if len(inner) > 0 && strings.Contains(inner[0].form, "header field") {
			return inner
		}
	}
	return []input{{octets: octets, form: form}}
}

// fragmentTokens are the tokens in what begins as XML and is none, such as one
// element without the declarations around it.
func fragmentTokens(b []byte) []input {
	if _, err := xmltext.Scan(b, xmltext.Options{}); err == nil {
		return nil
	}
	text, ok := asText(b)
	if !ok || strings.Contains(text, "Envelope") {
		return nil // a message that is broken: the reader names the place
	}
	return tokensIn(unescape(text))
}

// isXML looks for the first mark-up behind a byte order mark and white space.
// The "< " of a curl trace is none.
func isXML(b []byte) bool {
	rest := trimMark(b)
	if len(rest) < len(b) {
		rest = bytes.TrimLeft(rest, " \t\r\n\x00")
	} else {
		rest = bytes.TrimPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte{0})
	}
	if len(rest) == 0 || rest[0] != '<' {
		return false
	}
	rest = bytes.TrimPrefix(rest[1:], []byte{0})
	if len(rest) == 0 {
		return false
	}
	c := rest[0]
	return c == '?' || c == '!' || c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= 0x80
}

// trimMark takes a byte order mark off.
func trimMark(b []byte) []byte {
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		if rest, ok := bytes.CutPrefix(b, []byte(mark)); ok {
			return rest
		}
	}
	return b
}

// asText is b as text, without byte order mark and the colours of a terminal:
// UTF-8, or UTF-16 as Windows' editors and shells write it. Control characters
// are of no text; tokens and files of Kerberos have them.
func asText(b []byte) (text string, ok bool) {
	if order := utf16Order(b); order != nil {
		b = utf16Text(trimMark(b), order)
	}
	b = trimMark(b)
	if !utf8.Valid(b) || len(b) == 0 {
		return "", false
	}
	text = string(b)
	if strings.Contains(text, "\x1b[") {
		text = colours.ReplaceAllString(text, "")
	}
	control := func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\t\n\v\f\r", r) }
	return text, !strings.ContainsFunc(text, control)
}

// utf16Order is the byte order of UTF-16, nil for what is none: there is its
// mark, or every second octet is zero.
func utf16Order(b []byte) binary.ByteOrder {
	switch {
	case len(b)%2 != 0 || len(b) < 4:
		return nil
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		return binary.LittleEndian
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		return binary.BigEndian
	}
	first, second := 0, 0
	for i := 0; i < len(b); i += 2 {
		if b[i] == 0 {
			first++
		}
		if b[i+1] == 0 {
			second++
		}
	}
	switch half := len(b) / 2; {
	case second == half && first == 0:
		return binary.LittleEndian
	case first == half && second == 0:
		return binary.BigEndian
	}
	return nil
}

func utf16Text(b []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

// unescape takes off what JSON, shells, URLs and XML write in the place of
// characters that a token or a header field may have.
func unescape(text string) string {
	if !strings.ContainsAny(text, "\\%&") {
		return text
	}
	return escapes.Replace(text)
}

// decodeText takes text for hexadecimal if it can be that, else for base64.
func decodeText(text string) ([]byte, string) {
	compact := strings.Trim(strings.Join(strings.Fields(text), ""), "\"'`,;")
	digits := strings.ReplaceAll(strings.TrimPrefix(compact, "0x"), ":", "")
	if octets, err := hex.DecodeString(digits); err == nil && len(octets) > 1 {
		return octets, "hexadecimal"
	}
	compact = strings.TrimRight(compact, "=")
	compact = urlAlphabet.Replace(compact)
	if octets, err := base64.RawStdEncoding.DecodeString(compact); err == nil && len(octets) > 1 {
		return octets, "base64"
	}
	return nil, ""
}
