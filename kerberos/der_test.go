package kerberos

import (
	"bytes"
	"math"
	"testing"
	"time"
)

func TestDERInteger(t *testing.T) {
	for _, v := range []int64{0, 1, -1, 127, 128, -128, -129, 255, 256, math.MaxInt32, math.MinInt32, math.MaxInt32 + 1, math.MaxUint32} {
		var p derParser
		b := derInteger(v)
		if got := p.integer(b, ""); p.err != nil || got != v {
			t.Errorf("%d: %x is %d, %v", v, b, got, p.err)
		}
	}
	for _, b := range [][]byte{nil, {0, 1}, {0, 0}, {0xff, 0x80}, {0xff, 0xff}, {1, 0, 0, 0, 0}, {0xff, 0x7f, 0xff, 0xff, 0xff}, {0, 0x80, 0, 0, 0, 0}} {
		var p derParser
		if v := p.integer(b, ""); p.err == nil {
			t.Errorf("%x is %d", b, v)
		}
	}
}

func TestDERLengths(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 255, 256, 65535, 65536, 100_000} {
		b := derElement(tagOctetString, make([]byte, n))
		var p derParser
		if got := p.whole(b, tagOctetString, ""); p.err != nil || len(got) != n {
			t.Errorf("%d octets: %d, %v", n, len(got), p.err)
		}
		p = derParser{}
		if p.whole(b[:len(b)-1], tagOctetString, ""); p.err == nil {
			t.Errorf("%d octets: cut off and read", n)
		}
	}
}

// TestDERLongLengths: a length may stand in more octets than it needs, up to the 127 that can be told; nothing is allocated by
// it, and one beyond the input is refused however it is written.
func TestDERLongLengths(t *testing.T) {
	b := derElement(tagSequence, derElement(tagOctetString, []byte("content")))
	for n := 1; n <= 127; n++ {
		var p derParser
		if got := p.whole(p.whole(LongLengths(b, n), tagSequence, ""), tagOctetString, ""); p.err != nil || string(got) != "content" {
			t.Errorf("lengths in %d octets: %q, %v", n, got, p.err)
		}
		for _, first := range []byte{1, 0x7f, 0xff} {
			long := LongLengths(b, n)
			if long[2] = first; n == 1 {
				long[2] |= 0x20
			}
			if _, _, why := cut(long, tagSequence); why != "longer than what holds it" {
				t.Errorf("%x: %q", long, why)
			}
		}
		if _, _, why := cut(LongLengths(b, n)[:1+n], tagSequence); why == "" {
			t.Errorf("length in %d octets is cut off, and read", n)
		}
	}
	if _, _, why := cut([]byte{tagSequence, 0x80, 0, 0}, tagSequence); why != "indefinite length" {
		t.Error(why)
	}
}

func TestDERTime(t *testing.T) {
	for s, want := range map[string]string{
		"20261122120000Z": "2026-11-22T12:00:00Z", "20240229235959Z": "2024-02-29T23:59:59Z", "19700101000000Z": "1970-01-01T00:00:00Z",
		"20230229000000Z": "", "20261322120000Z": "", "20260022120000Z": "", "20261100120000Z": "", "20261122240000Z": "", "20261122126000Z": "",
		"20261122120060Z": "", "20261122120000": "", "20261122120000.5Z": "", "2026112212000\xffZ": "", "20261122120000+": "", "+0261122120000Z": "",
	} {
		var p derParser
		got := p.time([]byte(s), "")
		if want == "" && p.err == nil || want != "" && got.Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v", s, got, p.err)
		}
		if p.err == nil && !bytes.Equal(derTime(got), []byte(s)) {
			t.Errorf("%s back to %s", s, derTime(got))
		}
	}
}

func TestDERFlags(t *testing.T) {
	for _, test := range []struct {
		b    []byte
		want uint32
		ok   bool
	}{
		{[]byte{0, 0x40, 0, 0, 1}, 1<<30 | 1, true}, {[]byte{0}, 0, true}, {[]byte{1, 0x40}, 1 << 30, true}, {[]byte{0, 1, 2, 3, 4, 5}, 0x01020304, true},
		{nil, 0, false}, {[]byte{8, 0}, 0, false}, {[]byte{1, 0x41}, 0, false}, {[]byte{3}, 0, false}, {make([]byte, 10), 0, false},
	} {
		var p derParser
		if got := p.flags(test.b, ""); got != test.want || (p.err == nil) != test.ok {
			t.Errorf("%x: %x, %v", test.b, got, p.err)
		}
	}
}

func TestParsePrincipal(t *testing.T) {
	for _, s := range []string{"alice@EXAMPLE.COM", "soap/gw.example.com@EXAMPLE.COM", "soap/gw.example.com", `a\/b\@c\\d/e@R`, "jürgen@EXAMPLE.COM"} {
		p, err := ParsePrincipal(s)
		if err != nil || p.String() != s {
			t.Errorf("%s: %v, %v", s, p, err)
		}
	}
	for _, s := range []string{"", "@R", "a@", "a//b@R", "a@b@c", "a@b/c", `a\`, `a\n@R`, "a\x00@R", "a\x7f@R", "a\u0085@R", "\xff@R", "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a@R"} {
		if p, err := ParsePrincipal(s); err == nil {
			t.Errorf("%q: %v", s, p)
		}
	}
}
