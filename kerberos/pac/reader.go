package pac

import (
	"encoding/binary"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// reader reads the little-endian structures of MS-PAC. As with der.Parser the
// first failure sticks, every later call returns a zero value, and nothing is
// allocated by a length from the input: a count is first compared with the
// octets that are left.
type reader struct {
	in  string // the structure that is being read, for errors
	b   []byte
	pos int
	err error
}

func (r *reader) fail(field, why string) {
	if r.err == nil {
		r.err = &der.SyntaxError{Field: r.in + ": " + field, Why: why}
	}
}

// left returns the number of octets not read yet.
func (r *reader) left() int { return len(r.b) - r.pos }

// take returns the next n octets, nil on failure.
func (r *reader) take(n int, field string) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > r.left() {
		r.fail(field, "missing or cut off")
		return nil
	}
	r.pos += n
	return r.b[r.pos-n : r.pos : r.pos]
}

func (r *reader) uint16(field string) uint16 {
	if b := r.take(2, field); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *reader) uint32(field string) uint32 {
	if b := r.take(4, field); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64(field string) uint64 {
	if b := r.take(8, field); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// align skips to a multiple of n octets from the beginning.
func (r *reader) align(n int, field string) {
	r.take((n-r.pos%n)%n, field)
}

// FILETIME (MS-DTYP 2.3.3) counts 100 ns from 1601.
const (
	fileTimeSecond = 10_000_000
	fileTimeUnix   = 11_644_473_600               // 1970, in seconds
	fileTimeMax    = 265_046_774_400 * 10_000_000 // the year 10000
)

// fileTime returns the time of a FILETIME. 0, which means none, and times after
// the year 9999, which mean never, become the zero time.
func fileTime(v uint64) time.Time {
	if v == 0 || v >= fileTimeMax {
		return time.Time{}
	}
	return time.Unix(int64(v/fileTimeSecond)-fileTimeUnix, int64(v%fileTimeSecond)*100).UTC()
}

// fileTime reads a FILETIME as two words, which need no alignment to 8.
func (r *reader) fileTime(field string) time.Time { return fileTime(r.uint64(field)) }

// utf16 decodes little-endian UTF-16. Half a surrogate pair is refused, since
// all of them would become U+FFFD.
func (r *reader) utf16(b []byte, field string) string {
	if len(b)%2 != 0 {
		r.fail(field, "odd number of octets in UTF-16")
		return ""
	}
	var text []byte
	for ; len(b) > 0; b = b[2:] {
		c := rune(binary.LittleEndian.Uint16(b))
		if utf16.IsSurrogate(c) {
			if len(b) < 4 {
				r.fail(field, "half a surrogate pair in UTF-16")
				return ""
			}
			low := rune(binary.LittleEndian.Uint16(b[2:]))
			if c = utf16.DecodeRune(c, low); c == '\uFFFD' {
				r.fail(field, "half a surrogate pair in UTF-16")
				return ""
			}
			b = b[2:]
		}
		text = utf8.AppendRune(text, c)
	}
	return string(text)
}

// name is utf16 for a name, which has no control characters.
func (r *reader) name(b []byte, field string) string {
	text := r.utf16(b, field)
	for _, c := range text {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			r.fail(field, "control character in a name")
			return ""
		}
	}
	return text
}

// sid reads the packet form of a SID (MS-DTYP 2.4.2.2) that ends where b does.
func (r *reader) sid(b []byte, field string) SID {
	if r.err != nil {
		return ""
	}
	if len(b) < 8 || b[0] != 1 || b[1] > maxSubAuthorities || len(b) != 8+4*int(b[1]) {
		r.fail(field, "no SID of revision 1, or of a wrong length")
		return ""
	}
	return sidText(b)
}
