package xmltext

import (
	"strings"
	"testing"
)

// The productions of XML 1.0, 5th edition, as inclusive ranges.
var (
	prodNameStart = [][2]rune{ // [4] without ':'
		{'A', 'Z'}, {'_', '_'}, {'a', 'z'}, {0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x2FF}, {0x370, 0x37D},
		{0x37F, 0x1FFF}, {0x200C, 0x200D}, {0x2070, 0x218F}, {0x2C00, 0x2FEF}, {0x3001, 0xD7FF},
		{0xF900, 0xFDCF}, {0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF},
	}
	prodName = [][2]rune{ // what [4a] adds
		{'-', '-'}, {'.', '.'}, {'0', '9'}, {0xB7, 0xB7}, {0x300, 0x36F}, {0x203F, 0x2040},
	}
	prodChar = [][2]rune{ // [2]
		{0x9, 0xA}, {0xD, 0xD}, {0x20, 0xD7FF}, {0xE000, 0xFFFD}, {0x10000, 0x10FFFF},
	}
)

func inRanges(r rune, lists ...[][2]rune) bool {
	for _, list := range lists {
		for _, p := range list {
			if p[0] <= r && r <= p[1] {
				return true
			}
		}
	}
	return false
}

// TestCharacterClassesAreThoseOfXML compares all of Unicode with the
// productions.
func TestCharacterClassesAreThoseOfXML(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= 0x10FFFF; r++ {
		if got, want := isNameStart(r), inRanges(r, prodNameStart); got != want {
			t.Fatalf("NameStartChar %U: %v, want %v", r, got, want)
		}
		if got, want := isNameChar(r), inRanges(r, prodNameStart, prodName); got != want {
			t.Fatalf("NameChar %U: %v, want %v", r, got, want)
		}
		if got, want := isChar(r), inRanges(r, prodChar); got != want {
			t.Fatalf("Char %U: %v, want %v", r, got, want)
		}
	}
}

// TestScanQNameFindsTheEnd puts the edges of all ranges into documents, as the
// first and as a later character of a name.
func TestScanQNameFindsTheEnd(t *testing.T) {
	t.Parallel()
	for _, list := range [][][2]rune{prodNameStart, prodName, prodChar} {
		for _, p := range list {
			for _, r := range []rune{p[0] - 1, p[0], p[1], p[1] + 1} {
				if r < 0x80 && strings.ContainsRune(" \t\r\n:=/>", r) || !isChar(r) {
					continue
				}
				for name, want := range map[string]bool{
					string(r):               isNameStart(r),
					"x" + string(r):         isNameChar(r),
					"p:" + string(r):        isNameStart(r),
					"p:x" + string(r) + "y": isNameChar(r),
				} {
					_, err := Scan([]byte(`<r xmlns:p="urn:p"><`+name+`/><a `+name+`="1"/></r>`), Options{})
					if (err == nil) != want {
						t.Errorf("%q (%U): %v", name, r, err)
					}
				}
			}
		}
	}
}
