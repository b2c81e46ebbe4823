package pool

import (
	"math/bits"
	"sync"
)

// Largest is the size of the largest memory that is kept, in octets. A message of
// 1 MB has an index and a plaintext of about that size.
const Largest = 1 << largestBits

const (
	smallest     = 1 << smallestBits
	smallestBits = 10
	largestBits  = 21
	perDouble    = 8 // classes
	classes      = (largestBits-smallestBits)*perDouble + 1
)

// Pool keeps values that hold memory. The zero value is empty. It is safe for
// concurrent use.
type Pool[T any] struct{ free [classes]sync.Pool }

// Size returns the octets that memory for n octets should have, so that others
// can use it later: the size of the class, or n where none is large enough.
func Size(n int) int {
	if n > Largest {
		return n
	}
	return sizeOf(classFor(n))
}

// classFor returns the class of the smallest memory that has room for n octets,
// which are at most Largest.
func classFor(n int) int {
	if n <= smallest {
		return 0
	}
	k := bits.Len(uint(n-1)) - 1 // 1<<k < n <= 2<<k
	step := 1 << k / perDouble
	return (k-smallestBits)*perDouble + (n-1<<k+step-1)/step
}

// sizeOf returns the size of a class.
func sizeOf(class int) int {
	return (perDouble + class%perDouble) << (smallestBits + class/perDouble) / perDouble
}

// Get returns a value that was put with at least n octets, or nil if there is
// none: make one of Size(n) octets then. The caller alone has it.
func (p *Pool[T]) Get(n int) *T {
	if n > Largest {
		return nil
	}
	v, _ := p.free[classFor(n)].Get().(*T)
	return v
}

// Put keeps a value that holds n octets. Nobody may use it, or what it holds, any
// more.
func (p *Pool[T]) Put(n int, v *T) {
	if n < smallest || n > Largest {
		return
	}
	class := classFor(n)
	if sizeOf(class) > n {
		class--
	}
	p.free[class].Put(v)
}
