package xmltext

// Identifiers that every nameTable starts with.
const (
	prefixNone  = 0 // no prefix
	prefixXML   = 1
	prefixXMLNS = 2

	uriNone  = 0 // no namespace
	uriXML   = 1
	uriXMLNS = 2

	noID     = 0xFFFF // undeclared, unknown
	maxNames = 65_000 // in each table
)

const (
	namespaceXML   = "http://www.w3.org/XML/1998/namespace"
	namespaceXMLNS = "http://www.w3.org/2000/xmlns/"
)

// nameTable numbers the prefixes and namespace names of a message and of
// everything grafted into it.
type nameTable struct {
	prefixes interner
	uris     interner
}

// start makes the table one without names of a message.
func (t *nameTable) start() *nameTable {
	t.prefixes.start("", "xml", "xmlns")
	t.uris.start("", namespaceXML, namespaceXMLNS)
	return t
}

// interner numbers strings in the order of their first appearance.
type interner struct {
	list  []string
	sizes []int32           // octets of an entry as the value of an attribute in canonical form
	index map[string]uint16 // from the 17th on; messages rarely need it

	listStore [internLinear]string
	sizeStore [internLinear]int32

	// Names of messages before this one: most messages have the same, and need no
	// copy then. That was a tenth of the allocations of an exchange.
	known [knownNames]knownName
}

type knownName struct {
	text string
	size int32 // as in sizes
}

const (
	knownNames = 32
	knownBytes = 128 // octets of the longest that is kept
)

// entry returns b, as a string that does not share its memory, and its size.
func (t *interner) entry(b []byte) knownName {
	if len(b) == 0 || len(b) > knownBytes {
		return knownName{string(b), int32(escapedSize(b))}
	}
	place := &t.known[(len(b)+7*int(b[len(b)-1])+5*int(b[len(b)/2]))%knownNames]
	if place.text != string(b) {
		*place = knownName{string(b), int32(escapedSize(b))}
	}
	return *place
}

const internLinear = 16

// start makes t the table of these.
func (t *interner) start(first ...string) {
	clear(t.listStore[:]) // of names that may be long
	t.list, t.sizes, t.index = t.listStore[:0], t.sizeStore[:0], nil
	for _, s := range first {
		t.list = append(t.list, s)
		t.sizes = append(t.sizes, int32(len(s)))
	}
}

// find returns the number of b, or noID.
func (t *interner) find(b []byte) uint16 {
	if t.index != nil {
		if id, ok := t.index[string(b)]; ok {
			return id
		}
		return noID
	}
	for id, s := range t.list {
		if s == string(b) {
			return uint16(id)
		}
	}
	return noID
}

// intern numbers b, which must not be in the table. ok is false when the table
// is full.
func (t *interner) intern(b []byte) (id uint16, ok bool) {
	if len(t.list) >= maxNames {
		return 0, false
	}
	e := t.entry(b)
	t.list = append(t.list, e.text)
	t.sizes = append(t.sizes, e.size)
	if t.index != nil {
		t.index[e.text] = uint16(len(t.list) - 1)
	} else if len(t.list) > internLinear {
		t.index = make(map[string]uint16, 2*internLinear)
		for id, s := range t.list {
			t.index[s] = uint16(id)
		}
	}
	return uint16(len(t.list) - 1), true
}

// escapedSize returns the octets of b as the value of an attribute in canonical
// form.
func escapedSize(b []byte) int {
	n := len(b)
	for _, c := range b {
		if classes[c]&classValue == 0 {
			continue
		}
		switch c {
		case '"':
			n += len("&quot;") - 1
		case '\'':
		case '<':
			n += len("&lt;") - 1
		default:
			n += len("&#xD;") - 1 // as long as the others
		}
	}
	return n
}
