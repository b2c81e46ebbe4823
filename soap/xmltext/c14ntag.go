package xmltext

import (
	"cmp"
	"slices"
	"strings"
)

// startTag decides which namespaces element i has to declare and leaves them,
// in canonical order, in k.fresh. It reports whether the start tag as written
// is the canonical one.
func (k *canonicalizer) startTag(d *Doc, i uint32) (verbatim bool) {
	e := &d.elements[i]
	mark := len(k.undos)
	k.fresh = k.fresh[:0]
	if !k.all {
		k.declareUsed(d, i)
	}
	own := 0
	if e.flags&hasDecl != 0 {
		outer := d.outerScope(i)
		for b := e.scope; b != outer; b = d.bindings[b].prev {
			if p := d.bindings[b].prefix; k.all || k.slots[p].listed {
				k.declare(p, d.bindings[b].uri)
			}
			own++
		}
	}
	if len(k.undos) > mark {
		k.frames = append(k.frames, frame{d, i, mark})
		k.sortFresh()
	}
	return e.flags&tagDirty == 0 && own == len(k.fresh) && (own == 0 || k.declaresFresh(d, i))
}

// declaresFresh reports whether the declarations on element i, which are in
// canonical order and as many as the prefixes in k.fresh, are of those
// prefixes.
func (k *canonicalizer) declaresFresh(d *Doc, i uint32) bool {
	b := d.elements[i].scope
	for _, p := range slices.Backward(k.fresh) {
		if d.bindings[b].prefix != p {
			return false
		}
		b = d.bindings[b].prev
	}
	return true
}

// declareUsed declares what element i visibly utilizes (Exclusive XML
// Canonicalization 1.0, 3).
func (k *canonicalizer) declareUsed(d *Doc, i uint32) {
	e := &d.elements[i]
	k.declare(e.prefix, e.uri)
	if e.flags&attrPrefixed == 0 {
		return
	}
	attrs := d.attrsOf(i)
	for j := range attrs {
		if attrs[j].prefix != prefixNone {
			k.declare(attrs[j].prefix, attrs[j].uri)
		}
	}
}

// declare records that prefix has to be declared, unless an output ancestor
// rendered the same declaration.
func (k *canonicalizer) declare(prefix, uri uint16) {
	if s := &k.slots[prefix]; s.uri != uri && prefix != prefixXML {
		k.undos = append(k.undos, undo{prefix, s.uri})
		s.uri = uri
		k.fresh = append(k.fresh, prefix)
	}
}

// sortFresh puts k.fresh into canonical order: by prefix.
func (k *canonicalizer) sortFresh() {
	if len(k.fresh) <= fewAttrs {
		slices.SortFunc(k.fresh, func(a, b uint16) int {
			return strings.Compare(k.prefixName(a), k.prefixName(b))
		})
		return
	}
	k.ranks = k.ranks[:0]
	for _, p := range k.fresh {
		k.ranks = append(k.ranks, ranked{head: head(k.prefixName(p)), at: uint32(p)})
	}
	slices.SortFunc(k.ranks, func(a, b ranked) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		return strings.Compare(k.prefixName(uint16(a.at)), k.prefixName(uint16(b.at)))
	})
	for i, r := range k.ranks {
		k.fresh[i] = uint16(r.at)
	}
}

func (k *canonicalizer) prefixName(id uint16) string {
	if known := len(k.names.prefixes.list); int(id) >= known {
		return k.prefixes[int(id)-known]
	}
	return k.names.prefixes.list[id]
}

func (k *canonicalizer) uriName(id uint16) string {
	if known := len(k.names.uris.list); int(id) >= known {
		return k.uris[int(id)-known]
	}
	return k.names.uris.list[id]
}

// render writes the start tag of element i with the declarations in k.fresh.
func (k *canonicalizer) render(d *Doc, i uint32) {
	k.writeString("<")
	k.write(d.qname(i))
	k.renderDeclarations()
	attrs := d.attrsOf(i)
	if d.elements[i].flags&unsorted == 0 {
		for j := range attrs {
			k.attr(d, &attrs[j])
		}
	} else {
		k.ranks = d.rank(k.ranks[:0], attrs)
		for _, r := range k.ranks {
			k.attr(d, &attrs[r.at])
		}
	}
	k.writeString(">")
}

// attr writes attribute a.
func (k *canonicalizer) attr(d *Doc, a *attribute) {
	k.writeString(" ")
	if !a.dirty && a.value == a.name+uint32(a.nameLen)+2 && d.src[a.value-1] == '"' {
		k.write(d.src[a.name : a.value+a.valueLen+1]) // name="value"
		return
	}
	k.write(d.src[a.name:][:a.nameLen])
	k.writeString(`="`)
	k.value(d, a)
	k.writeString(`"`)
}

// value writes the value of an attribute (Canonical XML 1.0, 2.3, attribute
// nodes).
func (k *canonicalizer) value(d *Doc, a *attribute) {
	if !a.dirty {
		k.write(d.rawValue(a))
		return
	}
	var store [128]byte
	value := appendAttrValue(store[:0], d.rawValue(a))
	k.room(len(value))
	k.buf = appendEscapedAttr(k.buf, value)
}

// writeAttr writes an escaped attribute value.
func (k *canonicalizer) writeAttr(value string) {
	k.room(len(value))
	k.buf = appendEscapedAttr(k.buf, value)
}

func (k *canonicalizer) renderDeclarations() {
	for _, p := range k.fresh {
		k.writeString(" xmlns")
		if p != prefixNone {
			k.writeString(":")
			k.writeString(k.prefixName(p))
		}
		k.writeString(`="`)
		uri := k.slots[p].uri
		if list := k.names.uris.list; int(uri) < len(list) && int(k.names.uris.sizes[uri]) == len(list[uri]) {
			k.writeString(list[uri])
		} else {
			k.writeAttr(k.uriName(uri))
		}
		k.writeString(`"`)
	}
}

// apex writes the start tag of the apex element. It also declares the
// namespaces that a PrefixList or an inclusive method includes from omitted
// ancestors, and has inherited xml attributes and what c adds.
func (k *canonicalizer) apex(d *Doc, i uint32, c C14N) {
	e := &d.elements[i]
	if !k.all {
		k.declareUsed(d, i)
	}
	if k.any {
		var store [32]binding
		for _, b := range d.inScope(store[:0], e.scope) {
			if k.all || k.slots[b.prefix].listed {
				k.declare(b.prefix, b.uri)
			}
		}
	}
	extra := c.Extra
	if k.all {
		extra = append(d.inherited(i, c.Method), extra...)
	}
	for _, a := range extra {
		k.declareExtra(a)
	}
	k.sortFresh()
	if c.DefaultNS && !slices.Contains(k.fresh, prefixNone) {
		k.fresh = slices.Insert(k.fresh, 0, prefixNone)
	}
	if len(extra) == 0 {
		k.render(d, i)
		return
	}
	k.writeString("<")
	k.write(d.qname(i))
	k.renderDeclarations()
	var few [fewAttrs]ApexAttr
	for _, a := range d.withExtra(few[:0], i, extra) {
		k.writeString(" ")
		if a.Prefix != "" {
			k.writeString(a.Prefix)
			k.writeString(":")
		}
		k.writeString(a.Local)
		k.writeString(`="`)
		k.writeAttr(a.Value)
		k.writeString(`"`)
	}
	k.writeString(">")
}

// declareExtra declares the prefix of an attribute that the source does not
// have.
func (k *canonicalizer) declareExtra(a ApexAttr) {
	if a.Prefix == "" || a.Prefix == "xml" {
		return
	}
	prefix := k.number(a.Prefix, &k.names.prefixes, &k.prefixes)
	for int(prefix) >= len(k.slots) {
		k.slots = append(k.slots, slot{uri: noID})
	}
	k.declare(prefix, k.number(a.Space, &k.names.uris, &k.uris))
}

// number returns the number of s in a table of the document or, behind it, in
// that of the canonicalizer. The document's own tables are not touched.
func (k *canonicalizer) number(s string, table *interner, own *[]string) uint16 {
	if id := table.find([]byte(s)); id != noID {
		return id
	}
	at := slices.Index(*own, s)
	if at < 0 {
		at = len(*own)
		*own = append(*own, s)
	}
	return uint16(len(table.list) + at)
}

// withExtra appends the attributes of element i and extra, in canonical order, to
// all, which is empty. Later ones replace earlier ones of the same name.
func (d *Doc) withExtra(all []ApexAttr, i uint32, extra []ApexAttr) []ApexAttr {
	attrs := d.attrsOf(i)
	for j := range attrs {
		a := &attrs[j]
		all = append(all, ApexAttr{
			Prefix: d.names.prefixes.list[a.prefix],
			Space:  d.names.uris.list[a.uri],
			Local:  string(d.attrLocal(a)),
			Value:  string(d.attrValue(a)),
		})
	}
	for _, x := range extra {
		same := func(a ApexAttr) bool { return a.Space == x.Space && a.Local == x.Local }
		all = slices.DeleteFunc(all, same)
		if x != noBase() {
			all = append(all, x)
		}
	}
	slices.SortFunc(all, func(a, b ApexAttr) int {
		if c := strings.Compare(a.Space, b.Space); c != 0 {
			return c
		}
		return strings.Compare(a.Local, b.Local)
	})
	return all
}
