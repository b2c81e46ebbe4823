package xmltext

import (
	"iter"
	"unsafe"
)

// view returns b, octets of a source, as a string without a copy: a Doc never
// modifies its source, and Scan forbids it to others. A quarter of the
// allocations of a verified message were copies of attribute values.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Attr returns the value of the attribute with the given expanded name,
// normalised (XML 1.0 3.3.3: CDATA) and with references resolved. An attribute
// without prefix has no namespace. Namespace declarations are no attributes.
// The value may share the memory of the source: whoever keeps it longer than
// the message clones it.
func (n Node) Attr(space, local string) (string, bool) {
	if n.doc == nil {
		return "", false
	}
	attrs := n.doc.attrsOf(n.index)
	for i := range attrs {
		a := &attrs[i]
		if string(n.doc.attrLocal(a)) == local && n.doc.names.uris.list[a.uri] == space {
			return view(n.doc.attrValue(a)), true
		}
	}
	return "", false
}

// Attrs returns the attributes as Attr does, in the order written.
func (n Node) Attrs() iter.Seq2[Name, string] {
	return func(yield func(Name, string) bool) {
		if n.doc == nil {
			return
		}
		attrs := n.doc.attrsOf(n.index)
		for i := range attrs {
			a := &attrs[i]
			name := Name{n.doc.names.uris.list[a.uri], view(n.doc.attrLocal(a))}
			if !yield(name, view(n.doc.attrValue(a))) {
				return
			}
		}
	}
}

// rawValue returns the octets between the quotes of a.
func (d *Doc) rawValue(a *attribute) []byte { return d.src[a.value:][:a.valueLen] }

// attrValue returns the normalised value of a, without a copy where it can.
func (d *Doc) attrValue(a *attribute) []byte {
	if raw := d.rawValue(a); a.cooked {
		return appendAttrValue(make([]byte, 0, len(raw)), raw)
	}
	return d.rawValue(a)
}

// LookupNamespace returns the namespace name that prefix is bound to at n. The
// empty prefix means the default namespace; ok is then always true, and uri
// empty when there is none. The prefix xml is always bound.
func (n Node) LookupNamespace(prefix string) (uri string, ok bool) {
	if n.doc == nil {
		return "", false
	}
	p := n.doc.names.prefixes.find([]byte(prefix))
	if p == noID {
		return "", false
	}
	u := n.doc.lookup(n.element().scope, p)
	if u == noID {
		return "", false
	}
	return n.doc.names.uris.list[u], true
}
