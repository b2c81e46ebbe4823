package buffer

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// Buffers of some sizes are kept: of powers of two, from smallest to Largest.
const (
	smallest = 4 << 10
	sizes    = 5

	// Largest is the size of the largest buffers that are kept. Others are left to
	// the collector.
	Largest = smallest << (sizes - 1)
)

var free [sizes]sync.Pool

// A Buffer holds octets. Append to them as to any slice; if they outgrow their
// room, [Buffer.Free] keeps nothing. It belongs to one goroutine.
type Buffer struct{ Octets []byte }

// Get returns an empty Buffer with room for size octets, or more.
func Get(size int) *Buffer {
	class := classOf(size)
	if class >= sizes {
		return &Buffer{make([]byte, 0, size)}
	}
	if b, ok := free[class].Get().(*Buffer); ok {
		return b
	}
	return &Buffer{make([]byte, 0, smallest<<class)}
}

// Room returns the octets that Get takes for a Buffer with room for size.
func Room(size int) int {
	if class := classOf(size); class < sizes {
		return smallest << class
	}
	return size
}

func classOf(size int) int { return bits.Len(uint(max(size-1, 0) / smallest)) }

// Free keeps b and its octets for a later Get, as they are. Neither may be used
// afterwards. It does nothing for a nil Buffer.
func (b *Buffer) Free() {
	if b == nil {
		return
	}
	room := b.Octets[:cap(b.Octets)]
	class := classOf(len(room))
	if class >= sizes || len(room) != smallest<<class {
		return
	}
	if poisoned.Load() {
		for i := range room {
			room[i] = '!'
		}
	}
	b.Octets = room[:0]
	free[class].Put(b)
}

var poisoned atomic.Bool

// Poison is for tests: from now on buffers are overwritten when they are given
// back, so that it shows who still reads them.
func Poison() { poisoned.Store(true) }
