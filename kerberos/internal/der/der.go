package der

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"
)

// Identifier octets of the universal types that Kerberos uses (X.690 8.1.2).
const (
	TagInteger         = 0x02
	TagBitString       = 0x03
	TagOctetString     = 0x04
	TagOID             = 0x06
	TagEnumerated      = 0x0a
	TagGeneralizedTime = 0x18
	TagGeneralString   = 0x1b
	TagSequence        = 0x30
)

// TagContext returns the identifier octet of [n] EXPLICIT.
func TagContext(n byte) byte { return 0xa0 | n }

// TagApplication returns the identifier octet of [APPLICATION n].
func TagApplication(n byte) byte { return 0x60 | n }

// A SyntaxError names a field whose encoding is not DER, or not what its
// specification has there.
type SyntaxError struct {
	Field string
	Why   string
}

// Error returns the field and what is wrong with it.
func (e *SyntaxError) Error() string { return e.Field + ": " + e.Why }

// A Parser reads DER (X.690 10, 11): definite lengths, one-octet tags, elements
// that end where their parent says. Lengths need not be minimal (X.690
// 8.1.3.5), since other implementations accept such: appliances and old
// encoders write all lengths in two or four octets. Replays are recognized by
// ciphertexts, which have one form. The first failure sticks and every later
// call returns a zero value, so a message is read as a flat list of its fields
// and Err is checked once. It never allocates by a length from the input:
// values are slices of it.
type Parser struct {
	In  string // the message or structure that is being read, for errors
	Err error
}

// Fail records an error at a field, if it is the first.
func (p *Parser) Fail(field, why string) {
	if p.Err == nil {
		p.Err = &SyntaxError{p.In + ": " + field, why}
	}
}

// Cut splits b behind its first element, which must have this tag. why is empty
// on success.
func Cut(b []byte, tag byte) (content, rest []byte, why string) {
	if len(b) < 2 {
		return nil, nil, "missing or cut off"
	}
	if b[0] != tag {
		return nil, nil, fmt.Sprintf("tag 0x%02x where 0x%02x belongs", b[0], tag)
	}
	length, header, why := CutLength(b[1:])
	if why != "" {
		return nil, nil, why
	}
	b = b[1+header:]
	if length > len(b) {
		return nil, nil, "longer than what holds it"
	}
	return b[:length:length], b[length:], ""
}

// CutLength reads length octets (X.690 8.1.3). It returns the length of the
// content, at most 2 GiB, and how many octets hold it.
func CutLength(b []byte) (length, header int, why string) {
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

// Next removes the first element, which must have this tag, from *b and returns
// its content.
func (p *Parser) Next(b *[]byte, tag byte, field string) []byte {
	if p.Err != nil {
		return nil
	}
	content, rest, why := Cut(*b, tag)
	if why != "" {
		p.Fail(field, why)
		return nil
	}
	*b = rest
	return content
}

// Whole returns the content of b, which must be exactly one element.
func (p *Parser) Whole(b []byte, tag byte, field string) []byte {
	content := p.Next(&b, tag, field)
	p.End(b, field)
	return content
}

// End fails unless b is empty.
func (p *Parser) End(b []byte, field string) {
	if len(b) != 0 {
		p.Fail(field, "more octets than its fields")
	}
}

// Field removes [n] EXPLICIT inner from *b and returns its content.
func (p *Parser) Field(b *[]byte, n, inner byte, field string) []byte {
	return p.Whole(p.Next(b, TagContext(n), field), inner, field)
}

// Optional is [Parser.Field] for an OPTIONAL element.
func (p *Parser) Optional(b *[]byte, n, inner byte, field string) (content []byte, present bool) {
	if p.Err != nil || len(*b) == 0 || (*b)[0] != TagContext(n) {
		return nil, false
	}
	return p.Field(b, n, inner, field), p.Err == nil
}

// Integer reads the content octets of an INTEGER between -2^31 and 2^32-1:
// Kerberos' Int32 and UInt32. UInt32 values over 2^31 (sequence numbers, RODC
// key versions) are written negative by some senders, so callers that want a
// UInt32 convert the result. Some of these write all 32 bits of a negative one,
// which MIT's library takes too.
func (p *Parser) Integer(content []byte, field string) int64 {
	if p.Err != nil {
		return 0
	}
	if len(content) == 0 || len(content) > 5 {
		p.Fail(field, "integer of a wrong size")
		return 0
	}
	v := int64(int8(content[0]))
	for _, c := range content[1:] {
		v = v<<8 | int64(c)
	}
	minimal := len(content) == 1 || (content[0] != 0 || content[1] >= 0x80) &&
		(content[0] != 0xff || content[1] < 0x80 || len(content) == 4)
	if !minimal || v < math.MinInt32 || v > math.MaxUint32 {
		p.Fail(field, "integer out of range or not minimal")
		return 0
	}
	return v
}

// Int32Field returns the INTEGER in [n], as an Int32 (RFC 4120 5.2.4).
func (p *Parser) Int32Field(b *[]byte, n byte, field string) int32 {
	v := p.Integer(p.Field(b, n, TagInteger, field), field)
	if v > math.MaxInt32 {
		p.Fail(field, "integer out of range")
		return 0
	}
	return int32(v)
}

// Constant fails unless [n] holds this INTEGER.
func (p *Parser) Constant(b *[]byte, n byte, want int32, field string) {
	if got := p.Int32Field(b, n, field); p.Err == nil && got != want {
		p.Fail(field, fmt.Sprintf("is %d where %d belongs", got, want))
	}
}

// Flags reads the content of KerberosFlags (RFC 4120 5.2.8): a BIT STRING whose
// first 32 bits it returns, bit 0 the highest. Shorter and longer strings are
// legal.
func (p *Parser) Flags(content []byte, field string) uint32 {
	if p.Err != nil {
		return 0
	}
	if len(content) < 1 || content[0] > 7 || len(content) == 1 && content[0] != 0 || len(content) > 9 ||
		len(content) > 1 && content[len(content)-1]&(1<<content[0]-1) != 0 {
		p.Fail(field, "bad bit string")
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

// TimeField returns the KerberosTime in [n] (RFC 4120 5.2.3): YYYYMMDDHHMMSSZ,
// nothing else.
func (p *Parser) TimeField(b *[]byte, n byte, field string) time.Time {
	return p.Time(p.Field(b, n, TagGeneralizedTime, field), field)
}

// OptionalTime is [Parser.TimeField] for an OPTIONAL element.
func (p *Parser) OptionalTime(b *[]byte, n byte, field string) (time.Time, bool) {
	content, ok := p.Optional(b, n, TagGeneralizedTime, field)
	if !ok {
		return time.Time{}, false
	}
	return p.Time(content, field), p.Err == nil
}

// Time reads the content of a KerberosTime (RFC 4120 5.2.3).
func (p *Parser) Time(content []byte, field string) time.Time {
	if p.Err != nil {
		return time.Time{}
	}
	if len(content) != 15 || content[14] != 'Z' {
		p.Fail(field, "time is not YYYYMMDDHHMMSSZ")
		return time.Time{}
	}
	var v [7]int // century, year in it, month, day, hour, minute, second
	for i := range v {
		hi, lo := content[2*i]-'0', content[2*i+1]-'0'
		if hi > 9 || lo > 9 {
			p.Fail(field, "time is not YYYYMMDDHHMMSSZ")
			return time.Time{}
		}
		v[i] = int(hi)*10 + int(lo)
	}
	t := time.Date(v[0]*100+v[1], time.Month(v[2]), v[3], v[4], v[5], v[6], 0, time.UTC)
	if v[2] == 0 || v[2] > 12 || t.Day() != v[3] || v[4] > 23 || v[5] > 59 || v[6] > 59 {
		p.Fail(field, "no such time")
		return time.Time{}
	}
	return t
}

// Microseconds returns the Microseconds in [n] (RFC 4120 5.2.4).
func (p *Parser) Microseconds(b *[]byte, n byte, field string) time.Duration {
	usec := p.Int32Field(b, n, field)
	if usec < 0 || usec > 999_999 {
		p.Fail(field, fmt.Sprintf("%d is no count of microseconds", usec))
	}
	return time.Duration(usec) * time.Microsecond
}

// Append appends one element whose content is the concatenation of parts.
func Append(dst []byte, tag byte, parts ...[]byte) []byte {
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

// Element returns one element on its own.
func Element(tag byte, parts ...[]byte) []byte { return Append(nil, tag, parts...) }

// Field returns [n] EXPLICIT tag content.
func Field(n, tag byte, parts ...[]byte) []byte {
	return Element(TagContext(n), Element(tag, parts...))
}

// Integer returns the content of a minimal INTEGER.
func Integer(v int64) []byte {
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

// Time returns the content of a KerberosTime.
func Time(t time.Time) []byte { return t.UTC().AppendFormat(nil, "20060102150405Z") }

// OptionalTime returns the KerberosTime in [n], nothing for the zero time.
func OptionalTime(n byte, t time.Time) []byte {
	if t.IsZero() {
		return nil
	}
	return Field(n, TagGeneralizedTime, Time(t))
}

// Flags returns the content of KerberosFlags (RFC 4120 5.2.8) with 32 bits.
func Flags(v uint32) []byte { return binary.BigEndian.AppendUint32([]byte{0}, v) }

// Restore sets p.In again. Call it as defer p.Restore(p.In) before p.In is
// changed.
func (p *Parser) Restore(in string) { p.In = in }
