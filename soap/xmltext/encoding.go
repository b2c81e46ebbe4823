package xmltext

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// encoding is a character encoding as the octets themselves show it.
type encoding uint8

const (
	encUTF8 encoding = iota
	encUTF16LE
	encUTF16BE
)

// String returns the registered name of the encoding scheme.
func (e encoding) String() string {
	return [...]string{"UTF-8", "UTF-16LE", "UTF-16BE"}[e]
}

// named reports whether label, a charset parameter or an EncName, may stand
// for e. Registered names count and, as libxml2 and Xerces have it, "UTF8" and
// "ASCII"; they are case-insensitive. known is false for any other encoding.
func (e encoding) named(label string) (match, known bool) {
	switch strings.ToUpper(label) {
	case "UTF-8", "UTF8", "US-ASCII", "ASCII":
		return e == encUTF8, true
	case "UTF-16":
		return e != encUTF8, true
	case "UTF-16LE":
		return e == encUTF16LE, true
	case "UTF-16BE":
		return e == encUTF16BE, true
	}
	return false, false
}

// checkLabel compares label, the encoding that source (the HTTP charset, the
// XML declaration) names, with the octets.
func (e encoding) checkLabel(source, label string) error {
	switch match, known := e.named(label); {
	case !known:
		return fmt.Errorf("%w: %s is %q", ErrEncoding, source, clip(label, 40))
	case !match:
		return fmt.Errorf("%w: %s is %q, octets are %v", ErrCharset, source, clip(label, 40), e)
	}
	return nil
}

// checkASCII refuses text, labelled so by source, with an octet that is not
// ASCII. Other octets of UTF-8 it does not look at.
func checkASCII(text []byte, source, label string) *SyntaxError {
	if label = strings.ToUpper(label); label != "US-ASCII" && label != "ASCII" {
		return nil
	}
	for i, c := range text {
		if c >= utf8.RuneSelf {
			return rootError(i, fmt.Errorf("%w: %s is US-ASCII, which does not have octet %#02x", ErrCharset, source, c))
		}
	}
	return nil
}

// decode returns src as UTF-8 and the number of octets that a byte order mark
// takes there. src itself is returned when it is UTF-8. UTF-16 needs its mark
// (RFC 7303 3.3, XML 1.0 4.3.3), unless the charset says which of the two it is,
// under which names there is none (RFC 2781 3.3).
func (s *scanner) decode(src []byte) (text []byte, mark int, enc encoding, err error) {
	wide := src // without a mark of UTF-16
	switch {
	case bytes.HasPrefix(src, []byte("\xFE\xFF")):
		enc, wide = encUTF16BE, src[2:]
	case bytes.HasPrefix(src, []byte("\xFF\xFE")):
		enc, wide = encUTF16LE, src[2:]
	case bytes.HasPrefix(src, []byte("\xEF\xBB\xBF")):
		mark = 3
	case bytes.HasPrefix(src, []byte("\x00<")) && strings.EqualFold(s.opt.Charset, "UTF-16BE"):
		enc = encUTF16BE
	case bytes.HasPrefix(src, []byte("<\x00")) && strings.EqualFold(s.opt.Charset, "UTF-16LE"):
		enc = encUTF16LE
	}
	if s.opt.Charset != "" {
		if err := enc.checkLabel("HTTP charset parameter", s.opt.Charset); err != nil {
			return nil, 0, enc, rootError(0, err)
		}
	}
	if enc == encUTF8 {
		if err := checkASCII(src[mark:], "HTTP charset parameter", s.opt.Charset); err != nil {
			return nil, 0, enc, err
		}
		return src, mark, enc, nil
	}
	size := min(sizeAsUTF8(wide, enc == encUTF16BE), s.opt.MessageBytes+utf8.UTFMax)
	if err := s.reserve(size); err != nil {
		return nil, 0, enc, rootError(0, err)
	}
	text, err = transcode(make([]byte, 0, size), wide, enc == encUTF16BE, s.opt.MessageBytes)
	if err != nil {
		s.release(s.reserved)
	}
	return text, 0, enc, err
}

// sizeAsUTF8 returns the number of octets of the UTF-8 form of src. For src
// that is not UTF-16 it returns no less than transcode writes before it fails.
func sizeAsUTF8(src []byte, bigEndian bool) int {
	high, low := 1, 0
	if bigEndian {
		high, low = 0, 1
	}
	size := 0
	for i := 0; i+1 < len(src); i += 2 {
		switch h := src[i+high]; {
		case h == 0 && src[i+low] < 0x80:
			size++
		case h < 0x08, h >= 0xD8 && h < 0xE0: // a surrogate is half of four octets
			size += 2
		default:
			size += 3
		}
	}
	return size
}

// transcode appends UTF-16 as at most limit octets of UTF-8 to out.
func transcode(out, src []byte, bigEndian bool, limit int) ([]byte, error) {
	unit := func(i int) rune {
		if bigEndian {
			return rune(src[i])<<8 | rune(src[i+1])
		}
		return rune(src[i+1])<<8 | rune(src[i])
	}
	for i := 0; i < len(src); i += 2 {
		if i+1 == len(src) {
			return nil, rootError(len(out), fmt.Errorf("%w: odd number of octets in UTF-16", ErrEncoding))
		}
		r := unit(i)
		if utf16.IsSurrogate(r) {
			low := rune(0)
			if i+3 < len(src) {
				low = unit(i + 2)
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return nil, rootError(len(out), fmt.Errorf("%w: unpaired surrogate", ErrEncoding))
			}
			i += 2
		}
		if out = utf8.AppendRune(out, r); len(out) > limit {
			return nil, rootError(len(out), &LimitError{"MessageBytes", limit})
		}
	}
	return out, nil
}

// xmlDecl checks the XML declaration at the start of b against enc and returns
// its end (XML 1.0 2.8, production 23). A document of any version 1.x is
// processed as one of 1.0, as the fifth edition requires; XML 1.1 would allow
// more characters and line ends. What is forwarded has no declaration.
func xmlDecl(b []byte, enc encoding) (int, error) {
	version, i, ok := pseudoAttr(b, len("<?xml"), "version")
	if !ok || !isVersionNum(version) {
		return len("<?xml"), fmt.Errorf("%w: version must be 1.0, or another 1.x", ErrXMLDecl)
	}
	if label, next, ok := pseudoAttr(b, i, "encoding"); ok {
		if !isEncName(label) {
			return i, fmt.Errorf("%w: encoding name", ErrXMLDecl)
		}
		if err := enc.checkLabel("encoding of the XML declaration", label); err != nil {
			return i, err
		}
		if err := checkASCII(b, "encoding of the XML declaration", label); err != nil {
			return int(err.Offset), err.Err
		}
		i = next
	}
	if yesNo, next, ok := pseudoAttr(b, i, "standalone"); ok {
		if yesNo != "yes" && yesNo != "no" {
			return i, fmt.Errorf("%w: standalone must be yes or no", ErrXMLDecl)
		}
		i = next
	}
	i = skipSpace(b, i)
	if !bytes.HasPrefix(b[i:], []byte("?>")) {
		return i, ErrXMLDecl
	}
	return i + 2, nil
}

// pseudoAttr parses `S name Eq "value"` at b[i:] and returns its end.
func pseudoAttr(b []byte, i int, name string) (value string, end int, ok bool) {
	j := skipSpace(b, i)
	if j == i || !bytes.HasPrefix(b[j:], []byte(name)) {
		return "", i, false
	}
	j = skipSpace(b, j+len(name))
	if j >= len(b) || b[j] != '=' {
		return "", i, false
	}
	j = skipSpace(b, j+1)
	if j >= len(b) || b[j] != '"' && b[j] != '\'' {
		return "", i, false
	}
	n := bytes.IndexByte(b[j+1:min(len(b), j+100)], b[j])
	if n < 0 {
		return "", i, false
	}
	return string(b[j+1 : j+1+n]), j + n + 2, true
}

// isVersionNum matches production 26.
func isVersionNum(s string) bool {
	digits, ok := strings.CutPrefix(s, "1.")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// isEncName matches production 81.
func isEncName(s string) bool {
	for i, c := range []byte(s) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || classes[c]&className == 0) {
			return false
		}
	}
	return s != ""
}

// rootError returns a SyntaxError outside any element.
func rootError(offset int, err error) *SyntaxError {
	return &SyntaxError{Offset: int64(offset), Path: "/", Err: err}
}

// clip bounds what error messages repeat of the input.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
