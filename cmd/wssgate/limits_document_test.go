package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/testvectors"
)

// Each constant that bounds what is read has two vectors with different verdicts in
// docs/vectors.md, or a test, or a reason why there is no edge.
func TestEveryLimitHasAPairOrAReason(t *testing.T) {
	names := regexp.MustCompile("`([^`]+)`")
	rows := map[string]string{}
	_, doc, _ := strings.Cut(readDoc(t, "docs/vectors.md"), "## Limits at their edge")
	for _, row := range regexp.MustCompile(`(?m)^\| (\x60.+?\x60) \| (.+) \|$`).FindAllStringSubmatch(doc, -1) {
		for _, name := range names.FindAllStringSubmatch(row[1], -1) {
			if rows[name[1]] != "" {
				t.Errorf("docs/vectors.md has %s twice", name[1])
			}
			rows[name[1]] = row[2]
		}
	}
	tests, _ := goSources(t)
	verdicts := vectorVerdicts(t)
	limits := limitConstants(t)
	for name, row := range rows {
		if !limits[name] {
			t.Errorf("docs/vectors.md has %s, which is no limit", name)
		}
		of, shown, inTable := strings.Cut(row, " | ")
		for _, n := range names.FindAllStringSubmatch(row, -1) {
			if verdicts[n[1]] == "" && tests[n[1]] == "" {
				t.Errorf("%s has %s, which is neither a vector nor a test", name, n[1])
			}
		}
		if inTable && !strings.Contains(shown, "`Test") && !differ(names.FindAllStringSubmatch(shown, -1), verdicts) {
			t.Errorf("%s (%s): %s are no pair", name, of, shown)
		}
	}
	for name := range limits {
		if rows[name] == "" {
			t.Errorf("docs/vectors.md has neither vectors nor a test nor a reason for %s", name)
		}
	}
}

// differ reports whether vectors that follow each other have different verdicts.
func differ(vectors [][]string, verdicts map[string]string) bool {
	for i := 0; i+1 < len(vectors); i += 2 {
		if verdicts[vectors[i][1]] == verdicts[vectors[i+1][1]] {
			return false
		}
	}
	return len(vectors) > 0 && len(vectors)%2 == 0
}

// vectorVerdicts returns what is expected of each vector, by the name of its file.
func vectorVerdicts(t *testing.T) map[string]string {
	t.Helper()
	var index struct {
		Vectors []struct{ File, Expect string }
	}
	b, err := fs.ReadFile(testvectors.Files, "index.json")
	if err == nil {
		err = json.Unmarshal(b, &index)
	}
	if err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]string{}
	for _, v := range index.Vectors {
		verdicts[strings.TrimSuffix(filepath.Base(v.File), ".txtar")] = v.Expect
	}
	return verdicts
}

// limitConstants returns the constants that bound something in the packages that
// read messages, as PACKAGE.NAME.
func limitConstants(t *testing.T) map[string]bool {
	t.Helper()
	bounds := regexp.MustCompile(`^([mM]ax[A-Z]|leastRepeated$|Default(MessageBytes|Depth|Elements|Attributes|` +
		`AttributesPerElement|NamespacesInScope|NameBytes|ValueBytes)$)`)
	limits := map[string]bool{}
	for _, folder := range []string{"soap", "wssec", "wstrust", "replay", "kerberos"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			dir, err := filepath.Rel(root, filepath.Dir(path))
			for _, name := range constantsOf(file) {
				if bounds.MatchString(name) && dir != filepath.Join("kerberos", "krbtest") {
					limits[filepath.ToSlash(dir)+"."+name] = true
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return limits
}

// constantsOf returns the names of the constants of a file.
func constantsOf(file *ast.File) (names []string) {
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
			for _, s := range g.Specs {
				for _, n := range s.(*ast.ValueSpec).Names {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}
