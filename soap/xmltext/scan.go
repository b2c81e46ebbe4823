package xmltext

import (
	"bytes"
	"fmt"
)

// Scan reads one whole message and returns its index. It retains src, which
// must not be modified as long as the Doc is in use, and never modifies it.
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
	d := &Doc{src: text, names: newNameTable()}
	if err := s.init(d); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(s.src[at:], []byte("<?xml")) && len(s.src) > at+5 && isSpace(s.src[at+5]) {
		next, err := xmlDecl(s.src[at:], enc)
		if err != nil {
			return nil, s.fail(at+next, err)
		}
		s.markup += bytes.Count(s.src[at:at+next], []byte{'>'})
		at += next
	}
	if err := s.run(at); err != nil {
		return nil, err
	}
	return d, nil
}

// active says what a prefix means at the scanner's position.
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

	reserved   int // what Options.Reserve was asked for
	nameOctets int // of it, room for names that is not used yet

	scope      uint32   // innermost declaration in scope
	inScope    int      // length of that list
	active     []active // by prefix
	given      int      // bindings that the source does not contain
	ownNames   bool     // names may not use the given bindings
	firstOwn   uint32   // first binding of the start tag at hand
	prefixes   [32]uint16
	repetition int // octets of namespace declarations that canonical forms may repeat
	markup     int // '>' octets that end markup

	quiet                      int // no "]]>", CR or & from the last text up to here
	nextAmp, nextCR, nextCDEnd cursor
	census                     census
}

// init prepares s for the source of d.
func (s *scanner) init(d *Doc) error {
	s.doc, s.census = d, takeCensus(d.src)
	s.src = d.src[:s.census.clean]
	s.maxElements = s.opt.Elements
	s.ownNames = d.host != nil && s.opt.Names != NamesInScope
	if d.host != nil {
		s.maxElements++ // for the stub
	}
	elements, attrs := min(s.census.elements, s.opt.Elements)+1, min(s.census.attributes, s.opt.Attributes)
	const bindings = 16
	if err := s.reserve(elements*elementBytes + attrs*attributeBytes + bindings*bindingBytes); err != nil {
		return s.fail(0, err)
	}
	s.elements = make([]element, 0, elements)
	s.attrs = make([]attribute, 0, attrs)
	s.bindings = make([]binding, firstBinding, bindings)
	s.bindings[bindingNone].uri = noID
	s.bindings[bindingXML] = binding{prefix: prefixXML, uri: uriXML}
	s.given = firstBinding
	s.active = make([]active, max(16, len(d.names.prefixes.list)))
	for i := range s.active {
		s.active[i].uri = noID
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
	if s.census.greater != s.markup {
		s.doc.markGreater()
	}
	return nil
}

// text checks character data between markup (XML 1.0 2.4) and finds out how far
// nothing follows that would need a check.
func (s *scanner) text(from, to int) error {
	if s.cur == noElement {
		if at := skipSpace(s.src, from); at < to {
			return s.fail(at, ErrTextOutsideRoot)
		}
		return nil
	}
	if at := s.nextCDEnd.find(s.src, from, "]]>"); at < to {
		return s.fail(at, ErrCDATAEnd)
	}
	if s.nextCR.findByte(s.src, from, '\r') < to {
		s.gap |= headDirty | headCooked
	}
	if s.nextAmp.findByte(s.src, from, '&') < to {
		canonical, err := s.references(from, to, false)
		s.gap |= headCooked
		if !canonical {
			s.gap |= headDirty
		}
		return err
	}
	s.quiet = min(s.nextCDEnd.at, s.nextCR.at, s.nextAmp.at) - 1
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

// cutEndTag is the error for an end tag at lt that does not match.
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
			}
			pos = d.elements[c].end
		}
		if pos < e.contentEnd && has(pos, e.contentEnd) {
			e.flags |= tailDirty
		}
	}
}

// fail returns err as a SyntaxError at offset, and gives back what was
// reserved. Running into the first illegal character, where src was cut, is
// that character's error.
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

// cursor remembers how far it is to the next occurrence of something, so that
// asking before every run of text costs a comparison and all searches together
// one pass. The zero value knows nothing yet.
type cursor struct {
	at int // the next occurrence is at at-1; 0 is unknown
}

// findByte returns the offset of the first b at or after from, or len(src).
// Calls must not go backwards.
func (c *cursor) findByte(src []byte, from int, b byte) int {
	if c.at <= from {
		c.at = indexFrom(src, from, b) + 1
	}
	return c.at - 1
}

// find is findByte for a string.
func (c *cursor) find(src []byte, from int, what string) int {
	if c.at <= from {
		c.at = len(src) + 1
		if n := bytes.Index(src[from:], []byte(what)); n >= 0 {
			c.at = from + n + 1
		}
	}
	return c.at - 1
}
