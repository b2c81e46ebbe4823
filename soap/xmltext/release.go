package xmltext

import "github.com/wssgate/wssgate/internal/pool"

// tables is the memory of an index, and what its scan needs beside it. Without
// its reuse the allocator and the collector were a sixth of the time of a message
// of 6 kB.
type tables struct {
	elements []element
	attrs    []attribute
	bindings []binding
	active   []active
	names    nameTable // a graft has that of its host
}

// freeTables holds tables by the octets of their elements.
var freeTables pool.Pool[tables]

const (
	usualBindings = 16
	usualPrefixes = 16
	// mostBindings and mostPrefixes are the room of the longest lists that are kept.
	mostBindings = 1 << 10
	mostPrefixes = 1 << 6
)

// takeTables makes room for an index of so many elements and attributes, in
// tables that were released if there are any.
func (s *scanner) takeTables(elements, attrs int) error {
	t := freeTables.Get(elements * elementBytes)
	if t == nil || s.opt.fresh {
		t = new(tables)
	}
	s.elements, s.attrs, s.bindings = t.elements, t.attrs, t.bindings
	d := s.doc
	if d.tables = t; d.host == nil {
		d.names = t.names.start()
	}
	if room := max(usualPrefixes, len(d.names.prefixes.list)); cap(t.active) < room {
		t.active = make([]active, 0, room)
	}
	s.active = t.active[:cap(t.active)]
	if spare := cap(s.attrs) - 2*attrs; spare*attributeBytes > pool.Size(0) {
		s.attrs = nil // another index may need so many
	}
	need := roomIn(s.elements, elements, elementBytes) + roomIn(s.attrs, attrs, attributeBytes) +
		roomIn(s.bindings, usualBindings, bindingBytes)
	if err := s.reserve(need); err != nil {
		s.giveBack()
		return err
	}
	s.elements = withRoom(s.elements, elements, elementBytes)
	s.attrs = withRoom(s.attrs, attrs, attributeBytes)
	s.bindings = withRoom(s.bindings, usualBindings, bindingBytes)
	return nil
}

// roomIn returns the octets of withRoom(list, n, size).
func roomIn[T any](list []T, n, size int) int {
	if cap(list) >= n {
		return cap(list) * size
	}
	return pool.Size(n*size) / size * size
}

// withRoom returns list without entries, or a new one if it has no room for n.
func withRoom[T any](list []T, n, size int) []T {
	if cap(list) >= n {
		return list[:0]
	}
	return make([]T, 0, pool.Size(n*size)/size)
}

// giveBack releases the tables of a scan that has failed.
func (s *scanner) giveBack() {
	d := s.doc
	d.elements, d.attrs, d.bindings = s.elements, s.attrs, s.bindings
	d.giveBack()
}

// Release ends the use of d and of all that was grafted into it, so that the
// memory of the index can be used for another message. The caller has to be the
// only one who uses d, and may not use it or a Node of it any more: that panics,
// mostly, since d is empty then. Strings that Nodes have returned live on with the
// source, which Release does not touch; those of grafts do not if the plaintext
// has an [Options].Owner, which gets it back. A second call does nothing, nor does
// one for a graft, which its host releases.
func (d *Doc) Release() {
	if d.tables != nil && d.host == nil {
		d.release()
	}
}

func (d *Doc) release() {
	for _, g := range d.grafts {
		g.doc.release()
	}
	owner := d.owner
	d.giveBack()
	if owner != nil {
		owner.Release()
	}
}

// giveBack puts the tables of d where a scan finds them, and empties d.
func (d *Doc) giveBack() {
	t := d.tables
	t.elements, t.attrs, t.bindings = d.elements[:0], d.attrs[:0], d.bindings[:0]
	if cap(t.attrs)*attributeBytes > pool.Largest {
		t.attrs = nil
	}
	if cap(t.bindings) > mostBindings {
		t.bindings = nil
	}
	if cap(t.active) > mostPrefixes {
		t.active = nil
	}
	if d.host == nil {
		t.names.start() // without a map
	}
	*d = Doc{}
	freeTables.Put((cap(t.elements)+1)*elementBytes-1, t) // a class need not be a multiple of it
}
