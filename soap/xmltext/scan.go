package xmltext

import (
	"bytes"
	"fmt"
)

// Scan scans one whole message and returns its index. It retains src, which
// must not be modified as long as the [Doc] is in use, and never modifies it.
// UTF-16 is transcoded; [Doc.Source] then returns the UTF-8 form. The error is
// a [*SyntaxError].
func Scan(src []byte, opt Options) (*Doc, error) {
	opt.Limits = opt.filled()
	if len(src) > opt.MessageBytes {
		return nil, rootError(opt.MessageBytes, &LimitError{"MessageBytes", opt.MessageBytes})
	}
	s := scanner{opt: opt, cur: noElement, floor: noElement}
	text, at, enc, err := s.decode(src)
	if err != nil {
		return nil, err
	}
	d := &Doc{src: text, overwrite: opt.Overwrite}
	if err := s.init(d); err != nil {
		return nil, err
	}
	if err := s.message(at, enc); err != nil {
		s.giveBack()
		return nil, err
	}
	return d, nil
}

// message scans a message from at, behind a byte order mark.
func (s *scanner) message(at int, enc encoding) error {
	if bytes.HasPrefix(s.src[at:], []byte("<?xml")) && len(s.src) > at+5 && isSpace(s.src[at+5]) {
		next, err := xmlDecl(s.src[at:], enc)
		if err != nil {
			return s.fail(at+next, err)
		}
		s.markup += bytes.Count(s.src[at:at+next], []byte{'>'})
		at += next
	}
	return s.run(at)
}

// active is the declaration of a prefix in scope at the scanner's position.
type active struct {
	binding uint32
	uri     uint16
}

// scanner builds the index of one document or plaintext.
type scanner struct {
	src []byte // up to the first illegal character
	doc *Doc
	opt Options

	elements []element
	attrs    []attribute
	bindings []binding

	cur   uint32 // innermost open element
	floor uint32 // value of cur when none is open
	depth int
	gap   uint16 // headDirty and headCooked of the text since the last tag

	maxElements int

	reserved   int // what is reserved with Options.Reserve
	nameOctets int // of it, room for names that is not used yet

	scope      uint32   // innermost declaration in scope
	inScope    int      // length of that list
	active     []active // by prefix
	given      int      // bindings that the source does not contain
	ownNames   bool     // names may not use the given bindings
	firstOwn   uint32   // first binding of the start tag at hand
	prefixes   [32]uint16
	ranks      []ranked // of the start tag at hand, if it is out of order
	repetition int      // octets of namespace declarations that canonical forms may repeat
	// mostRepeated is how many there may be: of a small message 16 times its octets,
	// since a digest of what repeats more takes many times as long as usual.
	mostRepeated int
	markup       int // '>' octets that end markup

	// Of quick.
	window     window
	quickNames [quickNames]quickName
	room       int // elements that there may be

	quiet                      int // no "]]>", CR or & from the last text up to here
	nextAmp, nextCR, nextCDEnd cursor
	census                     census
}

// leastRepeated is how many octets of declarations every message may repeat.
const leastRepeated = 1 << 20

// init prepares s for the source of d.
func (s *scanner) init(d *Doc) error {
	s.doc, s.census = d, takeCensus(d.src)
	s.src = d.src[:s.census.clean]
	s.maxElements = s.opt.Elements
	s.mostRepeated = min(max(leastRepeated, 16*len(d.src)), 4*s.opt.MessageBytes)
	s.ownNames = d.host != nil && s.opt.Names != NamesInScope
	if d.host != nil {
		s.maxElements++ // for the stub
	}
	elements, attrs := min(s.census.elements, s.opt.Elements)+1, min(s.census.attributes, s.opt.Attributes)
	if err := s.takeTables(elements, attrs); err != nil {
		return s.fail(0, err)
	}
	s.bindings = append(s.bindings, binding{uri: noID}, binding{}, binding{prefix: prefixXML, uri: uriXML})
	s.given = firstBinding
	for i := range s.active {
		s.active[i] = active{uri: noID}
	}
	s.active[prefixNone] = active{bindingDefault, uriNone}
	s.active[prefixXML] = active{bindingXML, uriXML}
	return nil
}

// run scans from at to the end of input.
func (s *scanner) run(at int) error {
	src, pos := s.src, at
	lt := indexFrom(src, pos, '<')
	for {
		if pos < lt && (s.quiet < lt || s.cur == noElement) {
			if err := s.text(pos, lt); err != nil {
				return err
			}
		}
		if lt+1 >= len(src) {
			return s.finish(lt)
		}
		var err error
		switch src[lt+1] {
		case '/':
			pos, err = s.endTag(lt)
		case '!', '?':
			pos, err = s.special(lt)
		default:
			pos, err = s.startTag(lt)
		}
		if err != nil {
			return err
		}
		if pos, err = s.quick(pos); err != nil {
			return err
		}
		if lt = pos; lt >= len(src) || src[lt] != '<' {
			lt = indexFrom(src, pos, '<')
		}
	}
}

// finish checks the end of input at offset at, where src ends or a lone '<' is
// its last octet.
func (s *scanner) finish(at int) error {
	switch {
	case at < len(s.src) || s.cur != s.floor || len(s.src) < len(s.doc.src):
		return s.fail(len(s.src), ErrUnexpectedEnd)
	case len(s.elements) == 0:
		return s.fail(at, ErrNoRoot)
	}
	if s.floor != noElement {
		s.elements[0].subEnd = uint32(len(s.elements))
		s.elements[0].flags |= s.gap << headToTail
	}
	s.doc.elements, s.doc.attrs = fitted(s, s.elements, elementBytes), fitted(s, s.attrs, attributeBytes)
	s.doc.bindings = s.bindings
	s.doc.tables.active = s.active
	if s.census.greater != s.markup {
		s.doc.markGreater()
	}
	return nil
}

// text checks character data between markup (XML 1.0 2.4) and sets quiet to the
// next place that needs a check.
func (s *scanner) text(from, to int) error {
	if s.cur == noElement {
		if at := skipSpace(s.src, from); at < to {
			return s.fail(at, ErrTextOutsideRoot)
		}
		return nil
	}
	if at := s.nextCDEnd.findCDATAEnd(s.src, from, to); at < to {
		return s.fail(at, ErrCDATAEnd)
	}
	if s.nextCR.findByte(s.src, from, to, '\r') < to {
		s.gap |= headDirty | headCooked
	}
	if s.nextAmp.findByte(s.src, from, to, '&') < to {
		canonical, err := s.references(from, to, false)
		s.gap |= headCooked
		if !canonical {
			s.gap |= headDirty
		}
		return err
	}
	s.quiet = min(s.nextCDEnd.clear, s.nextCR.clear, s.nextAmp.clear)
	return nil
}

// endTag scans the end tag at lt (production 42) and returns its end.
func (s *scanner) endTag(lt int) (int, error) {
	if s.cur == s.floor {
		return 0, s.fail(lt, fmt.Errorf("%w: no element is open", ErrEndTag))
	}
	e := &s.elements[s.cur]
	i := lt + 2 + int(e.nameLen)
	if i >= len(s.src) {
		return 0, s.cutEndTag(lt)
	}
	if string(s.src[lt+2:i]) != string(s.src[e.start+1:][:e.nameLen]) {
		return 0, s.cutEndTag(lt)
	}
	if s.src[i] != '>' {
		e.flags |= endDirty
		if i = skipSpace(s.src, i); i >= len(s.src) || s.src[i] != '>' {
			return 0, s.cutEndTag(lt)
		}
	}
	e.flags |= s.gap << headToTail
	s.gap = 0
	e.contentEnd = uint32(lt)
	s.close(e, i+1)
	return i + 1, nil
}

// cutEndTag returns the error for an end tag at lt that does not match.
func (s *scanner) cutEndTag(lt int) error {
	if bytes.IndexByte(s.src[lt:], '>') < 0 {
		return s.fail(len(s.src), ErrUnexpectedEnd)
	}
	return s.fail(lt, ErrEndTag)
}

// close ends the innermost open element e at end.
func (s *scanner) close(e *element, end int) {
	e.end = uint32(end)
	e.subEnd = uint32(len(s.elements))
	s.depth--
	s.markup++
	s.cur = e.parent
	if e.flags&hasDecl != 0 {
		s.unwind(e)
	}
	if e.flags&tailDirty != 0 {
		e.flags |= varied
	}
	if e.parent == noElement {
		return
	}
	if p := &s.elements[e.parent]; e.flags&(notVerbatim|endDirty|varied) != 0 || e.prefix != p.prefix {
		p.flags |= varied
	}
}

// unwind ends the scope of the declarations of e.
func (s *scanner) unwind(e *element) {
	outer := s.doc.scope
	if e.parent != noElement {
		outer = s.elements[e.parent].scope
	}
	for s.scope != outer {
		b := &s.bindings[s.scope]
		s.active[b.prefix] = active{b.shadowed, s.bindings[b.shadowed].uri}
		s.scope = b.prev
		s.inScope--
	}
}

// markGreater marks the texts that have a '>', which is canonical only as
// "&gt;". It is called when there are more than markup needs.
func (d *Doc) markGreater() {
	has := func(from, to uint32) bool { return bytes.IndexByte(d.src[from:to], '>') >= 0 }
	for i := range d.elements {
		e := &d.elements[i]
		pos := e.contentStart
		for c := uint32(i) + 1; c < e.subEnd; c = d.elements[c].subEnd {
			if child := &d.elements[c]; has(pos, child.start) {
				child.flags |= headDirty
				d.vary(uint32(i))
			}
			pos = d.elements[c].end
		}
		if pos < e.contentEnd && has(pos, e.contentEnd) {
			e.flags |= tailDirty
			d.vary(uint32(i))
		}
	}
}

// vary marks element i, and those around it, as varied.
func (d *Doc) vary(i uint32) {
	for ; i != noElement && d.elements[i].flags&varied == 0; i = d.elements[i].parent {
		d.elements[i].flags |= varied
	}
}

// fail returns err as a SyntaxError at offset, and releases what was reserved.
// At the first illegal character, where src was cut, the error is that
// character's.
func (s *scanner) fail(offset int, err error) error {
	s.release(s.reserved)
	if offset >= len(s.src) && s.census.badErr != nil {
		offset, err = len(s.src), s.census.badErr
	}
	d := *s.doc
	d.elements = s.elements
	for i := s.cur; i != noElement; i = d.elements[i].parent {
		d.elements[i].subEnd = uint32(len(d.elements))
	}
	path := "/"
	if s.cur != noElement {
		path = Node{&d, s.cur}.Path()
	}
	return &SyntaxError{Offset: int64(offset), Path: path, Err: err}
}

// limit returns the SyntaxError for a limit that was exceeded at offset.
func (s *scanner) limit(offset int, what string, limit int) error {
	return s.fail(offset, &LimitError{what, limit})
}

// indexFrom returns the offset of the first c in b at or after i, or len(b).
func indexFrom(b []byte, i int, c byte) int {
	if n := bytes.IndexByte(b[i:], c); n >= 0 {
		return i + n
	}
	return len(b)
}

// A cursor remembers how far there is none of something, so that a search before
// every run of text costs a comparison and all searches together one pass. Calls
// must not go backwards. The zero value has not searched yet.
type cursor struct {
	clear int // from where the last call began, there is none before
}

// beyond is how far a search goes on behind the text at hand. To the end of a
// message of 6 kB, all of which quick looks at, it was a twentieth of a scan.
const beyond = 512

// findByte returns the offset of the first b in src[from:to], or to.
func (c *cursor) findByte(src []byte, from, to int, b byte) int {
	if c.clear < to {
		at := max(from, c.clear)
		part := src[at:min(to+beyond, len(src))]
		if n := bytes.IndexByte(part, b); n >= 0 {
			c.clear = at + n
		} else {
			c.clear = at + len(part)
		}
	}
	return min(c.clear, to)
}

// findCDATAEnd is findByte for "]]>".
func (c *cursor) findCDATAEnd(src []byte, from, to int) int {
	const end = "]]>"
	if c.clear < to {
		at := max(from, c.clear)
		until := min(to+beyond, len(src))
		if n := bytes.Index(src[at:min(until+len(end)-1, len(src))], []byte(end)); n >= 0 {
			c.clear = at + n
		} else {
			c.clear = until
		}
	}
	return min(c.clear, to)
}
