package xmltext

import "slices"

// element is one entry of the index: where an element is in the source. Its
// attributes are those from attr up to the next element's attr, its children
// the elements between it and its subEnd.
type element struct {
	start        uint32 // of '<'
	contentStart uint32 // behind the start tag's '>'
	contentEnd   uint32 // of the end tag's "</"
	end          uint32 // behind the end tag; an empty-element tag has contentStart == contentEnd == end
	parent       uint32 // index; the root's is noElement
	subEnd       uint32 // index behind the last descendant
	attr         uint32 // index of the first attribute
	scope        uint32 // index of the innermost namespace declaration in scope
	prefix       uint16
	uri          uint16
	nameLen      uint16 // octets of the qualified name
	flags        uint16
}

const noElement = ^uint32(0)

// inside returns where the content of e starts. Of an element whose text was taken
// that is its end tag.
func (e *element) inside() uint32 {
	if e.flags&taken != 0 {
		return e.contentEnd
	}
	return e.contentStart
}

// Flags of an element. "Dirty" means that the octets differ from their
// canonical form, "cooked" that they differ from the text that they stand for:
// "&amp;" is cooked, ">" is dirty, a comment is both.
const (
	headDirty    = 1 << iota // text between the previous tag and the start tag
	headCooked               //
	tailDirty                // text between the last child and the end tag
	tailCooked               //
	tagDirty                 // start tag: spacing, quotes, values, order
	endDirty                 // white space in the end tag
	emptyTag                 // <a/>
	hasDecl                  // declares namespaces
	attrPrefixed             // an attribute has a prefix other than xml
	unsorted                 // attributes are not in canonical order
	hasXMLAttr               // has an attribute with the prefix xml
	grafted                  // a graft stands in its place
	varied                   // what is inside is not verbatim, or has a name of another prefix
	taken                    // its text was taken: the octets inside are none of its
	pruned                   // the index has nothing of what is inside

	headToTail = 2 // bits from a head flag to its tail flag
)

// notVerbatim are the flags that keep a start tag, or the text before it, from
// being copied as it is when its prefix needs no declaration.
const notVerbatim = headDirty | tagDirty | emptyTag | hasDecl | attrPrefixed | grafted | taken

// attribute is one attribute that is not a namespace declaration.
type attribute struct {
	name     uint32 // offset of the qualified name
	value    uint32 // offset of the raw value, behind the quote
	valueLen uint32
	nameLen  uint16
	prefix   uint16
	uri      uint16
	dirty    bool // the raw value is not its own canonical form
	cooked   bool // the raw value differs from the value that it stands for
}

// binding is one namespace declaration. The bindings of a document make a
// forest: prev leads to the next outer one in scope.
type binding struct {
	prev     uint32
	shadowed uint32 // the binding that this one hides, 0 for none
	prefix   uint16
	uri      uint16
}

// Bindings that every index starts with. They are on no scope list.
const (
	bindingNone    = 0 // undeclared
	bindingDefault = 1 // no default namespace
	bindingXML     = 2
	firstBinding   = 3
)

// Doc is a message that [Scan] has scanned, or a plaintext that [Node.Graft]
// has grafted into one. It is safe for concurrent use by readers; Graft is a
// writer.
type Doc struct {
	src      []byte
	names    *nameTable
	elements []element
	attrs    []attribute
	bindings []binding
	grafts   []graft // by index
	comments bool    // there is a comment

	overwrite bool // Options.Overwrite
	anyTaken  bool // the text of an element was taken
	pruned    bool // elements were pruned

	// For a graft: the element in whose place it stands. Element 0 is then a
	// stand-in for the whole plaintext, without a tag.
	host      *Doc
	hostIndex uint32
	scope     uint32 // of the host's parent, as the start of the scope list

	tables *tables // the memory of all lists; nil once it is released
	owner  Owner   // of src; may be nil
}

// attrsOf returns the attributes of element i.
func (d *Doc) attrsOf(i uint32) []attribute {
	end := uint32(len(d.attrs))
	if int(i)+1 < len(d.elements) {
		end = d.elements[i+1].attr
	}
	return d.attrs[d.elements[i].attr:end]
}

// outerScope returns the scope list that element i adds its declarations to.
func (d *Doc) outerScope(i uint32) uint32 {
	if p := d.elements[i].parent; p != noElement {
		return d.elements[p].scope
	}
	return d.scope
}

// lookup returns the namespace that prefix is bound to in scope, or noID.
func (d *Doc) lookup(scope uint32, prefix uint16) uint16 {
	for b := scope; b != bindingNone; b = d.bindings[b].prev {
		if d.bindings[b].prefix == prefix {
			return d.bindings[b].uri
		}
	}
	switch prefix {
	case prefixNone:
		return uriNone
	case prefixXML:
		return uriXML
	}
	return noID
}

// inScope appends the declarations that are in effect in scope, innermost
// first, without the shadowed ones and without the prefix xml.
func (d *Doc) inScope(dst []binding, scope uint32) []binding {
	first := len(dst)
	var seen []bool // by prefix, once comparing gets slow
	for b := scope; b != bindingNone; b = d.bindings[b].prev {
		p := d.bindings[b].prefix
		if len(dst)-first == 32 && seen == nil {
			seen = make([]bool, len(d.names.prefixes.list))
			for _, s := range dst[first:] {
				seen[s.prefix] = true
			}
		}
		switch {
		case p == prefixXML:
		case seen != nil && seen[p]:
		case seen != nil:
			seen[p] = true
			dst = append(dst, d.bindings[b])
		case !slices.ContainsFunc(dst[first:], func(s binding) bool { return s.prefix == p }):
			dst = append(dst, d.bindings[b])
		}
	}
	return dst
}

// qname returns the qualified name of element i as written.
func (d *Doc) qname(i uint32) []byte {
	e := &d.elements[i]
	return d.src[e.start+1:][:e.nameLen]
}

// local returns the local part of the name of element i.
func (d *Doc) local(i uint32) []byte {
	return localPart(d.qname(i), d.names.prefixes.list[d.elements[i].prefix])
}

// attrLocal returns the local part of the name of a.
func (d *Doc) attrLocal(a *attribute) []byte {
	return localPart(d.src[a.name:][:a.nameLen], d.names.prefixes.list[a.prefix])
}

func localPart(qname []byte, prefix string) []byte {
	if prefix == "" {
		return qname
	}
	return qname[len(prefix)+1:]
}

// stub reports whether element i is the stand-in for a plaintext.
func (d *Doc) stub(i uint32) bool { return i == 0 && d.host != nil }
