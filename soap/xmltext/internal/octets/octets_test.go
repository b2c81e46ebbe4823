package octets

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// obvious sets the bits of m one octet after the other.
func obvious(m *Masks, src []byte) {
	*m = Masks{}
	for i, c := range src {
		set := func(w *Words, in bool) {
			if in {
				w[i/64] |= 1 << (i % 64)
			}
		}
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
		set(&m.Name, !letter && bytes.IndexByte([]byte("-._:"), c) < 0)
		set(&m.Value, bytes.IndexByte([]byte("\"'&<\t\r\n"), c) >= 0)
		set(&m.Text, bytes.IndexByte([]byte("&<>\r"), c) >= 0)
	}
}

// mixed returns n octets: each, then a random mixture of those of markup and
// others.
func mixed(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		switch {
		case i < 256:
			b[i] = byte(i)
		case r.IntN(3) == 0:
			b[i] = "<>&=\"'/ \r\n\t:"[r.IntN(12)]
		default:
			b[i] = byte(r.IntN(256))
		}
	}
	return b
}

func TestFillClassifiesEveryOctet(t *testing.T) {
	t.Parallel()
	src := mixed(10_000)
	for shift := range 70 {
		for _, size := range []int{0, 1, 63, 64, 65, 640, 4095, 4096, 5000} {
			var got, want Masks
			n := got.Fill(src[shift:][:size])
			if n == 0 && !hasAVX2 {
				t.Skip("this build or processor has no AVX2: Fill does nothing")
			}
			if n != min(size/64, maxBlocks)*64 {
				t.Fatalf("%d of %d octets", n, size)
			}
			if obvious(&want, src[shift:][:n]); got != want {
				t.Fatalf("%d octets from %d on differ", size, shift)
			}
		}
	}
}

func TestFromReturnsTheBitsOf57Octets(t *testing.T) {
	t.Parallel()
	var w Words
	bit := func(i int) uint64 { return uint64(i*i/7+i/5) & 1 }
	for i := range len(w) * 64 {
		w[i/64] |= bit(i) << (i % 64)
	}
	for offset := range maxBlocks * 64 {
		got := w.From(offset)
		for i := range 57 {
			if got>>i&1 != bit(offset+i) {
				t.Fatalf("bit %d from %d on", i, offset)
			}
		}
	}
	if w.From(maxBlocks*64+64) != 0 || w.From(-1) != 0 {
		t.Error("bits outside the mask")
	}
}

func TestAddStopsAtTheFirstControlCharacter(t *testing.T) {
	t.Parallel()
	if !hasAVX2 {
		t.Skip("this build or processor has no AVX2: Add does nothing")
	}
	for c := range 256 {
		for at := range 200 {
			for _, fill := range []byte("x\n\r\t <>=\x7f") {
				src := bytes.Repeat([]byte{fill}, 200)
				src[at] = byte(c)
				var s Survey
				n := s.Add(src)
				want := 192
				if c < ' ' && bytes.IndexByte([]byte("\t\r\n"), byte(c)) < 0 && at < want {
					want = at / 64 * 64
				}
				seen := src[:n]
				if n != want || s.Less != bytes.Count(seen, []byte("<")) || s.Greater != bytes.Count(seen, []byte(">")) ||
					s.Equal != bytes.Count(seen, []byte("=")) || (s.High != 0) != (c >= 0x80 && at < n) {
					t.Fatalf("%#x at %d in %q: %d, %+v", c, at, fill, n, s)
				}
			}
		}
	}
}

func TestAddCountsInAllBlocks(t *testing.T) {
	t.Parallel()
	if !hasAVX2 {
		t.Skip("this build or processor has no AVX2: Add does nothing")
	}
	src := bytes.Repeat([]byte("<===>"), 64<<10)
	s := Survey{Less: 1}
	if n := s.Add(src); n != len(src) || s != (Survey{Less: 1 + 64<<10, Greater: 64 << 10, Equal: 192 << 10}) {
		t.Errorf("%d of %d, %+v", n, len(src), s)
	}
}

func TestPlainEndsAtTheFirstOctetThatIsNoPlainText(t *testing.T) {
	t.Parallel()
	if !hasAVX2 {
		t.Skip("this build or processor has no AVX2: Plain looks at nothing")
	}
	for c := range 256 {
		for at := range 200 {
			for _, size := range []int{at + 1, 200} {
				src := bytes.Repeat([]byte{'>'}, size)
				src[at] = byte(c)
				if size > at+1 {
					src[size-1] = '<'
				}
				want := bytes.IndexAny(src, "<&\r]")
				if want < 0 {
					want = size
				}
				if n := Plain(src); n != want {
					t.Fatalf("%#x at %d of %d: %d, want %d", c, at, size, n, want)
				}
			}
		}
	}
	if n := Plain(nil); n != 0 {
		t.Errorf("%d in nothing", n)
	}
}

func Benchmark(b *testing.B) {
	src := bytes.Repeat([]byte(`<o:Item no="1">text &amp; text</o:Item>`), 1000)
	b.Run("Fill", func(b *testing.B) {
		var m Masks
		b.SetBytes(maxBlocks * 64)
		for b.Loop() {
			m.Fill(src)
		}
	})
	b.Run("Plain", func(b *testing.B) {
		src := bytes.Repeat([]byte("QUJD"), 10_000)
		b.SetBytes(int64(len(src)))
		for b.Loop() {
			Plain(src)
		}
	})
	b.Run("Add", func(b *testing.B) {
		var s Survey
		b.SetBytes(int64(len(src)))
		for b.Loop() {
			s.Add(src)
		}
	})
}
