package location

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/antchfx/xpath"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// maxExpression bounds an expression, in octets.
const maxExpression = 2048

// Namespaces returns the prefixes that every expression may use: soap11 and
// soap12 of the envelope, wsse and wsu of WS-Security.
func Namespaces() map[string]string {
	return map[string]string{
		"soap11": soap.NS11, "soap12": soap.NS12, "wsse": wssec.NSWSSE, "wsu": wssec.NSWSU,
	}
}

// A path is a compiled expression.
type path struct {
	expr  *xpath.Expr
	own   map[string]string // the operator's prefixes
	texts int               // that it may hold at a time, each as long as the message at most
}

// compile compiles an expression, and refuses what the library would accept and
// evaluate to something else than an operator expects.
func compile(expression string, namespaces map[string]string) (*path, error) {
	switch {
	case expression == "":
		return nil, errors.New("it is empty")
	case len(expression) > maxExpression:
		return nil, fmt.Errorf("it is longer than %d characters", maxExpression)
	}
	if err := check(expression); err != nil {
		return nil, err
	}
	bound := Namespaces()
	for _, prefix := range slices.Sorted(maps.Keys(namespaces)) {
		if uri := namespaces[prefix]; prefix == "" || uri == "" {
			return nil, fmt.Errorf("the prefix %q is bound to %q: both need to have characters, since a name without a "+
				"prefix has no namespace", prefix, uri)
		} else if known, taken := bound[prefix]; taken && known != uri {
			return nil, fmt.Errorf("the prefix %s is bound to %s already", prefix, known)
		}
		bound[prefix] = namespaces[prefix]
	}
	expr, err := xpath.CompileWithNS(expression, bound)
	if err != nil {
		return nil, err
	}
	p := &path{expr, namespaces, countTexts(withoutLiterals(expression))}
	return p, p.trial()
}

// Patterns for check: texts in quotes, calls of functions, names of a whole
// namespace.
var (
	literal     = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	call        = regexp.MustCompile(`([\pL_][\pL\pN_.:-]*)\s*\(`)
	anyOfPrefix = regexp.MustCompile(`[\pL\pN_.-]+:\*`)
)

// allowedCalls returns the functions of XPath 1.0 that are of use here, and what
// else may stand before a parenthesis. The functions that XPath 2.0 has in
// addition are left out: with them an expression could make a long text of a
// short one, or take a regular expression from the message.
func allowedCalls() []string {
	return []string{
		"last", "position", "count", "local-name", "namespace-uri", "string", "concat", "starts-with", "contains",
		"substring-before", "substring-after", "substring", "string-length", "normalize-space", "translate", "boolean",
		"not", "true", "false", "number", "sum", "floor", "ceiling", "round",
		"node", "text", "and", "or", "div", "mod",
	}
}

// withoutLiterals returns an expression whose texts in quotes are empty.
func withoutLiterals(expression string) string { return literal.ReplaceAllString(expression, `""`) }

func check(expression string) error {
	bare := withoutLiterals(expression)
	for _, c := range call.FindAllStringSubmatch(bare, -1) {
		name := c[1]
		if i := lastColons(name); i >= 0 { // an axis: child::node()
			name = name[i:]
		}
		if !slices.Contains(allowedCalls(), name) {
			return fmt.Errorf("%s() is not a function of XPath 1.0 that is supported here", name)
		}
	}
	if at := anyOfPrefix.FindString(bare); at != "" {
		return fmt.Errorf("%s is not supported; write *[namespace-uri()='…']", at)
	}
	for rest := bare; ; {
		_, after, found := strings.Cut(rest, "translate")
		if !found {
			return nil
		}
		rest = after
		if given := arguments(after); len(given) == 3 && (given[1] != `""` || given[2] != `""`) {
			return errors.New("the characters that translate() replaces, and those it puts in their place, have to be texts " +
				"in quotes")
		}
	}
}

// arguments returns the arguments of a call, of the text behind its name.
func arguments(text string) (list []string) {
	text, ok := strings.CutPrefix(strings.TrimLeft(text, " \t\r\n"), "(")
	if !ok {
		return nil
	}
	depth, from := 0, 0
	for i, c := range text {
		switch {
		case c == '(' || c == '[':
			depth++
		case depth == 0 && (c == ',' || c == ')'):
			if list, from = append(list, strings.TrimSpace(text[from:i])), i+1; c == ')' {
				return list
			}
		case c == ')' || c == ']':
			depth--
		}
	}
	return nil
}

// Patterns for countTexts: comparisons of an attribute, a name or a position with
// a literal, which take no text of elements; and what takes texts.
var (
	shortTexts = regexp.MustCompile(`(@[\pL_][\pL\pN_.:-]*|\b(local-name|namespace-uri|position|last)\(\s*\))` +
		`\s*(!?=|[<>]=?)\s*(""|\d+)`)
	takesTexts = regexp.MustCompile(`[=<>+,]|(^|[\s\[(])-|\b(div|mod)\b|\b(string|concat|starts-with|contains|` +
		`substring-before|substring-after|substring|string-length|normalize-space|translate|number|sum)\s*\(`)
)

// countTexts returns how many texts of elements an expression may hold at a time:
// one for each place that takes or makes one. No function makes a long text of a
// short one, but concat and translate make one as long as all that they are given.
func countTexts(bare string) int {
	return len(takesTexts.FindAllString(shortTexts.ReplaceAllString(bare, "true()"), -1))
}

// lastColons returns where what follows "::" begins, or -1.
func lastColons(name string) int {
	for i := len(name) - 2; i >= 0; i-- {
		if name[i:i+2] == "::" {
			return i + 2
		}
	}
	return -1
}

// trial evaluates the expression once, so that one which selects no elements, or
// has arguments of a wrong type, is refused before there is a message.
func (p *path) trial() (err error) {
	defer recovered(&err)
	doc, err := xmltext.Scan([]byte("<a><b/></a>"), xmltext.Options{})
	if err != nil {
		return err
	}
	if _, selects := p.expr.Evaluate(navigate(doc, p.texts)).(*xpath.NodeIterator); !selects {
		return errors.New("it is a text, number or truth value, and selects no elements")
	}
	for all := p.expr.Select(navigate(doc, p.texts)); all.MoveNext(); {
		continue
	}
	return nil
}

// find returns the elements that the expression selects, two at most.
func (p *path) find(doc *xmltext.Doc) (nodes []xmltext.Node, err error) {
	defer recovered(&err)
	for found := p.expr.Select(navigate(doc, p.texts)); found.MoveNext(); {
		n, ok := found.Current().(*navigator)
		if !ok || n.kind != xpath.ElementNode {
			return nil, errors.New("it selects something else than elements")
		}
		if slices.Contains(nodes, n.node) {
			continue
		}
		if nodes = append(nodes, n.node); len(nodes) == 2 {
			break
		}
	}
	return nodes, nil
}

// recovered sets err from a panic: that of a navigator whose work is used up, or
// one of the library, which panics for arguments of a wrong type.
func recovered(err *error) {
	switch p := recover().(type) {
	case nil:
	case error:
		*err = p
	default:
		*err = fmt.Errorf("%v", p)
	}
}
