//go:build linux

package octets

import (
	"syscall"
	"testing"
)

// guarded returns a page of octets with nothing that may be read before and
// behind it: an access there ends the test binary.
func guarded(t *testing.T) []byte {
	t.Helper()
	page := syscall.Getpagesize()
	all, err := syscall.Mmap(-1, 0, 3*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(all) })
	for _, wall := range [][]byte{all[:page], all[2*page:]} {
		if err := syscall.Mprotect(wall, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return all[page : 2*page : 2*page]
}

// TestNothingIsReadOutsideTheSource: sources of all lengths at both ends of a
// page that stands alone.
func TestNothingIsReadOutsideTheSource(t *testing.T) {
	t.Parallel()
	b := guarded(t)
	copy(b, mixed(len(b)))
	clear(b[len(b)-500:]) // which is plain
	for n := range len(b) + 1 {
		for _, src := range [][]byte{b[:n:n], b[len(b)-n:]} {
			var m Masks
			if filled := m.Fill(src); filled > n {
				t.Fatalf("%d of %d octets", filled, n)
			}
			var s Survey
			if seen := s.Add(src); seen > n {
				t.Fatalf("%d of %d octets", seen, n)
			}
			if end := Plain(src); end > n {
				t.Fatalf("%d of %d octets", end, n)
			}
		}
	}
}
