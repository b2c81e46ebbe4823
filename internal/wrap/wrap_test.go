package wrap

import (
	"strings"
	"testing"
)

func TestTextBreaksAtSpacesBeforeTheWidth(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text   string
		column int
		want   string
	}{
		{strings.Repeat("abc ", 6), 2, "abc abc abc\n> abc abc abc"},
		{strings.Repeat("äöü ", 6), 2, "äöü äöü äöü\n> äöü äöü äöü"},
		{"abc abc", 9, "abc\n> abc"},
		{"a-word-that-is-too-long abc", 2, "a-word-that-is-too-long\n> abc"},
		{" \n", 2, ""},
	} {
		if got := Text(tt.text, tt.column, 13, "> "); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}
