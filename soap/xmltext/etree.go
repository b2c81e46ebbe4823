package xmltext

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// Element returns a copy of n as an etree element that stands alone: all
// namespace declarations in scope are attributes of it. Text is resolved and
// normalised, comments and processing instructions are left out. Writing the
// copy needs etree's CanonicalText and CanonicalAttrVal; [FromElement] sets
// them.
func (n Node) Element() *etree.Element {
	if n.doc == nil {
		return nil
	}
	d := n.doc
	var store [32]binding
	return d.etree(n.index, d.inScope(store[:0], n.element().scope))
}

// etree copies element i with the given declarations.
func (d *Doc) etree(i uint32, declarations []binding) *etree.Element {
	prefixes, uris := d.names.prefixes.list, d.names.uris.list
	e := etree.NewElement(string(d.local(i)))
	e.Space = prefixes[d.elements[i].prefix]
	for _, b := range declarations {
		if b.prefix == prefixNone {
			e.CreateAttr("xmlns", uris[b.uri])
		} else {
			e.CreateAttr("xmlns:"+prefixes[b.prefix], uris[b.uri])
		}
	}
	attrs := d.attrsOf(i)
	for j := range attrs {
		e.CreateAttr(string(d.src[attrs[j].name:][:attrs[j].nameLen]), string(d.attrValue(&attrs[j])))
	}
	d.etreeContent(e, i)
	return e
}

// etreeContent copies what is inside element i into parent.
func (d *Doc) etreeContent(parent *etree.Element, i uint32) {
	e := &d.elements[i]
	e.mustBeWhole()
	pos := e.inside()
	for c := i + 1; c < e.subEnd; c = d.elements[c].subEnd {
		child := &d.elements[c]
		etreeText(parent, d.src[pos:child.start])
		if child.flags&grafted != 0 {
			d.graftAt(c).etreeContent(parent, 0)
		} else {
			parent.AddChild(d.etree(c, d.own(c)))
		}
		pos = child.end
	}
	etreeText(parent, d.src[pos:e.contentEnd])
}

func etreeText(parent *etree.Element, gap []byte) {
	if text := appendGap(nil, gap); len(text) > 0 {
		parent.CreateText(string(text))
	}
}

// own returns the declarations on element i itself, without the prefix xml.
func (d *Doc) own(i uint32) []binding {
	var own []binding
	for b, outer := d.elements[i].scope, d.outerScope(i); b != outer; b = d.bindings[b].prev {
		if d.bindings[b].prefix != prefixXML {
			own = append(own, d.bindings[b])
		}
	}
	return own
}

// FromElement returns e as XML text that parses to the same tree. Prefixes that
// e uses must be declared in it. The text passes [Scan]; for a tree that is not
// well-formed XML the error matches [ErrNotSerializable].
func FromElement(e *etree.Element) ([]byte, error) {
	if err := checkCharacters(e); err != nil {
		return nil, err
	}
	doc := etree.NewDocumentWithRoot(e.Copy())
	doc.WriteSettings = etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true}
	text, err := doc.WriteToBytes()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotSerializable, err)
	}
	if _, err := Scan(text, Options{Limits: Limits{MessageBytes: -1}}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotSerializable, err)
	}
	return text, nil
}

// checkCharacters refuses characters that etree would replace by U+FFFD.
func checkCharacters(e *etree.Element) error {
	check := func(s string) error {
		for i, r := range s {
			if !isChar(r) || r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
				return fmt.Errorf("%w: %w in %s", ErrNotSerializable, ErrCharacter, clip(e.GetPath(), pathBytes))
			}
		}
		return nil
	}
	for _, a := range e.Attr {
		if err := check(a.Value); err != nil {
			return err
		}
	}
	for _, token := range e.Child {
		var err error
		switch c := token.(type) {
		case *etree.CharData:
			err = check(c.Data)
		case *etree.Element:
			err = checkCharacters(c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
