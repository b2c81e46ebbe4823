package inspect

import (
	"fmt"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// A part is a piece of the input: octets, and where they stand.
type part struct {
	b  []byte
	at int // offset of b[0]
}

// skip is the part behind n octets.
func (p part) skip(n int) part { return part{p.b[n:], p.at + n} }

// fail notes the first thing that does not decode, at the node that it belongs to. What comes after the first may be
// its consequence, and is not told.
func (x *inspection) fail(n *Node, at int, format string, args ...any) {
	if x.failed {
		return
	}
	x.failed = true
	where := "octet"
	if x.sealed != "" {
		where = "octet of the decrypted " + x.sealed
	}
	n.Problem = fmt.Sprintf(format, args...) + fmt.Sprintf(" (%s %d)", where, at)
}

// element takes the first DER element off p, whatever its tag. One that is cut off gives what there is of it.
func (x *inspection) element(n *Node, p *part, what string) (tag byte, content part, ok bool) {
	if len(p.b) < 2 {
		x.fail(n, p.at, "%s: missing or cut off", what)
		return 0, part{}, false
	}
	length, header, why := der.CutLength(p.b[1:])
	if why != "" {
		x.fail(n, p.at+1, "%s: %s", what, why)
		return 0, part{}, false
	}
	tag = p.b[0]
	at, body := p.at+1, p.skip(1+header)
	if length > len(body.b) {
		x.fail(n, at, "%s: announces %d octets, %d are there", what, length, len(body.b))
		length = len(body.b)
	}
	content = part{body.b[:length], body.at}
	*p = body.skip(length)
	return tag, content, true
}

// open takes one element of a tag off p.
func (x *inspection) open(n *Node, p *part, tag byte, what string) (part, bool) {
	at := p.at
	got, content, ok := x.element(n, p, what)
	if ok && got != tag {
		x.fail(n, at, "%s: tag 0x%02x where 0x%02x belongs", what, got, tag)
		ok = false
	}
	return content, ok
}

// maxFields is more than the tags of any structure here.
const maxFields = 16

// fields are the fields [0] to [15] of a SEQUENCE, as far as they decode.
type fields struct {
	x     *inspection
	node  *Node  // where faults are told
	in    string // the structure
	names []string
	parts [maxFields]part
	has   [maxFields]bool
}

// sequence reads the SEQUENCE that p is; names are those of the fields by number, "" for a number that is not used,
// with "?" behind that of an OPTIONAL one.
func (x *inspection) sequence(n *Node, p part, in string, names ...string) *fields {
	content, ok := x.open(n, &p, der.TagSequence, in)
	if !ok {
		return &fields{x: x, node: n, in: in, names: names}
	}
	x.end(n, p, in)
	return x.fields(n, content, in, names...)
}

func (x *inspection) end(n *Node, p part, in string) {
	if len(p.b) > 0 {
		x.fail(n, p.at, "%s: %d octets behind it", in, len(p.b))
	}
}

// fields reads the content of a SEQUENCE.
func (x *inspection) fields(n *Node, p part, in string, names ...string) *fields {
	f := &fields{x: x, node: n, in: in, names: names}
	last := -1
	for len(p.b) > 0 {
		at := p.at
		tag, content, ok := x.element(n, &p, in)
		if !ok {
			return f
		}
		i := int(tag) - 0xa0
		if i < 0 || i >= len(names) || names[i] == "" || f.has[i] || i < last {
			x.fail(n, at, "%s: an element with tag 0x%02x that is not in it, or not there", in, tag)
			continue
		}
		f.parts[i], f.has[i], last = content, true, i
	}
	for i, name := range names {
		if name != "" && !f.has[i] && !strings.HasSuffix(name, "?") {
			x.fail(n, p.at, "%s: no %s", in, name)
		}
	}
	return f
}

// name is the full name of a field, for faults.
func (f *fields) name(i int) string { return f.in + ": " + strings.TrimSuffix(f.names[i], "?") }

// content is what the one element in field i holds.
func (f *fields) content(i int, tag byte) (part, bool) {
	if !f.has[i] {
		return part{}, false
	}
	p := f.parts[i]
	content, ok := f.x.open(f.node, &p, tag, f.name(i))
	if ok {
		f.x.end(f.node, p, f.name(i))
	}
	return content, ok
}

// leaf reads the element in field i with a der.Parser.
func (f *fields) leaf(i int, tag byte, read func(p *der.Parser, content []byte)) bool {
	content, ok := f.content(i, tag)
	if !ok {
		return false
	}
	p := der.Parser{In: f.in}
	if read(&p, content.b); p.Err != nil {
		f.x.fail(f.node, content.at, "%s", p.Err)
		return false
	}
	return true
}

func (f *fields) integer(i int) (v int64, ok bool) {
	ok = f.leaf(i, der.TagInteger, func(p *der.Parser, b []byte) { v = p.Integer(b, f.names[i]) })
	return v, ok
}

func (f *fields) bits(i int) (v uint32, ok bool) {
	ok = f.leaf(i, der.TagBitString, func(p *der.Parser, b []byte) { v = p.Flags(b, f.names[i]) })
	return v, ok
}

func (f *fields) time(i int) (t time.Time, ok bool) {
	ok = f.leaf(i, der.TagGeneralizedTime, func(p *der.Parser, b []byte) { t = p.Time(b, f.names[i]) })
	return t, ok
}

func (f *fields) text(i int) (string, bool) {
	content, ok := f.content(i, der.TagGeneralString)
	if !ok {
		return "", false
	}
	return f.x.nameText(f.node, content, f.name(i)), true
}

// constant tells of a field that is not what it must be.
func (f *fields) constant(i int, want int64) {
	if v, ok := f.integer(i); ok && v != want {
		f.x.fail(f.node, f.parts[i].at, "%s is %d where %d belongs", f.name(i), v, want)
	}
}

// principalName is the PrincipalName (RFC 4120 5.2.2) in field i, escaped, and its type.
func (f *fields) principalName(i int) (name string, kind int64, ok bool) {
	if !f.has[i] {
		return "", 0, false
	}
	in := f.name(i)
	inner := f.x.sequence(f.node, f.parts[i], in, "name-type", "name-string")
	kind, _ = inner.integer(0)
	list, ok := inner.content(1, der.TagSequence)
	var parts []string
	for ok && len(list.b) > 0 {
		if len(parts) == kerberos.MaxComponents {
			f.x.fail(f.node, list.at, "%s: too many name components", in)
			break
		}
		var c part
		if c, ok = f.x.open(f.node, &list, der.TagGeneralString, in); ok {
			parts = append(parts, string(kerberos.AppendEscaped(nil, f.x.nameText(f.node, c, in))))
		}
	}
	return strings.Join(parts, "/"), kind, len(parts) > 0
}

// nameText is a name or realm. What stands in a decrypted part or a file of keys and is no legal name is not shown:
// after a fault in the structure it might be a key.
func (x *inspection) nameText(n *Node, p part, in string) string {
	s := string(p.b)
	if s != "" && kerberos.LegalName(s) {
		return s
	}
	x.fail(n, p.at, "%s: a name that is empty, has control characters or is not in UTF-8", in)
	if x.sealed != "" {
		return "(not a legal name)"
	}
	return s
}
