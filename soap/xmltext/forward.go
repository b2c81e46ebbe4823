package xmltext

import "github.com/wssgate/wssgate/internal/pool"

// AppendSource appends n as source octets for a place with the same namespace
// declarations in scope. Grafts replace the EncryptedData they stand for, and
// comments, which digests do not cover, are left out.
func (n Node) AppendSource(dst []byte) []byte {
	if n.doc == nil {
		return dst
	}
	w := detacher{dst: dst}
	w.copy(n.doc, n.index)
	return w.dst
}

// AppendSourceContent appends the content of n as [Node.AppendSource] does.
func (n Node) AppendSourceContent(dst []byte) []byte {
	if n.doc == nil {
		return dst
	}
	w := detacher{dst: dst}
	w.content(n.doc, n.index, false)
	return w.dst
}

// AppendScopeTag appends a start tag with the name of n and all namespace
// declarations in scope at n, and nothing else of n. What [Node.AppendSource]
// appends for children of n can follow it.
func (n Node) AppendScopeTag(dst []byte) []byte {
	if n.doc == nil {
		return dst
	}
	dst = append(append(dst, '<'), n.doc.qname(n.index)...)
	dst = n.doc.declarations(dst, n.index)
	return append(dst, '>')
}

// AppendOwnTag is [Node.AppendScopeTag] with only those declarations that stand
// on n.
func (n Node) AppendOwnTag(dst []byte) []byte {
	if n.doc == nil {
		return dst
	}
	d := n.doc
	outer := d.outerScope(n.index)
	dst = append(append(dst, '<'), d.qname(n.index)...)
	for b := d.elements[n.index].scope; b != outer; b = d.bindings[b].prev {
		dst = d.appendDeclaration(dst, d.bindings[b])
	}
	return append(dst, '>')
}

// AppendEndTag appends the end tag of n.
func (n Node) AppendEndTag(dst []byte) []byte {
	if n.doc == nil {
		return dst
	}
	return append(append(append(dst, "</"...), n.doc.qname(n.index)...), '>')
}

// ScopeSize returns the number of octets that the declarations in scope at n
// take on a start tag.
func (n Node) ScopeSize() int {
	if n.doc == nil {
		return 0
	}
	var store [32]binding
	return n.doc.declarationSizes(n.doc.inScope(store[:0], n.element().scope))
}

// mostUnpruned is the size of the largest index that Prune leaves as it is: its
// memory is used for another message soon.
const mostUnpruned = pool.Largest

// mostKept is the part of an index that Prune may copy: no more than one in so many.
// The copy is in no budget while the collector has not yet got what it was made of.
const mostKept = 16

// Prune gives up the index of what is inside the children of n, a Body that is
// only to be written any more, if that index is large: it takes more memory than
// the Body. The children, or those of a graft in n, keep their names, attributes,
// declarations and source. What is inside them is copied as a whole; to ask for
// elements, text or a canonical form there panics. Nodes inside n may not be used
// any more. Prune does nothing if there are comments, which are not copied, if n is
// not last in its document, or if its children are more than a sixteenth of the
// index: so much new memory is never missed. It must not run concurrently with other
// uses of the document.
func (n Node) Prune() {
	if n.doc == nil {
		return
	}
	for _, g := range n.doc.grafts {
		if n.doc.elements[g.index].parent == n.index {
			g.doc.prune(0)
		}
	}
	n.doc.prune(n.index)
}

// prune is Prune of element top.
func (d *Doc) prune(top uint32) {
	end := d.elements[top].subEnd
	if cap(d.elements)*elementBytes <= mostUnpruned || d.comments || len(d.grafts) > 0 || d.anyTaken ||
		int(end) != len(d.elements) {
		return
	}
	children, attrs := 0, int(d.elements[top].attr)+len(d.attrsOf(top))
	for c := top + 1; c < end; c = d.elements[c].subEnd {
		children++
		attrs += len(d.attrsOf(c))
	}
	if int(top)+1+children > len(d.elements)/mostKept || attrs*attributeBytes > cap(d.elements)*elementBytes/mostKept {
		return
	}
	kept := append(make([]element, 0, int(top)+1+children), d.elements[:top+1]...)
	keptAttrs := make([]attribute, 0, attrs)
	keptAttrs = append(append(keptAttrs, d.attrs[:d.elements[top].attr]...), d.attrsOf(top)...)
	for c := top + 1; c < end; c = d.elements[c].subEnd {
		e := d.elements[c]
		e.attr = uint32(len(keptAttrs))
		keptAttrs = append(keptAttrs, d.attrsOf(c)...)
		if e.subEnd > c+1 {
			e.flags |= pruned
			d.pruned = true
		}
		e.subEnd = uint32(len(kept) + 1)
		kept = append(kept, e)
	}
	for i := top; i != noElement; i = kept[i].parent {
		kept[i].subEnd = uint32(len(kept))
	}
	d.elements, d.attrs = kept, keptAttrs
	d.tables.elements, d.tables.attrs = nil, nil
}

// mustBeWhole panics if e was pruned.
func (e *element) mustBeWhole() {
	if e.flags&pruned != 0 {
		panic("xmltext: use of what is inside an element that was pruned")
	}
}
