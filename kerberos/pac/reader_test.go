package pac

import (
	"testing"
	"time"
)

func TestReaderUTF16RejectsHalfPairs(t *testing.T) {
	t.Parallel()
	for octets, want := range map[string]string{
		"":                 "",
		"a\x00\xfc\x00":    "aü",
		"\x3d\xd8\x00\xde": "😀",
		"a":                "!",
		"\x3d\xd8":         "!",
		"\x3d\xd8a\x00":    "!",
		"\x00\xde\x3d\xd8": "!",
	} {
		r := reader{in: "test"}
		if got := r.utf16([]byte(octets), "field"); (r.err != nil) != (want == "!") || r.err == nil && got != want {
			t.Errorf("%x: %q, %v", octets, got, r.err)
		}
	}
}

func TestReaderNameRejectsControlCharacters(t *testing.T) {
	t.Parallel()
	for octets, ok := range map[string]bool{"a\x00": true, "\n\x00": false, "\x7f\x00": false, "\x85\x00": false} {
		r := reader{in: "test"}
		if r.name([]byte(octets), "field"); (r.err == nil) != ok {
			t.Errorf("%x: %v", octets, r.err)
		}
	}
}

func TestFileTimeReadsNoneAndNever(t *testing.T) {
	t.Parallel()
	for v, want := range map[uint64]time.Time{
		0:                         {},
		1<<63 - 1:                 {},
		fileTimeMax:               {},
		fileTimeMax - 1:           time.Date(9999, 12, 31, 23, 59, 59, 999_999_900, time.UTC),
		fileTimeUnix * 10_000_000: time.Unix(0, 0).UTC(),
		1:                         time.Date(1601, 1, 1, 0, 0, 0, 100, time.UTC),
	} {
		if got := fileTime(v); !got.Equal(want) {
			t.Errorf("%d is %v, want %v", v, got, want)
		}
	}
}

func TestReaderTakeKeepsTheFirstError(t *testing.T) {
	t.Parallel()
	r := reader{in: "test", b: []byte{1, 2, 3}}
	if r.uint16("a"); r.err != nil || r.left() != 1 {
		t.Error(r.err, r.left())
	}
	r.uint32("b")
	first := r.err
	if r.uint16("c") != 0 || r.take(-1, "d") != nil || first == nil || r.err != first {
		t.Errorf("%v, then %v", first, r.err)
	}
}

// A SID has maxSubAuthorities at most.
func TestReaderSIDAtItsLimit(t *testing.T) {
	t.Parallel()
	for n, ok := range map[int]bool{maxSubAuthorities: true, maxSubAuthorities + 1: false} {
		b := make([]byte, 8+4*n)
		b[0], b[1], b[7] = 1, byte(n), 5
		r := reader{in: "PAC"}
		if sid := r.sid(b, "sid"); ok != (r.err == nil) || ok != (sid != "") {
			t.Errorf("%d: %q, %v", n, sid, r.err)
		}
	}
}
