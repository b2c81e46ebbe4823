package explain

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"regexp"
	"slices"
	"strings"
)

var (
	colours  = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`)
	envelope = regexp.MustCompile(`<((?:[A-Za-z_][\w.-]*:)?Envelope)[\s>]`)
	// scheme is a header field's name, or an authentication scheme (RFC 4559 4)
	// with what may be its token behind it.
	scheme = regexp.MustCompile(`(?i)\b(?:((?:Proxy-)?Authorization|(?:WWW|Proxy)-Authenticate|Authentication-Info)\b|` +
		`(Negotiate|Kerberos|NTLM)[ \t]+)`)
	escapes = strings.NewReplacer(`\/`, "/", `\"`, `"`, `\r`, "\r", `\n`, "\n", `\t`, "\t", "\\\r\n", "", "\\\n", "",
		"^\r\n", "", "`\r\n", "",
		`\u002b`, "+", `\u002B`, "+", `\u002f`, "/", `\u002F`, "/", `\u003d`, "=", `\u003D`, "=", `\u0022`, `"`,
		`\u0027`, "'", `\u0020`, " ",
		"%2b", "+", "%2B", "+", "%2f", "/", "%2F", "/", "%3d", "=", "%3D", "=", "%20", " ", "%0d", "\r", "%0D", "\r",
		"%0a", "\n", "%0A", "\n", "%3a", ":", "%3A", ":",
		"&#43;", "+", "&#x2b;", "+", "&#x2B;", "+", "&#47;", "/", "&#x2f;", "/", "&#x2F;", "/", "&#61;", "=", "&#x3d;", "=",
		"&#x3D;", "=",
		"&#13;", "\r", "&#xd;", "\r", "&#xD;", "\r", "&#10;", "\n", "&#xa;", "\n", "&#xA;", "\n", "&quot;", `"`,
		"&lt;", "<", "&gt;", ">")
)

// envelopeIn is the SOAP envelope in an HTTP message or a log, octet by octet
// as it stands there.
func envelopeIn(text string) ([]byte, bool) {
	m := envelope.FindStringSubmatchIndex(text)
	if m == nil {
		return nil, false
	}
	end := "</" + text[m[2]:m[3]]
	last := strings.LastIndex(text, end)
	if last < 0 {
		return nil, false
	}
	closing := strings.IndexByte(text[last:], '>')
	if last < m[0] || closing < 0 {
		return nil, false
	}
	return []byte(text[m[0] : last+closing+1]), true
}

// headerTokens are the tokens of header fields, wherever they stand: in an HTTP
// message, a trace, a log, JSON, or a command line, several in a field. What a
// field has is a token whatever it is; behind the name of a scheme alone it has
// to look like one, since texts speak of Kerberos too.
func headerTokens(text string) (list []input) {
	field, fieldEnd := "", 0
	for at := 0; len(list) < maxInputs; {
		m := scheme.FindStringSubmatchIndex(text[at:])
		if m == nil {
			return list
		}
		end := at + m[1]
		if m[2] >= 0 {
			field, fieldEnd, at = text[at+m[2]:at+m[3]], end, end
			continue
		}
		name := text[at+m[4] : at+m[5]]
		form := name + " token, base64"
		if strings.Count(text[fieldEnd:at+m[0]], "\n") > 1 {
			field = ""
		} else if field != "" {
			form = "header field " + field + ", " + form
		}
		at = end
		r := run{text: text, at: end + len(text[end:]) - len(strings.TrimLeft(text[end:], `"' `))}
		octets, known := r.token()
		if octets == nil || !known && field == "" {
			octets, known = r.rest()
		}
		if octets == nil || !known && field == "" {
			continue
		}
		at = r.at
		list = append(list, input{octets: octets, form: form})
	}
	return list
}

// tokensIn are the tokens that stand in a text in base64 or hexadecimal, in its
// order. They are found by their beginnings, which name their length; keytabs
// and credential caches, which have none, end where the characters do.
func tokensIn(text string) []input {
	type span struct {
		start, end int
		in         input
	}
	var found []span
	budget := 4*len(text) + 1<<16 // characters that are looked at: beginnings may lie in each other's tokens
	for at := 0; at < len(text) && len(found) < maxInputs && budget > 0; {
		if !isBase64(text[at]) {
			at++
			continue
		}
		r := run{text: text, at: at}
		octets, known := r.token()
		budget -= r.looked
		if known && octets != nil && mayBeWhole(octets) {
			found = append(found, span{at, r.at, input{octets: octets, form: "base64"}})
			at = r.at
			continue
		}
		for at < len(text) && isBase64(text[at]) {
			at++
		}
	}
	for at := 0; at < len(text) && len(found) < 2*maxInputs; {
		start, end, octets := nextHex(text, at)
		at = end
		if octets != nil && !slices.ContainsFunc(found, func(s span) bool { return start < s.end && s.start < end }) {
			found = append(found, span{start, end, input{octets: octets, form: "hexadecimal"}})
		}
	}
	slices.SortFunc(found, func(a, b span) int { return a.start - b.start })
	var list []input
	for _, s := range found[:min(len(found), maxInputs)] {
		if around := text[:s.start] + text[s.end:]; len(found) > 1 || strings.Trim(around, " \t\r\n=\"'`,;:>|0x\\-") != "" {
			s.in.form += " in text"
		}
		list = append(list, s.in)
	}
	return list
}

// nextHex finds the next run of hexadecimal, in the lines and with the
// separators and prefixes that tools write, from a place on, and where it ends.
// Octets are the token that it is: words of hexadecimal digits may stand before
// it, and nothing behind.
func nextHex(text string, at int) (start, end int, octets []byte) {
	for at < len(text) && !isHex(text, at) {
		at++
	}
	start, end = at, at
	var all []byte
	var groups []int // where the first ones begin
	for isHex(text, at) {
		if len(groups) < 8 {
			groups = append(groups, len(all))
		}
		for isHex(text, at) {
			all = append(all, nibble(text[at])<<4|nibble(text[at+1]))
			at += 2
		}
		end = at
		for at < len(text) && at < end+16 && !isHex(text, at) &&
			strings.IndexByte(" \t\r\n:,;\"'-x\\", text[at]) >= 0 {
			at++
		}
		if strings.HasPrefix(text[at:], "0x") || strings.HasPrefix(text[at:], "0X") {
			at += 2
		}
	}
	if end < len(text) && nibble(text[end]) < 16 {
		return start, end, nil
	}
	for _, n := range groups {
		if total, ok := tokenLength(all[n:]); ok && (total < 0 || total == len(all)-n) && mayBeWhole(all[n:]) {
			return start, end, all[n:]
		}
	}
	return start, max(end, at), nil
}

// isHex reports whether two hexadecimal digits stand there.
func isHex(text string, at int) bool {
	return at+1 < len(text) && nibble(text[at]) < 16 && nibble(text[at+1]) < 16
}

// nibble is the value of a digit, 16 for what is none.
func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}

// A run is base64 of either alphabet in a text, from a place on.
type run struct {
	text   string
	at     int
	looked int // at how many characters
}

func isBase64(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' ||
		c == '-' || c == '_'
}

// token takes a token whose beginning names what it is, across the ends of
// lines, and is known then. Its octets are nil when it is cut off.
func (r *run) token() (octets []byte, known bool) {
	start := r.at
	total, known := tokenLength(decodeRun(r.take(16)))
	r.at = start
	if !known {
		return nil, false
	}
	if total < 0 {
		octets = decodeRun(r.take(len(r.text)))
	} else if total > len(r.text)-start {
		return nil, true
	} else {
		octets = decodeRun(r.take((8*total + 5) / 6))
		if len(octets) != total || r.at < len(r.text) && isBase64(r.text[r.at]) {
			octets = nil
		}
	}
	if octets == nil {
		r.at = start
		return nil, true
	}
	r.padding()
	return octets, true
}

// rest takes what is base64 to the end of the line or what ends a field's value
// there. It is known if its beginning is that of a token, of which the end is
// missing.
func (r *run) rest() (octets []byte, known bool) {
	end := r.at
	for end < len(r.text) && isBase64(r.text[end]) {
		end++
	}
	octets = decodeRun(r.text[r.at:end])
	r.at = end
	r.padding()
	if len(octets) < 2 || r.at < len(r.text) && !strings.ContainsRune("\"', \t\r\n;)]}<", rune(r.text[r.at])) {
		return nil, false
	}
	_, known = tokenLength(octets)
	return octets, known
}

func (r *run) padding() {
	for r.at < len(r.text) && r.text[r.at] == '=' {
		r.at++
	}
}

// take takes up to n characters of base64. An end of a line counts as nothing,
// with the white space around it, quotes, and the marks of quoted text before
// the next line.
func (r *run) take(n int) string {
	var b strings.Builder
	begin := r.at
	defer func() { r.looked += r.at - begin }()
	for r.at < len(r.text) && b.Len() < n {
		c := r.text[r.at]
		if isBase64(c) {
			b.WriteByte(c)
			r.at++
			continue
		}
		rest := strings.TrimLeft(r.text[r.at:], "\"' \t+,")
		if rest == "" || rest[0] != '\n' && rest[0] != '\r' {
			break
		}
		rest = strings.TrimLeft(rest, "\r\n\"' \t>|")
		if rest == "" || !isBase64(rest[0]) {
			break
		}
		r.at = len(r.text) - len(rest)
	}
	return b.String()
}

// urlAlphabet turns base64 of the URL-safe alphabet into that of the other.
var urlAlphabet = strings.NewReplacer("-", "+", "_", "/")

func decodeRun(s string) []byte {
	s = urlAlphabet.Replace(s)
	octets, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil && len(s)%4 == 1 {
		octets, _ = base64.RawStdEncoding.DecodeString(s[:len(s)-1])
	}
	return octets
}

// tokenLength reports from its first octets whether something is a token or a
// file of Kerberos, and how long it is: -1 when it has no length. It asks for
// more than inspect.Inspector does, to which nothing else is given that a text
// has by chance.
func tokenLength(b []byte) (total int, ok bool) {
	for _, start := range []string{"NTLMSSP\x00", "\x05\x02\x00\x00", "\x05\x04\x00\x00", "\x05\x04\x00\x0c",
		"\x05\x03\x00\x00", "\x04\x04\x05\xff", "\x04\x04\x04\xff"} {
		if bytes.HasPrefix(b, []byte(start)) {
			return -1, true
		}
	}
	if len(b) > 3 && (b[0] == 4 || b[0] == 5) && b[1] == 4 && b[2] < 8 && b[3] == 0xff { // RFC 4121 4.2.6
		return -1, true
	}
	inner, isToken := innerTag(b)
	if !isToken {
		return 0, false
	}
	length, header, ok := tlv(b)
	if !ok || len(b) <= header || b[header] != inner {
		return 0, false
	}
	innerLength, innerHeader, ok := tlv(b[header:])
	if !ok || innerHeader+innerLength > length || inner == 0x30 && innerHeader+innerLength != length {
		return 0, false
	}
	return header + length, true
}

// mayBeWhole reports whether something without a length may be whole: a
// keytab's first entry, a message of NTLM.
func mayBeWhole(b []byte) bool {
	switch {
	case len(b) < 12:
		return b[0] != 'N' && b[0] > 5
	case b[0] == 'N':
		return b[8] >= 1 && b[8] <= 3 && b[9] == 0
	case b[0] == 5 && b[1] == 2:
		return uint64(binary.BigEndian.Uint32(b[2:])) <= uint64(len(b)-6)
	case b[0] == 5 && b[1] < 5 && b[3] != 0xff:
		return len(b) >= 60 // a header, a client and a ticket
	}
	return true
}

// innerTag is what the element begins with that a token is: a mechanism's OID
// in a GSS-API frame, else a SEQUENCE.
func innerTag(b []byte) (tag byte, ok bool) {
	switch {
	case len(b) < 4:
		return 0, false
	case b[0] == 0x60:
		return 0x06, true
	case b[0] > 0x60 && b[0] < 0x80 && b[0] != 0x7f, b[0] == 0xa0, b[0] == 0xa1:
		return 0x30, true
	}
	return 0, false
}

// tlv reads tag and length (X.690 8.1.3), of up to four octets.
func tlv(b []byte) (length, header int, ok bool) {
	if len(b) < 2 {
		return 0, 0, false
	}
	if b[1] < 0x80 {
		return int(b[1]), 2, true
	}
	header = 2 + int(b[1]&0x7f)
	if header == 2 || header > 6 || header > len(b) {
		return 0, 0, false
	}
	for _, c := range b[2:header] {
		length = length<<8 | int(c)
	}
	return length, header, length < 1<<24
}
