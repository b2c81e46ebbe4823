package kerberos

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"
)

// Identifier octets of the universal types that Kerberos uses (X.690 8.1.2).
const (
	tagInteger         = 0x02
	tagBitString       = 0x03
	tagOctetString     = 0x04
	tagOID             = 0x06
	tagEnumerated      = 0x0a
	tagGeneralizedTime = 0x18
	tagGeneralString   = 0x1b
	tagSequence        = 0x30
)

// tagContext is the identifier octet of [n] EXPLICIT, tagApplication that of [APPLICATION n].
func tagContext(n byte) byte     { return 0xa0 | n }
func tagApplication(n byte) byte { return 0x60 | n }

// A syntaxError names the field whose encoding is not DER, or not what RFC 4120 has there.
type syntaxError struct {
	Field string
	Why   string
}

func (e *syntaxError) Error() string { return e.Field + ": " + e.Why }

// derParser reads DER (X.690 10, 11): definite lengths, one-octet tags, elements that end where their parent says. Lengths
// need not be minimal (X.690 8.1.3.5), as other implementations take them: appliances and old encoders write all of theirs in
// two or four octets. What counts as the same token is decided by ciphertexts, which have one form. The first failure sticks and every later call returns a zero value, so a message is read as a flat
// list of its fields and err is looked at once. It never allocates what the input announces: values are slices of it.
type derParser struct {
	in  string // the message or structure that is being read, for errors
	err error
}

func (p *derParser) fail(field, why string) {
	if p.err == nil {
		p.err = &syntaxError{p.in + ": " + field, why}
	}
}

// cut takes the first element off b. why is empty on success.
func cut(b []byte, tag byte) (content, rest []byte, why string) {
	if len(b) < 2 {
		return nil, nil, "missing or cut off"
	}
	if b[0] != tag {
		return nil, nil, fmt.Sprintf("tag 0x%02x where 0x%02x belongs", b[0], tag)
	}
	length, header, why := cutLength(b[1:])
	if why != "" {
		return nil, nil, why
	}
	b = b[1+header:]
	if length > len(b) {
		return nil, nil, "longer than what holds it"
	}
	return b[:length:length], b[length:], ""
}

// cutLength reads length octets (X.690 8.1.3): how long the content is, where all beyond 2 GiB is 2 GiB, and how many octets
// say so.
func cutLength(b []byte) (length, header int, why string) {
	if b[0] < 0x80 {
		return int(b[0]), 1, ""
	}
	header = 1 + int(b[0]&0x7f)
	switch {
	case header == 1:
		return 0, 0, "indefinite length"
	case header > len(b):
		return 0, 0, "missing or cut off"
	}
	for _, c := range b[1:header] {
		if length > math.MaxInt32>>8 {
			return math.MaxInt32, header, ""
		}
		length = length<<8 | int(c)
	}
	return length, header, ""
}

// next takes the first element, which must have this tag, off *b.
func (p *derParser) next(b *[]byte, tag byte, field string) []byte {
	if p.err != nil {
		return nil
	}
	content, rest, why := cut(*b, tag)
	if why != "" {
		p.fail(field, why)
		return nil
	}
	*b = rest
	return content
}

// whole reads b as exactly one element.
func (p *derParser) whole(b []byte, tag byte, field string) []byte {
	content := p.next(&b, tag, field)
	p.end(b, field)
	return content
}

// end demands that nothing is left.
func (p *derParser) end(b []byte, field string) {
	if len(b) != 0 {
		p.fail(field, "more octets than its fields")
	}
}

// field takes [n] EXPLICIT inner off *b.
func (p *derParser) field(b *[]byte, n, inner byte, field string) []byte {
	return p.whole(p.next(b, tagContext(n), field), inner, field)
}

// optional is field for an OPTIONAL element.
func (p *derParser) optional(b *[]byte, n, inner byte, field string) (content []byte, present bool) {
	if p.err != nil || len(*b) == 0 || (*b)[0] != tagContext(n) {
		return nil, false
	}
	return p.field(b, n, inner, field), p.err == nil
}

// integer reads the content octets of an INTEGER between -2^31 and 2^32-1: Kerberos' Int32 and UInt32. UInt32 values
// over 2^31 (sequence numbers, RODC key versions) are written negative by some senders, so callers that want a UInt32
// convert the result.
func (p *derParser) integer(content []byte, field string) int64 {
	if p.err != nil {
		return 0
	}
	if len(content) == 0 || len(content) > 5 {
		p.fail(field, "integer of a wrong size")
		return 0
	}
	v := int64(int8(content[0]))
	for _, c := range content[1:] {
		v = v<<8 | int64(c)
	}
	minimal := len(content) == 1 || (content[0] != 0 || content[1] >= 0x80) && (content[0] != 0xff || content[1] < 0x80)
	if !minimal || v < math.MinInt32 || v > math.MaxUint32 {
		p.fail(field, "integer out of range or not minimal")
		return 0
	}
	return v
}

// int32Field is the INTEGER in [n], as an Int32 (RFC 4120 5.2.4).
func (p *derParser) int32Field(b *[]byte, n byte, field string) int32 {
	v := p.integer(p.field(b, n, tagInteger, field), field)
	if v > math.MaxInt32 {
		p.fail(field, "integer out of range")
		return 0
	}
	return int32(v)
}

// constant demands that [n] holds this INTEGER.
func (p *derParser) constant(b *[]byte, n byte, want int32, field string) {
	if got := p.int32Field(b, n, field); p.err == nil && got != want {
		p.fail(field, fmt.Sprintf("is %d where %d belongs", got, want))
	}
}

// flags reads the content of KerberosFlags (RFC 4120 5.2.8): a BIT STRING of which the first 32 bits are given, bit 0
// the highest. Shorter and longer strings are legal.
func (p *derParser) flags(content []byte, field string) uint32 {
	if p.err != nil {
		return 0
	}
	if len(content) < 1 || content[0] > 7 || len(content) == 1 && content[0] != 0 || len(content) > 9 ||
		len(content) > 1 && content[len(content)-1]&(1<<content[0]-1) != 0 {
		p.fail(field, "bad bit string")
		return 0
	}
	var v uint32
	for i, c := range content[1:] {
		if i == 4 {
			break
		}
		v |= uint32(c) << (24 - 8*i)
	}
	return v
}

// timeField is the KerberosTime in [n] (RFC 4120 5.2.3): YYYYMMDDHHMMSSZ, nothing else.
func (p *derParser) timeField(b *[]byte, n byte, field string) time.Time {
	return p.time(p.field(b, n, tagGeneralizedTime, field), field)
}

func (p *derParser) optionalTime(b *[]byte, n byte, field string) (time.Time, bool) {
	content, ok := p.optional(b, n, tagGeneralizedTime, field)
	if !ok {
		return time.Time{}, false
	}
	return p.time(content, field), p.err == nil
}

func (p *derParser) time(content []byte, field string) time.Time {
	if p.err != nil {
		return time.Time{}
	}
	if len(content) != 15 || content[14] != 'Z' {
		p.fail(field, "time is not YYYYMMDDHHMMSSZ")
		return time.Time{}
	}
	var v [7]int // century, year in it, month, day, hour, minute, second
	for i := range v {
		hi, lo := content[2*i]-'0', content[2*i+1]-'0'
		if hi > 9 || lo > 9 {
			p.fail(field, "time is not YYYYMMDDHHMMSSZ")
			return time.Time{}
		}
		v[i] = int(hi)*10 + int(lo)
	}
	t := time.Date(v[0]*100+v[1], time.Month(v[2]), v[3], v[4], v[5], v[6], 0, time.UTC)
	if v[2] == 0 || v[2] > 12 || t.Day() != v[3] || v[4] > 23 || v[5] > 59 || v[6] > 59 {
		p.fail(field, "no such time")
		return time.Time{}
	}
	return t
}

// microseconds is the Microseconds in [n] (RFC 4120 5.2.4).
func (p *derParser) microseconds(b *[]byte, n byte, field string) time.Duration {
	usec := p.int32Field(b, n, field)
	if usec < 0 || usec > 999_999 {
		p.fail(field, fmt.Sprintf("%d is no count of microseconds", usec))
	}
	return time.Duration(usec) * time.Microsecond
}

// appendDER appends one element whose content is the concatenation of parts.
func appendDER(dst []byte, tag byte, parts ...[]byte) []byte {
	n := 0
	for _, part := range parts {
		n += len(part)
	}
	dst = append(slices.Grow(dst, n+5), tag)
	switch {
	case n < 0x80:
		dst = append(dst, byte(n))
	case n < 0x100:
		dst = append(dst, 0x81, byte(n))
	case n < 0x10000:
		dst = append(dst, 0x82, byte(n>>8), byte(n))
	default:
		dst = append(dst, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	for _, part := range parts {
		dst = append(dst, part...)
	}
	return dst
}

// derElement is one element on its own.
func derElement(tag byte, parts ...[]byte) []byte { return appendDER(nil, tag, parts...) }

// derField is [n] EXPLICIT tag content.
func derField(n, tag byte, parts ...[]byte) []byte {
	return derElement(tagContext(n), derElement(tag, parts...))
}

// derInteger is the content of a minimal INTEGER.
func derInteger(v int64) []byte {
	n := 1
	for n < 8 && (v < -(1<<(8*n-1)) || v >= 1<<(8*n-1)) {
		n++
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(v >> (8 * (n - 1 - i)))
	}
	return b
}

// derTime is the content of a KerberosTime.
func derTime(t time.Time) []byte { return t.UTC().AppendFormat(nil, "20060102150405Z") }

// derOptionalTime is the KerberosTime in [n], nothing for the zero time.
func derOptionalTime(n byte, t time.Time) []byte {
	if t.IsZero() {
		return nil
	}
	return derField(n, tagGeneralizedTime, derTime(t))
}

// derFlags is the content of KerberosFlags (RFC 4120 5.2.8) with 32 bits.
func derFlags(v uint32) []byte { return binary.BigEndian.AppendUint32([]byte{0}, v) }
