package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Node is a line of what an Inspector found, and what belongs to it. Strings
// may hold anything that a hostile token does; AppendText and JSON escape what
// a terminal would take for a command.
type Node struct {
	Name     string  // "ap-options"
	Value    string  // "mutual-required"; may be empty
	Note     string  // what it means, if that is not plain
	Text     string  // a text of several lines, such as a decrypted message
	Problem  string  // what is wrong with it
	Children []*Node // in the order of the input
}

// Add appends a child and returns it.
func (n *Node) Add(name, value string) *Node {
	c := &Node{Name: name, Value: value}
	n.Children = append(n.Children, c)
	return c
}

// Addf is Add with a formatted value.
func (n *Node) Addf(name, format string, args ...any) *Node {
	return n.Add(name, fmt.Sprintf(format, args...))
}

// Nest adds to n, which has a name of its own, what t shows: n is the
// field in which t stands.
func (n *Node) Nest(t *Node) {
	join := func(a, b, between string) string {
		if a == "" || b == "" {
			return a + b
		}
		return a + between + b
	}
	n.Value = join(n.Value, join(t.Name, t.Value, ": "), ", ")
	n.Note, n.Problem, n.Text = join(n.Note, t.Note, "; "), join(n.Problem, t.Problem, "; "), n.Text+t.Text
	n.Children = append(n.Children, t.Children...)
}

// MarshalJSON writes an object with the fields that are not empty, in lower
// case.
func (n *Node) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		Name     string  `json:"name"`
		Value    string  `json:"value,omitempty"`
		Note     string  `json:"note,omitempty"`
		Text     string  `json:"text,omitempty"`
		Problem  string  `json:"problem,omitempty"`
		Children []*Node `json:"children,omitempty"`
	}{escapeLine(n.Name), escapeLine(n.Value), escapeLine(n.Note), escapeLines(n.Text), escapeLine(n.Problem),
		n.Children})
	return b.Bytes(), err
}

// Columns of a text. Values of one parent stand below each other unless a name
// is very long.
const (
	textWidth   = 118
	textNames   = 32 // of a name, in columns
	textIndent  = 2
	textDeepest = 40 // columns of indentation
)

// AppendText appends the tree as lines of about 118 columns at most: names,
// values below each other, notes in brackets, problems behind an exclamation
// mark.
func (n *Node) AppendText(dst []byte) []byte { return n.appendText(dst, 0, 0) }

func (n *Node) appendText(dst []byte, depth, names int) []byte {
	indent := min(depth*textIndent, textDeepest)
	name, value := escapeLine(n.Name), escapeLine(n.Value)
	if n.Note != "" {
		value = strings.TrimSpace(value + " (" + escapeLine(n.Note) + ")")
	}
	dst = append(dst, strings.Repeat(" ", indent)...)
	dst = append(dst, name...)
	if value != "" {
		gap := 2
		if width := utf8.RuneCountInString(name); width < names {
			gap += names - width
		}
		dst = append(dst, strings.Repeat(" ", gap)...)
		dst = appendWrapped(dst, value, indent+utf8.RuneCountInString(name)+gap)
	}
	dst = append(dst, '\n')
	if n.Problem != "" {
		dst = append(dst, strings.Repeat(" ", indent+textIndent)+"! "...)
		dst = append(appendWrapped(dst, escapeLine(n.Problem), indent+textIndent+2), '\n')
	}
	if n.Text != "" {
		for line := range strings.SplitSeq(strings.TrimRight(escapeLines(n.Text), "\n"), "\n") {
			dst = append(dst, strings.Repeat(" ", indent+textIndent)+"| "+line+"\n"...)
		}
	}
	names = 0
	for _, c := range n.Children {
		if width := utf8.RuneCountInString(escapeLine(c.Name)); width <= textNames && c.Value+c.Note != "" {
			names = max(names, width)
		}
	}
	for _, c := range n.Children {
		dst = c.appendText(dst, depth+1, names)
	}
	return dst
}

// appendWrapped breaks text at spaces; further lines begin in the column where
// the first does.
func appendWrapped(dst []byte, text string, column int) []byte {
	at := column
	for i, word := range strings.Split(text, " ") {
		width := utf8.RuneCountInString(word)
		switch {
		case i > 0 && at+1+width > textWidth && at > column:
			dst = append(dst, "\n"+strings.Repeat(" ", column)...)
			at = column
		case i > 0:
			dst = append(dst, ' ')
			at++
		}
		dst = append(dst, word...)
		at += width
	}
	return dst
}

// maxShown bounds a single line, in octets before escaping.
const maxShown = 4096

// escapeLine makes a text harmless for terminals: what is no printable
// character stands as \x1b or \u{202e}.
func escapeLine(s string) string { return escape(s, maxShown, false) }

// escapeLines is escapeLine for a text with line ends and tabs.
func escapeLines(s string) string { return escape(s, len(s), true) }

func escape(s string, limit int, lines bool) string {
	cut := ""
	if len(s) > limit {
		s, cut = s[:limit], fmt.Sprintf("… %d octets more", len(s)-limit)
	}
	harmless := func(r rune) bool { return unicode.IsPrint(r) || lines && (r == '\n' || r == '\t') }
	if cut == "" && utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !harmless(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1, r < 0x80 && !harmless(r):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !harmless(r):
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String() + cut
}
