package xmltext

import "testing"

func TestJoinURI(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ base, ref, want string }{
		// Canonical XML 1.1, 2.4: relative paths stay relative.
		{"abc/", "../", ""},
		{"../", "../", "../../"},
		{"..", "..", "../../"},
		{"a/b", "c", "a/c"},
		{"a", "", "a"},
		{"", "a", "a"},
		// RFC 3986, 5.4, for an absolute base.
		{"http://a/b/c/d;p?q", "g:h", "g:h"},
		{"http://a/b/c/d;p?q", "g", "http://a/b/c/g"},
		{"http://a/b/c/d;p?q", "./g", "http://a/b/c/g"},
		{"http://a/b/c/d;p?q", "g/", "http://a/b/c/g/"},
		{"http://a/b/c/d;p?q", "/g", "http://a/g"},
		{"http://a/b/c/d;p?q", "//g", "http://g"},
		{"http://a/b/c/d;p?q", "?y", "http://a/b/c/d;p?y"},
		{"http://a/b/c/d;p?q", "g?y", "http://a/b/c/g?y"},
		{"http://a/b/c/d;p?q", ";x", "http://a/b/c/;x"},
		{"http://a/b/c/d;p?q", "", "http://a/b/c/d;p?q"},
		{"http://a/b/c/d;p?q", ".", "http://a/b/c/"},
		{"http://a/b/c/d;p?q", "..", "http://a/b/"},
		{"http://a/b/c/d;p?q", "../g", "http://a/b/g"},
		{"http://a/b/c/d;p?q", "../..", "http://a/"},
		{"http://a/b/c/d;p?q", "../../../g", "http://a/g"},
		{"http://a/b/c/d;p?q", "g/../h", "http://a/b/c/h"},
		{"http://a/b/c/d;p?q", "g;x=1/../y", "http://a/b/c/y"},
		{"http://a/b/c/d;p?q", "g?y/../x", "http://a/b/c/g?y/../x"},
		{"http://a/b/c/d;p?q", "g..", "http://a/b/c/g.."},
		// Our own: fragments, empty segments, odd bases.
		{"http://a/b/c/d;p?q#f", "g#s", "http://a/b/c/g"},
		{"http://a/b", "//c/d/../e", "http://c/e"},
		{"http://a", "b", "http://a/b"},
		{"http://a?q", "b", "http://a/b"},
		{"http://a/b", "c//d", "http://a/c/d"},
		{":x/y", "z", ":x/z"},
		{"x/y:z", "w", "x/w"},
		{"?q", "w", "w"},
		{"mailto:a", "b", "mailto:b"},
	} {
		if got := joinURI(tc.base, tc.ref); got != tc.want {
			t.Errorf("joinURI(%q, %q) = %q, want %q", tc.base, tc.ref, got, tc.want)
		}
	}
}
