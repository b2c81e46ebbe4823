package wssgate_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// A heading of a document.
type heading struct {
	level  int
	title  string
	anchor string // as GitHub makes it
}

// headings returns the headings of a Markdown text, those in code apart.
func headings(text string) (all []heading) {
	code, seen := false, map[string]int{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		title := strings.TrimLeft(line, "#")
		if level := len(line) - len(title); !code && level > 0 && strings.HasPrefix(title, " ") {
			h := heading{level, strings.TrimSpace(title), anchor(title)}
			if n := seen[h.anchor]; n > 0 {
				h.anchor += "-" + string(rune('0'+n))
			}
			seen[anchor(title)]++
			all = append(all, h)
		}
	}
	return all
}

// anchor returns the anchor of a heading: in lower case, without punctuation, and
// with hyphens for spaces.
func anchor(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(title))
}

// Links of the documents lead to headings that there are.
func TestLinksOfDocumentsLeadToHeadings(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:\s]*)#([^)\s]+)\)`)
	sources(t, func(path string, text []byte) {
		if filepath.Ext(path) != ".md" {
			return
		}
		for _, m := range link.FindAllSubmatch(text, -1) {
			file := path
			if len(m[1]) > 0 {
				file = filepath.Join(filepath.Dir(path), string(m[1]))
			}
			if filepath.Ext(file) != ".md" {
				continue
			}
			target, err := os.ReadFile(file)
			if err != nil {
				continue // TestLinksOfDocumentsLeadToFiles says so
			}
			if !hasAnchor(string(target), string(m[2])) {
				t.Errorf("%s: %s has no heading #%s", path, file, m[2])
			}
		}
	})
}

func hasAnchor(text, anchor string) bool {
	for _, h := range headings(text) {
		if h.anchor == anchor {
			return true
		}
	}
	return strings.Contains(text, `<a id="`+anchor+`">`)
}

// The longest document begins with a list of their sections. Run with -update to write it.
func TestContentsOfDocumentsAreTheirSections(t *testing.T) {
	for _, file := range []string{"docs/operations.md"} {
		text := read(t, file)
		before, rest, _ := strings.Cut(text, "\n- [")
		_, after, ok := strings.Cut(rest, "\n\n## ")
		if !ok {
			t.Fatalf("%s has no list of its sections in front of the first", file)
		}
		want := before + "\n" + contents(text) + "\n## " + after
		if text == want {
			continue
		}
		if !*update {
			t.Errorf("%s: write the list of its sections by go test . -run TestContentsOfDocuments -update", file)
			continue
		}
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// contents returns the list of a document's sections, a line for each of the second
// level with those of the third.
func contents(text string) string {
	var out strings.Builder
	first := false
	for _, h := range headings(text) {
		entry := "[" + h.title + "](#" + h.anchor + ")"
		switch h.level {
		case 2:
			if out.Len() > 0 {
				out.WriteString("\n")
			}
			out.WriteString("- " + entry)
			first = true
		case 3:
			out.WriteString(map[bool]string{true: ": ", false: ", "}[first] + entry)
			first = false
		}
	}
	return out.String() + "\n"
}
