package xmltext

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// census is what one quick pass over the octets tells before the scan: where
// the first octet is that no XML document may contain, and how much markup to
// expect at most.
type census struct {
	clean      int // octets before the first illegal character; len(src) when there is none
	badErr     error
	elements   int // upper bound
	attributes int // upper bound
	greater    int // '>' octets
}

func takeCensus(src []byte) census {
	c := census{clean: len(src)}
	control, endTags, ascii := sweep(src)
	if control < c.clean {
		c.clean, c.badErr = control, ErrCharacter
	}
	if !ascii {
		c.checkUTF8(src)
	}
	c.elements = bytes.Count(src, []byte{'<'}) - endTags
	c.attributes = min(bytes.Count(src, []byte{'='}),
		(bytes.Count(src, []byte{'"'})+bytes.Count(src, []byte{'\''}))/2)
	c.greater = bytes.Count(src, []byte{'>'})
	return c
}

// sweep looks at eight octets at a time. It returns the offset of the first C0
// control character that is not white space, or len(src); the number of "</";
// and whether all octets are ASCII.
func sweep(src []byte) (control, endTags int, ascii bool) {
	var all uint64
	control = len(src)
	i := 0
	for ; i+9 <= len(src); i += 8 {
		x := binary.LittleEndian.Uint64(src[i:])
		y := binary.LittleEndian.Uint64(src[i+1:])
		all |= x
		endTags += bits.OnesCount64(equal(x, '<') & equal(y, '/'))
		// Nonzero exactly when some octet is below 0x20.
		if (x-lows*0x20)&^x&highs != 0 && control == len(src) {
			if at := indexControl(src[i : i+8]); at >= 0 {
				control = i + at
			}
		}
	}
	for j := i; j < len(src); j++ {
		all |= uint64(src[j])
		if src[j] == '/' && j > 0 && src[j-1] == '<' && j > i {
			endTags++
		}
	}
	if control == len(src) {
		if at := indexControl(src[i:]); at >= 0 {
			control = i + at
		}
	}
	return control, endTags, all&highs == 0
}

// equal returns a word with the high bit set in every octet of x that is c.
func equal(x uint64, c byte) uint64 {
	v := x ^ lows*uint64(c)
	t := v&^highs + ^uint64(highs)
	return ^(t | v) & highs
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
