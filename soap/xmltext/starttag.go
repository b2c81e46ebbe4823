package xmltext

import (
	"fmt"
	"strings"
)

// startTag scans the start tag or empty-element tag at lt (productions 40 and
// 44) and returns its end.
func (s *scanner) startTag(lt int) (int, error) {
	src := s.src
	colon, i, ok := scanQName(src, lt+1)
	if !ok {
		return 0, s.badStart(lt, i)
	}
	nameLen := i - lt - 1
	if s.depth >= s.opt.Depth || len(s.elements) >= s.maxElements || nameLen > s.opt.NameBytes ||
		s.cur == noElement && len(s.elements) > 0 {
		return 0, s.noRoom(lt, nameLen)
	}
	var err error
	if len(s.elements) == cap(s.elements) {
		if s.elements, err = grown(s, s.elements, elementBytes, lt); err != nil {
			return 0, s.fail(lt, err)
		}
	}
	e := &s.elements[:len(s.elements)+1][len(s.elements)]
	*e = element{start: uint32(lt), parent: s.cur, attr: uint32(len(s.attrs)), nameLen: uint16(nameLen), flags: s.gap}
	s.gap = 0
	if colon != 0 {
		if e.prefix, err = s.prefix(src[lt+1:colon], lt); err != nil {
			return 0, err
		}
	}
	if i < len(src) && src[i] == '>' {
		i++
	} else if i, err = s.attributes(e, i); err != nil {
		return 0, err
	}
	if e.uri = s.active[e.prefix].uri; e.uri == noID {
		return 0, s.undeclared(e.prefix, lt+1)
	}
	if s.ownNames && s.fromOutside(e.prefix) {
		return 0, s.fail(lt+1, ErrOuterName)
	}
	// One attribute without prefix needs no resolving and no comparing.
	if n := len(s.attrs) - int(e.attr); n > 1 || n == 1 && e.flags&(attrPrefixed|hasXMLAttr) != 0 {
		if err := s.resolveAttributes(e); err != nil {
			return 0, err
		}
	}
	e.scope = s.scope
	e.contentStart = uint32(i)
	s.cur = uint32(len(s.elements))
	s.elements = s.elements[:len(s.elements)+1]
	s.depth++
	if e.flags&emptyTag != 0 {
		e.contentEnd = uint32(i)
		s.close(e, i)
	} else {
		s.markup++
	}
	if e.flags&attrPrefixed == 0 && e.parent != noElement {
		if p := &s.elements[e.parent]; p.uri == e.uri && p.prefix == e.prefix {
			return i, nil // the parent has the declaration already
		}
	}
	return i, s.repeats(e)
}

// badStart returns the error for a '<' at lt that no name follows.
func (s *scanner) badStart(lt, i int) error {
	switch {
	case i >= len(s.src):
		return s.fail(i, ErrUnexpectedEnd)
	case i == lt+1 && s.src[i] != ':' && classes[s.src[i]]&(classHigh|className) == 0:
		return s.fail(lt, ErrMarkup)
	}
	return s.fail(i, ErrName)
}

// noRoom returns the error for one more element when there is no room for it.
func (s *scanner) noRoom(lt, nameLen int) error {
	switch {
	case s.cur == noElement && len(s.elements) > 0:
		return s.fail(lt, ErrSecondRoot)
	case s.depth >= s.opt.Depth:
		return s.limit(lt, "Depth", s.opt.Depth)
	case nameLen > s.opt.NameBytes:
		return s.limit(lt, "NameBytes", s.opt.NameBytes)
	}
	return s.limit(lt, "Elements", s.opt.Elements)
}

// unexpected returns err for what stands at i, or the error for the end of
// input.
func (s *scanner) unexpected(i int, err error) error {
	if i >= len(s.src) {
		err = ErrUnexpectedEnd
	}
	return s.fail(i, err)
}

// attributes scans from behind the element's name to the end of the tag and
// returns that end.
func (s *scanner) attributes(e *element, i int) (int, error) {
	src := s.src
	s.firstOwn = uint32(len(s.bindings))
	for count := 1; ; count++ {
		space := i
		i = skipSpace(src, i)
		if i >= len(src) {
			return 0, s.unexpected(i, ErrTag)
		}
		switch src[i] {
		case '>':
			if i != space {
				e.flags |= tagDirty
			}
			return i + 1, nil
		case '/':
			if i+1 >= len(src) || src[i+1] != '>' {
				return 0, s.unexpected(i+1, ErrTag)
			}
			e.flags |= emptyTag
			if i != space {
				e.flags |= tagDirty
			}
			return i + 2, nil
		}
		if i == space {
			return 0, s.fail(i, ErrTag)
		}
		if i != space+1 || src[space] != ' ' {
			e.flags |= tagDirty
		}
		if count > s.opt.AttributesPerElement {
			return 0, s.limit(i, "AttributesPerElement", s.opt.AttributesPerElement)
		}
		var err error
		if i, err = s.attribute(e, i); err != nil {
			return 0, err
		}
	}
}

// attribute scans one attribute (production 41) at i and returns its end.
func (s *scanner) attribute(e *element, i int) (int, error) {
	src, name := s.src, i
	colon, i, ok := scanQName(src, i)
	if !ok {
		return 0, s.unexpected(i, ErrName)
	}
	nameEnd := i
	if nameEnd-name > s.opt.NameBytes {
		return 0, s.limit(name, "NameBytes", s.opt.NameBytes)
	}
	if len(s.attrs)+len(s.bindings)-s.given >= s.opt.Attributes {
		return 0, s.limit(name, "Attributes", s.opt.Attributes)
	}
	if len(s.attrs) == cap(s.attrs) {
		var err error
		if s.attrs, err = grown(s, s.attrs, attributeBytes, name); err != nil {
			return 0, s.fail(name, err)
		}
	}
	a := &s.attrs[:len(s.attrs)+1][len(s.attrs)]
	*a = attribute{name: uint32(name), nameLen: uint16(nameEnd - name)}
	if i < len(src) && src[i] == '=' {
		i++
	} else {
		e.flags |= tagDirty
		if i = skipSpace(src, i); i >= len(src) || src[i] != '=' {
			return 0, s.unexpected(i, ErrAttribute)
		}
		i++
	}
	i, err := s.value(e, a, i)
	if err != nil {
		return 0, err
	}
	if colon != 0 {
		if a.prefix, err = s.prefix(src[name:colon], name); err != nil {
			return 0, err
		}
		switch a.prefix {
		case prefixXMLNS:
			return i, s.declare(e, a, src[colon+1:nameEnd])
		case prefixXML:
			e.flags |= hasXMLAttr
		default:
			e.flags |= attrPrefixed
		}
	} else if string(src[name:nameEnd]) == "xmlns" {
		return i, s.declare(e, a, nil)
	}
	s.attrs = s.attrs[:len(s.attrs)+1]
	return i, nil
}

// value scans a quoted attribute value (production 10) behind the equals sign
// and returns the offset behind the closing quote.
func (s *scanner) value(e *element, a *attribute, i int) (int, error) {
	src := s.src
	if i < len(src) && isSpace(src[i]) {
		e.flags |= tagDirty
		i = skipSpace(src, i)
	}
	if i >= len(src) || src[i] != '"' && src[i] != '\'' {
		return 0, s.unexpected(i, ErrAttribute)
	}
	quote := src[i]
	if quote != '"' {
		e.flags |= tagDirty
	}
	i++
	start := i
	for ; ; i++ {
		for i < len(src) && classes[src[i]]&classValue == 0 {
			i++
		}
		if i >= len(src) || src[i] == '<' {
			return 0, s.unexpected(i, ErrLessThan)
		}
		if src[i] == quote {
			break
		}
		switch src[i] {
		case '&':
			a.cooked = true
		case '"':
			a.dirty = true
		case '\t', '\n', '\r':
			a.dirty, a.cooked = true, true
		}
	}
	if i-start > s.opt.ValueBytes {
		return 0, s.limit(start, "ValueBytes", s.opt.ValueBytes)
	}
	a.value, a.valueLen = uint32(start), uint32(i-start)
	if a.cooked {
		canonical, err := s.references(start, i, true)
		if err != nil {
			return 0, err
		}
		a.dirty = a.dirty || !canonical
	}
	if a.dirty {
		e.flags |= tagDirty
	}
	return i + 1, nil
}

// declare adds the namespace declaration a for prefix, nil meaning the default
// namespace (Namespaces 1.0, 3 and 5).
func (s *scanner) declare(e *element, a *attribute, prefix []byte) error {
	name := s.src[a.value:][:a.valueLen]
	if a.cooked {
		name = appendAttrValue(nil, name)
	}
	at := int(a.name)
	if len(name) > s.opt.NameBytes {
		return s.limit(at, "NameBytes", s.opt.NameBytes)
	}
	p, err := s.prefix(prefix, at)
	if err != nil {
		return err
	}
	u, err := s.namespace(p, name)
	if err != nil {
		return s.fail(at, err)
	}
	shadowed := s.active[p].binding
	if shadowed >= s.firstOwn {
		return s.fail(at, ErrDuplicateAttribute)
	}
	if s.inScope++; s.inScope > s.opt.NamespacesInScope {
		return s.limit(at, "NamespacesInScope", s.opt.NamespacesInScope)
	}
	if len(s.attrs) > int(e.attr) || !s.declaredInOrder(p) {
		e.flags |= tagDirty // canonical form has declarations first, by prefix
	}
	if len(s.bindings) == cap(s.bindings) {
		if s.bindings, err = grown(s, s.bindings, bindingBytes, at); err != nil {
			return s.fail(at, err)
		}
	}
	e.flags |= hasDecl
	s.bindings = append(s.bindings, binding{prev: s.scope, shadowed: shadowed, prefix: p, uri: u})
	s.scope = uint32(len(s.bindings) - 1)
	s.active[p] = active{s.scope, u}
	return nil
}

// declaredInOrder reports whether prefix p sorts behind the declaration before
// it on the same tag.
func (s *scanner) declaredInOrder(p uint16) bool {
	if uint32(len(s.bindings)) == s.firstOwn {
		return true
	}
	list := s.doc.names.prefixes.list
	return list[s.bindings[len(s.bindings)-1].prefix] < list[p]
}

// namespace returns the number of the namespace name that is declared for
// prefix p.
func (s *scanner) namespace(p uint16, name []byte) (uint16, error) {
	uris := &s.doc.names.uris
	u := uris.find(name)
	if err := s.checkDeclaration(p, name, u != noID); err != nil || u != noID {
		return u, err
	}
	if err := s.reserveName(len(name)); err != nil {
		return u, err
	}
	u, ok := uris.intern(name)
	if !ok {
		return u, &LimitError{"distinct namespace names", maxNames}
	}
	return u, nil
}

func (s *scanner) checkDeclaration(p uint16, name []byte, known bool) error {
	switch string(name) {
	case namespaceXML:
		if p != prefixXML {
			return ErrReservedPrefix
		}
		return nil
	case namespaceXMLNS:
		return ErrReservedPrefix
	case "":
		if p != prefixNone {
			return ErrEmptyNamespace
		}
		return nil
	}
	if p == prefixXML || p == prefixXMLNS {
		return ErrReservedPrefix
	}
	if !known && !s.opt.RelativeNamespaces && !hasScheme(name) {
		return fmt.Errorf("%w %q", ErrRelativeNamespace, clip(string(name), 80))
	}
	return nil
}

// hasScheme reports whether b starts like an absolute URI (RFC 3986 3.1).
func hasScheme(b []byte) bool {
	for i, c := range b {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z':
		case i > 0 && c == ':':
			return true
		case i > 0 && (c >= '0' && c <= '9' || strings.IndexByte("+-.", c) >= 0):
		default:
			return false
		}
	}
	return false
}

// prefix returns the number of a prefix that stands in the tag at offset. A
// small cache has it for nearly all tags.
func (s *scanner) prefix(b []byte, offset int) (uint16, error) {
	if len(b) == 0 {
		return prefixNone, nil
	}
	slot := &s.prefixes[(uint(b[0])+3*uint(b[len(b)-1])+5*uint(len(b)))%uint(len(s.prefixes))]
	if s.doc.names.prefixes.list[*slot] == string(b) {
		return *slot, nil
	}
	id := s.doc.names.prefixes.find(b)
	if id == noID {
		if err := s.reserveName(len(b)); err != nil {
			return 0, s.fail(offset, err)
		}
		var ok bool
		if id, ok = s.doc.names.prefixes.intern(b); !ok {
			return 0, s.limit(offset, "distinct prefixes", maxNames)
		}
	}
	for int(id) >= len(s.active) {
		s.active = append(s.active, active{uri: noID})
	}
	*slot = id
	return id, nil
}

// undeclared returns the error for an undeclared prefix at offset.
func (s *scanner) undeclared(prefix uint16, offset int) error {
	if prefix == prefixXMLNS {
		return s.fail(offset, ErrReservedPrefix)
	}
	return s.fail(offset, fmt.Errorf("%w %q", ErrUndeclaredPrefix, clip(s.doc.names.prefixes.list[prefix], 80)))
}

// resolveAttributes resolves the namespaces of the attributes of e, and checks
// that no two have the same expanded name (Namespaces 1.0, 6.3). Attributes in
// canonical order, the usual case, need one comparison each.
func (s *scanner) resolveAttributes(e *element) error {
	own := s.attrs[e.attr:]
	for i := range own {
		a := &own[i]
		if a.prefix != prefixNone {
			if a.uri = s.active[a.prefix].uri; a.uri == noID {
				return s.undeclared(a.prefix, int(a.name))
			}
			if s.ownNames && s.fromOutside(a.prefix) {
				return s.fail(int(a.name), ErrOuterName)
			}
		}
		if i > 0 && e.flags&unsorted == 0 && s.doc.compareAttrs(&own[i-1], a) >= 0 {
			e.flags |= unsorted | tagDirty
		}
	}
	if e.flags&unsorted == 0 {
		return nil
	}
	s.ranks = s.doc.rank(s.ranks[:0], own)
	if at, found := s.doc.duplicate(s.ranks, own); found {
		return s.fail(int(own[at].name), ErrDuplicateAttribute)
	}
	return nil
}

// repeats adds up the octets of what an exclusive canonicalizer may have to
// declare again on e because its parent does not use the same prefixes.
func (s *scanner) repeats(e *element) error {
	const syntax = len(` xmlns:=""`)
	sizes := s.doc.names.uris.sizes
	s.repetition += int(sizes[e.uri]) + syntax
	if e.flags&attrPrefixed != 0 {
		for _, a := range s.attrs[e.attr:] {
			s.repetition += int(sizes[a.uri]) + syntax
		}
	}
	if s.repetition > s.mostRepeated {
		return s.limit(int(e.start), "repeated namespace declarations", s.mostRepeated)
	}
	return nil
}
