package xmltext

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/wssgate/wssgate/soap/xmltext/internal/octets"
)

const (
	controls = 0x2020202020202020
	highs    = 0x8080808080808080
)

// census is the result of a quick pass over the octets before the scan: the
// place of the first octet that no XML document may contain, and an estimate of
// the markup.
type census struct {
	clean      int // octets before the first illegal character; len(src) when there is none
	badErr     error
	elements   int // estimate
	attributes int // estimate
	greater    int // '>' octets
}

func takeCensus(src []byte) census {
	c := census{clean: len(src)}
	var s octets.Survey
	seen := s.Add(src)
	control, ascii := sweep(src[seen:])
	if control += seen; control < c.clean {
		c.clean, c.badErr = control, ErrCharacter
	}
	if !ascii || s.High != 0 {
		c.checkUTF8(src)
	}
	rest := src[seen:]
	c.greater = s.Greater + bytes.Count(rest, []byte{'>'})
	c.estimate(src, s.Less+bytes.Count(rest, []byte{'<'}), s.Equal+bytes.Count(rest, []byte{'='}))
	return c
}

// sampleBytes is how much of a message is sampled to estimate the number of
// empty-element tags.
const sampleBytes = 1 << 10

// estimate sets the number of entries to make room for at first. A well-formed
// message has two '<' for each element, one for an empty-element tag, and an
// equals sign for each attribute. The estimate is bounded by ordinary markup,
// four attributes for each element, because text and CDATA sections can be full
// of the same octets.
func (c *census) estimate(src []byte, less, equal int) {
	sample := src[:min(len(src), sampleBytes)]
	empty := 0
	if len(sample) > 0 {
		empty = int(int64(countEmptyTags(sample)) * int64(len(src)) / int64(len(sample)))
	}
	most := len(src)/16 + 1
	c.elements = min((less+empty)/2+1, most)
	c.attributes = min(equal, 4*c.elements+16, most)
}

// countEmptyTags returns the number of "/>" in b, about: the last few octets are not
// looked at. bytes.Count took a fiftieth of the time of a message of 6 kB.
func countEmptyTags(b []byte) (n int) {
	slash := uint64(0) // a high bit in the last octet before the word, if that is '/'
	for ; len(b) >= 8; b = b[8:] {
		word := binary.LittleEndian.Uint64(b)
		slashes := equal(word, '/')
		n += bits.OnesCount64((slashes<<8 | slash) & equal(word, '>'))
		slash = slashes >> 56
	}
	return n
}

// sweep looks at 32 octets at a time. It returns the offset of the first C0
// control character that is not white space, or len(src), and whether all
// octets are ASCII.
func sweep(src []byte) (control int, ascii bool) {
	var all uint64
	rest := src
	for len(rest) >= 32 {
		block := (*[32]byte)(rest)
		a := binary.LittleEndian.Uint64(block[0:])
		b := binary.LittleEndian.Uint64(block[8:])
		c := binary.LittleEndian.Uint64(block[16:])
		d := binary.LittleEndian.Uint64(block[24:])
		all |= a | b | c | d
		// A high bit is set if its octet is below 0x20.
		below := (a-controls)&^a | (b-controls)&^b | (c-controls)&^c | (d-controls)&^d
		if below&highs != 0 && illegal(a)|illegal(b)|illegal(c)|illegal(d) != 0 {
			return len(src) - len(rest) + indexControl(block[:]), asciiOnly(src)
		}
		rest = rest[32:]
	}
	if at := indexControl(rest); at >= 0 {
		return len(src) - len(rest) + at, asciiOnly(src)
	}
	return len(src), all&highs == 0 && asciiOnly(rest)
}

// illegal returns a word with the high bit set in every octet of x that is a C0
// control character other than TAB, LF and CR.
func illegal(x uint64) uint64 {
	notBelow := (x | highs) - controls // high bit: the low seven bits are 0x20 or more
	return ^notBelow & ^x & highs &^ (equal(x, '\t') | equal(x, '\n') | equal(x, '\r'))
}

// equal returns a word with the high bit set in every octet of x that is c.
func equal(x uint64, c byte) uint64 {
	const each = 0x0101010101010101
	v := x ^ each*uint64(c)
	return ^(v&^highs + ^uint64(highs) | v) & highs
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
