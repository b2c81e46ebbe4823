package wssgate_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What docs/architecture.md says under "Where things are" is there: the package
// declares the name, and a search for the term of a specification meets it in
// that package.
func TestWhereThingsAreIsTrue(t *testing.T) {
	text := read(t, "docs/architecture.md")
	_, section, _ := strings.Cut(text, "## Where things are\n")
	section, _, _ = strings.Cut(section, "\n## ")
	row := regexp.MustCompile("(?m)^\\| [^|]*\\|(?: `([^`|]+)` \\|)? ([^|]*)\\|$")
	place := regexp.MustCompile("`([a-z0-9/]+)`: (`\\w+`(?:, `\\w+`)*)")
	places := 0
	for _, m := range row.FindAllStringSubmatch(section, -1) {
		term, cell := m[1], m[2]
		for _, p := range place.FindAllStringSubmatch(cell, -1) {
			places++
			source := sourceOf(t, p[1])
			if !bytes.Contains(bytes.ToLower(source), bytes.ToLower([]byte(term))) {
				t.Errorf("%s does not have %q", p[1], term)
			}
			for _, name := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(p[2], -1) {
				declared := regexp.MustCompile(`(?m)^(?:func (?:\([^)]*\) )?|type |\t(?:\w+, )*)` + name[1] + `\b`)
				if !declared.Match(source) {
					t.Errorf("%s declares no %s: say where it is now (docs/architecture.md)", p[1], name[1])
				}
			}
		}
	}
	if places < 20 {
		t.Errorf("only %d places were found in\n%s", places, section)
	}
}

// sourceOf returns all code of a package, tests apart.
func sourceOf(t *testing.T, dir string) (all []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %d files", dir, err, len(files))
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}
