package xmltext

import (
	"bytes"
	"fmt"
	"strings"
)

// special scans a comment, CDATA section or processing instruction at lt and
// returns its end.
func (s *scanner) special(lt int) (int, error) {
	if s.cur != noElement {
		s.gap |= headDirty | headCooked
	}
	b := s.src[lt:]
	var n int
	var err error
	switch {
	case bytes.HasPrefix(b, []byte("<!--")):
		s.doc.comments = true
		n, err = scanComment(b)
	case bytes.HasPrefix(b, []byte("<![CDATA[")):
		n, err = scanCDATA(b)
		if err == nil && s.cur == noElement {
			n, err = 0, ErrTextOutsideRoot
		}
	case b[1] == '?':
		n, err = s.scanPI(b)
	case bytes.HasPrefix(b, []byte("<!DOCTYPE")):
		err = ErrDoctype
	case bytes.HasPrefix([]byte("<![CDATA["), b), bytes.HasPrefix([]byte("<!DOCTYPE"), b), string(b) == "<!-":
		n, err = len(b), ErrUnexpectedEnd
	default:
		err = ErrMarkup
	}
	if err != nil {
		return 0, s.fail(lt+n, err)
	}
	s.markup += bytes.Count(b[:n], []byte{'>'})
	return lt + n, nil
}

// scanComment returns the length of the comment that b starts with (production
// 15), or the offset of what is wrong.
func scanComment(b []byte) (int, error) {
	n := bytes.Index(b[4:], []byte("--"))
	if n < 0 || 4+n+2 >= len(b) {
		return len(b), ErrUnexpectedEnd
	}
	n += 4
	if b[n+2] != '>' {
		return n, fmt.Errorf("%w: -- inside", ErrComment)
	}
	return n + 3, nil
}

// scanCDATA is scanComment for a CDATA section (production 18).
func scanCDATA(b []byte) (int, error) {
	n := bytes.Index(b, []byte("]]>"))
	if n < 0 {
		return len(b), ErrUnexpectedEnd
	}
	return n + 3, nil
}

// scanPI is scanComment for a processing instruction (production 16).
func (s *scanner) scanPI(b []byte) (int, error) {
	if !s.opt.AllowPI {
		return 0, ErrPI
	}
	i := scanNCName(b, 2)
	switch {
	case i == 2, strings.EqualFold(string(b[2:i]), "xml"):
		return 2, fmt.Errorf("%w: target", ErrPISyntax)
	case i-2 > s.opt.NameBytes:
		return 2, &LimitError{"NameBytes", s.opt.NameBytes}
	}
	n := bytes.Index(b[i:], []byte("?>"))
	if n < 0 {
		return len(b), ErrUnexpectedEnd
	}
	if n > 0 && !isSpace(b[i]) {
		return i, fmt.Errorf("%w: target", ErrPISyntax)
	}
	return i + n + 2, nil
}

// references checks all references between from and to (productions 66 to 68)
// in text or in an attribute. It reports whether they are as Canonical XML
// writes them.
func (s *scanner) references(from, to int, attr bool) (canonical bool, err error) {
	canonical = true
	for i := indexFrom(s.src[:to], from, '&'); i < to; i = indexFrom(s.src[:to], i, '&') {
		if n := canonicalReference(s.src[i:to], attr); n > 0 {
			i += n
			continue
		}
		canonical = false
		_, n, err := reference(s.src[i:to])
		if err != nil {
			if to == len(s.src) && bytes.IndexByte(s.src[i:to], ';') < 0 {
				return false, s.fail(to, ErrUnexpectedEnd)
			}
			return false, s.fail(i, err)
		}
		i += n
	}
	return canonical, nil
}

// canonicalReference returns the length of the reference that b starts with
// when Canonical XML writes it so (1.0, 2.3), and 0 otherwise.
func canonicalReference(b []byte, attr bool) int {
	want := ""
	switch {
	case len(b) < len("&lt;"):
	case b[1] == 'a':
		want = "&amp;"
	case b[1] == 'l':
		want = "&lt;"
	case b[1] == 'g' && !attr:
		want = "&gt;"
	case b[1] == 'q' && attr:
		want = "&quot;"
	case b[3] == '9' && attr:
		want = "&#x9;"
	case b[3] == 'A' && attr:
		want = "&#xA;"
	case b[1] == '#':
		want = "&#xD;"
	}
	if len(b) < len(want) || string(b[:len(want)]) != want {
		return 0
	}
	return len(want)
}

// reference resolves the reference that b starts with and returns its length.
func reference(b []byte) (r rune, n int, err error) {
	semi := bytes.IndexByte(b[:min(len(b), 64)], ';')
	if semi < 0 {
		return 0, 0, ErrReference
	}
	switch name := b[1:semi]; string(name) {
	case "amp":
		r = '&'
	case "lt":
		r = '<'
	case "gt":
		r = '>'
	case "quot":
		r = '"'
	case "apos":
		r = '\''
	default:
		if len(name) > 0 && name[0] == '#' {
			r, err = charReference(name[1:])
		} else if n := scanNCName(name, 0); n == 0 || n < len(name) {
			err = ErrReference
		} else {
			err = fmt.Errorf("%w %q", ErrEntity, name)
		}
	}
	return r, semi + 1, err
}

// charReference resolves the digits of a character reference.
func charReference(digits []byte) (rune, error) {
	base := rune(10)
	if len(digits) > 0 && digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	r := rune(0)
	for _, c := range digits {
		v := rune(99)
		switch {
		case c >= '0' && c <= '9':
			v = rune(c - '0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = rune(c|0x20-'a') + 10
		}
		if v >= base {
			return 0, ErrReference
		}
		if r = r*base + v; r > 0x10FFFF {
			r = 0x110000
		}
	}
	if len(digits) == 0 {
		return 0, ErrReference
	}
	if !isChar(r) {
		return 0, ErrCharacterReference
	}
	return r, nil
}
