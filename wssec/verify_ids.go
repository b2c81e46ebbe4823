package wssec

import (
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// idIndex holds the Ids of a message outside the content of its Body, and which
// of them stand on elements that a Reference may name.
type idIndex struct {
	list []idEntry
	m    map[string]int // of list, once it is long
}

type idEntry struct {
	id     string
	node   xmltext.Node // the target, zero if the element may not be one
	count  int          // elements that carry this Id
	places int          // of these, possible targets
}

// longList is the number of entries from which on there is a map of them.
const longList = 16

// find returns the entry of an Id, nil if there is none.
func (x *idIndex) find(id string) *idEntry {
	if x.m != nil {
		if i, ok := x.m[id]; ok {
			return &x.list[i]
		}
		return nil
	}
	for i := range x.list {
		if x.list[i].id == id {
			return &x.list[i]
		}
	}
	return nil
}

// add enters an Id that has no entry.
func (x *idIndex) add(id string) *idEntry {
	x.list = append(x.list, idEntry{id: id})
	last := len(x.list) - 1
	switch {
	case x.m != nil:
		x.m[id] = last
	case len(x.list) == longList:
		x.m = make(map[string]int, 4*longList)
		for i := range x.list {
			x.m[x.list[i].id] = i
		}
	}
	return &x.list[last]
}

// addTarget enters an element that a Reference may name: by its wsu:Id, or, for
// elements of XML Signature and XML Encryption, by their own Id attribute (WSS
// §4).
func (x *idIndex) addTarget(n xmltext.Node) {
	own := n.Space() == nsDS || n.Space() == nsXenc
	for name, id := range n.Attrs() {
		if name.Space == NSWSU && name.Local == "Id" || own && name.Space == "" && name.Local == "Id" {
			e := x.find(id)
			if e == nil {
				e = x.add(id)
			}
			e.node = n
			e.places++
		}
	}
}

// count adds the Ids of n to the counts of those that a target carries; all
// targets have been entered. Other Ids do not matter, however many there are.
func (x *idIndex) count(n xmltext.Node) {
	for name, id := range n.Attrs() {
		if !isIDName(name) {
			continue
		}
		if e := x.find(id); e != nil {
			e.count++
		}
	}
}

// isIDName reports whether some XML stack takes an attribute of this name for
// an identifier.
func isIDName(n xmltext.Name) bool {
	switch n.Space {
	case "":
		return n.Local == "Id" || n.Local == "ID" || n.Local == "id"
	case NSWSU:
		return n.Local == "Id"
	case nsXML:
		return n.Local == "id"
	}
	return false
}

// duplicate returns an Id that two targets carry, "" if there is none.
func (x *idIndex) duplicate() string {
	for i := range x.list {
		if x.list[i].places > 1 {
			return x.list[i].id
		}
	}
	return ""
}

// has reports whether an element that a Reference may name carries an Id.
func (x *idIndex) has(id string) bool {
	e := x.find(id)
	return e != nil && e.places > 0
}

// target resolves a "#id" URI to the one element that carries it.
func (x *idIndex) target(uri string, from xmltext.Node) (xmltext.Node, error) {
	if len(uri) < 2 || uri[0] != '#' {
		return xmltext.Node{}, errAt(CodeReference, from, "URI is not of the form #id")
	}
	e := x.find(uri[1:])
	switch {
	case e == nil || e.places == 0:
		return xmltext.Node{}, errAt(CodeReference, from, "no element that a reference may name has the Id of its URI")
	case e.count > 1:
		return xmltext.Node{}, errAt(CodeDuplicateID, from, "more than one element has the Id of its URI")
	}
	return e.node, nil
}

// countID counts the elements outside the content of the Body that carry an Id.
func countID(e *soap.Envelope, id string) int {
	n := 0
	count := func(x xmltext.Node) {
		for name, value := range x.Attrs() {
			if isIDName(name) && value == id {
				n++
			}
		}
	}
	count(e.Root)
	count(e.Body)
	if !e.Header.IsZero() {
		count(e.Header)
		for x := range e.Header.Descendants() {
			count(x)
		}
	}
	return n
}

// maxHeaderBlocks bounds the header blocks of a message; WS-Addressing has ten.
const maxHeaderBlocks = 256

// indexIDs finds what a Reference may name, in the present state of the
// document, and counts the other elements outside the content of the Body that
// carry those Ids.
func (v *verification) indexIDs() error {
	v.ids = idIndex{list: v.rooms.ids[:0]}
	if err := v.addTargets(); err != nil {
		return err
	}
	v.ids.count(v.env.Root)
	if !v.env.Header.IsZero() {
		v.ids.count(v.env.Header)
		for n := range v.env.Header.Descendants() {
			v.ids.count(n)
		}
	}
	v.ids.count(v.env.Body)
	if ed := v.bodyCiphertext(); !ed.IsZero() {
		v.ids.count(ed)
		for n := range ed.Descendants() {
			v.ids.count(n)
		}
	}
	if id := v.ids.duplicate(); id != "" {
		return errAt(CodeDuplicateID, v.env.Root, "the Id %.64q stands on two elements that a reference may name", id)
	}
	return nil
}

// addTargets enters the header blocks, the children of the Security header, the
// Body, and EncryptedData at the places where a policy may encrypt.
func (v *verification) addTargets() error {
	blocks := 0
	for b := range v.env.Blocks() {
		if blocks++; blocks > maxHeaderBlocks {
			return errAt(CodeLimit, b, "more than %d header blocks", maxHeaderBlocks)
		}
		switch {
		case b == v.security:
			for c := range b.Children() {
				v.ids.addTarget(c)
			}
			continue
		case b.Is(NSWSSE11, "EncryptedHeader"):
			for c := range b.Children() {
				if c.Is(nsXenc, "EncryptedData") {
					v.ids.addTarget(c)
				}
			}
		}
		v.ids.addTarget(b)
	}
	if t := v.ch.Token; t != nil && t.Node.Parent() != v.security && v.env.Header.Contains(t.Node) &&
		t.Node.Parent() != v.env.Header {
		v.ids.addTarget(t.Node)
	}
	v.ids.addTarget(v.env.Body)
	if ed := v.bodyCiphertext(); !ed.IsZero() {
		v.ids.addTarget(ed)
	}
	return nil
}

// bodyCiphertext returns bodyEncryption as long as the Body has not been
// decrypted: what stands there afterwards is data.
func (v *verification) bodyCiphertext() xmltext.Node {
	if v.wasEncrypted(v.env.Body) {
		return xmltext.Node{}
	}
	return bodyEncryption(v.env)
}

// bodyEncryption returns the EncryptedData that is all of the Body's content,
// or zero.
func bodyEncryption(env *soap.Envelope) xmltext.Node {
	ed := env.Body.FirstChild()
	if ed.IsZero() || !ed.Is(nsXenc, "EncryptedData") || !ed.NextSibling().IsZero() || env.Body.HasMixedText() {
		return xmltext.Node{}
	}
	return ed
}
