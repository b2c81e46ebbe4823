package xmltext

import (
	"slices"
	"sort"
	"strings"
	"sync"
)

// NamespaceXSI is the namespace of xsi:type (XML Schema Part 1, 2.6.1).
const NamespaceXSI = "http://www.w3.org/2001/XMLSchema-instance"

// QNames is where content holds qualified names (XML Schema Part 2, 3.2.18),
// one or several separated by white space: in xsi:type, and in the values of
// the attributes and the text of the elements of these names. The zero value is
// xsi:type alone.
type QNames struct {
	Names []Name

	// CiphertextSigned is set if grafts were digested as ciphertext. The digest
	// then covers what they declare.
	CiphertextSigned bool
}

// UncoveredQName finds a qualified name in the content of n, grafts included,
// for which the exclusive canonical form c does not have the declaration of its
// prefix or, without one, of the default namespace. The form has only the
// declarations that names of elements and attributes use, and those of the
// PrefixList; a change of any other changes the meaning of the content and no
// digest. It returns the name of the attribute or element that holds the
// qualified name; ok is false if there is none.
//
// It examines each attribute once if one of the namespaces is declared anywhere
// in the message, and each element once if q has names. Its time is linear in
// the message.
func (n Node) UncoveredQName(c C14N, q QNames) (at Name, ok bool) {
	if n.doc == nil || c.Method.inclusive() {
		return Name{}, false // an inclusive form has all declarations
	}
	f, _ := finders.Get().(*qnameFinder)
	if f == nil {
		f = new(qnameFinder)
	}
	defer f.free()
	f.names, f.prefixes, f.ciphertextSigned, f.texts = n.doc.names, c.Prefixes, q.CiphertextSigned, len(q.Names) > 0
	f.wanted = f.wantedStore[:0]
	f.want(Name{NamespaceXSI, "type"})
	for _, name := range q.Names {
		f.want(name)
	}
	if len(f.wanted) == 0 {
		return Name{}, false
	}
	ok = f.find(n.doc, n.index)
	return f.at, ok
}

// finders keeps those that have found, for the next message: each is a kilobyte.
var finders sync.Pool

// free forgets the document.
func (f *qnameFinder) free() {
	*f = qnameFinder{}
	finders.Put(f)
}

// qnameFinder visits the elements that hold qualified names, and keeps what the
// canonical form declares on the path to them.
type qnameFinder struct {
	names            *nameTable
	prefixes         []string // the PrefixList
	wanted           []wantedName
	few              uint64 // a bit for each namespace of wanted, by its number modulo 64
	texts            bool   // elements may hold qualified names
	ciphertextSigned bool

	rendered []uint16 // namespace by prefix, as in slot
	undos    []undo
	path     []frame // from the apex to the element at hand
	chain    []uint32
	at       Name

	// The memory of the lists while they are short.
	wantedStore   [4]wantedName
	renderedStore [32]uint16
	undoStore     [16]undo
	pathStore     [16]frame
	chainStore    [16]uint32
}

type wantedName struct {
	uri   uint16
	local string
}

func (f *qnameFinder) want(name Name) {
	if uri := f.names.uris.find([]byte(name.Space)); uri != noID {
		f.wanted = append(f.wanted, wantedName{uri, name.Local})
		f.few |= 1 << (uri % 64)
	}
}

// wants reports whether an attribute or element of a namespace may be wanted. Most
// are not, by a test that is compiled in place.
func (f *qnameFinder) wants(uri uint16) bool { return f.few>>(uri%64)&1 != 0 && f.wantsAny(uri) }

func (f *qnameFinder) wantsAny(uri uint16) bool {
	for i := range f.wanted {
		if f.wanted[i].uri == uri {
			return true
		}
	}
	return false
}

func (f *qnameFinder) wantsName(uri uint16, local []byte) bool {
	for i := range f.wanted {
		if f.wanted[i].uri == uri && f.wanted[i].local == string(local) {
			return true
		}
	}
	return false
}

// find searches the subtree of element top of d. The path may begin in a host
// document.
func (f *qnameFinder) find(d *Doc, top uint32) bool {
	base := len(f.path)
	defer f.leave(base)
	for i := top; d.pruned && i < d.elements[top].subEnd; i++ {
		d.elements[i].mustBeWhole() // else it would find nothing there
	}
	return f.findAttr(d, top, base) || f.texts && f.findText(d, top, base) || f.findGraft(d, top, base)
}

func (f *qnameFinder) findAttr(d *Doc, top uint32, base int) bool {
	end := uint32(len(d.attrs))
	if next := d.elements[top].subEnd; int(next) < len(d.elements) {
		end = d.elements[next].attr
	}
	for j := d.elements[top].attr; j < end; j++ {
		a := &d.attrs[j]
		if !f.wants(a.uri) || !f.wantsName(a.uri, d.attrLocal(a)) {
			continue
		}
		// The last element whose attributes begin at or before j has it.
		i := uint32(sort.Search(len(d.elements), func(i int) bool { return d.elements[i].attr > j }) - 1)
		if f.enter(d, i, top, base) && f.uncovered(d, i, view(d.attrValue(a))) {
			f.at = Name{f.names.uris.list[a.uri], string(d.attrLocal(a))}
			return true
		}
	}
	return false
}

func (f *qnameFinder) findText(d *Doc, top uint32, base int) bool {
	for i := top; i < d.elements[top].subEnd; i++ {
		e := &d.elements[i]
		if d.stub(i) || !f.wants(e.uri) || !f.wantsName(e.uri, d.local(i)) {
			continue
		}
		if f.enter(d, i, top, base) && f.uncovered(d, i, Node{d, i}.Text()) {
			f.at = Name{f.names.uris.list[e.uri], string(d.local(i))}
			return true
		}
	}
	return false
}

func (f *qnameFinder) findGraft(d *Doc, top uint32, base int) bool {
	for _, g := range d.grafts {
		host := g.index
		if host < top || host >= d.elements[top].subEnd {
			continue
		}
		if host > top {
			f.enter(d, d.elements[host].parent, top, base)
		}
		if f.find(g.doc, 0) {
			return true
		}
	}
	return false
}

// enter sets the path to that from top to element i. It reports whether i is in
// the document, and not replaced by a graft.
func (f *qnameFinder) enter(d *Doc, i, top uint32, base int) bool {
	if f.rendered == nil {
		f.start()
	}
	known := len(f.path)
	for known > base && (f.path[known-1].index > i || i >= d.elements[f.path[known-1].index].subEnd) {
		known--
	}
	f.leave(known)
	f.chain = f.chain[:0]
	for k := i; known == base || k != f.path[known-1].index; k = d.elements[k].parent {
		if d.elements[k].flags&grafted != 0 {
			return false
		}
		if !d.stub(k) {
			f.chain = append(f.chain, k)
		}
		if k == top {
			break
		}
	}
	for _, k := range slices.Backward(f.chain) {
		f.push(d, k)
	}
	return true
}

// start makes the lists when the first qualified name is found.
func (f *qnameFinder) start() {
	f.undos, f.path, f.chain, f.rendered = f.undoStore[:0], f.pathStore[:0], f.chainStore[:0], f.renderedStore[:0]
	if need := len(f.names.prefixes.list); need > cap(f.rendered) {
		f.rendered = make([]uint16, 0, need)
	}
	for range f.names.prefixes.list {
		f.rendered = append(f.rendered, noID)
	}
	f.rendered[prefixNone] = uriNone
}

// push adds element i, with what the form declares on it.
func (f *qnameFinder) push(d *Doc, i uint32) {
	e := &d.elements[i]
	f.path = append(f.path, frame{d, i, len(f.undos)})
	f.declare(e.prefix, e.uri)
	if e.flags&attrPrefixed != 0 {
		attrs := d.attrsOf(i)
		for j := range attrs {
			if attrs[j].prefix != prefixNone {
				f.declare(attrs[j].prefix, attrs[j].uri)
			}
		}
	}
	if f.ciphertextSigned && d.host != nil && e.flags&hasDecl != 0 {
		outer := d.outerScope(i)
		for b := e.scope; b != outer; b = d.bindings[b].prev {
			f.declare(d.bindings[b].prefix, d.bindings[b].uri)
		}
	}
}

func (f *qnameFinder) declare(prefix, uri uint16) {
	if f.rendered[prefix] != uri {
		f.undos = append(f.undos, undo{prefix, f.rendered[prefix]})
		f.rendered[prefix] = uri
	}
}

// leave shortens the path to length elements.
func (f *qnameFinder) leave(length int) {
	for len(f.path) > length {
		last := f.path[len(f.path)-1]
		for n := len(f.undos); n > last.undos; n-- {
			f.rendered[f.undos[n-1].prefix] = f.undos[n-1].uri
		}
		f.undos, f.path = f.undos[:last.undos], f.path[:len(f.path)-1]
	}
}

// uncovered reports whether one of the qualified names in value has, at element
// i, a declaration that the form does not have.
func (f *qnameFinder) uncovered(d *Doc, i uint32, value string) bool {
	for qname := range strings.FieldsFuncSeq(value, func(r rune) bool { return r < 0x80 && isSpace(byte(r)) }) {
		prefix, _, ok := strings.Cut(qname, ":")
		if !ok {
			prefix = ""
		}
		if prefix == "xml" || f.listed(prefix) {
			continue
		}
		p := f.names.prefixes.find([]byte(prefix))
		if p == noID { // an undeclared prefix can be declared on the way
			return true
		}
		if uri := d.lookup(d.elements[i].scope, p); uri == noID || uri != f.rendered[p] {
			return true
		}
	}
	return false
}

func (f *qnameFinder) listed(prefix string) bool {
	if prefix == "" {
		prefix = "#default"
	}
	return slices.Contains(f.prefixes, prefix)
}
