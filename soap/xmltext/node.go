package xmltext

import (
	"fmt"
	"iter"
	"strings"
)

// Name is an expanded name (Namespaces in XML 1.0, 2.1).
type Name struct{ Space, Local string }

// String returns "{space}local", or the local name alone when there is no
// namespace.
func (n Name) String() string {
	if n.Space == "" {
		return n.Local
	}
	return "{" + n.Space + "}" + n.Local
}

// Root returns the root element; for the Doc of a graft, the first element of
// the plaintext, or the zero [Node] when it has none.
func (d *Doc) Root() Node {
	if d.host == nil {
		return Node{d, 0}
	}
	return Node{d, 0}.FirstChild()
}

// Source returns the octets that were scanned, as UTF-8. They must not be
// modified.
func (d *Doc) Source() []byte { return d.src }

// Count returns the number of elements and of attributes that were scanned,
// grafts and namespace declarations not counted.
func (d *Doc) Count() (elements, attributes int) { return len(d.elements), len(d.attrs) }

// Node is one element of a [Doc]. It is a small value; two Nodes are the same
// element exactly when they are equal. The zero Node is no element: it has no
// name, no relatives and no content. It is safe for concurrent use as its Doc
// is.
type Node struct {
	doc   *Doc
	index uint32
}

// IsZero reports whether n is no element.
func (n Node) IsZero() bool { return n.doc == nil }

// Doc returns the [Doc] whose source n is in: for a node of a graft, that of
// the plaintext.
func (n Node) Doc() *Doc { return n.doc }

func (n Node) element() *element { return &n.doc.elements[n.index] }

// Name returns the expanded name.
func (n Node) Name() Name { return Name{n.Space(), n.Local()} }

// Is reports whether n has the given expanded name. It does not allocate.
func (n Node) Is(space, local string) bool {
	return n.doc != nil && string(n.doc.local(n.index)) == local && n.Space() == space
}

// Space returns the namespace name, empty for none.
func (n Node) Space() string {
	if n.doc == nil {
		return ""
	}
	return n.doc.names.uris.list[n.element().uri]
}

// Local returns the local name. It may share the memory of the source.
func (n Node) Local() string {
	if n.doc == nil {
		return ""
	}
	return view(n.doc.local(n.index))
}

// Prefix returns the prefix as written, empty for none.
func (n Node) Prefix() string {
	if n.doc == nil {
		return ""
	}
	return n.doc.names.prefixes.list[n.element().prefix]
}

// Parent returns the element that n is in. The parent of a grafted element is
// that of the EncryptedData it stands for.
func (n Node) Parent() Node {
	if n.doc == nil {
		return Node{}
	}
	p := n.element().parent
	if p == noElement {
		return Node{}
	}
	if n.doc.stub(p) {
		return Node{n.doc.host, n.doc.hostIndex}.Parent()
	}
	return Node{n.doc, p}
}

// FirstChild returns the first element directly inside n, or the zero [Node].
func (n Node) FirstChild() Node {
	if n.doc == nil {
		return Node{}
	}
	return n.doc.from(n.index+1, n.index)
}

// NextSibling returns the next element with the same parent, or the zero
// [Node].
func (n Node) NextSibling() Node {
	for n.doc != nil {
		p := n.element().parent
		if p == noElement {
			return Node{}
		}
		if s := n.doc.from(n.element().subEnd, p); s.doc != nil || !n.doc.stub(p) {
			return s
		}
		n = Node{n.doc.host, n.doc.hostIndex}
	}
	return Node{}
}

// from returns the first element at index i or behind it among the children of
// parent, descending into grafts.
func (d *Doc) from(i, parent uint32) Node {
	d.elements[parent].mustBeWhole()
	for i < d.elements[parent].subEnd {
		if d.elements[i].flags&grafted == 0 {
			return Node{d, i}
		}
		g := d.graftAt(i)
		if n := g.from(1, 0); n.doc != nil {
			return n
		}
		i = d.elements[i].subEnd
	}
	return Node{}
}

// Child returns the first child with the given expanded name, or the zero
// [Node].
func (n Node) Child(space, local string) Node {
	for c := n.FirstChild(); c.doc != nil; c = c.NextSibling() {
		if c.Is(space, local) {
			return c
		}
	}
	return Node{}
}

// Children returns the elements directly inside n in document order.
func (n Node) Children() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for c := n.FirstChild(); c.doc != nil; c = c.NextSibling() {
			if !yield(c) {
				return
			}
		}
	}
}

// Descendants returns the elements inside n at any depth in document order.
func (n Node) Descendants() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		depth := 0
		for c := n.FirstChild(); c.doc != nil; {
			if !yield(c) {
				return
			}
			if child := c.FirstChild(); child.doc != nil {
				c, depth = child, depth+1
				continue
			}
			next := c.NextSibling()
			for next.doc == nil && depth > 0 {
				c, depth = c.Parent(), depth-1
				next = c.NextSibling()
			}
			c = next
		}
	}
}

// Contains reports whether m is n or inside n. What was grafted in the place of
// an element is inside that element's parent, not inside the element.
func (n Node) Contains(m Node) bool {
	if n.doc == nil || m.doc == nil {
		return false
	}
	replaced := false
	for m.doc != n.doc {
		if m.doc.host == nil {
			return false
		}
		m, replaced = Node{m.doc.host, m.doc.hostIndex}, true
	}
	if replaced && n == m {
		return false
	}
	return n.index <= m.index && m.index < n.element().subEnd
}

// Offset returns the offset of the start tag in n.Doc().Source().
func (n Node) Offset() int64 {
	if n.doc == nil {
		return 0
	}
	return int64(n.element().start)
}

// SourceRange returns offsets in n.Doc().Source(): of the start tag, behind it,
// of the end tag and behind it. An empty-element tag has its contentStart and
// contentEnd at end.
func (n Node) SourceRange() (start, contentStart, contentEnd, end int) {
	if n.doc == nil {
		return 0, 0, 0, 0
	}
	e := n.element()
	return int(e.start), int(e.contentStart), int(e.contentEnd), int(e.end)
}

// Bounds of Path, which goes into logs.
const (
	pathNameBytes = 64
	pathBytes     = 1024
)

// Path returns the path of n for people, such as
// "/Envelope/Header/Security[2]/Signature". It has local names; an element
// among siblings of the same local name has its position. Overlong names and
// paths are cut, with "…".
func (n Node) Path() string {
	var steps []string
	size := 0
	for n.doc != nil && n.doc.stub(n.index) {
		n = Node{n.doc.host, n.doc.hostIndex}.Parent()
	}
	for ; n.doc != nil; n = n.Parent() {
		step := "/" + clip(n.Local(), pathNameBytes) + n.position()
		if size += len(step); size > pathBytes {
			steps = append(steps, "/…")
			break
		}
		steps = append(steps, step)
	}
	if len(steps) == 0 {
		return "/"
	}
	var b strings.Builder
	for i := len(steps) - 1; i >= 0; i-- {
		b.WriteString(steps[i])
	}
	return b.String()
}

// position returns "[k]" when siblings share the local name of n.
func (n Node) position() string {
	local := string(n.doc.local(n.index))
	before, all := 0, 0
	for c := n.Parent().FirstChild(); c.doc != nil; c = c.NextSibling() {
		if string(c.doc.local(c.index)) != local {
			continue
		}
		if all++; c == n {
			before = all
		}
	}
	if all < 2 {
		return ""
	}
	return fmt.Sprintf("[%d]", before)
}
