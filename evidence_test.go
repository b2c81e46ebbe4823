package wssgate_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// evidence are the documents that name tests, and how many they have at least.
var evidence = map[string]int{"docs/threat-model.md": 150, "docs/conformance.md": 150,
	"docs/vectors.md": 70}

// declaredTests returns the names of all tests and fuzz targets.
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	all := map[string]bool{}
	sources(t, func(path string, text []byte) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, m := range declared.FindAllSubmatch(text, -1) {
			all[string(m[1])] = true
		}
	})
	return all
}

// testName matches the name of a test in a document.
var testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`")

// Every test that a document names as evidence exists.
func TestEvidenceInDocumentsExists(t *testing.T) {
	declared := declaredTests(t)
	for file, least := range evidence {
		named := testName.FindAllStringSubmatch(read(t, filepath.FromSlash(file)), -1)
		if len(named) < least {
			t.Errorf("%s names %d tests, want %d or more", file, len(named), least)
		}
		for _, m := range named {
			if !declared[m[1]] {
				t.Errorf("%s names %s, which does not exist", file, m[1])
			}
		}
	}
}

// vectorName matches the names of vectors in a document, which may have a * for
// several.
var vectorName = regexp.MustCompile("`((?:cases|kerberos|http|wstrust|derivedkeys|c14n)/[\\w*.-]+)`")

// Every row of a table with a column for tests has a test or a vector there, and
// the vectors exist.
func TestEvidenceIsInEveryRow(t *testing.T) {
	for file := range evidence {
		rows := 0
		for _, row := range rowsWithTests(read(t, filepath.FromSlash(file))) {
			rows++
			column := row[strings.LastIndex(strings.TrimSuffix(row, "|"), "|"):]
			if !testName.MatchString(column) && !vectorName.MatchString(column) {
				t.Errorf("%s has no test in\n%s", file, row)
			}
			for _, m := range vectorName.FindAllStringSubmatch(column, -1) {
				files, err := filepath.Glob(filepath.Join("testvectors", m[1]) + ".*")
				if err != nil || len(files) == 0 {
					t.Errorf("%s names %s, of which there is no vector", file, m[1])
				}
			}
		}
		if rows < 30 {
			t.Errorf("%s: only %d rows were found", file, rows)
		}
	}
}

// rowsWithTests returns the rows of those tables of a document whose last
// column is called tests.
func rowsWithTests(text string) (rows []string) {
	inTable := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case strings.HasSuffix(line, "| tests |"):
			inTable = true
		case inTable && !strings.HasPrefix(line, "|---"):
			rows = append(rows, line)
		}
	}
	return rows
}
