package xmltext

import (
	"io"
	"sync"
	"unicode/utf8"
)

// Method is a canonicalization algorithm.
type Method uint8

const (
	Exclusive               Method = iota // http://www.w3.org/2001/10/xml-exc-c14n#
	ExclusiveWithComments                 // http://www.w3.org/2001/10/xml-exc-c14n#WithComments
	Inclusive10                           // http://www.w3.org/TR/2001/REC-xml-c14n-20010315
	Inclusive10WithComments               // http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments
	Inclusive11                           // http://www.w3.org/2006/12/xml-c14n11
	Inclusive11WithComments               // http://www.w3.org/2006/12/xml-c14n11#WithComments
)

func (m Method) comments() bool  { return m&1 != 0 }
func (m Method) inclusive() bool { return m >= Inclusive10 }

// C14N selects a canonical form. The zero value is Exclusive XML
// Canonicalization 1.0 without comments and without a prefix list.
type C14N struct {
	Method Method

	// Prefixes is the PrefixList of InclusiveNamespaces (Exclusive XML
	// Canonicalization 1.0, 3): these prefixes are treated as by Canonical
	// XML. "#default" means the default namespace. Prefixes that are not
	// declared are ignored, as is the list for inclusive methods.
	Prefixes []string

	// Extra are attributes to canonicalize as if they stood on the start tag of
	// the apex, each in place of one with the same expanded name: for a signer
	// that is about to add wsu:Id. If such a prefix is not bound to that
	// namespace at the apex, the declaration is taken to be added as well.
	Extra []ApexAttr

	// DefaultNS adds xmlns="" to the apex unless a default namespace is
	// rendered there (WSS: SOAP Message Security 1.1, 8.3, STR-Transform).
	DefaultNS bool
}

// ApexAttr is an attribute that the source does not have.
type ApexAttr struct {
	Prefix, Space, Local string // Prefix and Space are both empty or both not
	Value                string // as Node.Attr would return it
}

// AppendCanonical appends the canonical form of the subtree of n, grafts
// included. Apart from dst it needs about one kilobyte, for documents with many
// prefixes a little more. For the zero Node it appends nothing.
func (n Node) AppendCanonical(dst []byte, c C14N) []byte {
	if n.doc == nil {
		return dst
	}
	k := canonicalizer{output: output{buf: dst}}
	k.run(n, c)
	return k.buf
}

// WriteCanonical writes the canonical form of the subtree of n, grafts
// included, to w. Its memory does not grow with the message: source that needs
// no change is written to w directly. The error is that of w.
func (n Node) WriteCanonical(w io.Writer, c C14N) error {
	if n.doc == nil {
		return nil
	}
	s, _ := writers.Get().(*writing)
	if s == nil {
		s = new(writing)
	}
	s.k.output = output{w: w, buf: s.buf[:0]}
	s.k.run(n, c)
	s.k.drain()
	err := s.k.err
	s.k = canonicalizer{} // forgets the document
	writers.Put(s)
	return err
}

// writing is what WriteCanonical needs for one call.
type writing struct {
	k   canonicalizer
	buf [writeBuffer]byte
}

// writers keeps them for the next call: a message has five or more small parts
// to digest, and without the pool they are a seventh of the octets allocated
// for it.
var writers sync.Pool

// slot is the canonicalizer's state of one prefix.
type slot struct {
	uri    uint16 // namespace rendered by the nearest output ancestor, or noID
	listed bool   // on the PrefixList
}

// undo restores a slot when an element ends.
type undo struct{ prefix, uri uint16 }

// frame marks an element that rendered namespace declarations.
type frame struct {
	doc   *Doc
	index uint32
	undos int // length of the undo list before
}

// canonicalizer walks the index and copies the source, in runs as long as
// possible.
type canonicalizer struct {
	output

	names    *nameTable
	comments bool
	all      bool // inclusive: every prefix counts as listed
	any      bool // some prefix is listed

	slots  []slot
	undos  []undo
	frames []frame
	fresh  []uint16 // prefixes that the start tag at hand declares
	ranks  []ranked // its attributes, if they are out of order

	// Prefixes and namespaces that only Extra has, numbered from the end of the
	// tables on.
	prefixes, uris []string
	nameStore      [2][2]string

	// The memory of the lists while they are short.
	slotStore  [32]slot
	undoStore  [16]undo
	frameStore [16]frame
	freshStore [16]uint16
}

func (k *canonicalizer) run(n Node, c C14N) {
	k.names = n.doc.names
	k.comments = c.Method.comments()
	k.all = c.Method.inclusive()
	k.any = k.all
	k.prefixes, k.uris = k.nameStore[0][:0], k.nameStore[1][:0]
	k.slots, k.undos, k.frames, k.fresh = k.slotStore[:0], k.undoStore[:0], k.frameStore[:0], k.freshStore[:0]
	if need := len(k.names.prefixes.list) + len(c.Extra); need > cap(k.slots) {
		k.slots = make([]slot, 0, need)
	}
	for range k.names.prefixes.list {
		k.slots = append(k.slots, slot{uri: noID})
	}
	k.slots[prefixNone].uri = uriNone
	k.slots[prefixXML].uri = uriXML
	if !k.all {
		k.list(c.Prefixes)
	}
	d := n.doc
	k.apex(d, n.index, c)
	run := k.content(d, n.index)
	e := &d.elements[n.index]
	if e.flags&(endDirty|emptyTag) != 0 {
		k.write(d.src[run:e.contentEnd])
		k.endTag(d, n.index)
	} else {
		k.write(d.src[run:e.end])
	}
}

// list marks the prefixes of a PrefixList.
func (k *canonicalizer) list(prefixes []string) {
	for _, p := range prefixes {
		if p == "#default" {
			p = ""
		} else if p == "" {
			continue
		}
		if id := k.names.prefixes.find([]byte(p)); id != noID && id != prefixXML && id != prefixXMLNS {
			k.slots[id].listed = true
			k.any = true
		}
	}
}

// content writes what is inside element top of d, except for a run of source
// that ends at the end tag of top; it returns where that run starts.
//
// Invariant: everything before pos is either written or in the pending run
// d.src[run:pos], whose canonical form is itself. That is so for the content of
// an element that is not varied: its names need no other declaration than the
// element's own. A usual Body is one run, at no cost for each element.
func (k *canonicalizer) content(d *Doc, top uint32) (run uint32) {
	elements := d.elements
	end := elements[top].subEnd
	run = elements[top].inside()
	if elements[top].flags&varied == 0 {
		return run
	}
	elements[top].mustBeWhole()
	pos, cur := run, top
	for i := top + 1; i < end; {
		e := &elements[i]
		for cur != e.parent {
			run = k.leave(d, cur, run, pos)
			pos = elements[cur].end
			cur = elements[cur].parent
		}
		if e.flags&notVerbatim == 0 && k.slots[e.prefix].uri == e.uri {
			pos, cur, i = k.enter(e, i)
			continue
		}
		if e.flags&headDirty != 0 {
			run = k.gap(d, run, pos, e.start)
		}
		switch {
		case e.flags&grafted != 0:
			k.write(d.src[run:e.start])
			k.graft(d.graftAt(i))
			run, pos, i = e.end, e.end, e.subEnd
		case e.flags&emptyTag != 0:
			k.emptyTag(d, i, run)
			run, pos, i = e.end, e.end, i+1
		default:
			if !k.startTag(d, i) {
				k.write(d.src[run:e.start])
				k.render(d, i)
				run = e.contentStart
			}
			if e.flags&taken != 0 {
				k.write(d.src[run:e.contentStart])
				run = e.contentEnd
			}
			pos, cur, i = k.enter(e, i)
		}
	}
	for cur != top {
		run = k.leave(d, cur, run, pos)
		pos = elements[cur].end
		cur = elements[cur].parent
	}
	if elements[top].flags&tailDirty != 0 {
		run = k.gap(d, run, pos, elements[top].contentEnd)
	}
	return run
}

// enter returns the place behind the start tag of e, element i, and the index
// of the next element; if nothing inside e has to be looked at, the place before
// its end tag and the index behind its last descendant.
func (k *canonicalizer) enter(e *element, i uint32) (pos, cur, next uint32) {
	if e.flags&varied == 0 {
		return e.contentEnd, i, e.subEnd
	}
	e.mustBeWhole()
	return e.contentStart, i, i + 1
}

// leave handles the text before the end tag of element i, and that tag.
func (k *canonicalizer) leave(d *Doc, i, run, pos uint32) uint32 {
	e := &d.elements[i]
	if e.flags&tailDirty != 0 {
		run = k.gap(d, run, pos, e.contentEnd)
	}
	if e.flags&endDirty != 0 {
		k.write(d.src[run:e.contentEnd])
		k.endTag(d, i)
		run = e.end
	}
	if n := len(k.frames); n > 0 && k.frames[n-1].index == i && k.frames[n-1].doc == d {
		k.pop()
	}
	return run
}

// emptyTag writes the pending run and both tags of element i, which has one.
func (k *canonicalizer) emptyTag(d *Doc, i, run uint32) {
	e := &d.elements[i]
	frames := len(k.frames)
	if k.startTag(d, i) {
		k.write(d.src[run : e.end-uint32(len("/>"))])
		k.writeString(">")
	} else {
		k.write(d.src[run:e.start])
		k.render(d, i)
	}
	k.endTag(d, i)
	if len(k.frames) > frames {
		k.pop()
	}
}

// pop forgets the declarations of the innermost frame.
func (k *canonicalizer) pop() {
	f := k.frames[len(k.frames)-1]
	for n := len(k.undos); n > f.undos; n-- {
		k.slots[k.undos[n-1].prefix].uri = k.undos[n-1].uri
	}
	k.undos = k.undos[:f.undos]
	k.frames = k.frames[:len(k.frames)-1]
}

// graft writes a whole plaintext.
func (k *canonicalizer) graft(g *Doc) {
	run := k.content(g, 0)
	k.write(g.src[run:])
}

// endTag writes the end tag of element i.
func (k *canonicalizer) endTag(d *Doc, i uint32) {
	k.writeString("</")
	k.write(d.qname(i))
	k.writeString(">")
}

// gap writes the pending run and the text between two tags and returns where
// the next run starts.
func (k *canonicalizer) gap(d *Doc, run, from, to uint32) uint32 {
	k.write(d.src[run:from])
	for text := d.src[from:to]; len(text) > 0; {
		var kind pieceKind
		var body []byte
		kind, body, text = nextPiece(text)
		switch {
		case kind == pieceText:
			k.text(body, true)
		case kind == pieceCDATA:
			k.text(body, false)
		case kind == piecePI:
			k.instruction(body)
		case k.comments:
			k.writeString("<!--")
			k.lines(body)
			k.writeString("-->")
		}
	}
	return to
}

// text writes character data (Canonical XML 1.0, 2.3, text nodes).
func (k *canonicalizer) text(b []byte, references bool) {
	for len(b) > 0 {
		n := 0
		for n < len(b) && classes[b[n]]&classText == 0 {
			n++
		}
		if n > 0 {
			k.write(b[:n])
			b = b[n:]
			continue
		}
		if b[0] == '&' && references {
			r, n, _ := reference(b)
			k.textRune(r)
			b = b[max(n, 1):]
			continue
		}
		b = k.escaped(b)
	}
}

// escaped writes the characters that b starts with, as long as they are written
// otherwise in canonical text and are no '&', but the first may be, and returns
// what is behind them. A text can have nothing else.
func (k *canonicalizer) escaped(b []byte) []byte {
	for first := true; len(b) > 0; first = false {
		k.room(len("&amp;"))
		switch b[0] {
		case '&':
			if !first {
				return b
			}
			k.buf = append(k.buf, "&amp;"...)
		case '<':
			k.buf = append(k.buf, "&lt;"...)
		case '>':
			k.buf = append(k.buf, "&gt;"...)
		case '\r':
			if len(b) == 1 || b[1] != '\n' {
				k.buf = append(k.buf, '\n')
			}
		default:
			return b
		}
		b = b[1:]
	}
	return b
}

// textRune writes one character that a reference stands for.
func (k *canonicalizer) textRune(r rune) {
	k.room(utf8.UTFMax)
	switch r {
	case '&':
		k.writeString("&amp;")
	case '<':
		k.writeString("&lt;")
	case '>':
		k.writeString("&gt;")
	case '\r':
		k.writeString("&#xD;")
	default:
		k.buf = utf8.AppendRune(k.buf, r)
	}
}

// lines writes b with its line ends normalised.
func (k *canonicalizer) lines(b []byte) {
	for len(b) > 0 {
		n := indexFrom(b, 0, '\r')
		k.write(b[:n])
		if n == len(b) {
			return
		}
		if b = b[n+1:]; len(b) == 0 || b[0] != '\n' {
			k.writeString("\n")
		}
	}
}

// instruction writes a processing instruction.
func (k *canonicalizer) instruction(body []byte) {
	n := scanNCName(body, 0)
	k.writeString("<?")
	k.write(body[:n])
	if data := body[skipSpace(body, n):]; len(data) > 0 {
		k.writeString(" ")
		k.lines(data)
	}
	k.writeString("?>")
}
