package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A routeNode is an entry of "routes:".
type routeNode struct{ node ast.Node }

// readFile decodes the top level of the file into l.settings and keeps the
// entries of routes: for later, when flags are known too.
func (l *loader) readFile(name string) error {
	data, err := readFile(name)
	if err != nil {
		return (&Config{origins: l.origins}).refuse("", "config", err.Error(), "name a file that this process can read")
	}
	root, err := parseFile(name, data)
	if root == nil || err != nil {
		return err
	}
	l.file(name, root)
	return nil
}

// parseFile returns the single mapping of the file, nil for an empty file.
func parseFile(name string, data []byte) (ast.Node, error) {
	data, err := textOf(name, data)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntaxError(name, data, err)
	}
	switch {
	case len(file.Docs) == 0 || len(file.Docs) == 1 && file.Docs[0].Body == nil:
		return nil, nil
	case len(file.Docs) > 1:
		several := Finding{Origin: name, Problem: "holds more than one YAML document", Cure: "join them into one"}
		return nil, &Error{Findings: []Finding{several}}
	}
	root := file.Docs[0].Body
	if plain := (plainYAML{name: name}); !plain.check(root) {
		return nil, &Error{Findings: plain.findings}
	}
	return root, nil
}

// plainYAML finds values that are not written in place. An anchor or a tag
// hides the value behind it: "&a ~" is none. The decoder also fails on some
// tags.
type plainYAML struct {
	name     string
	findings []Finding
}

func (p *plainYAML) check(root ast.Node) bool {
	ast.Walk(p, root)
	return len(p.findings) == 0
}

// Visit implements [ast.Visitor].
func (p *plainYAML) Visit(node ast.Node) ast.Visitor {
	kind, cure := "", "write the value itself"
	switch node.(type) {
	case *ast.AnchorNode:
		kind = "an anchor"
	case *ast.AliasNode, *ast.MergeKeyNode:
		kind = "an alias"
		cure += "; in quotes if it begins with *"
	case *ast.TagNode:
		kind = "a tag"
	default:
		return p
	}
	p.findings = append(p.findings, Finding{Origin: place(p.name, node.GetToken()),
		Problem: fmt.Sprintf("%q is %s, which this file may not have", node.GetToken().Value, kind),
		Cure:    cure})
	return nil
}

// file decodes the top level: settings, routes, services, listeners and certificates.
func (l *loader) file(name string, root ast.Node) {
	d := &fileDecoder{loader: l, name: name}
	l.decode = d
	fields := fieldsOf(&l.settings)
	delete(fields, "config")
	if l.relayAlone {
		maps.DeleteFunc(fields, func(name string, _ reflect.Value) bool { return !ofRelay(name) })
	} else {
		fields["routes"] = reflect.ValueOf(&l.routes).Elem()
		fields["services"] = reflect.ValueOf(&l.services).Elem()
		fields["certificates"] = reflect.ValueOf(&l.certificates).Elem()
		fields["listeners"] = reflect.ValueOf(&l.listeners).Elem()
	}
	for setting, how := range d.mapping(root, fields, "") {
		l.origins[setting] = how
	}
}

// A fileDecoder fills structs from YAML nodes, one key at a time, so that each
// finding has its line and each value its origin.
type fileDecoder struct {
	*loader
	name string
}

// mapping sets the fields that node has keys for, and returns the place of
// each.
func (d *fileDecoder) mapping(node ast.Node, fields map[string]reflect.Value, prefix string) map[string]string {
	entries, ok := node.(ast.MapNode)
	if !ok {
		d.find(place(d.name, node.GetToken()), strings.TrimSuffix(prefix, "."), "is not a mapping",
			"write it as lines of \"name: value\"")
		return nil
	}
	set := map[string]string{}
	for it := entries.MapRange(); it.Next(); {
		key := it.Key().GetToken()
		field, known := fields[key.Value]
		switch {
		case !known:
			d.find(place(d.name, key), prefix+key.Value, "unknown setting", d.unknown(key.Value, prefix, sorted(fields)))
		case it.Value().Type() == ast.NullType:
			d.find(place(d.name, key), prefix+key.Value, "has no value", "give it one or remove the line")
		default:
			set[key.Value] = place(d.name, key)
			d.checkWord(it.Value(), field, key.Value, prefix+key.Value)
			d.value(it.Value(), field, prefix+key.Value)
			if field.Kind() == reflect.String && isPath(key.Value) {
				d.fromFolder(field)
			}
		}
	}
	return set
}

// value decodes one value into field.
func (d *fileDecoder) value(node ast.Node, field reflect.Value, setting string) {
	switch into := field.Addr().Interface().(type) {
	case *[]routeNode:
		d.routeList(node, into)
	case *[]Service:
		d.serviceList(node, into)
	case *[]Listener:
		d.listenerList(node, into)
	case *[]Certificate:
		d.certificateList(node, into)
	case nodeDecoder:
		into.decodeNode(d, node, setting)
	default:
		if isSettings(field.Type()) {
			d.mapping(node, fieldsOf(into), setting+".")
			return
		}
		if err := yaml.NodeToValue(node, into, yaml.Strict()); err != nil {
			problem, cure := formOf(node, field, syntaxFinding(d.name, err).Problem)
			d.find(place(d.name, node.GetToken()), setting, problem, cure)
		}
	}
}

// formOf returns the words for a value that does not have the form of its
// setting. The decoder's own words name Go's types; they are kept for settings
// that have several forms.
func formOf(node ast.Node, field reflect.Value, decoder string) (problem, cure string) {
	kind, cure := "", "write the value itself"
	switch field.Interface().(type) {
	case time.Duration:
		kind, cure = "a time", "write it as 500ms, 30s or 5m"
	case Size:
		kind, cure = "a size", "write it as 500kB, 20MB or 32MiB"
	case []string:
		kind, cure = "a list", "write a list: [A, B]"
	case int:
		kind, cure = "a whole number", "write it without a unit"
	case bool:
		kind, cure = "a switch", "write true or false"
	default:
		if field.Kind() != reflect.String {
			return decoder, "see docs/operations.md for its form"
		}
		kind, cure = "a single value", "write one word, in quotes if need be"
	}
	if _, scalar := node.(ast.ScalarNode); !scalar {
		return "is not " + kind, cure
	}
	value := node.GetToken().Value
	switch number, isNumber := node.(*ast.IntegerNode); {
	case isNumber && kind == "a time":
		return fmt.Sprintf("%q is not a time: it has no unit", value),
			fmt.Sprintf("write it as %ss or %sm", number.GetToken().Value, number.GetToken().Value)
	case kind == "a switch" && slices.Contains([]string{"no", "off", "n"}, strings.ToLower(value)):
		cure = "write false"
	case kind == "a switch" && slices.Contains([]string{"yes", "on", "y"}, strings.ToLower(value)):
		cure = "write true"
	}
	return fmt.Sprintf("%q is not %s", value, kind), cure
}

// A nodeDecoder is a setting that has more than one form in the file.
type nodeDecoder interface {
	decodeNode(d *fileDecoder, node ast.Node, setting string)
}

// isSettings reports whether a type is a struct of named settings, and not a
// value with a text form of its own.
func isSettings(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("yaml") != "" {
			return true
		}
	}
	return false
}

func (d *fileDecoder) routeList(node ast.Node, into *[]routeNode) {
	list, ok := node.(*ast.SequenceNode)
	if !ok || len(list.Values) == 0 {
		d.find(place(d.name, node.GetToken()), "routes", "is not a list of routes", "begin each route with \"- path: /…\"")
		return
	}
	for _, entry := range list.Values {
		*into = append(*into, routeNode{entry})
	}
}

// startOf returns the token that an entry begins with. A mapping's own token is
// the colon behind its first key.
func startOf(node ast.Node) *token.Token {
	if entries, ok := node.(ast.MapNode); ok {
		if it := entries.MapRange(); it.Next() {
			return it.Key().GetToken()
		}
	}
	return node.GetToken()
}

func place(file string, t *token.Token) string {
	if t == nil || t.Position == nil {
		return file
	}
	return fmt.Sprintf("%s:%d:%d", file, t.Position.Line, t.Position.Column)
}

// nearest returns the cure for an unknown name.
func nearest(name string, known []string) string {
	if best := Nearest(name, known); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "known names: " + strings.Join(known, ", ")
}

// Nearest returns the known name that is most like name, or "" if none is like
// it.
func Nearest(name string, known []string) string {
	best, distance := "", len(name)/2+1
	for _, k := range known {
		if n := editDistance(name, k); n < distance {
			best, distance = k, n
		}
	}
	return best
}

// editDistance returns the Levenshtein distance of two short ASCII names.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substituted := diagonal
			if a[i] != b[j] {
				substituted++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j+1]+1, row[j]+1, substituted)
		}
	}
	return row[len(b)]
}
