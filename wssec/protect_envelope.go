package wssec

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// envelopeParts is an envelope taken apart for rebuilding: its own start and
// end tags as written, its header blocks, its Body.
type envelopeParts struct {
	*soap.Envelope
	blocks  []xmltext.Node // without Security headers for the peer
	changed bool           // these are not all blocks, or not all of them the envelope's
}

// takeApart sets e to the parts of an envelope. It leaves out Security headers that
// the backend may have written and that the peer would take for ours.
func (e *envelopeParts) takeApart(env *soap.Envelope, actors []string) {
	e.Envelope = env
	for b := range env.Blocks() {
		if IsSecurityHeader(env, b, actors) {
			e.changed = true
			continue
		}
		e.blocks = append(e.blocks, b)
	}
}

// removeAddressing removes the blocks of WS-Addressing.
func (e *envelopeParts) removeAddressing() {
	kept := slices.DeleteFunc(e.blocks, func(b xmltext.Node) bool { return soap.IsAddressing(b.Space()) })
	e.changed = e.changed || len(kept) < len(e.blocks)
	e.blocks = kept
}

// add adds blocks of another document.
func (e *envelopeParts) add(others []xmltext.Node) {
	e.blocks = append(e.blocks, others...)
	e.changed = e.changed || len(others) > 0
}

// appendName appends the name of an element as written.
func appendName(dst []byte, n xmltext.Node) []byte {
	if p := n.Prefix(); p != "" {
		dst = append(append(dst, p...), ':')
	}
	return append(dst, n.Local()...)
}

// nameLen returns the octets of the name of an element as written.
func nameLen(n xmltext.Node) int {
	if p := n.Prefix(); p != "" {
		return len(p) + len(":") + len(n.Local())
	}
	return len(n.Local())
}

// appendStartTag appends the start tag of n as written, with extra attributes
// behind the name, also where n is an empty-element tag.
func appendStartTag(dst []byte, n xmltext.Node, extra string) []byte {
	start, contentStart, contentEnd, end := n.SourceRange()
	tag := n.Doc().Source()[start:contentStart]
	if contentStart == contentEnd && contentEnd == end {
		tag = bytes.TrimSuffix(tag, []byte("/>"))
	} else {
		tag = tag[:len(tag)-1]
	}
	name := len("<") + nameLen(n)
	dst = append(dst, tag[:name]...)
	dst = append(dst, extra...)
	dst = append(dst, tag[name:]...)
	return append(dst, '>')
}

// appendEndTag appends the end tag of n.
func appendEndTag(dst []byte, n xmltext.Node) []byte {
	return append(appendName(append(dst, "</"...), n), '>')
}

// appendContent appends the content of n as written.
func appendContent(dst []byte, n xmltext.Node) []byte {
	_, from, to, _ := n.SourceRange()
	return append(dst, n.Doc().Source()[from:to]...)
}

// An idAttr is the wsu:Id of an element: the one it has, or one to be written.
type idAttr struct {
	value  string
	prefix string // of the namespace, when the attribute is to be written
}

// idFor returns the wsu:Id of n, under a prefix that changes no other name in n
// when the attribute has to be added. One that is there already is kept if it
// identifies n and nothing else in the message.
func (w *writer) idFor(n xmltext.Node, kind string) (idAttr, error) {
	if v, ok := n.Attr(NSWSU, "Id"); ok {
		if !isNCName(v) || countID(w.env.Envelope, v) != 1 {
			return idAttr{}, errAt(CodeProtect, n,
				"has a wsu:Id that is not an NCName of ASCII, or not unique in the envelope: configure the backend to leave "+
					"it out")
		}
		return idAttr{value: v}, nil
	}
	prefix := "wsu"
	for i := 1; ; i++ {
		uri, ok := n.LookupNamespace(prefix)
		if !ok || uri == NSWSU {
			return idAttr{value: w.id(kind), prefix: prefix}, nil
		}
		prefix = "wsu" + strconv.Itoa(i)
	}
}

// isNCName reports whether an Id is one that needs no escaping anywhere: ASCII
// letters, digits, '.', '-' and '_', starting with a letter or '_'.
func isNCName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'
		if !letter && (i == 0 || c != '-' && c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

// extra returns the attribute for the canonicalizer.
func (a idAttr) extra() []xmltext.ApexAttr {
	if a.prefix == "" {
		return nil
	}
	return []xmltext.ApexAttr{{Prefix: a.prefix, Space: NSWSU, Local: "Id", Value: a.value}}
}

// text returns the attribute to be written, with the declaration of its prefix
// where n lacks one.
func (a idAttr) text(n xmltext.Node) string {
	if a.prefix == "" {
		return ""
	}
	if uri, ok := n.LookupNamespace(a.prefix); !ok || uri != NSWSU {
		return ` xmlns:` + a.prefix + `="` + NSWSU + `" ` + a.prefix + `:Id="` + a.value + `"`
	}
	return ` ` + a.prefix + `:Id="` + a.value + `"`
}

// appendEnvelope assembles the message: the Security header first among the
// blocks. Room for all of it, size octets, is made at once.
func (e envelopeParts) appendEnvelope(
	dst []byte, size int, security func([]byte) []byte, blocks []byte, body appendFunc,
) ([]byte, error) {
	dst = slices.Grow(dst, size)
	dst = e.Root.AppendOwnTag(dst) // without attributes: nothing would cover them
	if e.Header.IsZero() {
		name := "Header"
		if p := e.Root.Prefix(); p != "" {
			name = p + ":Header"
		}
		dst = append(dst, "<"+name+">"...)
		dst = append(security(dst), blocks...)
		dst = append(dst, "</"+name+">"...)
	} else {
		dst = e.Header.AppendOwnTag(dst)
		dst = append(security(dst), blocks...)
		dst = appendEndTag(dst, e.Header)
	}
	dst, err := body(dst)
	return appendEndTag(dst, e.Root), err
}
