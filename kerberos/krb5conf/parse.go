package krb5conf

import (
	"errors"
	"fmt"
	"strings"
)

// A confNode is a section, also one in braces, or a relation "name = value".
type confNode struct {
	name, value string
	section     bool
	final       bool // "name*": later values of the name do not count
	parent      *confNode
	children    []*confNode
	sections    map[string]*confNode // the child sections, by name; each is there once
	finals      map[string]bool      // names of final children
}

// find returns the section at a path, or nil.
func (n *confNode) find(path ...string) *confNode {
	for _, name := range path {
		if n = n.sections[name]; n == nil {
			return nil
		}
	}
	return n
}

// add returns the section with a name, which it makes if there is none.
func (n *confNode) add(name string) *confNode {
	if child := n.sections[name]; child != nil {
		return child
	}
	child := &confNode{name: name, section: true, parent: n}
	if n.sections == nil {
		n.sections = make(map[string]*confNode)
	}
	n.sections[name], n.children = child, append(n.children, child)
	return child
}

// set adds a relation, unless the name is final.
func (n *confNode) set(name, value string, final bool) {
	if n.finals[name] {
		return
	}
	child := &confNode{name: name, value: value, parent: n}
	n.children = append(n.children, child)
	if final {
		child.makeFinal()
	}
}

func (n *confNode) makeFinal() {
	n.final = true
	if n.parent.finals == nil {
		n.parent.finals = make(map[string]bool)
	}
	n.parent.finals[n.name] = true
}

// unsupportedConf is an errors.ErrUnsupported: MIT's library may accept what
// this package does not.
type unsupportedConf string

func (e unsupportedConf) Error() string { return string(e) }

func (e unsupportedConf) Is(target error) bool { return target == errors.ErrUnsupported }

// ConfSpace is the white space of C's isspace.
const ConfSpace = " \t\n\v\f\r"

// A confParser parses one file line by line, as MIT's library does since 1.22,
// which honors final values and sections within one file too. Every file begins
// outside all sections, even an included one. All files share one tree.
type confParser struct {
	root    *confNode
	include func(directive, target string) error // called for a line that includes another file

	section   *confNode // the current one
	depth     int       // 0 before the first section, 1 in a section, 2 in braces, and so on
	passOver  int       // if not 0, the section at this depth is final, and its content does not count
	wantBrace string    // a name that a brace must follow
}

// parse parses a file. A line longer than buffer, which MIT's library has, is
// several lines to that; with 0 lines may be of any length.
func (p *confParser) parse(text string, buffer int) error {
	for number := 1; text != ""; number++ {
		n := strings.IndexByte(text, '\n') + 1
		if n == 0 {
			n = len(text)
		}
		for n > buffer && buffer > 0 { // the rest is another line to MIT's library
			if err := p.line(text[:buffer]); err != nil {
				return fmt.Errorf("line %d: %w", number, err)
			}
			text, n = text[buffer:], n-buffer
		}
		if err := p.line(text[:n]); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		text = text[n:]
	}
	return nil
}

func (p *confParser) line(s string) error {
	s, _, _ = strings.Cut(s, "\x00") // MIT's library reads a C string
	for _, directive := range []string{"include", "includedir"} {
		if target, ok := confDirective(s, directive); ok {
			return p.include(directive, target)
		}
	}
	switch module, ok := confDirective(s, "module"); {
	case p.depth == 0 && ok:
		return unsupportedConf(fmt.Sprintf(
			"module %.100q of MIT's library has the settings, and only that library can ask it", module))
	case p.depth == 0 && !strings.HasPrefix(s, "["):
		return nil
	case p.wantBrace != "":
		return p.brace(s)
	}
	s = strings.TrimRight(strings.TrimLeft(s, ConfSpace), "\r\n")
	if s == "" {
		return nil
	}
	switch s[0] {
	case '#', ';':
		return nil
	case '[':
		return p.begin(s)
	case '}':
		return p.end(s)
	}
	return p.relation(s)
}

// confDirective returns the target of "include target". The directive must be
// at the beginning of the line, and white space must follow.
func confDirective(s, directive string) (target string, ok bool) {
	rest, ok := strings.CutPrefix(s, directive)
	if !ok || rest == "" || !strings.ContainsRune(ConfSpace, rune(rest[0])) {
		return "", false
	}
	return strings.TrimRight(strings.TrimLeft(rest, ConfSpace), "\r\n"), true
}

// brace parses the line after "name =". What follows its brace does not count.
func (p *confParser) brace(s string) error {
	if !strings.HasPrefix(strings.TrimLeft(s, ConfSpace), "{") {
		return fmt.Errorf("%.100q has neither a value nor a brace", p.wantBrace)
	}
	p.wantBrace = ""
	return nil
}

func (p *confParser) begin(s string) error {
	name, rest, ok := strings.Cut(s[1:], "]")
	rest, final := strings.CutPrefix(rest, "*")
	if !ok || strings.TrimLeft(rest, ConfSpace) != "" {
		return fmt.Errorf("%.100q is no [section]", s)
	}
	if p.depth > 1 {
		return fmt.Errorf("section %.100q begins inside braces", name)
	}
	p.section, p.depth, p.passOver = p.root.add(name), 1, 0
	if p.section.final {
		p.passOver = 1
	}
	if final {
		p.section.makeFinal()
	}
	return nil
}

// end parses a line that begins with a closing brace. What follows the brace
// does not count.
func (p *confParser) end(s string) error {
	if p.depth < 2 {
		return fmt.Errorf("%.100q where nothing is open", s)
	}
	if strings.HasPrefix(s, "}*") {
		p.section.makeFinal()
	}
	if p.depth--; p.depth < p.passOver {
		p.passOver = 0
	}
	if p.passOver == 0 {
		p.section = p.section.parent
	}
	return nil
}

func (p *confParser) relation(s string) error {
	name, value, ok := strings.Cut(s, "=")
	name = strings.TrimRight(name, ConfSpace)
	if !ok || name == "" || strings.ContainsAny(name, ConfSpace) {
		return fmt.Errorf("%.100q is no name = value", s)
	}
	value = strings.TrimLeft(value, ConfSpace)
	plain, _, final := strings.Cut(name, "*")
	rest, braces := strings.CutPrefix(value, "{")
	if value == "" || braces && strings.TrimLeft(rest, ConfSpace) == "" {
		if value == "" {
			p.wantBrace = name
		}
		p.descend(plain, final)
		return nil
	}
	if p.passOver == 0 {
		p.section.set(plain, confValue(value), final)
	}
	return nil
}

// descend begins a section in braces. One that is already final is passed over.
func (p *confParser) descend(name string, final bool) {
	p.depth++
	if p.passOver != 0 {
		return
	}
	p.section = p.section.add(name)
	if p.section.final {
		p.passOver = p.depth
	}
	if final {
		p.section.makeFinal()
	}
}

// confValue removes white space at the end. Of a quoted value it removes the
// quotes and what follows them, and decodes the escapes \n, \t, \b and those of
// any other character.
func confValue(s string) string {
	if s[0] != '"' {
		return strings.TrimRight(s, ConfSpace)
	}
	var b strings.Builder
	for i := 1; i < len(s) && s[i] != '"'; i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			i++
			if c = s[i]; strings.IndexByte("ntb", c) >= 0 {
				c = "\n\t\b"[strings.IndexByte("ntb", c)]
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// text returns the tree as a krb5.conf that parses to the same tree.
func (n *confNode) text() string {
	var b strings.Builder
	for _, section := range n.children {
		b.WriteString("[" + section.name + "]" + section.mark() + "\n")
		section.writeContent(&b)
	}
	return b.String()
}

func (n *confNode) mark() string {
	if n.final {
		return "*"
	}
	return ""
}

// writeContent does not recurse: braces may be as deep as a file is long. It
// indents each line, so that none is an include directive.
func (n *confNode) writeContent(b *strings.Builder) {
	stack := [][]*confNode{n.children}
	for len(stack) > 0 {
		top := len(stack) - 1
		if len(stack[top]) == 0 {
			if stack = stack[:top]; top > 0 {
				b.WriteString(" }" + n.mark() + "\n")
				n = n.parent
			}
			continue
		}
		child := stack[top][0]
		stack[top] = stack[top][1:]
		if !child.section {
			b.WriteString(" " + child.name + child.mark() + " = " + quoteConf(child.value) + "\n")
			continue
		}
		name := child.name
		if name == "" {
			name = "*" // all that a name may be that is empty
		}
		b.WriteString(" " + name + " = {\n")
		n, stack = child, append(stack, child.children)
	}
}

func quoteConf(s string) string {
	if s != "" && strings.Trim(s, ConfSpace) == s && s[0] != '"' && s != "{" && !strings.Contains(s, "\n") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
