package wssgate_test

import (
	"bytes"
	"go/ast"
	"go/build"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// notPromised are the packages outside internal/, and those below them, whose Go
// API docs/compatibility.md does not promise.
var notPromised = []string{"kerberos/krbtest", "testvectors", "web"}

// TestGoAPIIsThatListed: testdata/api.txt has what other modules can use, in the
// form of declarations. A line that is gone or differs is a change for them.
func TestGoAPIIsThatListed(t *testing.T) {
	const file = "testdata/api.txt"
	var lines []string
	for _, p := range packages(t) {
		dir := p.path()
		if p.Name != "main" && !strings.Contains("/"+dir+"/", "/internal/") && !slices.ContainsFunc(notPromised,
			func(not string) bool { return strings.HasPrefix(dir+"/", not+"/") }) {
			lines = append(lines, exported(t, dir)...)
		}
	}
	is := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(is), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(read(t, file), is); diff != "" {
		t.Errorf("the exported API differs; read docs/compatibility.md, then go test . -run GoAPI -update\n%s", diff)
	}
}

// exported returns the exported declarations of a package, a line for each.
func exported(t *testing.T, dir string) (lines []string) {
	t.Helper()
	files := token.NewFileSet()
	// One system, so that the list is the same everywhere.
	context := build.Default
	context.GOOS, context.GOARCH, context.CgoEnabled = "linux", "amd64", false
	pkg, err := context.ImportDir(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range pkg.GoFiles {
		f, err := parser.ParseFile(files, filepath.Join(dir, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if !ast.FileExports(f) {
			continue
		}
		for _, d := range f.Decls {
			lines = append(lines, declarations(t, files, dir, d)...)
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// declarations returns the lines of one declaration: a group of constants or
// variables has one for each, and so have the fields and methods of a type.
func declarations(t *testing.T, files *token.FileSet, dir string, d ast.Decl) (lines []string) {
	t.Helper()
	line := func(words string, node any) {
		var b bytes.Buffer
		if err := printer.Fprint(&b, files, node); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, dir+": "+words+strings.Join(strings.Fields(b.String()), " "))
	}
	if f, ok := d.(*ast.FuncDecl); ok {
		if f.Recv != nil && !ast.IsExported(receiver(f.Recv.List[0].Type)) {
			return nil
		}
		f.Body = nil
		line("", f)
		return lines
	}
	group := d.(*ast.GenDecl)
	for _, spec := range group.Specs {
		switch s := spec.(type) {
		case *ast.ValueSpec:
			if group.Tok == token.VAR && s.Type == nil {
				s.Values = nil // made of what is not exported
				line("var ", s.Names[0])
				continue
			}
			line(group.Tok.String()+" ", s)
		case *ast.TypeSpec:
			fields(s, line)
		}
	}
	return lines
}

// receiver returns the name of a method's type.
func receiver(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.StarExpr:
		return receiver(x.X)
	case *ast.IndexExpr:
		return receiver(x.X)
	case *ast.Ident:
		return x.Name
	}
	return ""
}

// fields writes a line for a type, and for each field or method of it.
func fields(s *ast.TypeSpec, line func(words string, node any)) {
	var list *ast.FieldList
	what := "type " + s.Name.Name
	switch x := s.Type.(type) {
	case *ast.StructType:
		list, what = x.Fields, what+" struct"
	case *ast.InterfaceType:
		list, what = x.Methods, what+" interface"
	default:
		line("type ", s)
		return
	}
	line(what, ast.NewIdent(""))
	for _, f := range list.List {
		names := ""
		for _, n := range f.Names { // none: embedded
			names += n.Name + " "
		}
		line(what+", "+names, f.Type)
	}
}
