package attacks

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// A Meaning is what a message says, in a form that can be compared: names with
// their namespaces, in sorted order where order has no meaning.
type Meaning struct {
	// Body is its content.
	Body string
	// Blocks are the header blocks, sorted. Their order has no meaning (SOAP 1.2
	// Part 1 §2.6).
	Blocks []string
	// Around has the attributes of Envelope, Header and Body, but Ids, and what
	// stands beside them.
	Around string
	// Comments and processing instructions, at which parsers divide text.
	Comments int
}

// Equal reports whether two messages mean the same to whoever reads them.
func (m Meaning) Equal(other Meaning) bool {
	return m.Body == other.Body && m.Around == other.Around && slices.Equal(m.Blocks, other.Blocks) &&
		m.Comments == other.Comments
}

// Read returns what a message means to encoding/xml.
func Read(message []byte) (Meaning, error) {
	root, err := parse(message)
	if err != nil {
		return Meaning{}, err
	}
	if err := strict(message); err != nil {
		return Meaning{}, err
	}
	header, body := root.child(root.space, "Header"), root.child(root.space, "Body")
	if root.local != "Envelope" || body == nil {
		return Meaning{}, fmt.Errorf("%s is no Envelope with a Body", root.local)
	}
	m := Meaning{Body: body.inside(), Around: root.space + root.attributes() + body.attributes()}
	for _, e := range root.all() {
		m.Comments += e.comments
	}
	for _, c := range root.children {
		m.Around += " " + c.local
	}
	if header != nil {
		m.Around += header.attributes()
		for _, b := range header.children {
			m.Blocks = append(m.Blocks, b.whole())
		}
		slices.Sort(m.Blocks)
	}
	return m, nil
}

// ReadBody returns the meaning of the content of a Body that stands alone.
func ReadBody(body []byte) (string, error) {
	root, err := parse(body)
	if err != nil {
		return "", err
	}
	return root.inside(), nil
}

// strict reads a message to its end as a program with encoding/xml would.
func strict(message []byte) error {
	return xml.Unmarshal(message, new(struct{ XMLName xml.Name }))
}

// inside returns the meaning of the content.
func (e *element) inside() string {
	var out strings.Builder
	for _, n := range e.content {
		if n.element != nil {
			out.WriteString(n.element.whole())
		} else {
			fmt.Fprintf(&out, "%q", e.resolve(n.text))
		}
	}
	return out.String()
}

// whole returns the meaning of an element.
func (e *element) whole() string {
	return "<{" + e.space + "}" + e.local + e.attributes() + ">" + e.inside() + "</>"
}

// attributes returns those of an element, but Ids, sorted.
func (e *element) attributes() string {
	var list []string
	for _, a := range e.attrs {
		if a.Name != (xml.Name{Space: nsWSU, Local: "Id"}) {
			list = append(list, fmt.Sprintf(" {%s}%s=%q", a.Name.Space, a.Name.Local, e.resolve(a.Value)))
		}
	}
	slices.Sort(list)
	return strings.Join(list, "")
}
