package xmltext

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// startTag scans the start tag or empty-element tag at lt (productions 40 and
// 44) and returns its end. No '<' follows before next, so the tag must end
// there.
func (s *scanner) startTag(lt, next int) (int, error) {
	tag := s.src[:next]
	colon, i, ok := scanQName(tag, lt+1)
	if !ok {
		return 0, s.badStart(lt, i, next)
	}
	if err := s.room(lt, i-lt-1); err != nil {
		return 0, err
	}
	e := element{
		start:   uint32(lt),
		parent:  s.cur,
		attr:    uint32(len(s.attrs)),
		nameLen: uint16(i - lt - 1),
	}
	if s.dirty {
		e.flags |= headDirty
		s.dirty = false
	}
	if colon != 0 {
		if e.prefix, ok = s.prefix(tag[lt+1 : colon]); !ok {
			return 0, s.limit(lt, "distinct prefixes", maxNames)
		}
	}
	s.firstOwn = uint32(len(s.bindings))
	i, err := s.attributes(&e, i, next)
	if err != nil {
		return 0, err
	}
	if e.uri, err = s.resolve(e.prefix, lt+1); err != nil {
		return 0, err
	}
	if err := s.resolveAttributes(&e); err != nil {
		return 0, err
	}
	e.scope = s.scope
	e.contentStart = uint32(i)
	s.elements = append(s.elements, e)
	s.cur = uint32(len(s.elements) - 1)
	s.depth++
	if e.flags&emptyTag != 0 {
		last := &s.elements[s.cur]
		last.contentEnd = e.contentStart
		s.close(last, i)
		return i, nil
	}
	s.markup++
	return i, s.repeats(&e)
}

// badStart is the error for a '<' at lt that no name follows.
func (s *scanner) badStart(lt, i, next int) error {
	if i >= next {
		return s.cut(i, next)
	}
	if i == lt+1 && classes[s.src[i]]&classHigh == 0 && s.src[i] != ':' && classes[s.src[i]]&className == 0 {
		return s.fail(lt, ErrMarkup)
	}
	return s.fail(i, ErrName)
}

// room checks the limits that one more element touches.
func (s *scanner) room(lt, nameLen int) error {
	switch {
	case s.cur == noElement && len(s.elements) > 0:
		return s.fail(lt, ErrSecondRoot)
	case s.depth >= s.opt.Depth:
		return s.limit(lt, "Depth", s.opt.Depth)
	case len(s.elements) >= s.opt.Elements+s.stubs():
		return s.limit(lt, "Elements", s.opt.Elements)
	case nameLen > s.opt.NameBytes:
		return s.limit(lt, "NameBytes", s.opt.NameBytes)
	}
	return nil
}

// stubs is the number of index entries that are no elements.
func (s *scanner) stubs() int {
	if s.doc.host != nil {
		return 1
	}
	return 0
}

// cut is the error for a tag that does not end before next.
func (s *scanner) cut(i, next int) error {
	if next == len(s.src) {
		return s.fail(next, ErrUnexpectedEnd)
	}
	return s.fail(i, ErrTag)
}

// attributes scans from behind the element's name to the end of the tag and
// returns that end.
func (s *scanner) attributes(e *element, i, next int) (int, error) {
	tag := s.src[:next]
	count := 0
	for {
		space := i
		i = skipSpace(tag, i)
		if i >= len(tag) {
			return 0, s.cut(i, next)
		}
		switch tag[i] {
		case '>':
			if i != space {
				e.flags |= tagDirty
			}
			return i + 1, nil
		case '/':
			if i+1 >= len(tag) || tag[i+1] != '>' {
				return 0, s.cut(i, min(next, i+1))
			}
			e.flags |= emptyTag | tagDirty
			return i + 2, nil
		}
		if i == space {
			return 0, s.fail(i, fmt.Errorf("%w: white space missing before attribute", ErrTag))
		}
		if i != space+1 || tag[space] != ' ' {
			e.flags |= tagDirty
		}
		if count++; count > s.opt.AttributesPerElement {
			return 0, s.limit(i, "AttributesPerElement", s.opt.AttributesPerElement)
		}
		var err error
		if i, err = s.attribute(e, i, next); err != nil {
			return 0, err
		}
	}
}

// attribute scans one attribute (production 41) at i and returns its end.
func (s *scanner) attribute(e *element, i, next int) (int, error) {
	tag := s.src[:next]
	name := i
	colon, i, ok := scanQName(tag, i)
	if !ok {
		if i >= next {
			return 0, s.cut(i, next)
		}
		return 0, s.fail(i, ErrName)
	}
	if i-name > s.opt.NameBytes {
		return 0, s.limit(name, "NameBytes", s.opt.NameBytes)
	}
	a := attribute{name: uint32(name), nameLen: uint16(i - name)}
	if i+1 < len(tag) && tag[i] == '=' && tag[i+1] == '"' {
		i++
	} else {
		e.flags |= tagDirty
		if i = skipSpace(tag, i); i < len(tag) && tag[i] != '=' {
			return 0, s.fail(i, ErrAttribute)
		}
		i = skipSpace(tag, i+1)
	}
	i, err := s.value(&a, i, next)
	if err != nil {
		return 0, err
	}
	if a.dirty {
		e.flags |= tagDirty
	}
	if len(s.attrs)+len(s.bindings)-s.given >= s.opt.Attributes {
		return 0, s.limit(name, "Attributes", s.opt.Attributes)
	}
	if colon != 0 {
		if a.prefix, ok = s.prefix(tag[name:colon]); !ok {
			return 0, s.limit(name, "distinct prefixes", maxNames)
		}
	}
	switch {
	case a.prefix == prefixXMLNS:
		return i, s.declare(e, &a, tag[colon+1:name+int(a.nameLen)])
	case a.prefix == prefixNone && string(tag[name:name+int(a.nameLen)]) == "xmlns":
		return i, s.declare(e, &a, nil)
	case a.prefix == prefixXML:
		e.flags |= hasXMLAttr
	case a.prefix != prefixNone:
		e.flags |= attrPrefixed
	}
	s.attrs = append(s.attrs, a)
	return i, nil
}

// value scans a quoted attribute value (production 10) at i and returns the
// offset behind the closing quote.
func (s *scanner) value(a *attribute, i, next int) (int, error) {
	tag := s.src[:next]
	if i >= len(tag) {
		return 0, s.cut(i, next)
	}
	quote := tag[i]
	if quote != '"' && quote != '\'' {
		return 0, s.fail(i, ErrAttribute)
	}
	i++
	a.value = uint32(i)
	reference := false
	for ; ; i++ {
		for i < len(tag) && classes[tag[i]]&classValue == 0 {
			i++
		}
		if i >= len(tag) {
			if next < len(s.src) {
				return 0, s.fail(next, ErrLessThan)
			}
			return 0, s.cut(i, next)
		}
		if tag[i] == quote {
			break
		}
		reference = reference || tag[i] == '&'
		a.dirty = a.dirty || tag[i] != '\''
	}
	a.valueLen = uint32(i) - a.value
	if int(a.valueLen) > s.opt.ValueBytes {
		return 0, s.limit(int(a.value), "ValueBytes", s.opt.ValueBytes)
	}
	if reference {
		return i + 1, s.references(int(a.value), i)
	}
	return i + 1, nil
}

// declare adds the namespace declaration a for prefix, nil meaning the default
// namespace (Namespaces 1.0, 3 and 5).
func (s *scanner) declare(e *element, a *attribute, prefix []byte) error {
	name := s.src[a.value:][:a.valueLen]
	if a.dirty {
		name = appendAttrValue(nil, name)
	}
	at := int(a.name)
	if len(name) > s.opt.NameBytes {
		return s.limit(at, "NameBytes", s.opt.NameBytes)
	}
	p, ok := s.prefix(prefix)
	if !ok {
		return s.limit(at, "distinct prefixes", maxNames)
	}
	if err := s.checkDeclaration(p, name); err != nil {
		return s.fail(at, err)
	}
	u, ok := s.doc.names.uris.intern(name)
	if !ok {
		return s.limit(at, "distinct namespace names", maxNames)
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

func (s *scanner) checkDeclaration(p uint16, name []byte) error {
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
	if s.doc.names.uris.find(name) == noID && !hasScheme(name) {
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

// prefix returns the number of a prefix. A small cache answers for nearly all
// tags.
func (s *scanner) prefix(b []byte) (uint16, bool) {
	if len(b) == 0 {
		return prefixNone, true
	}
	slot := &s.prefixes[(int(b[0])+3*int(b[len(b)-1])+5*len(b))%len(s.prefixes)]
	if s.doc.names.prefixes.list[*slot] == string(b) {
		return *slot, true
	}
	id, ok := s.doc.names.prefixes.intern(b)
	if !ok {
		return 0, false
	}
	for int(id) >= len(s.active) {
		s.active = append(s.active, active{uri: noID})
	}
	*slot = id
	return id, true
}

// resolve returns the namespace of a prefix used at offset.
func (s *scanner) resolve(prefix uint16, offset int) (uint16, error) {
	uri := s.active[prefix].uri
	if uri != noID {
		return uri, nil
	}
	if prefix == prefixXMLNS {
		return 0, s.fail(offset, ErrReservedPrefix)
	}
	return 0, s.fail(offset, fmt.Errorf("%w %q", ErrUndeclaredPrefix, clip(s.doc.names.prefixes.list[prefix], 80)))
}

// resolveAttributes gives the attributes of e their namespaces and checks that
// no two have the same expanded name (Namespaces 1.0, 6.3). Attributes in
// canonical order, the usual case, need one comparison each.
func (s *scanner) resolveAttributes(e *element) error {
	own := s.attrs[e.attr:]
	for i := range own {
		a := &own[i]
		if a.prefix != prefixNone {
			var err error
			if a.uri, err = s.resolve(a.prefix, int(a.name)); err != nil {
				return err
			}
		}
		if i > 0 && s.compareAttrs(&own[i-1], a) >= 0 {
			e.flags |= unsorted | tagDirty
		}
	}
	if e.flags&unsorted == 0 {
		return nil
	}
	var small [16]attribute
	sorted := append(small[:0], own...)
	slices.SortFunc(sorted, func(a, b attribute) int { return s.compareAttrs(&a, &b) })
	for i := 1; i < len(sorted); i++ {
		if s.compareAttrs(&sorted[i-1], &sorted[i]) == 0 {
			return s.fail(int(max(sorted[i-1].name, sorted[i].name)), ErrDuplicateAttribute)
		}
	}
	return nil
}

func (s *scanner) compareAttrs(a, b *attribute) int { return s.doc.compareAttrs(a, b) }

// compareAttrs orders by namespace name, then by local name, both by code
// point (Canonical XML 1.0 2.2).
func (d *Doc) compareAttrs(a, b *attribute) int {
	if a.uri != b.uri {
		return strings.Compare(d.names.uris.list[a.uri], d.names.uris.list[b.uri])
	}
	return bytes.Compare(d.attrLocal(a), d.attrLocal(b))
}

// repeats adds up what an exclusive canonicalizer might have to declare again
// on e because its parent does not use the same prefixes.
func (s *scanner) repeats(e *element) error {
	const syntax = len(` xmlns:=""`)
	uris := s.doc.names.uris.list
	if e.parent == noElement || s.elements[e.parent].prefix != e.prefix || s.elements[e.parent].uri != e.uri {
		s.repetition += len(uris[e.uri]) + syntax
	}
	if e.flags&attrPrefixed != 0 {
		for _, a := range s.attrs[e.attr:] {
			s.repetition += len(uris[a.uri]) + syntax
		}
	}
	if s.repetition/4 > s.opt.MessageBytes {
		return s.limit(int(e.start), "repeated namespace declarations", 4*s.opt.MessageBytes)
	}
	return nil
}
