package xmltext

import (
	"bytes"
	"slices"
	"strings"
)

// AppendDetached appends n as source octets that mean the same in any place:
// all namespace declarations in scope stand on its start tag, including
// xmlns="". Grafts replace the EncryptedData they stand for, and comments,
// which digests do not cover, are left out.
func (n Node) AppendDetached(dst []byte) []byte {
	if n.doc == nil {
		return dst
	}
	w := detacher{dst: dst}
	w.element(n.doc, n.index, n.doc.declarations(nil, n.index))
	return w.dst
}

// AppendDetachedContent appends the content of n, each child element as
// [Node.AppendDetached] does, so that it repeats all declarations in scope.
// This is the plaintext of an EncryptedData of Type Content.
func (n Node) AppendDetachedContent(dst []byte) []byte {
	if n.doc == nil {
		return dst
	}
	w := detacher{dst: dst}
	w.content(n.doc, n.index, true)
	return w.dst
}

// detacher collects source octets that are taken out of their place.
type detacher struct{ dst []byte }

// declarations appends the namespace declarations in scope at element i by
// prefix, as they stand on a start tag, to out.
func (d *Doc) declarations(out []byte, i uint32) []byte {
	var store [32]binding
	list := d.inScope(store[:0], d.elements[i].scope)
	prefixes := d.names.prefixes.list
	slices.SortFunc(list, func(a, b binding) int {
		return strings.Compare(prefixes[a.prefix], prefixes[b.prefix])
	})
	out = slices.Grow(out, d.declarationSizes(list))
	for _, b := range list {
		out = d.appendDeclaration(out, b)
	}
	return out
}

// declarationSizes returns the octets of declarations as they stand on a start
// tag.
func (d *Doc) declarationSizes(list []binding) (octets int) {
	for _, b := range list {
		octets += len(` xmlns=""`) + int(d.names.uris.sizes[b.uri])
		if b.prefix != prefixNone {
			octets += len(":") + len(d.names.prefixes.list[b.prefix])
		}
	}
	return octets
}

// appendDeclaration appends b as it stands on a start tag.
func (d *Doc) appendDeclaration(dst []byte, b binding) []byte {
	dst = append(dst, " xmlns"...)
	if b.prefix != prefixNone {
		dst = append(append(dst, ':'), d.names.prefixes.list[b.prefix]...)
	}
	dst = append(dst, `="`...)
	dst = AppendEscapedAttr(dst, d.names.uris.list[b.uri])
	return append(dst, '"')
}

// element writes element i with declarations in place of its own.
func (w *detacher) element(d *Doc, i uint32, declarations []byte) {
	e := &d.elements[i]
	w.dst = append(append(w.dst, '<'), d.qname(i)...)
	w.dst = append(w.dst, declarations...)
	attrs := d.attrsOf(i)
	for j := range attrs {
		a := &attrs[j]
		quote := d.src[a.value-1]
		w.dst = append(append(w.dst, ' '), d.src[a.name:][:a.nameLen]...)
		w.dst = append(append(w.dst, '=', quote), d.rawValue(a)...)
		w.dst = append(w.dst, quote)
	}
	if e.flags&emptyTag != 0 {
		w.dst = append(w.dst, "/>"...)
		return
	}
	w.dst = append(w.dst, '>')
	w.inside(d, i)
}

// content writes what is inside element i. If top is set, its elements are
// taken out of their place and repeat the declarations in scope.
func (w *detacher) content(d *Doc, i uint32, top bool) {
	e := &d.elements[i]
	pos := e.inside()
	var scope uint32 // that declarations are of; siblings mostly share one
	var room [256]byte
	var declarations []byte
	for c := i + 1; c < e.subEnd; c = d.elements[c].subEnd {
		child := &d.elements[c]
		w.gap(d.src[pos:child.start], child.flags&headDirty == 0)
		switch {
		case child.flags&grafted != 0:
			w.content(d.graftAt(c), 0, top)
		case top:
			if declarations == nil || scope != child.scope {
				scope, declarations = child.scope, d.declarations(room[:0], c)
			}
			w.element(d, c, declarations)
		default:
			w.copy(d, c)
		}
		pos = child.end
	}
	w.gap(d.src[pos:e.contentEnd], e.flags&tailDirty == 0)
}

// copy writes element i as it is.
func (w *detacher) copy(d *Doc, i uint32) {
	e := &d.elements[i]
	w.dst = append(w.dst, d.src[e.start:e.contentStart]...)
	if e.flags&emptyTag == 0 {
		w.inside(d, i)
	}
}

// inside writes the content and the end tag of element i. If the document has
// no comments and no grafts, and all its text, that is the source.
func (w *detacher) inside(d *Doc, i uint32) {
	e := &d.elements[i]
	if !d.comments && len(d.grafts) == 0 && !d.anyTaken {
		w.dst = append(w.dst, d.src[e.contentStart:e.end]...)
		return
	}
	w.content(d, i, false)
	w.dst = append(w.dst, d.src[e.contentEnd:e.end]...)
}

// gap writes content without tags, except comments.
func (w *detacher) gap(gap []byte, clean bool) {
	if clean {
		w.text(gap)
		return
	}
	for len(gap) > 0 {
		kind, body, rest := nextPiece(gap)
		switch kind {
		case pieceComment:
		case pieceText:
			w.text(body)
		default:
			w.dst = append(w.dst, gap[:len(gap)-len(rest)]...)
		}
		gap = rest
	}
}

// text writes text as it is, taking care that it does not make "]]>" or a line
// end of CR and LF with text from before a comment or from across a graft.
func (w *detacher) text(b []byte) {
	switch {
	case len(b) == 0:
	case bytes.HasSuffix(w.dst, []byte{']'}):
		n := 0
		for n < len(b) && b[n] == ']' {
			n++
		}
		if n < len(b) && b[n] == '>' {
			w.dst = append(append(w.dst, b[:n]...), "&gt;"...)
			b = b[n+1:]
		}
	case bytes.HasSuffix(w.dst, []byte{'\r'}) && b[0] == '\n':
		w.dst = append(w.dst, "&#xA;"...)
		b = b[1:]
	}
	w.dst = append(w.dst, b...)
}
