package wssgate_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	gocmp "github.com/google/go-cmp/cmp"
)

// A logLine is a line that the program may log.
type logLine struct {
	level, message string
	keys           []string
}

// TestEventsDocumentHasEveryLineOfTheLog: docs/events.md is made of the calls in
// the code that log.
func TestEventsDocumentHasEveryLineOfTheLog(t *testing.T) {
	const file = "docs/events.md"
	lines, keys := logged(t)
	var b strings.Builder
	b.WriteString("# Lines of the log\n\nMade of the code: `go test . -run EventsDocument -update`. `msg` is " +
		"the text of a line, below its level; the keys are those\nbeside `time`, `level` and `msg`, and " +
		"not every line has all of them. [operations.md](operations.md#the-log) explains those " +
		"of an exchange. At debug there are messages of " +
		"the HTTP server, of any text.\n")
	for _, level := range []string{"error", "warn", "info"} {
		fmt.Fprintf(&b, "\n## %s\n\n| msg | keys |\n|---|---|\n", level)
		for _, l := range lines {
			if l.level == level {
				fmt.Fprintf(&b, "| %s | %s |\n", strings.ReplaceAll(l.message, "|", `\|`), quoted(l.keys))
			}
		}
	}
	b.WriteString("\n## exchange\n\n`exchange` and `relay` are at info, warn or error by what became of them; so is " +
		"each line of the audit log, which has keys of its own.\n\n| line | keys |\n|---|---|\n")
	for _, name := range []string{"exchange", "relay", "audit log"} {
		fmt.Fprintf(&b, "| %s | %s |\n", name, quoted(keys[name]))
	}
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := gocmp.Diff(read(t, file), b.String()); diff != "" {
		t.Errorf("the program logs other lines than %s has; read docs/compatibility.md, then "+
			"go test . -run EventsDocument -update\n%s", file, diff)
	}
}

func quoted(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	return "`" + strings.Join(keys, "`, `") + "`"
}

// logged returns the lines that the packages of the program log, and the keys of
// those with many.
func logged(t *testing.T) (lines []logLine, keys map[string][]string) {
	t.Helper()
	keys = map[string][]string{}
	files := token.NewFileSet()
	for _, p := range packages(t) {
		dir := p.path()
		for _, name := range p.GoFiles {
			if dir == "internal/demo" || !strings.HasPrefix(dir, "internal/") && dir != "cmd/wssgate" {
				continue
			}
			f, err := parser.ParseFile(files, filepath.Join(dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, calls(f)...)
			if of := keysOf(dir, name); of != "" {
				keys[of] = append(keys[of], attributes(f)...)
			}
			if dir == "internal/audit" {
				keys["audit log"] = append(keys["audit log"], tags(f)...)
			}
		}
	}
	for name := range keys {
		slices.Sort(keys[name])
		keys[name] = slices.Compact(keys[name])
	}
	slices.SortFunc(lines, func(a, b logLine) int {
		return cmp.Or(strings.Compare(a.message, b.message), slices.Compare(a.keys, b.keys))
	})
	return slices.CompactFunc(lines, func(a, b logLine) bool { return reflect.DeepEqual(a, b) }), keys
}

// keysOf returns the line whose keys a file makes one by one, "" if it does not.
func keysOf(dir, name string) string {
	switch {
	case dir == "internal/assembly" && name == "relay.go":
		return "relay"
	case slices.Contains([]string{"internal/gateway", "internal/door", "internal/assembly", "internal/resecure"}, dir):
		return "exchange"
	}
	return ""
}

// calls returns the lines that a file logs by methods of a Logger.
func calls(f *ast.File) (lines []logLine) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !slices.Contains([]string{"Error", "Warn", "Info", "Debug"}, method.Sel.Name) || !isLogger(method.X) ||
			len(call.Args) == 0 {
			return true
		}
		texts := constants(f, call.Args[0])
		for _, text := range texts {
			lines = append(lines, logLine{strings.ToLower(method.Sel.Name), text, keysIn(call.Args[1:])})
		}
		return true
	})
	return lines
}

// isLogger reports whether x is a logger, by its name.
func isLogger(x ast.Expr) bool {
	name := ""
	switch x := x.(type) {
	case *ast.Ident:
		name = x.Name
	case *ast.SelectorExpr:
		name = x.Sel.Name
	}
	return strings.HasSuffix(strings.ToLower(name), "log") || name == "logger"
}

// constants returns the text that x is, or what the file gives a variable or
// field of its name.
func constants(f *ast.File, x ast.Expr) (texts []string) {
	if text, ok := constant(x); ok {
		return []string{text}
	}
	name := ""
	switch x := x.(type) {
	case *ast.Ident:
		name = x.Name
	case *ast.SelectorExpr:
		name = x.Sel.Name
	}
	add := func(key ast.Expr, value ast.Expr) {
		if id, ok := key.(*ast.Ident); ok && id.Name == name {
			if text, ok := constant(value); ok {
				texts = append(texts, text)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			add(n.Key, n.Value)
		case *ast.CompositeLit:
			if first := firstField(f, n.Type); first != nil && len(n.Elts) > 0 {
				add(first, n.Elts[0])
			}
		case *ast.AssignStmt:
			for i, key := range n.Lhs {
				if i < len(n.Rhs) {
					add(key, n.Rhs[i])
				}
			}
		}
		return true
	})
	return texts
}

// firstField returns the name of the first field of a struct that the file declares.
func firstField(f *ast.File, of ast.Expr) (name ast.Expr) {
	typ, ok := of.(*ast.Ident)
	if !ok {
		return nil
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != typ.Name {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok && len(s.Fields.List) > 0 && len(s.Fields.List[0].Names) > 0 {
			name = s.Fields.List[0].Names[0]
		}
		return false
	})
	return name
}

// constant returns the text of x if it is written out.
func constant(x ast.Expr) (string, bool) {
	switch x := x.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(x.Value)
		return text, x.Kind == token.STRING && err == nil
	case *ast.BinaryExpr:
		left, ok := constant(x.X)
		right, also := constant(x.Y)
		return left + right, ok && also
	}
	return "", false
}

// keysIn returns the keys among the arguments of a call: every other one, and
// those of attributes.
func keysIn(args []ast.Expr) (keys []string) {
	for i := 0; i < len(args); i++ {
		switch x := args[i].(type) {
		case *ast.CallExpr:
			ast.Inspect(x, func(n ast.Node) bool {
				if list, ok := n.(*ast.CompositeLit); ok {
					keys = append(keys, keysIn(list.Elts)...)
				}
				return true
			})
		default:
			if key, ok := constant(x); ok && isKey(key) {
				keys = append(keys, key)
			}
			i++ // its value
		}
	}
	return keys
}

func isKey(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsLower(r) && !unicode.IsDigit(r) && r != '_' && r != '-'
	}) < 0
}

// attributes returns the keys of attributes that a file makes.
func attributes(f *ast.File) (keys []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		made, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if of, ok := made.X.(*ast.Ident); ok && of.Name == "slog" || made.Sel.Name == "stage" {
			if key, ok := constant(call.Args[0]); ok && isKey(key) {
				keys = append(keys, key)
				if made.Sel.Name == "Group" {
					for _, inner := range keysIn(call.Args[1:]) {
						keys = append(keys, key+"."+inner)
					}
				}
			}
		}
		return true
	})
	return keys
}

// tags returns the names in JSON of the fields of a file's types.
func tags(f *ast.File) (names []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		if field, ok := n.(*ast.Field); ok && field.Tag != nil {
			tag, _ := strconv.Unquote(field.Tag.Value)
			name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
			names = append(names, name)
		}
		return true
	})
	return names
}
