package der_test

import (
	"testing"

	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/seeds"
)

// TestParserReadsLongLengths: a length may have more octets than it needs, up
// to 127; nothing is allocated by it, and one beyond the input is refused in
// every form.
func TestParserReadsLongLengths(t *testing.T) {
	t.Parallel()
	b := der.Element(der.TagSequence, der.Element(der.TagOctetString, []byte("content")))
	for n := 1; n <= 127; n++ {
		var p der.Parser
		if got := p.Whole(p.Whole(seeds.LongLengths(b, n), der.TagSequence, ""), der.TagOctetString, ""); p.Err != nil ||
			string(got) != "content" {
			t.Errorf("lengths in %d octets: %q, %v", n, got, p.Err)
		}
		for _, first := range []byte{1, 0x7f, 0xff} {
			long := seeds.LongLengths(b, n)
			if long[2] = first; n == 1 {
				long[2] |= 0x20
			}
			if _, _, why := der.Cut(long, der.TagSequence); why != "longer than what holds it" {
				t.Errorf("%x: %q", long, why)
			}
		}
		if _, _, why := der.Cut(seeds.LongLengths(b, n)[:1+n], der.TagSequence); why == "" {
			t.Errorf("length in %d octets is cut off, and read", n)
		}
	}
	if _, _, why := der.Cut([]byte{der.TagSequence, 0x80, 0, 0}, der.TagSequence); why != "indefinite length" {
		t.Error(why)
	}
}
