package der

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
	"time"
)

func TestParserReadsIntegers(t *testing.T) {
	t.Parallel()
	for _, v := range []int64{0, 1, -1, 127, 128, -128, -129, 255, 256, math.MaxInt32, math.MinInt32, math.MaxInt32 + 1,
		math.MaxUint32} {
		var p Parser
		b := Integer(v)
		if got := p.Integer(b, ""); p.Err != nil || got != v {
			t.Errorf("%d: %x is %d, %v", v, b, got, p.Err)
		}
	}
	for _, v := range []int64{-1, -128, -32769} {
		var p Parser
		if got := p.Integer(binary.BigEndian.AppendUint32(nil, uint32(v)), ""); p.Err != nil || got != v {
			t.Errorf("32 bits of %d are %d, %v", v, got, p.Err)
		}
	}
	for _, b := range [][]byte{nil, {0, 1}, {0, 0}, {0xff, 0x80}, {0xff, 0xff}, {0xff, 0xff, 0xff}, {1, 0, 0, 0, 0},
		{0xff, 0x7f, 0xff, 0xff, 0xff}, {0, 0x80, 0, 0, 0, 0}} {
		var p Parser
		if v := p.Integer(b, ""); p.Err == nil {
			t.Errorf("%x is %d", b, v)
		}
	}
}

func TestParserReadsLengths(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 127, 128, 255, 256, 65535, 65536, 100_000} {
		b := Element(TagOctetString, make([]byte, n))
		var p Parser
		if got := p.Whole(b, TagOctetString, ""); p.Err != nil || len(got) != n {
			t.Errorf("%d octets: %d, %v", n, len(got), p.Err)
		}
		p = Parser{}
		if p.Whole(b[:len(b)-1], TagOctetString, ""); p.Err == nil {
			t.Errorf("%d octets: cut off and read", n)
		}
	}
}

func TestParserReadsTimes(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"20261122120000Z": "2026-11-22T12:00:00Z", "20240229235959Z": "2024-02-29T23:59:59Z",
		"19700101000000Z": "1970-01-01T00:00:00Z",
		"20230229000000Z": "", "20261322120000Z": "", "20260022120000Z": "", "20261100120000Z": "", "20261122240000Z": "",
		"20261122126000Z": "",
		"20261122120060Z": "", "20261122120000": "", "20261122120000.5Z": "", "2026112212000\xffZ": "",
		"20261122120000+": "", "+0261122120000Z": "",
	} {
		var p Parser
		got := p.Time([]byte(s), "")
		if want == "" && p.Err == nil || want != "" && got.Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v", s, got, p.Err)
		}
		if p.Err == nil && !bytes.Equal(Time(got), []byte(s)) {
			t.Errorf("%s back to %s", s, Time(got))
		}
	}
}

func TestParserReadsFlags(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		b    []byte
		want uint32
		ok   bool
	}{
		{[]byte{0, 0x40, 0, 0, 1}, 1<<30 | 1, true}, {[]byte{0}, 0, true}, {[]byte{1, 0x40}, 1 << 30, true},
		{[]byte{0, 1, 2, 3, 4, 5}, 0x01020304, true},
		{nil, 0, false}, {[]byte{8, 0}, 0, false}, {[]byte{1, 0x41}, 0, false}, {[]byte{3}, 0, false},
		{make([]byte, 10), 0, false},
	} {
		var p Parser
		if got := p.Flags(test.b, ""); got != test.want || (p.Err == nil) != test.ok {
			t.Errorf("%x: %x, %v", test.b, got, p.Err)
		}
	}
}
