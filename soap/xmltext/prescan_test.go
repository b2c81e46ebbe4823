package xmltext

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestSweepFindsControlCharacters compares the eight-octets-at-a-time pass with
// the obvious one, for every octet at every position of a word, and for pairs.
func TestSweepFindsControlCharacters(t *testing.T) {
	t.Parallel()
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

func TestCountEmptyTagsCountsAllButTheLast(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		b := make([]byte, r.IntN(100))
		for i := range b {
			b[i] = "/>/>x\xff\x80"[r.IntN(7)]
		}
		whole := b[:len(b)/8*8]
		if got, want := countEmptyTags(b), bytes.Count(whole, []byte("/>")); got != want {
			t.Fatalf("%q: %d, want %d", b, got, want)
		}
	}
}

// TestCursorsFindTheFirst: in texts that are asked for one after the other, near
// and far from each other.
func TestCursorsFindTheFirst(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		src := bytes.Repeat([]byte{'x'}, 1+r.IntN(4*beyond))
		for range r.IntN(12) {
			copy(src[r.IntN(len(src)):], []string{"]]>", "\r", "]]", "]]]>"}[r.IntN(4)])
		}
		var cr, end cursor
		for from := 0; from < len(src); {
			to := min(from+r.IntN(2*beyond), len(src))
			if got, want := cr.findByte(src, from, to, '\r'), firstIn(src, from, to, "\r"); got != want {
				t.Fatalf("CR from %d to %d: %d, want %d", from, to, got, want)
			}
			if got, want := end.findCDATAEnd(src, from, to), firstIn(src, from, to, "]]>"); got != want {
				t.Fatalf("]]> from %d to %d: %d, want %d", from, to, got, want)
			}
			from = to + r.IntN(20)
		}
	}
}

// firstIn returns the first place from from on, and before to, where what begins.
func firstIn(src []byte, from, to int, what string) int {
	if n := bytes.Index(src[from:], []byte(what)); n >= 0 {
		return min(from+n, to)
	}
	return to
}
