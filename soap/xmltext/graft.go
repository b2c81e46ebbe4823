package xmltext

// GraftKind says what a plaintext must be (XML Encryption 1.0, 3.1: the Type of
// EncryptedData).
type GraftKind uint8

const (
	GraftContent GraftKind = iota // any well-formed content
	GraftElement                  // exactly one element and nothing around it
)

// Graft puts plaintext in the place of n, an EncryptedData. The plaintext is
// UTF-8 and is scanned in the namespace scope of the parent of n; what n itself
// declares does not apply to it. Depth counts on from the parent, the other
// limits of opt are for the plaintext alone.
//
// Afterwards walkers, text and canonical forms of the host see the plaintext
// instead of n. n itself, its attributes and children can still be read through
// Nodes that the caller holds. Graft retains plaintext. The error is a
// [*SyntaxError] with its offset in the plaintext; the host is then unchanged.
// Graft must not run concurrently with other uses of the document.
func (n Node) Graft(plaintext []byte, kind GraftKind, opt Options) error {
	if n.doc == nil || n.element().parent == noElement || n.Grafted() {
		return rootError(0, ErrGraft)
	}
	opt.Limits = opt.filled()
	if len(plaintext) > opt.MessageBytes {
		return rootError(opt.MessageBytes, &LimitError{"MessageBytes", opt.MessageBytes})
	}
	if opt.Charset != "" {
		if err := encUTF8.checkLabel("charset", opt.Charset); err != nil {
			return rootError(0, err)
		}
		if err := checkASCII(plaintext, "charset", opt.Charset); err != nil {
			return err
		}
	}
	g := &Doc{src: plaintext, names: n.doc.names, host: n.doc, hostIndex: n.index}
	s := scanner{opt: opt, cur: noElement, floor: noElement}
	if err := s.init(g); err != nil {
		return err
	}
	s.openStub(n)
	if err := s.run(0); err != nil {
		return err
	}
	if kind == GraftElement && !g.isOneElement() {
		return s.fail(0, ErrGraftNotOneElement)
	}
	if n.doc.grafts == nil {
		n.doc.grafts = make(map[uint32]*Doc)
	}
	n.doc.grafts[n.index] = g
	n.element().flags |= grafted
	return nil
}

// openStub starts the index with the stand-in for the plaintext and with the
// declarations in scope where it will stand.
func (s *scanner) openStub(n Node) {
	host := n.doc
	outer := host.inScope(nil, host.outerScope(n.index))
	for _, b := range outer {
		s.bindings = append(s.bindings, binding{
			prev: s.scope, shadowed: s.active[b.prefix].binding, prefix: b.prefix, uri: b.uri,
		})
		s.scope = uint32(len(s.bindings) - 1)
		s.active[b.prefix] = active{s.scope, b.uri}
	}
	s.given = len(s.bindings)
	s.doc.scope = s.scope
	s.inScope = len(outer)
	for p := n.Parent(); p.doc != nil; p = p.Parent() {
		s.depth++
	}
	end := uint32(len(s.doc.src))
	s.elements = append(s.elements, element{contentEnd: end, end: end, parent: noElement, scope: s.scope})
	s.cur, s.floor = 0, 0
}

// isOneElement reports whether d, a graft, is one element from its first octet
// to its last.
func (d *Doc) isOneElement() bool {
	return len(d.elements) > 1 && d.elements[1].start == 0 && int(d.elements[1].end) == len(d.src)
}

// Grafted reports whether a graft stands in the place of n.
func (n Node) Grafted() bool {
	return n.doc != nil && n.element().flags&grafted != 0
}

// Replacement returns the first element of the plaintext that stands in the
// place of n, or the zero Node when there is none.
func (n Node) Replacement() Node {
	if !n.Grafted() {
		return Node{}
	}
	return n.doc.grafts[n.index].Root()
}
