package base64

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// octets returns n octets, the same each time.
func octets(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{})
	_, _ = r.Read(b)
	return b
}

func TestAppendEncodeWritesWhatTheLibraryWrites(t *testing.T) {
	t.Parallel()
	for n := range 300 {
		for shift := range 3 {
			src := octets(n + shift)[shift:]
			got := AppendEncode([]byte("x"), src)
			if want := base64.StdEncoding.AppendEncode([]byte("x"), src); !bytes.Equal(got, want) {
				t.Fatalf("%d octets:\n%s, want\n%s", n, got, want)
			}
		}
	}
	all := make([]byte, 0, 3<<16) // every number at every place
	for i := range 1 << 16 {
		all = append(all, byte(i), byte(i>>8), byte(i>>4))
	}
	if got, want := AppendEncode(nil, all), base64.StdEncoding.AppendEncode(nil, all); !bytes.Equal(got, want) {
		t.Error("differs")
	}
}

// TestAppendEncodeWorksAtTheEndOfItsRoom: so a message that is encrypted in
// place takes its room once.
func TestAppendEncodeWorksAtTheEndOfItsRoom(t *testing.T) {
	t.Parallel()
	for n := range 3000 {
		src := octets(n)
		room := make([]byte, 0, EncodedLen(n))
		far := room[cap(room)-n : cap(room)]
		copy(far, src)
		if got, want := AppendEncode(room, far), base64.StdEncoding.AppendEncode(nil, src); !bytes.Equal(got, want) {
			t.Fatalf("%d octets differ", n)
		}
	}
}

func TestAppendDecodeReadsWhatTheLibraryReads(t *testing.T) {
	t.Parallel()
	for n := range 300 {
		src := octets(n)
		text := base64.StdEncoding.AppendEncode(nil, src)
		same(t, text)
		for _, width := range []int{1, 3, 4, 19, 64, 75, 76} {
			for _, end := range []string{"\n", "\r\n", " ", "\t \n", "\n\n"} {
				got, err := AppendDecode(nil, []byte(lines(string(text), width, end)))
				if err != nil || !bytes.Equal(got, src) {
					t.Fatalf("%d octets, lines of %d ending in %q: %v", n, width, end, err)
				}
			}
		}
	}
}

// lines breaks text into lines.
func lines(text string, width int, end string) string {
	var b strings.Builder
	b.WriteString(end)
	for len(text) > 0 {
		n := min(width, len(text))
		b.WriteString(text[:n] + end)
		text = text[n:]
	}
	return b.String()
}

// same compares the verdict on a text with that of the library on the text
// without white space.
func same(t *testing.T, text []byte) {
	t.Helper()
	bare := bytes.Map(func(r rune) rune {
		if r < 0x80 && isSpace(byte(r)) {
			return -1
		}
		return r
	}, text)
	if !bytes.Equal(bytes.ToValidUTF8(text, nil), text) {
		bare = text // Map would change it; the library refuses it as well
	}
	want, err := base64.StdEncoding.DecodeString(string(bare))
	before := bytes.Clone(text)
	got, ours := AppendDecode([]byte("x"), text)
	if !bytes.Equal(text, before) {
		t.Fatalf("%q was changed", before)
	}
	if (err == nil) != (ours == nil) {
		t.Fatalf("%q: %v, the library says %v", text, ours, err)
	}
	if err != nil {
		want = nil
	}
	if string(got) != "x"+string(want) {
		t.Fatalf("%q: %x, want %x", text, got[1:], want)
	}
	place := bytes.Clone(text)
	inPlace, err := AppendDecode(place[:0], place)
	if (err == nil) != (ours == nil) || err == nil && !bytes.Equal(inPlace, want) {
		t.Fatalf("%q in place: %v, %x", text, err, inPlace)
	}
}

// TestAppendDecodeRefusesWhatTheLibraryRefuses puts every octet into every
// place of a text that is long enough for two blocks.
func TestAppendDecodeRefusesWhatTheLibraryRefuses(t *testing.T) {
	t.Parallel()
	for _, n := range []int{48, 49, 50, 60} {
		text := base64.StdEncoding.AppendEncode(nil, octets(n))
		for at := range text {
			for c := range 256 {
				changed := bytes.Clone(text)
				changed[at] = byte(c)
				same(t, changed)
			}
			same(t, text[:at])
			same(t, text[at:])
			same(t, append(bytes.Clone(text), text[:at]...))
		}
	}
}

func FuzzAppendDecode(f *testing.F) {
	f.Add([]byte(lines(base64.StdEncoding.EncodeToString(octets(100)), 76, "\r\n")))
	f.Add([]byte("QUJD RA=="))
	f.Add([]byte("QUJDRA==QUJD"))
	f.Fuzz(func(t *testing.T, text []byte) { same(t, text) })
}

func Benchmark(b *testing.B) {
	for _, n := range []int{20, 6 << 10, 1 << 20} {
		src := octets(n)
		text := base64.StdEncoding.AppendEncode(nil, src)
		wrapped := []byte(lines(string(text), 76, "\r\n"))
		to := make([]byte, 0, len(wrapped))
		for _, f := range []struct {
			name string
			run  func()
		}{
			{"encode", func() { AppendEncode(to, src) }},
			{"encode library", func() { base64.StdEncoding.AppendEncode(to, src) }},
			{"decode", func() { _, _ = AppendDecode(to, text) }},
			{"decode library", func() { _, _ = base64.StdEncoding.AppendDecode(to, text) }},
			{"decode lines", func() { _, _ = AppendDecode(to, wrapped) }},
			{"decode lines library", func() { _, _ = base64.StdEncoding.AppendDecode(to, wrapped) }},
		} {
			b.Run(fmt.Sprintf("%d/%s", n, f.name), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					f.run()
				}
			})
		}
	}
}
