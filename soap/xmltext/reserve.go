package xmltext

import "slices"

// Octets of an entry of the lists that grow with the input.
const (
	elementBytes   = 40
	attributeBytes = 20
	bindingBytes   = 12

	// nameBytes is what a prefix or namespace name takes beside its octets: its
	// places in an interner, in scanner.active and in a canonicalizer's slots,
	// with the room to grow of each.
	nameBytes = 160
	// nameRoom is for how many octets of them room is reserved at once.
	nameRoom = 4 << 10
	// spareBytes is how much room is left in a list without a thought.
	spareBytes = 64 << 10
)

// IndexBound returns how many octets a scan of so many octets of UTF-8 reserves
// at most at a time, whatever they are. It is for who must not let a peer know
// what they are; a usual message needs a twentieth of it. See
// [Options].Reserve.
func IndexBound(octets int) int {
	// Nothing is denser than "<a/>": four octets that take an entry, and while
	// the list grows twice that and a quarter.
	return 24*octets + 24<<10
}

// reserve asks [Options].Reserve for n more octets, before they are allocated.
func (s *scanner) reserve(n int) error {
	if s.opt.Reserve == nil {
		return nil
	}
	if err := s.opt.Reserve(n); err != nil {
		return err
	}
	s.reserved += n
	return nil
}

// release gives back n octets that are no longer held.
func (s *scanner) release(n int) {
	if s.opt.Reserve != nil {
		_ = s.opt.Reserve(-n) // takes nothing, so it cannot fail
		s.reserved -= n
	}
}

// grown returns list, which is full, with room for more. The new room is
// reserved while the old is still held.
func grown[T any](s *scanner, list []T, size int) ([]T, error) {
	old, more := cap(list), cap(list)/4+64
	if err := s.reserve((old + more) * size); err != nil {
		return list, err
	}
	list = slices.Grow(list, more)
	s.release((old + old + more - cap(list)) * size)
	return list, nil
}

// fitted returns list without the room that it did not need, if that is much:
// a CDATA section can promise any number of elements.
func fitted[T any](s *scanner, list []T, size int) []T {
	if spare := cap(list) - len(list); spare < len(list) || spare*size < spareBytes || s.reserve(len(list)*size) != nil {
		return list
	}
	s.release(cap(list) * size)
	return slices.Clip(append(make([]T, 0, len(list)), list...))
}

// reserveName reserves what a new entry in a table of names takes.
func (s *scanner) reserveName(octets int) error {
	s.nameOctets -= octets + nameBytes
	if s.nameOctets >= 0 || s.opt.Reserve == nil {
		return nil
	}
	room := max(-s.nameOctets, nameRoom)
	s.nameOctets += room
	return s.reserve(room)
}
