//go:build linux

package base64

import (
	"bytes"
	"encoding/base64"
	"syscall"
	"testing"
)

// guarded returns a page of octets with nothing that may be read or written
// before and behind it: an access there ends the test binary.
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

// TestNothingIsReadOrWrittenOutsideTheRoom: sources and rooms of all lengths at
// both ends of pages that stand alone.
func TestNothingIsReadOrWrittenOutsideTheRoom(t *testing.T) {
	t.Parallel()
	from, to := guarded(t), guarded(t)
	ends := func(b []byte, n int) [2][]byte { return [2][]byte{b[:n:n], b[len(b)-n:]} }
	for n := range 1200 {
		want := octets(n)
		text := base64.StdEncoding.AppendEncode(nil, want)
		for i := range 2 {
			src, room := ends(from, n)[i], ends(to, len(text))[i]
			copy(src, want)
			if got := AppendEncode(room[:0], src); !bytes.Equal(got, text) || !bytes.Equal(room, text) {
				t.Fatalf("%d octets differ", n)
			}
			src, room = ends(from, len(text))[i], ends(to, DecodedLen(len(text)))[i]
			copy(src, text)
			if got, err := AppendDecode(room[:0], src); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d octets: %v", n, err)
			}
			if got, err := AppendDecode(src[:0], src); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d octets in place: %v", n, err)
			}
		}
	}
}

// TestAppendLeavesWhatIsAroundTheResult: octets in front of what is appended, and
// those behind the room that it takes.
func TestAppendLeavesWhatIsAroundTheResult(t *testing.T) {
	t.Parallel()
	for n := range 300 {
		src := octets(n)
		text := base64.StdEncoding.AppendEncode(nil, src)
		for _, f := range []struct {
			size   int
			append func(dst []byte) []byte
		}{
			{len(text), func(dst []byte) []byte { return AppendEncode(dst, src) }},
			{DecodedLen(len(text)), func(dst []byte) []byte { got, _ := AppendDecode(dst, text); return got }},
		} {
			all := bytes.Repeat([]byte{0xa5}, 8+f.size+64)
			f.append(all[: 8 : 8+f.size])
			if want := bytes.Repeat([]byte{0xa5}, 64); !bytes.Equal(all[:8], want[:8]) || !bytes.Equal(all[8+f.size:], want) {
				t.Fatalf("%d octets: %x", n, all)
			}
		}
	}
}
