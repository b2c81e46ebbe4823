package xmltext

import (
	"bytes"
	"cmp"
	"iter"
	"slices"
	"strings"
	"unsafe"
)

// view returns b, octets of a source, as a string without a copy: a Doc never
// modifies its source, and Scan forbids it to others. A quarter of the
// allocations of a verified message were copies of attribute values.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Attr returns the value of the attribute with the given expanded name,
// normalised (XML 1.0 3.3.3: CDATA) and with references resolved. An attribute
// without prefix has no namespace. Namespace declarations are not attributes.
// The value may share the memory of the source: clone it to keep it longer than
// the message.
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

// Attrs returns the attributes as [Node.Attr] does, in the order written.
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

// attrValue returns the normalised value of a, without a copy where possible.
func (d *Doc) attrValue(a *attribute) []byte {
	if raw := d.rawValue(a); a.cooked {
		return appendAttrValue(make([]byte, 0, len(raw)), raw)
	}
	return d.rawValue(a)
}

// LookupNamespace returns the namespace name that prefix is bound to at n. The
// empty prefix stands for the default namespace; ok is then always true, and
// uri empty when there is none. The prefix xml is always bound.
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

// A ranked is an attribute of an element, or a prefix, that is being sorted. Most comparisons
// are of two numbers: 250 attributes out of order took 50 times as long per octet
// as usual markup when each comparison read the names.
type ranked struct {
	head uint64 // of the local name or prefix
	uri  uint16 // of an attribute
	at   uint32 // index in the element's list; of a prefix, its number
}

// fewAttrs is how many attributes are sorted by insertion.
const fewAttrs = 12

// rank appends attrs to list in canonical order (Canonical XML 1.0 2.2), those of
// the same expanded name in the order written. List is empty.
func (d *Doc) rank(list []ranked, attrs []attribute) []ranked {
	for i := range attrs {
		list = append(list, ranked{head(d.attrLocal(&attrs[i])), attrs[i].uri, uint32(i)})
	}
	if len(list) > fewAttrs {
		slices.SortFunc(list, func(a, b ranked) int {
			if a.uri == b.uri && a.head != b.head {
				if a.head < b.head {
					return -1
				}
				return 1
			}
			return cmp.Or(d.compareAttrs(&attrs[a.at], &attrs[b.at]), cmp.Compare(a.at, b.at))
		})
		return list
	}
	for i := 1; i < len(list); i++ {
		r, j := list[i], i
		for ; j > 0; j-- {
			p := &list[j-1]
			if p.uri == r.uri && p.head != r.head {
				if p.head < r.head {
					break
				}
			} else if d.compareAttrs(&attrs[p.at], &attrs[r.at]) <= 0 {
				break
			}
			list[j] = *p
		}
		list[j] = r
	}
	return list
}

// head returns the first eight octets of a name as a number that orders as they
// do. A shorter name comes before those that it begins, since no name has a NUL.
func head[T string | []byte](name T) (n uint64) {
	for i := range min(len(name), 8) {
		n |= uint64(name[i]) << (56 - 8*i)
	}
	return n
}

// duplicate returns the index of the first attribute that has the expanded name
// of one before it, and whether there is one. List is in canonical order.
func (d *Doc) duplicate(list []ranked, attrs []attribute) (at uint32, found bool) {
	for i := 1; i < len(list); i++ {
		a, b := &list[i-1], &list[i]
		if a.uri == b.uri && a.head == b.head && d.compareAttrs(&attrs[a.at], &attrs[b.at]) == 0 &&
			(!found || b.at < at) {
			at, found = b.at, true
		}
	}
	return at, found
}

// compareAttrs orders by namespace name, then by local name, both by code
// point (Canonical XML 1.0 2.2).
func (d *Doc) compareAttrs(a, b *attribute) int {
	if a.uri != b.uri {
		return strings.Compare(d.names.uris.list[a.uri], d.names.uris.list[b.uri])
	}
	return bytes.Compare(d.attrLocal(a), d.attrLocal(b))
}
