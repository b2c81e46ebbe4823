package location

import (
	"errors"
	"strconv"

	"github.com/antchfx/xpath"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// What one evaluation may take: moves, each of which costs some nanoseconds. A
// message of nothing but empty elements takes one and a half moves for each
// octet when an expression looks at all of them.
const (
	baseMoves   = 100_000
	octetMoves  = 4  // for each octet of the message
	textPerMove = 16 // octets of text that count as one move
)

var errWork = errors.New("the expression takes more work than a message of this size is worth; " +
	"write it with fewer // and without predicates that look at the whole message")

// navigator is a position in a message for package xpath: its root, an element,
// an attribute, or the text of an element without children. Between elements
// there is no text, as a SOAP message has none that means anything.
type navigator struct {
	kind xpath.NodeType
	node xmltext.Node // the element; of an attribute or text, the one that has it
	attr int          // index of an attribute
	work *work
}

// work counts down the moves of all navigators of one evaluation.
type work struct {
	doc   *xmltext.Doc
	left  int
	texts int // of the path
}

// do takes n moves. It panics with errWork if there are not as many: the
// library that moves a navigator takes no error from it.
func (w *work) do(n int) {
	if w.left -= n; w.left < 0 {
		panic(errWork)
	}
}

// doText takes the moves for a text: those of every place of the expression that
// may work on it, since the library copies a text in most of them.
func (w *work) doText(octets int) { w.do(1 + octets*max(w.texts, 1)/textPerMove) }

// navigate returns a navigator at the root of a message, for an expression with
// so many texts.
func navigate(doc *xmltext.Doc, texts int) *navigator {
	return &navigator{kind: xpath.RootNode, work: &work{doc, baseMoves + octetMoves*len(doc.Source()), texts}}
}

func (n *navigator) NodeType() xpath.NodeType { return n.kind }

func (n *navigator) LocalName() string {
	switch n.kind {
	case xpath.ElementNode:
		return n.node.Local()
	case xpath.AttributeNode:
		name, _ := n.attribute()
		return name.Local
	}
	return ""
}

// Prefix returns a text that no prefix is, different for each element, or "" for
// a name without namespace: the library compares it where an expression has no
// prefix, and computes from it which nodes are the same.
func (n *navigator) Prefix() string {
	if n.NamespaceURL() == "" {
		return ""
	}
	return strconv.FormatInt(n.node.Offset(), 10) + ":"
}

// NamespaceURL returns the namespace name. The library looks for this method.
func (n *navigator) NamespaceURL() string {
	switch n.kind {
	case xpath.ElementNode:
		return n.node.Space()
	case xpath.AttributeNode:
		name, _ := n.attribute()
		return name.Space
	}
	return ""
}

// attribute returns the name and value of the attribute.
func (n *navigator) attribute() (name xmltext.Name, value string) {
	i := 0
	for name, value := range n.node.Attrs() {
		if n.work.do(1); i == n.attr {
			return name, value
		}
		i++
	}
	return xmltext.Name{}, ""
}

// Value returns the string-value (XPath §5).
func (n *navigator) Value() string {
	var text []byte
	switch n.kind {
	case xpath.AttributeNode:
		_, value := n.attribute()
		n.work.doText(len(value))
		return value
	case xpath.RootNode:
		text = n.textOf(n.work.doc.Root())
	default:
		text = n.textOf(n.node)
	}
	return string(text)
}

// textOf returns the text of an element without children, or of all such elements
// in it.
func (n *navigator) textOf(e xmltext.Node) []byte {
	_, start, end, _ := e.SourceRange()
	n.work.doText(end - start)
	if e.FirstChild().IsZero() {
		return e.AppendText(nil)
	}
	var dst []byte
	for d := range e.Descendants() {
		if n.work.do(1); d.FirstChild().IsZero() {
			dst = d.AppendText(dst)
		}
	}
	return dst
}

func (n *navigator) Copy() xpath.NodeNavigator {
	n.work.do(1)
	c := *n
	return &c
}

func (n *navigator) MoveToRoot() {
	n.work.do(1)
	*n = navigator{kind: xpath.RootNode, work: n.work}
}

func (n *navigator) MoveToParent() bool {
	n.work.do(1)
	switch parent := n.node.Parent(); {
	case n.kind == xpath.RootNode:
		return false
	case n.kind != xpath.ElementNode:
		n.kind = xpath.ElementNode
	case parent.IsZero():
		*n = navigator{kind: xpath.RootNode, work: n.work}
	default:
		n.node = parent
	}
	return true
}

func (n *navigator) MoveToNextAttribute() bool {
	n.work.do(1)
	next := 0
	switch n.kind {
	case xpath.ElementNode:
	case xpath.AttributeNode:
		next = n.attr + 1
	default:
		return false
	}
	i := 0
	for range n.node.Attrs() {
		if n.work.do(1); i == next {
			n.kind, n.attr = xpath.AttributeNode, next
			return true
		}
		i++
	}
	return false
}

func (n *navigator) MoveToChild() bool {
	n.work.do(1)
	switch n.kind {
	case xpath.RootNode:
		n.kind, n.node = xpath.ElementNode, n.work.doc.Root()
		return true
	case xpath.ElementNode:
		if child := n.node.FirstChild(); !child.IsZero() {
			n.node = child
			return true
		}
		if _, start, end, _ := n.node.SourceRange(); start < end {
			n.kind = xpath.TextNode
			return true
		}
	}
	return false
}

func (n *navigator) MoveToFirst() bool {
	n.work.do(1)
	first := n.node.Parent().FirstChild()
	if n.kind != xpath.ElementNode || first.IsZero() || first == n.node {
		return false
	}
	n.node = first
	return true
}

func (n *navigator) MoveToNext() bool {
	n.work.do(1)
	if n.kind != xpath.ElementNode {
		return false
	}
	next := n.node.NextSibling()
	if next.IsZero() {
		return false
	}
	n.node = next
	return true
}

// MoveToPrevious looks through the siblings before: the index has no way back.
func (n *navigator) MoveToPrevious() bool {
	n.work.do(1)
	if n.kind != xpath.ElementNode {
		return false
	}
	var previous xmltext.Node
	for s := n.node.Parent().FirstChild(); !s.IsZero() && s != n.node; s = s.NextSibling() {
		n.work.do(1)
		previous = s
	}
	if previous.IsZero() {
		return false
	}
	n.node = previous
	return true
}

func (n *navigator) MoveTo(other xpath.NodeNavigator) bool {
	n.work.do(1)
	o, ok := other.(*navigator)
	if ok {
		*n = *o
	}
	return ok
}
