package der

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
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

// field is a field of a structure that the tests read.
func field(n, tag byte, content ...byte) []byte { return Field(n, tag, content) }

func TestParserReadsFields(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	b := slices.Concat(field(0, TagInteger, 5), field(1, TagOctetString, 'a', 'b'), OptionalTime(2, at),
		OptionalTime(3, time.Time{}), field(4, TagInteger, 0x0f, 0x42, 0x3f), Field(5, TagBitString, Flags(1<<30)))
	p := Parser{In: "Message"}
	p.Constant(&b, 0, 5, "pvno")
	if got, ok := p.Optional(&b, 1, TagOctetString, "text"); !ok || string(got) != "ab" {
		t.Errorf("%q, %t", got, ok)
	}
	if got, ok := p.OptionalTime(&b, 2, "time"); !ok || !got.Equal(at) {
		t.Errorf("%v, %t", got, ok)
	}
	if _, ok := p.OptionalTime(&b, 3, "absent"); ok {
		t.Error("a time that is not there")
	}
	if got := p.Microseconds(&b, 4, "cusec"); got != 999_999*time.Microsecond {
		t.Errorf("%v", got)
	}
	if got := p.Flags(p.Field(&b, 5, TagBitString, "flags"), "flags"); got != 1<<30 {
		t.Errorf("%x", got)
	}
	if p.End(b, "end"); p.Err != nil {
		t.Error(p.Err)
	}
}

// An error names the message, the field in it and what is wrong, and it is the
// first one: what is read after it is zero.
func TestParserNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	for want, read := range map[string]func(p *Parser){
		"Message: pvno: is 4 where 5 belongs": func(p *Parser) {
			b := field(0, TagInteger, 4)
			p.Constant(&b, 0, 5, "pvno")
		},
		"Message: kvno: integer out of range": func(p *Parser) {
			b := field(0, TagInteger, 0, 0x80, 0, 0, 0)
			p.Int32Field(&b, 0, "kvno")
		},
		"Message: cusec: 1000000 is no count of microseconds": func(p *Parser) {
			b := field(0, TagInteger, 0x0f, 0x42, 0x40)
			p.Microseconds(&b, 0, "cusec")
		},
		"Message: cusec: -1 is no count of microseconds": func(p *Parser) {
			b := field(0, TagInteger, 0xff)
			p.Microseconds(&b, 0, "cusec")
		},
		"Message: name: tag 0x02 where 0x04 belongs": func(p *Parser) {
			b := field(1, TagInteger, 1)
			p.Optional(&b, 1, TagOctetString, "name")
		},
		"Message: time: time is not YYYYMMDDHHMMSSZ": func(p *Parser) {
			b := field(1, TagGeneralizedTime, 'n', 'o', 'w')
			p.OptionalTime(&b, 1, "time")
		},
		"Message: ctime: missing or cut off": func(p *Parser) {
			p.TimeField(new([]byte), 1, "ctime")
		},
		"Message: end: more octets than its fields":  func(p *Parser) { p.End([]byte{0}, "end") },
		"Message: ticket: indefinite length":         func(p *Parser) { p.Whole([]byte{0x30, 0x80}, TagSequence, "ticket") },
		"Message: ticket: longer than what holds it": func(p *Parser) { p.Whole([]byte{0x30, 2, 0}, TagSequence, "ticket") },
	} {
		p := Parser{In: "Message"}
		read(&p)
		if p.Err == nil || p.Err.Error() != want {
			t.Errorf("%v, want %s", p.Err, want)
		}
		first := p.Err
		rest := field(0, TagInteger, 1)
		number, text := p.Int32Field(&rest, 0, "after"), p.Next(&rest, TagSequence, "after")
		_, present := p.Optional(&rest, 0, TagInteger, "after")
		zero := p.Flags([]byte{0, 1}, "after") == 0 && p.Time([]byte("20261122120000Z"), "after").IsZero()
		if number != 0 || text != nil || present || !zero || p.Err != first {
			t.Errorf("after %q: %d, %x, %t, %t, %v", want, number, text, present, zero, p.Err)
		}
	}
}
