package xmltext

import (
	"bytes"
	"testing"
)

// TestSweep compares the eight-octets-at-a-time pass with the obvious one, for
// every octet at every position of a word, and for pairs.
func TestSweep(t *testing.T) {
	check := func(b []byte) {
		t.Helper()
		control, ascii := sweep(b)
		want := indexControl(b)
		if want < 0 {
			want = len(b)
		}
		if control != want || ascii != asciiOnly(b) {
			t.Fatalf("%q: %d %v, want %d %v", b, control, ascii, want, asciiOnly(b))
		}
	}
	for _, size := range []int{0, 1, 31, 32, 33, 63, 64, 70} {
		for _, fill := range []byte{' ', 'x', '\n', 0x7f, 0x80, 0xff, 0x20} {
			for at := range size {
				for c := range 256 {
					b := bytes.Repeat([]byte{fill}, size)
					b[at] = byte(c)
					check(b)
					b[(at+1)%size] = byte(c) ^ 0x9f
					check(b)
				}
			}
			check(bytes.Repeat([]byte{fill}, size))
		}
	}
}
