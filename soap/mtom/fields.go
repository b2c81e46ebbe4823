package mtom

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// fields are the header fields of a part that mean something in a package (RFC
// 2045 §3, XOP 1.0 §4.1).
type fields struct {
	contentType string
	id          string // Content-ID without angle brackets, "" without one
	encoding    string // Content-Transfer-Encoding in lower case
	charset     string // of the envelope
}

// parseFields parses the header fields at the start of b. N is the number of
// their octets, with the empty line behind them. A field of no meaning here may
// have any text.
func parseFields(b []byte) (f fields, n int, err error) {
	var lines int
	for {
		line, err := nextField(b[n:min(len(b), maxFieldOctets)])
		if err != nil {
			return f, 0, err
		}
		n += len(line)
		if len(line) == len(crlf) {
			return f, n, f.check()
		}
		if lines++; lines > maxFields {
			return f, 0, fmt.Errorf("more than %d header fields", maxFields)
		}
		if err := f.set(line); err != nil {
			return f, 0, err
		}
	}
}

// nextField returns the next field with its line ends: one line, and those that
// continue it (RFC 5322 §2.2.3), or the empty line.
func nextField(b []byte) ([]byte, error) {
	n := 0
	for {
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			return nil, fmt.Errorf("its header fields do not end within %d octets", maxFieldOctets)
		}
		line := b[n : n+i+1]
		if !bytes.HasSuffix(line, crlf) || bytes.IndexByte(line[:i-1], '\r') >= 0 {
			return nil, errors.New("a line of its header fields does not end with CRLF")
		}
		n += len(line)
		empty := len(line) == len(crlf)
		if empty || n == len(b) || b[n] != ' ' && b[n] != '\t' {
			return b[:n], nil
		}
	}
}

// set takes one field. The three that mean something may be there once.
func (f *fields) set(field []byte) error {
	before, after, found := bytes.Cut(field, []byte(":"))
	name := string(before)
	if !found || !isFieldName(name) {
		return fmt.Errorf("%.60q is no header field", name)
	}
	value := strings.ReplaceAll(string(bytes.Trim(after, " \t\r\n")), "\r\n", "") // unfolded
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return fmt.Errorf("a control character in its header field %s", name)
	}
	var to *string
	switch strings.ToLower(name) {
	case "content-type":
		to = &f.contentType
	case "content-id":
		to = &f.id
	case "content-transfer-encoding":
		to = &f.encoding
	default:
		return nil
	}
	switch {
	case *to != "":
		return fmt.Errorf("it has %s twice", name)
	case value == "" || strings.ContainsFunc(value, func(r rune) bool { return r > '~' }):
		return fmt.Errorf("its %s is %.100q", name, value)
	}
	*to = value
	return nil
}

// check finishes the fields.
func (f *fields) check() (err error) {
	f.encoding = strings.ToLower(f.encoding)
	switch f.encoding {
	case "", "7bit", "8bit", "binary", "base64", "quoted-printable":
	default:
		return fmt.Errorf("its Content-Transfer-Encoding is %.100q", f.encoding)
	}
	if f.id != "" {
		f.id, err = contentID(f.id)
	}
	return err
}

// isFieldName reports whether s is a name (RFC 5322 §2.2, without what no field
// has).
func isFieldName(s string) bool {
	for _, c := range []byte(s) {
		if !isAlphanumeric(c) && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}

// contentID returns a Content-ID without its angle brackets, which some peers do
// not write.
func contentID(text string) (string, error) {
	id := text
	if inner, ok := strings.CutPrefix(text, "<"); ok {
		if id, ok = strings.CutSuffix(inner, ">"); !ok {
			return "", fmt.Errorf("%.100q is no Content-ID", text)
		}
	}
	if id == "" || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' }) {
		return "", fmt.Errorf("%.100q is no Content-ID", text)
	}
	return id, nil
}

// decodeQuoted returns the octets of quoted-printable text (RFC 2045 §6.7). What
// a robust reader would guess at is an error.
func decodeQuoted(text []byte) ([]byte, error) {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		endsLine := i+1 == len(text) || bytes.HasPrefix(text[i+1:], crlf)
		switch {
		case c == '=' && bytes.HasPrefix(text[i+1:], crlf): // a soft line break
			i += len(crlf)
		case c == '=':
			var octet [1]byte
			if _, err := hex.Decode(octet[:], text[i+1:min(i+3, len(text))]); err != nil || len(text) < i+3 {
				return nil, errors.New("not quoted-printable: = without two digits")
			}
			out = append(out, octet[0])
			i += 2
		case c > '~', c < ' ' && c != '\t' && c != '\r' && c != '\n', (c == ' ' || c == '\t') && endsLine:
			return nil, fmt.Errorf("not quoted-printable: an octet %#x that has to be encoded", c)
		default:
			out = append(out, c)
		}
	}
	return out, nil
}
