package octets

import "unsafe"

// BlockOctets is the number of octets that are looked at together.
const BlockOctets = 64

// maxBlocks is the number of blocks in a [Masks]. With 4 kB of source the masks
// stay in the first cache, and what is classified twice, because the next masks
// begin before the end of these, is a twentieth.
const maxBlocks = 64

// Words are the bits of one class, octet by octet from the lowest bit of the
// first word on.
type Words [maxBlocks + 1]uint64

// From returns the bits from that of the octet at offset on. At least the 57
// lowest are those of octets, as far as the mask goes.
func (w *Words) From(offset int) uint64 {
	i := uint(offset) / 8
	if i > 8*maxBlocks {
		return 0
	}
	return *(*uint64)(unsafe.Add(unsafe.Pointer(w), i)) >> (uint(offset) % 8)
}

// Masks are bits for the octets of a part of the source.
type Masks struct {
	Name  Words // not in a qualified name: all but ASCII letters, digits, '-', '.', '_' and ':'
	Value Words // ends or complicates an attribute value: quotes, '&', '<', TAB, CR, LF
	Text  Words // ends or complicates text: '<', '&', '>', CR
}

// A Survey is what [Survey.Add] has seen.
type Survey struct {
	Less, Greater, Equal int    // '<', '>' and '=' octets
	High                 uint64 // not 0 if there is an octet that is not ASCII
}
