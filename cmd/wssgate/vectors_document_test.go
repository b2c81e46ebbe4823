package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wssgate/wssgate/testvectors"
)

// Each code of the catalogue has a vector, or a row in docs/vectors.md with why
// it has none and with a test that names it.
func TestEveryCodeHasAVectorOrAReason(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\| .+ \\| `(Test\\w+)` \\|$").FindAllStringSubmatch(
		readDoc(t, "docs/vectors.md"), -1)
	reasons := map[string]string{}
	for _, r := range rows {
		if reasons[r[1]] != "" {
			t.Errorf("docs/vectors.md has %s twice", r[1])
		}
		reasons[r[1]] = r[2]
	}
	tests, constants := goSources(t)
	expected := expectedCodes(t)
	for _, e := range catalogue() {
		test, listed := reasons[e.code]
		switch delete(reasons, e.code); {
		case listed == expected[e.code] && listed:
			t.Errorf("%s has a vector, and a reason in docs/vectors.md why it has none", e.code)
		case listed == expected[e.code]:
			t.Errorf("%s has neither a vector nor a row in docs/vectors.md", e.code)
		case listed && !names(tests[test], e.code, constants[e.code]):
			t.Errorf("%s, which docs/vectors.md has for %s, is no test that names it or one of %v", test, e.code,
				constants[e.code])
		}
	}
	for code := range reasons {
		t.Errorf("docs/vectors.md has %s, which is no code", code)
	}
}

// names reports whether a test has a code, as text or by a constant.
func names(test, code string, constants []string) bool {
	return strings.Contains(test, code) || slices.ContainsFunc(constants, func(c string) bool {
		return regexp.MustCompile(`\b` + c + `\b`).MatchString(test)
	})
}

// expectedCodes are those of the vectors and of the recorded messages.
func expectedCodes(t *testing.T) map[string]bool {
	t.Helper()
	var index struct{ Vectors []struct{ Expect string } }
	b, err := fs.ReadFile(testvectors.Files, "index.json")
	if err == nil {
		err = json.Unmarshal(b, &index)
	}
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{}
	for _, v := range index.Vectors {
		codes[v.Expect] = true
	}
	cases, err := fs.Glob(testvectors.Files, "transcripts/*/case.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range cases {
		text, err := fs.ReadFile(testvectors.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^ +expect: ([a-z0-9-]+)$`).FindAllStringSubmatch(string(text), -1) {
			codes[m[1]] = true
		}
	}
	return codes
}

// goSources returns the tests of all packages by their names, and the constants
// of each code.
func goSources(t *testing.T) (tests map[string]string, constants map[string][]string) {
	t.Helper()
	s, err := readGoSources()
	if err != nil {
		t.Fatal(err)
	}
	return s.tests, s.constants
}

type goTexts struct {
	tests     map[string]string
	constants map[string][]string
}

// readGoSources reads them once: all sources are some MB.
var readGoSources = sync.OnceValues(func() (goTexts, error) {
	s := goTexts{map[string]string{}, map[string][]string{}}
	function := regexp.MustCompile(`(?ms)^func (Test\w+)\(.*?^\}`)
	constant := regexp.MustCompile(`\b(Code\w+)\b[^=\n]*= "([a-z0-9-]+)"`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		src, err := os.ReadFile(path)
		if strings.HasSuffix(path, "_test.go") {
			for _, m := range function.FindAllStringSubmatch(string(src), -1) {
				s.tests[m[1]] += m[0]
			}
		}
		for _, m := range constant.FindAllStringSubmatch(string(src), -1) {
			s.constants[m[2]] = append(s.constants[m[2]], m[1])
		}
		return err
	})
	return s, err
})
