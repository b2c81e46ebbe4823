package xmltext

import (
	"math"
	"math/bits"
	"unsafe"

	"github.com/wssgate/wssgate/soap/xmltext/internal/octets"
)

// This file scans the markup that messages are made of: tags of ASCII names,
// values in double quotes, text. It finds the ends of tags, names, values and
// texts in bit masks, and leaves everything that is unusual or wrong to the rest
// of the scanner, as if it had not looked at it: so the index and the errors are
// the same without it (TestQuickMakesTheSameIndex). By BenchmarkQuick 1 MB of
// usual markup takes four fifths to two thirds of the time with it, and nothing
// more than a twentieth longer.

// A window is the part of the source that has masks.
type window struct {
	from, to int
	until    int // where the last tag may begin
	octets.Masks
}

// ahead is what the window holds beyond the place where a tag is begun, unless it
// ends with the source: tags that are longer, and more, may be left to the rest of
// the scanner.
const ahead = 320

// behind is what the source has behind each window, so that load can take eight
// octets from any place in one: its last tag may end with it.
const behind = 8

// reach moves the window on so that pos and more is in it. It reports whether
// it is: not in the last octets of the source, and nowhere without the
// instructions that make masks.
func (s *scanner) reach(pos int) bool {
	w := &s.window
	if pos < w.until {
		return true
	}
	if len(s.src)-pos < octets.BlockOctets+behind || s.opt.careful {
		return false
	}
	w.from, w.to = pos, pos+w.Fill(s.src[pos:len(s.src)-behind])
	if w.until = w.to; len(s.src)-w.to >= octets.BlockOctets+behind {
		w.until -= ahead
	}
	return pos < w.until
}

// seek returns the word of the mask of text that has the octet at pos, without
// the bits of those before, and the offset of its first octet.
func (w *window) seek(pos int) (base int, word uint64) {
	i := uint(pos - w.from)
	return pos - int(i%64), w.Text[i/64] >> (i % 64) << (i % 64)
}

// next returns the next word from base on that is not 0, if there is one.
func (w *window) next(base int, word uint64) (int, uint64) {
	for word == 0 && base+64 < w.to {
		base += 64
		word = w.Text[uint(base-w.from)/64]
	}
	return base, word
}

// end returns the offset of the first octet from i on that has a bit in mask,
// which is one of w's. If that is not among the next 64 octets, it is too large.
func (w *window) end(mask *octets.Words, i int) int {
	if next := mask.From(i - w.from); next != 0 {
		return i + bits.TrailingZeros64(next)
	}
	return math.MaxInt
}

// quick scans from pos, where a tag or text begins, as long as all is usual. It
// returns where it stopped: where a tag, other markup or text begins. In usual
// markup the mask of text has a bit for each '<' and for the '>' of its tag, and
// for references in text.
func (s *scanner) quick(pos int) (int, error) {
	w := &s.window
	if s.cur == noElement || !s.reach(pos) {
		return pos, nil
	}
	s.room = min(cap(s.elements), s.maxElements)
	src := s.src
	base, word := w.seek(pos)
	for {
		if word == 0 {
			base, word = w.next(base, word)
		}
		lt := base + bits.TrailingZeros64(word)
		for word != 0 && src[lt] == '&' && canonicalReference(src[lt:], false) > 0 {
			s.gap |= headCooked
			base, word = w.next(base, word&(word-1))
			lt = base + bits.TrailingZeros64(word)
		}
		if word == 0 || src[lt] != '<' {
			var err error
			if lt, err = s.quickText(pos); err != nil || !s.reach(lt) {
				return lt, err
			}
			base, word = w.seek(lt)
		}
		if word &= word - 1; word == 0 {
			base, word = w.next(base, word)
		}
		gt := base + bits.TrailingZeros64(word)
		if word == 0 || src[gt] != '>' {
			return lt, nil
		}
		word &= word - 1
		if src[lt+1] != '/' {
			if ok, err := s.quickStartTag(lt, gt); !ok {
				return lt, err
			}
		} else if !s.quickEndTag(lt, gt) {
			return lt, nil
		}
		if pos = gt + 1; pos >= w.until || s.cur == noElement {
			if s.cur == noElement || !s.reach(pos) {
				return pos, nil
			}
			base, word = w.seek(pos)
		}
	}
}

// quickText checks text that is long, or has references, a '>' or a CR, and
// returns its end. One look at the ciphertext of a message of 1 MB in the place of
// four saves a twentieth of the exchange.
func (s *scanner) quickText(from int) (to int, err error) {
	if to = from + octets.Plain(s.src[from:]); to < len(s.src) && s.src[to] == '<' {
		return to, nil
	}
	if to = indexFrom(s.src, to, '<'); s.quiet < to {
		err = s.text(from, to)
	}
	return to, err
}

// quickEndTag scans the end tag from lt to gt. It reports false, and does
// nothing, if it is unusual.
func (s *scanner) quickEndTag(lt, gt int) bool {
	if s.cur == s.floor {
		return false
	}
	e := &s.elements[s.cur]
	n := int(e.nameLen)
	if gt-lt-len("</") != n {
		return false
	}
	if n < 8 {
		if (load(s.src, lt+2)^load(s.src, int(e.start)+1))<<(-8*n&63) != 0 {
			return false
		}
	} else if string(s.src[lt+2:gt]) != string(s.src[e.start+1:][:n]) {
		return false
	}
	e.flags |= s.gap << headToTail
	s.gap = 0
	e.contentEnd = uint32(lt)
	s.close(e, gt+1)
	return true
}

// load returns the eight octets of b at i, the first in the lowest bits where
// quick runs. It panics if b ends before.
func load(b []byte, i int) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(&b[i+7]), -7)) // one check of bounds, of those before only
}

// A quickName is a qualified name of a tag or an attribute that was met before,
// so that it need not be looked at again: its first and its last eight octets,
// its length, where it stands, and its prefix. The zero value is no name.
type quickName struct {
	first, last uint64
	length, at  uint32
	prefix      uint16
}

// quickNames is the number of names that are remembered. Each has one place.
const quickNames = 64

// name returns the name from i to end, nil if it is unusual.
func (s *scanner) name(i, end int) *quickName {
	n := end - i
	first := load(s.src, i)
	last := first
	switch {
	case n == 0:
		return nil
	case n < 8:
		first = first << (-8 * n & 63) >> (-8 * n & 63)
		last = first
	default:
		last = load(s.src, end-8)
	}
	const spread = 0x9e3779b97f4a7c15
	q := &s.quickNames[(first+last*31)*spread>>58]
	if q.first == first && q.last == last && q.length == uint32(n) &&
		(n <= 16 || string(s.src[q.at:][:n]) == string(s.src[i:end])) {
		return q
	}
	return s.newName(q, i, end, first, last)
}

// newName remembers the name from i to end in the place q and returns q, or nil
// if it is unusual.
func (s *scanner) newName(q *quickName, i, end int, first, last uint64) *quickName {
	colon, e, ok := scanQName(s.src[:end], i)
	if !ok || e != end || end-i > s.opt.NameBytes {
		return nil
	}
	prefix := uint16(prefixNone)
	if colon != 0 {
		if prefix = s.quickPrefix(s.src[i:colon]); prefix == noID {
			return nil
		}
	}
	*q = quickName{first, last, uint32(end - i), uint32(i), prefix}
	return q
}

// quickPrefix returns the number of a prefix, or noID if there is one thing or
// another to be refused about a new one.
func (s *scanner) quickPrefix(b []byte) uint16 {
	prefixes := &s.doc.names.prefixes
	id := prefixes.find(b)
	if id == noID {
		if s.nameOctets < len(b)+nameBytes && s.opt.Reserve != nil || len(prefixes.list) >= maxNames {
			return noID
		}
		s.nameOctets -= len(b) + nameBytes
		id, _ = prefixes.intern(b)
	}
	for int(id) >= len(s.active) {
		s.active = append(s.active, active{uri: noID})
	}
	return id
}

// quickStartTag scans the start tag from lt to gt. It reports false, and does
// nothing, if it is unusual.
func (s *scanner) quickStartTag(lt, gt int) (ok bool, err error) {
	n := len(s.elements)
	i := s.window.end(&s.window.Name, lt+1)
	if i > gt || n >= s.room || s.depth >= s.opt.Depth {
		return false, nil
	}
	name := s.name(lt+1, i)
	if name == nil {
		return false, nil
	}
	// Field by field: a composite literal would be made elsewhere and copied.
	e := &s.elements[:n+1][n]
	e.start, e.contentStart, e.contentEnd, e.end = uint32(lt), uint32(gt+1), 0, 0
	e.parent, e.subEnd, e.attr = s.cur, 0, uint32(len(s.attrs))
	e.prefix, e.nameLen, e.flags = name.prefix, uint16(i-lt-1), s.gap
	if i != gt {
		if ok, err := s.quickAttributes(e, i, gt); !ok {
			return false, err
		}
	}
	e.uri, e.scope = s.active[e.prefix].uri, s.scope
	p := &s.elements[s.cur]
	if e.uri == noID || s.ownNames && s.fromOutside(e.prefix) ||
		(p.prefix != e.prefix || p.uri != e.uri || e.flags&attrPrefixed != 0) && s.repeats(e) != nil {
		s.undo(e)
		return false, nil
	}
	s.elements = s.elements[:n+1]
	s.gap = 0
	s.cur = uint32(n)
	s.depth++
	if e.flags&emptyTag != 0 {
		e.contentEnd = e.contentStart
		s.close(e, gt+1)
	} else {
		s.markup++
	}
	return true, nil
}

// undo forgets the attributes and declarations of e, whose tag is unusual.
func (s *scanner) undo(e *element) {
	s.attrs = s.attrs[:e.attr]
	if e.flags&hasDecl != 0 {
		s.unwind(e)
		s.bindings = s.bindings[:s.firstOwn]
	}
}

// quickAttributes scans the attributes of e from i, behind its name, to gt, and
// appends them to s.attrs. It reports false, and undoes that, if they are
// unusual. The error is that of a declaration.
func (s *scanner) quickAttributes(e *element, i, gt int) (ok bool, err error) {
	sorted, last := true, uint64(0)
	s.firstOwn = uint32(len(s.bindings))
	for count := 0; s.src[i] == ' '; count++ {
		start := i + 1
		equal := s.window.end(&s.window.Name, start)
		if equal >= gt || s.src[equal] != '=' || s.src[equal+1] != '"' || count >= s.opt.AttributesPerElement ||
			len(s.attrs) == cap(s.attrs) || len(s.attrs)+len(s.bindings)-s.given >= s.opt.Attributes {
			s.undo(e)
			return false, nil
		}
		name := s.name(start, equal)
		if i = s.quickValue(equal+2, gt) + 1; name == nil || i > gt || i-equal-3 > s.opt.ValueBytes {
			s.undo(e)
			return false, nil
		}
		a := &s.attrs[:len(s.attrs)+1][len(s.attrs)]
		a.name, a.nameLen, a.prefix, a.uri = uint32(start), uint16(equal-start), name.prefix, uriNone
		a.value, a.valueLen, a.dirty, a.cooked = uint32(equal+2), uint32(i-equal-3), false, false
		switch {
		case name.prefix == prefixXMLNS:
			err = s.declare(e, a, s.src[start+len("xmlns:"):equal])
		case name.prefix == prefixXML:
			e.flags |= hasXMLAttr
			sorted = false
			s.attrs = s.attrs[:len(s.attrs)+1]
		case name.prefix != prefixNone:
			e.flags |= attrPrefixed
			sorted = false
			s.attrs = s.attrs[:len(s.attrs)+1]
		case name.length == 5 && string(s.src[start:equal]) == "xmlns":
			err = s.declare(e, a, nil)
		default:
			word := bits.ReverseBytes64(name.first)
			sorted = sorted && word > last
			last = word
			s.attrs = s.attrs[:len(s.attrs)+1]
		}
		if err != nil {
			return false, err
		}
	}
	if s.src[i] == '/' && i < gt {
		e.flags |= emptyTag
		i++
	}
	if i != gt || !sorted && s.resolveAttributes(e) != nil {
		s.undo(e)
		return false, nil
	}
	return true, nil
}

// quickValue returns the end of the attribute value at i, in the tag that ends at
// gt: the offset of a double quote, or gt if the value is unusual.
func (s *scanner) quickValue(i, gt int) int {
	for i < gt {
		switch end := s.window.end(&s.window.Value, i); {
		case end >= gt:
			i += 57 // of the bits so many are sure
		case s.src[end] == '\'':
			i = end + 1
		case s.src[end] == '"':
			return end
		default:
			return gt
		}
	}
	return gt
}
