package base64

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
)

// A block is what is encoded or decoded at once.
const (
	blockOctets = 24
	blockText   = 32
)

// EncodedLen returns the length of the text of n octets.
func EncodedLen(n int) int { return base64.StdEncoding.EncodedLen(n) }

// DecodedLen returns the most octets that n characters of text stand for.
func DecodedLen(n int) int { return base64.StdEncoding.DecodedLen(n) }

// AppendEncode appends the text of src, with padding and without line ends, to
// dst. src may lie in the free room of dst if its end is the end of the room
// that the text takes: then the text follows src without reaching it.
func AppendEncode(dst, src []byte) []byte {
	dst = slices.Grow(dst, EncodedLen(len(src)))
	n := encodeBlocks(dst[len(dst):cap(dst)], src)
	dst, src = dst[:len(dst)+n/blockOctets*blockText], src[n:]
	for len(src) > 0 {
		var piece [96]byte // of src: the encoder of the library does not work in place
		n := copy(piece[:], src)
		dst = base64.StdEncoding.AppendEncode(dst, piece[:n])
		src = src[n:]
	}
	return dst
}

// errCorrupt is the error for text that is not base64. It says nothing of it.
var errCorrupt = errors.New("not base64")

// AppendDecode appends the octets that text stands for to dst. White space of
// XML (space, TAB, CR, LF) may stand anywhere in it; padding is required, and
// nothing but white space follows it. The text may be dst[len(dst):len(dst)+n].
// After an error dst is returned unchanged.
func AppendDecode(dst, text []byte) ([]byte, error) {
	out := slices.Grow(dst, DecodedLen(len(text)))
	for len(text) > 0 {
		room := out[len(out):cap(out)]
		n := decodeBlocks(room, text)
		n += decodeFours(room[n/4*3:], text[n:])
		out, text = out[:len(out)+n/4*3], skipSpace(text[n:])
		if n > 0 && len(text) >= blockText {
			continue // the next line
		}
		// What is left is padding, the last characters of a line or of all, or wrong.
		var piece [32]byte
		var odd []byte
		odd, text = nextPiece(piece[:0], text)
		var err error
		if out, err = base64.StdEncoding.AppendDecode(out, odd); err != nil {
			return dst, errCorrupt
		}
		if bytes.HasSuffix(odd, []byte("=")) && len(text) > 0 {
			return dst, errCorrupt
		}
	}
	return out, nil
}

// nextPiece appends characters of text that are not white space to piece: until
// a line ends behind a multiple of four, piece is full or the text ends. It
// returns what follows in the text, without white space in front.
func nextPiece(piece, text []byte) (full, rest []byte) {
	for i, c := range text {
		switch {
		case !isSpace(c):
			if len(piece) == cap(piece) {
				return piece, text[i:]
			}
			piece = append(piece, c)
		case len(piece)%4 == 0:
			return piece, skipSpace(text[i:])
		}
	}
	return piece, nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func skipSpace(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	return b
}

// notAlphabet marks characters that have no number.
const notAlphabet = 0x80

// numbers are those that characters stand for.
var numbers = makeNumbers()

func makeNumbers() (t [256]uint8) {
	for c := range t {
		t[c] = notAlphabet
	}
	for n := range 64 {
		t[base64.StdEncoding.EncodeToString([]byte{byte(n << 2)})[0]] = uint8(n)
	}
	return t
}

// decodeFours decodes four characters at a time to the start of dst, up to the
// first four that are not all of the alphabet, and returns how many characters
// it decoded. While there is room it takes eight at once, and writes their six
// octets as eight.
func decodeFours(dst, text []byte) (n int) {
	for len(text)-n >= 8 && len(dst) >= 8 {
		t := text[n : n+8]
		a, b, c, d := numbers[t[0]], numbers[t[1]], numbers[t[2]], numbers[t[3]]
		e, f, g, h := numbers[t[4]], numbers[t[5]], numbers[t[6]], numbers[t[7]]
		if (a|b|c|d|e|f|g|h)&notAlphabet != 0 {
			break
		}
		binary.BigEndian.PutUint64(dst, uint64(a)<<58|uint64(b)<<52|uint64(c)<<46|uint64(d)<<40|
			uint64(e)<<34|uint64(f)<<28|uint64(g)<<22|uint64(h)<<16)
		dst = dst[6:]
		n += 8
	}
	for len(text)-n >= 4 {
		t := text[n : n+4]
		a, b, c, d := numbers[t[0]], numbers[t[1]], numbers[t[2]], numbers[t[3]]
		if (a|b|c|d)&notAlphabet != 0 {
			break
		}
		dst[0], dst[1], dst[2] = a<<2|b>>4, b<<4|c>>2, c<<6|d
		dst = dst[3:]
		n += 4
	}
	return n
}
