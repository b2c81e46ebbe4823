package pool

import "testing"

// TestSizeIsAtMostAnEighthMore: and each size is its own, so that memory made of
// it comes back to its class.
func TestSizeIsAtMostAnEighthMore(t *testing.T) {
	t.Parallel()
	for n := range Largest + 2 {
		size := Size(n)
		if size < n || n >= smallest && size > n+n/8+1 || Size(size) != size {
			t.Fatalf("%d octets: %d, and then %d", n, size, Size(size))
		}
	}
	if Size(Largest) != Largest || Size(3*Largest) != 3*Largest || Size(0) != smallest {
		t.Errorf("%d, %d, %d", Size(Largest), Size(3*Largest), Size(0))
	}
}

// TestClassesAreAsManyAsThePoolHas: each size has a class of its own.
func TestClassesAreAsManyAsThePoolHas(t *testing.T) {
	t.Parallel()
	for class := range classes {
		if got := classFor(sizeOf(class)); got != class {
			t.Errorf("class %d of %d octets: %d", class, sizeOf(class), got)
		}
	}
	if sizeOf(classes-1) != Largest {
		t.Errorf("the largest class has %d octets", sizeOf(classes-1))
	}
}

// TestGetReturnsEnough: whatever has been put.
func TestGetReturnsEnough(t *testing.T) {
	t.Parallel()
	sizes := []int{0, 1, smallest - 1, smallest, smallest + 1, 5000, 1 << 20, Largest - 1, Largest, Largest + 1}
	for _, put := range sizes {
		for _, need := range []int{0, 1, smallest, smallest + 1, put - 1, put, put + 1, 2 * put, Largest + 1} {
			var p Pool[int]
			p.Put(put, &put)
			if v := p.Get(need); v != nil && *v < need {
				t.Errorf("%d octets for %d", *v, need)
			}
		}
	}
}
