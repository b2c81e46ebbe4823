package xmltext

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
