package xmltext

import (
	"cmp"
	"slices"
)

// GraftKind is what a plaintext must be (XML Encryption 1.0, 3.1: the Type of
// EncryptedData). The zero value is [GraftContent].
type GraftKind uint8

const (
	GraftContent GraftKind = iota // any well-formed content
	GraftElement                  // exactly one element and nothing around it
)

// GraftNames is which namespace declarations outside a plaintext its element
// and attribute names may use. A signature over the ciphertext does not cover
// the declarations around it that the signed element does not use itself: a
// change of those must not change the names in the plaintext. The zero value is
// [NamesInScope].
type GraftNames uint8

const (
	NamesInScope GraftNames = iota // every declaration in scope, as XML Encryption has it
	NamesParent                    // the prefix of the name of the element around the plaintext
	NamesOwn                       // none
)

// fromOutside reports whether a name with this prefix uses a declaration
// outside the plaintext that it may not use.
func (s *scanner) fromOutside(prefix uint16) bool {
	a := s.active[prefix]
	if int(a.binding) >= s.given || a.uri == uriNone || prefix == prefixXML {
		return false
	}
	parent := Node{s.doc.host, s.doc.hostIndex}.Parent()
	return s.opt.Names != NamesParent || parent.element().prefix != prefix
}

// Graft puts plaintext in the place of n, an EncryptedData. The plaintext is
// UTF-8 and is scanned in the namespace scope of the parent of n; what n itself
// declares does not apply to it. Depth counts on from the parent, the other
// limits of opt are for the plaintext alone.
//
// Afterwards walkers, text and canonical forms of the host see the plaintext
// instead of n. n itself, its attributes and children can still be read through
// Nodes that the caller holds. Graft retains plaintext. The error is a
// [*SyntaxError] with its offset in the plaintext; the host is then unchanged,
// and plaintext the caller's. Graft must not run concurrently with other uses of the document.
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
	err := s.run(0)
	if err == nil && kind == GraftElement && !g.isOneElement() {
		err = s.fail(0, ErrGraftNotOneElement)
	}
	if err != nil {
		s.giveBack()
		return err
	}
	g.owner = opt.Owner
	n.doc.addGraft(n.index, g)
	n.element().flags |= grafted
	n.doc.vary(n.element().parent)
	return nil
}

// A graft is the document in the place of an element.
type graft struct {
	index uint32
	doc   *Doc
}

func (d *Doc) addGraft(i uint32, g *Doc) {
	at, _ := d.searchGraft(i)
	d.grafts = slices.Insert(d.grafts, at, graft{i, g})
}

// graftAt returns the document in the place of element i, nil if there is none.
func (d *Doc) graftAt(i uint32) *Doc {
	if at, found := d.searchGraft(i); found {
		return d.grafts[at].doc
	}
	return nil
}

func (d *Doc) searchGraft(i uint32) (at int, found bool) {
	return slices.BinarySearchFunc(d.grafts, i, func(g graft, i uint32) int { return cmp.Compare(g.index, i) })
}

// openStub starts the index with the stand-in for the plaintext and with the
// declarations in scope where it will stand.
func (s *scanner) openStub(n Node) {
	host := n.doc
	var store [32]binding
	outer := host.inScope(store[:0], host.outerScope(n.index))
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
	s.elements = append(s.elements, element{contentEnd: end, end: end, parent: noElement, scope: s.scope,
		flags: varied})
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
// place of n, or the zero [Node] when there is none.
func (n Node) Replacement() Node {
	if !n.Grafted() {
		return Node{}
	}
	return n.doc.graftAt(n.index).Root()
}
