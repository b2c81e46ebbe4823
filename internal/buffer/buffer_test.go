package buffer

import "testing"

// Room is a power of two, but for octets whose buffers are not kept.
func TestRoomOfBuffers(t *testing.T) {
	for size, want := range map[int]int{0: 4 << 10, 4 << 10: 4 << 10, 4<<10 + 1: 8 << 10, 40 << 10: 64 << 10,
		Largest: 64 << 10, Largest + 1: 64<<10 + 1, 1 << 20: 1 << 20} {
		b := Get(size)
		if cap(b.Octets) != want || Room(size) != want || len(b.Octets) != 0 {
			t.Errorf("for %d octets there is room for %d, want %d", size, cap(b.Octets), want)
		}
		b.Free()
	}
}

// What was given back is overwritten, and comes back empty and with all of its
// room; what has outgrown its room is left alone, as is no Buffer.
func TestFreePoisons(t *testing.T) {
	Poison()
	defer poisoned.Store(false)
	b := Get(10)
	b.Octets = append(b.Octets, "secret"...)
	octets := b.Octets
	b.Free()
	if string(octets) != "!!!!!!" || len(b.Octets) != 0 || cap(b.Octets) != smallest {
		t.Errorf("%q, then %d of %d octets", octets, len(b.Octets), cap(b.Octets))
	}
	b = Get(10)
	b.Octets = append(b.Octets, make([]byte, smallest+1)...)
	b.Octets = append(b.Octets, "kept"...)
	octets = b.Octets
	if cap(octets) != 2*smallest { // which would be a size that is kept
		b.Free()
		if string(octets[smallest+1:]) != "kept" {
			t.Errorf("%q", octets[smallest+1:])
		}
	}
	(*Buffer)(nil).Free()
}
