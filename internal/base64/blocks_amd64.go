//go:build !purego

package base64

import "golang.org/x/sys/cpu"

var hasAVX2 = cpu.X86.HasAVX2

// encodeBlocks encodes whole blocks of src to the start of dst, as long as
// there are four octets behind them, and returns how many octets it encoded.
func encodeBlocks(dst, src []byte) int {
	blocks := (len(src) - 4) / blockOctets
	if !hasAVX2 || blocks <= 0 {
		return 0
	}
	_ = dst[blocks*blockText-1]
	encodeAVX2(&dst[0], &src[0], blocks)
	return blocks * blockOctets
}

// decodeBlocks decodes whole blocks of text to the start of dst, up to the
// first that has a character outside the alphabet, and returns how many
// characters it decoded.
func decodeBlocks(dst, text []byte) int {
	blocks := len(text) / blockText
	if !hasAVX2 || blocks == 0 {
		return 0
	}
	_ = dst[blocks*blockOctets-1]
	return decodeAVX2(&dst[0], &text[0], blocks) * blockText
}

// encodeAVX2 encodes blocks, of which there is one at least. It reads 28 octets
// for each and writes 32 characters, in this order, so that dst may be in front
// of src and overlap it as AppendEncode says.
//
//go:noescape
func encodeAVX2(dst, src *byte, blocks int)

// decodeAVX2 decodes up to that many blocks, of which there is one at least,
// and returns how many were of the alphabet alone. For each it reads 32
// characters and then writes 24 octets; dst may be text.
//
//go:noescape
func decodeAVX2(dst, text *byte, blocks int) (done int)
