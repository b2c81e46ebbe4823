package wsdl

import (
	"cmp"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// An edit puts text in the place of src[from:to].
type edit struct {
	from, to int
	text     string
}

// edits are changes of a document that leave the rest of it octet by octet. What
// is changed inside an element that is removed is removed with it. An element has
// at most one insertion.
type edits struct {
	src []byte
	all []edit
}

func (e *edits) add(from, to int, text string) { e.all = append(e.all, edit{from, to, text}) }

// remove removes an element.
func (e *edits) remove(n xmltext.Node) {
	start, _, _, end := n.SourceRange()
	e.add(start, end, "")
}

// content replaces the content of an element that is not an empty-element tag.
func (e *edits) content(n xmltext.Node, text string) {
	_, from, to, end := n.SourceRange()
	if to < end {
		e.add(from, to, text)
	}
}

// insertAtStart inserts markup as the first content of an element, behind its
// wsdl:documentation.
func (e *edits) insertAtStart(n xmltext.Node, text string) {
	_, from, to, end := n.SourceRange()
	if c := n.FirstChild(); c.Is(NamespaceWSDL, "documentation") {
		_, _, _, from = c.SourceRange()
	}
	if to == end {
		e.open(n, text)
		return
	}
	e.add(from, from, text)
}

// insertAtEnd inserts markup as the last content of an element.
func (e *edits) insertAtEnd(n xmltext.Node, text string) {
	_, _, to, end := n.SourceRange()
	switch {
	case text == "":
	case to == end:
		e.open(n, text)
	default:
		e.add(to, to, text)
	}
}

// open makes an empty-element tag one with content.
func (e *edits) open(n xmltext.Node, text string) {
	_, _, _, end := n.SourceRange()
	name := n.Local()
	if n.Prefix() != "" {
		name = n.Prefix() + ":" + name
	}
	e.add(end-len("/>"), end, ">"+text+"</"+name+">")
}

// attribute sets the value of an attribute without prefix, if the element has it.
func (e *edits) attribute(n xmltext.Node, name, value string) {
	if a, ok := e.find(n, func(raw string) bool { return raw == name }); ok {
		e.add(a.value, a.valueEnd, value)
	}
}

// removeAttribute removes the attributes of a local name that have a prefix.
func (e *edits) removeAttribute(n xmltext.Node, local string) {
	a, ok := e.find(n, func(raw string) bool { _, name, found := strings.Cut(raw, ":"); return found && name == local })
	if ok {
		e.add(a.from, a.to, " ")
	}
}

// sourceAttribute holds the offsets of an attribute: of its name, of its value
// between the quotes, and behind it.
type sourceAttribute struct{ from, value, valueEnd, to int }

// find returns the first attribute of an element whose name, as it is written,
// matches.
func (e *edits) find(n xmltext.Node, matches func(raw string) bool) (sourceAttribute, bool) {
	start, contentStart, _, _ := n.SourceRange()
	const space = " \t\r\n"
	tag := string(e.src[start:contentStart])
	for i := 1; i < len(tag); {
		name := strings.IndexByte(tag[i:], '=')
		if name < 0 {
			break
		}
		raw := strings.TrimRight(tag[i:i+name], space)
		from := i + strings.LastIndexAny(raw, space) + 1
		quote := i + name + strings.IndexAny(tag[i+name:], `"'`)
		size := strings.IndexByte(tag[quote+1:], tag[quote])
		end := quote + 1 + size
		if matches(tag[from : i+len(raw)]) {
			return sourceAttribute{start + from, start + quote + 1, start + end, start + end + 1}, true
		}
		i = end + 1
	}
	return sourceAttribute{}, false
}

// apply appends src[start:end] with the edits.
func (e *edits) apply(dst []byte, start, end int) []byte {
	slices.SortStableFunc(e.all, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) // what is inserted there first
	})
	for _, x := range e.all {
		if x.from < start {
			continue // in what was removed
		}
		dst = append(append(dst, e.src[start:x.from]...), x.text...)
		start = x.to
	}
	return append(dst, e.src[start:end]...)
}
