package wssgate_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "draw the picture of the packages in docs/architecture.md anew")

// The picture of docs/architecture.md stands between these lines.
const (
	pictureBegin = "<!-- Drawn by go test . -run TestPictureOfThePackages -update -->\n```mermaid\n"
	pictureEnd   = "```\n"
)

func TestPictureOfThePackagesIsThatOfTheCode(t *testing.T) {
	const name = "docs/architecture.md"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := bytes.Cut(text, []byte(pictureBegin))
	was, after, ended := bytes.Cut(rest, []byte(pictureEnd))
	if !found || !ended {
		t.Fatalf("%s has no picture", name)
	}
	is, shown := picture(packages(t))
	for _, p := range shown {
		if !bytes.Contains(before, []byte("`"+p+"`")) {
			t.Errorf("%s: %s is not in the table of packages", name, p)
		}
	}
	switch {
	case string(was) == is:
	case *update:
		out := slices.Concat(before, []byte(pictureBegin+is+pictureEnd), after)
		if err := os.WriteFile(name, out, 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s shows other packages or imports than there are; run go test . -run TestPictureOfThePackages "+
			"-update. There are\n%s", name, is)
	}
}

// picture draws the packages of the program and of its public API in mermaid's
// language: an arrow for each import that does not follow from others. It also
// returns the packages that it shows.
func picture(pkgs []goPackage) (text string, shown []string) {
	imports := map[string][]string{}
	for _, p := range pkgs {
		for _, imp := range p.Imports {
			if in, ok := strings.CutPrefix(imp, module+"/"); ok {
				imports[p.path()] = append(imports[p.path()], in)
			}
		}
	}
	reached := map[string]bool{}
	below("cmd/wssgate", imports, reached)
	reached["cmd/wssgate"] = true
	shown = slices.Sorted(maps.Keys(reached))
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	for _, p := range shown {
		fmt.Fprintf(&b, "  %s[%q]\n", pictureID(p), p)
	}
	for _, p := range shown {
		var ids []string
		for _, imp := range withoutImplied(imports[p], imports) {
			ids = append(ids, pictureID(imp))
		}
		if len(ids) > 0 {
			fmt.Fprintf(&b, "  %s --> %s\n", pictureID(p), strings.Join(ids, " & "))
		}
	}
	return b.String(), shown
}

// pictureID is a package's path without what has a meaning in mermaid.
func pictureID(path string) string { return strings.ReplaceAll(path, "/", "_") }

// below adds to reached what p imports, directly or not.
func below(p string, imports map[string][]string, reached map[string]bool) {
	for _, imp := range imports[p] {
		if !reached[imp] {
			reached[imp] = true
			below(imp, imports, reached)
		}
	}
}

// withoutImplied returns list without what another one of it imports.
func withoutImplied(list []string, imports map[string][]string) []string {
	implied := map[string]bool{}
	for _, p := range list {
		below(p, imports, implied)
	}
	return slices.DeleteFunc(slices.Sorted(slices.Values(list)), func(p string) bool { return implied[p] })
}
