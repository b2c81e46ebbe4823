package xmltext

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

const (
	controls = 0x2020202020202020
	highs    = 0x8080808080808080
)

// census is what a quick pass over the octets tells before the scan: where the
// first octet is that no XML document may contain, and how much markup to
// expect.
type census struct {
	clean      int // octets before the first illegal character; len(src) when there is none
	badErr     error
	elements   int // estimate
	attributes int // estimate
	greater    int // '>' octets
}

func takeCensus(src []byte) census {
	c := census{clean: len(src)}
	control, ascii := sweep(src)
	if control < c.clean {
		c.clean, c.badErr = control, ErrCharacter
	}
	if !ascii {
		c.checkUTF8(src)
	}
	c.greater = bytes.Count(src, []byte{'>'})
	c.estimate(src)
	return c
}

// Of how much of the message, at its start, estimate looks at every octet.
const sampleBytes = 16 << 10

// estimate says for how many entries to make room at first: exactly as many as
// a sample at the start has at most, and as many for the rest as if it were
// alike. More room than ordinary markup needs is never made at once, whatever
// the sample says.
func (c *census) estimate(src []byte) {
	sample := src[:min(len(src), sampleBytes)]
	for i := indexFrom(sample, 0, '<'); i+1 < len(sample); i = indexFrom(sample, i+1, '<') {
		if sample[i+1] != '/' {
			c.elements++
		}
	}
	for i := indexFrom(sample, 0, '='); i+1 < len(sample); i = indexFrom(sample, i+1, '=') {
		if sample[i+1] == '"' || sample[i+1] == '\'' {
			c.attributes++
		}
	}
	scale := func(n int) int {
		if len(sample) < len(src) {
			n += n / 16
			n = int(int64(n) * int64(len(src)) / int64(len(sample)))
		}
		return min(n, len(src)/16) + 1
	}
	c.elements, c.attributes = scale(c.elements), scale(c.attributes)
}

// sweep looks at 32 octets at a time. It returns the offset of the first C0
// control character that is not white space, or len(src), and whether all
// octets are ASCII.
func sweep(src []byte) (control int, ascii bool) {
	var all uint64
	i := 0
	for ; i+32 <= len(src); i += 32 {
		a := binary.LittleEndian.Uint64(src[i:])
		b := binary.LittleEndian.Uint64(src[i+8:])
		c := binary.LittleEndian.Uint64(src[i+16:])
		d := binary.LittleEndian.Uint64(src[i+24:])
		all |= a | b | c | d
		// The high bits tell whether some octet is below 0x20.
		below := (a-controls)&^a | (b-controls)&^b | (c-controls)&^c | (d-controls)&^d
		if below&highs != 0 {
			if at := indexControl(src[i : i+32]); at >= 0 {
				return i + at, asciiOnly(src)
			}
		}
	}
	if at := indexControl(src[i:]); at >= 0 {
		return i + at, asciiOnly(src)
	}
	return len(src), all&highs == 0 && asciiOnly(src[i:])
}

func asciiOnly(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func indexControl(b []byte) int {
	for i, c := range b {
		if c < 0x20 && classes[c]&classSpace == 0 {
			return i
		}
	}
	return -1
}

// checkUTF8 moves c.clean before the first octet that is not UTF-8 (which
// excludes surrogates) and before U+FFFE and U+FFFF.
func (c *census) checkUTF8(src []byte) {
	part := src[:c.clean]
	if !utf8.Valid(part) {
		for i := 0; i < len(part); {
			r, n := utf8.DecodeRune(part[i:])
			if r == utf8.RuneError && n <= 1 {
				c.clean, c.badErr = i, ErrEncoding
				break
			}
			i += n
		}
	}
	for _, seq := range []string{"\uFFFE", "\uFFFF"} {
		if at := bytes.Index(src[:c.clean], []byte(seq)); at >= 0 {
			c.clean, c.badErr = at, ErrCharacter
		}
	}
}
