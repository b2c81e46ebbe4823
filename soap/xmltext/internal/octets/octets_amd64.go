//go:build !purego

package octets

import "golang.org/x/sys/cpu"

var hasAVX2 = cpu.X86.HasAVX2

// Fill sets the bits for the octets of src in whole blocks, as many as there is
// room for, and returns the number of these octets: none without AVX2.
func (m *Masks) Fill(src []byte) int {
	blocks := min(len(src)/BlockOctets, maxBlocks)
	if !hasAVX2 || blocks == 0 {
		return 0
	}
	fillAVX2(m, &src[0], blocks)
	return blocks * BlockOctets
}

// Add looks at the octets of src in whole blocks, up to the first block with a
// C0 control character that is not white space, and returns how many octets
// those are: none without AVX2.
func (s *Survey) Add(src []byte) int {
	blocks := len(src) / BlockOctets
	if !hasAVX2 || blocks == 0 {
		return 0
	}
	return surveyAVX2(s, &src[0], blocks) * BlockOctets
}

// Plain returns the offset of the first octet of src that is not text which stands
// for itself, or len(src): the first '<', '&', CR or ']'. Without AVX2 it looks at
// nothing, and returns 0.
func Plain(src []byte) (n int) {
	if !hasAVX2 {
		return 0
	}
	if blocks := len(src) / BlockOctets; blocks > 0 {
		if n = plainAVX2(&src[0], blocks); n < blocks*BlockOctets {
			return n
		}
	}
	for ; n < len(src); n++ {
		switch src[n] {
		case '<', '&', '\r', ']':
			return n
		}
	}
	return n
}

// fillAVX2 is Fill of blocks, of which there is one at least.
//
//go:noescape
func fillAVX2(m *Masks, src *byte, blocks int)

// surveyAVX2 is Add for blocks, of which there is one at least; it returns the
// number of blocks that it has looked at.
//
//go:noescape
func surveyAVX2(s *Survey, src *byte, blocks int) (done int)

// plainAVX2 is Plain for blocks, of which there is one at least.
//
//go:noescape
func plainAVX2(src *byte, blocks int) (n int)
