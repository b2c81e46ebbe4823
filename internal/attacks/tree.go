package attacks

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Names of the specifications that attacks use.
const (
	nsSOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
	nsSOAP12 = "http://www.w3.org/2003/05/soap-envelope"
	nsWSSE   = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	nsWSU    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	nsDS     = "http://www.w3.org/2000/09/xmldsig#"
	nsXENC   = "http://www.w3.org/2001/04/xmlenc#"
	nsWSA    = "http://www.w3.org/2005/08/addressing"
	nsWSA04  = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
	nsXML    = "http://www.w3.org/XML/1998/namespace"
)

// An element is an element of a message with its place in the octets: start tag
// from start to open, end tag from close to end.
type element struct {
	space, local            string
	attrs                   []xml.Attr // with namespaces; declarations left out
	start, open, close, end int
	parent                  *element
	children                []*element
	text                    [][2]int // where it has text of its own
	scope                   map[string]string
	comments                int    // and processing instructions
	content                 []node // in order, text joined
}

// A node is an element, or text.
type node struct {
	element *element
	text    string
}

// parse returns the root of a message as encoding/xml reads it.
func parse(src []byte) (*element, error) {
	p := parser{d: xml.NewDecoder(bytes.NewReader(src)), src: src}
	for {
		from := int(p.d.InputOffset())
		t, err := p.d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = p.token(t, from, int(p.d.InputOffset()))
		}
		if err != nil {
			return nil, err
		}
	}
	if p.root == nil || p.at != nil {
		return nil, errors.New("no whole element")
	}
	return p.root, nil
}

type parser struct {
	d        *xml.Decoder
	src      []byte
	root, at *element
}

func (p *parser) token(t xml.Token, from, to int) error {
	switch t := t.(type) {
	case xml.StartElement:
		return p.begin(t, from, to)
	case xml.EndElement:
		if p.at == nil || p.at.local != t.Name.Local {
			return fmt.Errorf("end tag %s", t.Name.Local)
		}
		p.at.close, p.at.end = from, to
		p.at = p.at.parent
	case xml.CharData:
		if p.at != nil {
			p.at.text = append(p.at.text, [2]int{from, to})
			p.at.addText(string(t))
		}
	case xml.Comment, xml.ProcInst:
		if p.at != nil {
			p.at.comments++
		}
	case xml.Directive:
		return errors.New("a document type declaration")
	}
	return nil
}

func (p *parser) begin(t xml.StartElement, from, to int) error {
	e := &element{local: t.Name.Local, start: from, open: to, parent: p.at, scope: map[string]string{"xml": nsXML}}
	if p.at != nil {
		e.scope = p.at.scope
		p.at.children = append(p.at.children, e)
		p.at.content = append(p.at.content, node{element: e})
	} else if p.root != nil {
		return errors.New("two roots")
	}
	e.declare(t.Attr)
	var err error
	if e.space, err = e.namespace(t.Name.Space); err != nil {
		return err
	}
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name == (xml.Name{Local: "xmlns"}) {
			continue
		}
		if a.Name.Space != "" {
			if a.Name.Space, err = e.namespace(a.Name.Space); err != nil {
				return err
			}
		}
		e.attrs = append(e.attrs, a)
	}
	if p.at == nil {
		p.root = e
	}
	p.at = e
	return nil
}

// declare adds the namespace declarations of a start tag to the scope.
func (e *element) declare(attrs []xml.Attr) {
	own := false
	for _, a := range attrs {
		prefix := a.Name.Local
		switch {
		case a.Name == xml.Name{Local: "xmlns"}:
			prefix = ""
		case a.Name.Space != "xmlns":
			continue
		}
		if !own {
			scope := make(map[string]string, len(e.scope)+1)
			for k, v := range e.scope {
				scope[k] = v
			}
			e.scope, own = scope, true
		}
		e.scope[prefix] = a.Value
	}
}

func (e *element) addText(text string) {
	if n := len(e.content); n > 0 && e.content[n-1].element == nil {
		e.content[n-1].text += text
		return
	}
	e.content = append(e.content, node{text: text})
}

func (e *element) namespace(prefix string) (string, error) {
	space, ok := e.scope[prefix]
	if !ok && prefix != "" {
		return "", fmt.Errorf("prefix %s is not declared", prefix)
	}
	return space, nil
}

// resolve replaces the prefix of a text that is a qualified name, if it is
// declared, by the namespace.
func (e *element) resolve(text string) string {
	prefix, local, ok := strings.Cut(strings.TrimSpace(text), ":")
	if space := e.scope[prefix]; ok && space != "" && prefix != "xml" && !strings.ContainsAny(local, ":/ ") {
		return "{" + space + "}" + local
	}
	return text
}

// child returns the first child of a name, or nil.
func (e *element) child(space, local string) *element {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.space == space && c.local == local {
			return c
		}
	}
	return nil
}

// all returns the element and what is in it, in the order of start tags.
func (e *element) all() []*element {
	list := []*element{e}
	for _, c := range e.children {
		list = append(list, c.all()...)
	}
	return list
}

// id returns the element's Id, in any of its spellings.
func (e *element) id() string {
	for _, a := range e.attrs {
		if a.Name.Local == "Id" && (a.Name.Space == nsWSU || a.Name.Space == "") {
			return a.Value
		}
	}
	return ""
}

func (e *element) attr(local string) string {
	for _, a := range e.attrs {
		if a.Name.Local == local && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// in returns the octets of the element.
func (e *element) in(src []byte) string { return string(src[e.start:e.end]) }

// inner returns the octets between its tags.
func (e *element) inner(src []byte) string { return string(src[e.open:max(e.open, e.close)]) }

// isEmptyTag reports whether it is written as one tag.
func (e *element) isEmptyTag() bool { return e.close >= e.end }
