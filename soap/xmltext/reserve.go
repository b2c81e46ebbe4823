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
	// nameRoom is how many octets are reserved for names at once.
	nameRoom = 4 << 10
	// spareBytes is how much room a list may keep that it does not need.
	spareBytes = 64 << 10
)

// IndexBound returns the most memory, in octets, that a scan of this many
// octets of UTF-8 reserves at a time with [Options].Reserve, whatever they are.
// It is for callers who must not disclose anything about them; a usual message
// needs a twentieth of it.
func IndexBound(octets int) int {
	// Nothing is denser than "<a/>": four octets that take an entry, and while
	// the list grows twice that and a quarter. Tables of another message may have
	// room that this one does not need.
	return 27*octets + 24<<10
}

// reserve calls Options.Reserve for n more octets before they are allocated.
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

// release returns n octets that are no longer held to Options.Reserve.
func (s *scanner) release(n int) {
	if s.opt.Reserve != nil {
		_ = s.opt.Reserve(-n) // takes nothing, so it cannot fail
		s.reserved -= n
	}
}

// grown returns list, which is full when the scan has come to offset at, with
// room for more: for the rest of the source as it was up to there, or a quarter
// more if that is less. Else a message of "<a/>" is copied seven times. The new
// room is reserved while the old is still held.
func grown[T any](s *scanner, list []T, size, at int) ([]T, error) {
	old := cap(list)
	room := old + old/4 + 64
	if rest := len(s.src) - at; at > 0 && old > 0 {
		ahead := int(min(int64(old)*int64(rest)/int64(at)*17/16, int64(rest/densest)))
		room = max(room, old+ahead)
	}
	if err := s.reserve(room * size); err != nil {
		return list, err
	}
	list = append(make([]T, 0, room), list...) // slices.Grow would make more, unreserved
	s.release(old * size)
	return list, nil
}

// densest is how many octets an entry takes at least: "<a/>".
const densest = 4

// fitted returns list without the room that it did not need, if that is much: a
// CDATA section can make the estimate too high.
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
