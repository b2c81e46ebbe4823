package wssgate_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
)

// A workflow is the part of a workflow file that the rules are about.
type workflow struct {
	Permissions map[string]string `yaml:"permissions"`
	Jobs        map[string]struct {
		Permissions map[string]string `yaml:"permissions"`
		Container   struct {
			Image string `yaml:"image"`
		} `yaml:"container"`
		Steps []struct {
			Uses string `yaml:"uses"`
			Run  string `yaml:"run"`
		} `yaml:"steps"`
	} `yaml:"jobs"`
}

// read returns a file of the repository as text.
func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What continuous integration checks anybody can check: each workflow calls
// .ci/run, may read the sources and no more, and says which version it uses of
// what is not ours.
func TestWorkflowsCallTheCheckAndMayReadOnly(t *testing.T) {
	files, _ := filepath.Glob(".github/workflows/*")
	if len(files) == 0 {
		t.Fatal("no workflow")
	}
	version := regexp.MustCompile(`^[\w./-]+(@v|:)\d+\.\d+\.\d+[\w.-]*$`)
	for _, file := range files {
		text := read(t, file)
		var w workflow
		if err := yaml.Unmarshal([]byte(text), &w); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		var runs []string
		for name, job := range w.Jobs {
			if len(job.Permissions) > 0 || !version.MatchString(job.Container.Image) {
				t.Errorf("%s, %s: permissions %v, image %q", file, name, job.Permissions, job.Container.Image)
			}
			for _, s := range job.Steps {
				runs = append(runs, s.Run)
				if s.Uses != "" && !version.MatchString(s.Uses) {
					t.Errorf("%s, %s: %q is not a full version", file, name, s.Uses)
				}
			}
		}
		if !slices.Contains(runs, ".ci/run") {
			t.Errorf("%s does not call .ci/run", file)
		}
		if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
			t.Errorf("%s: permissions %v", file, w.Permissions)
		}
		if strings.Contains(text, "secrets.") || strings.Contains(text, "pull_request_target") {
			t.Errorf("%s: gives a pull request more than the sources", file)
		}
	}
}

// commands returns the lines of the sh blocks of a document, without comments.
func commands(text string) (all []string) {
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			if line, _, _ = strings.Cut(line, " #"); strings.TrimSpace(line) != "" {
				all = append(all, strings.TrimSpace(line))
			}
		}
	}
	return all
}

// What the commands in CONTRIBUTING.md name exists: scripts, packages, tests,
// fuzz targets, and flags of tests.
func TestCommandsOfContributingExist(t *testing.T) {
	all := commands(read(t, "CONTRIBUTING.md"))
	for _, want := range []string{"go test ./...", ".ci/run"} {
		if !slices.Contains(all, want) {
			t.Errorf("CONTRIBUTING.md does not say %q", want)
		}
	}
	for _, command := range all {
		words := strings.Fields(command)
		for i, word := range words {
			if strings.HasPrefix(word, ".ci/") || strings.HasPrefix(word, "interop/") {
				if _, err := os.Stat(word); err != nil {
					t.Errorf("%s: %v", command, err)
				}
			}
			if i > 1 && words[0] == "go" && words[1] == "test" {
				checkTestArgument(t, command, words[i-1], word)
			}
		}
		for _, dir := range packageDirs(words) {
			if files, _ := filepath.Glob(dir + "/*.go"); len(files) == 0 {
				t.Errorf("%s: no package %s", command, dir)
			}
		}
	}
}

// packageDirs returns the packages that a command names one by one.
func packageDirs(words []string) (dirs []string) {
	for _, w := range words {
		if w == "." || strings.HasPrefix(w, "./") && !strings.HasSuffix(w, "/...") {
			dirs = append(dirs, w)
		}
	}
	return dirs
}

// goTestFlag matches flags of go test itself.
var goTestFlag = regexp.MustCompile(`^-(run|fuzz|fuzztime|fuzzminimizetime=\w+|count=\d+|race|short|v)$`)

// checkTestArgument looks at one argument of a go test command, behind
// previous.
func checkTestArgument(t *testing.T, command, previous, word string) {
	t.Helper()
	var sources strings.Builder
	for _, dir := range packageDirs(strings.Fields(command)) {
		files, _ := filepath.Glob(dir + "/*_test.go")
		for _, f := range files {
			sources.WriteString(read(t, f))
		}
	}
	has := func(pattern string) bool { return regexp.MustCompile(pattern).MatchString(sources.String()) }
	name := strings.Trim(word, "'^$")
	switch {
	case (previous == "-run" || previous == "-fuzz") && name != "" && !has(`(?m)^func `+name+`\w*\(`):
		t.Errorf("%s: no test or target %s", command, name)
	case strings.HasPrefix(word, "-") && !goTestFlag.MatchString(word) && !has(`flag\.\w+\("`+word[1:]+`"`):
		t.Errorf("%s: no flag %s", command, word)
	}
}

// What the forms for issues ask to run are commands that there are, and they
// say what not to show.
func TestIssueTemplatesAskForCommandsThatExist(t *testing.T) {
	known := read(t, "cmd/wssgate/main.go")
	files, _ := filepath.Glob(".github/ISSUE_TEMPLATE/*.md")
	asked := ""
	for _, file := range files {
		text := read(t, file)
		for _, m := range regexp.MustCompile("`wssgate (\\w+)").FindAllStringSubmatch(text, -1) {
			if asked += m[1] + " "; !strings.Contains(known, "//	wssgate "+m[1]+" ") {
				t.Errorf("%s asks for wssgate %s", file, m[1])
			}
		}
	}
	for _, want := range []string{"doctor", "inspect", "version"} {
		if !strings.Contains(asked, want) {
			t.Errorf("nobody is asked for wssgate %s", want)
		}
	}
	if !strings.Contains(read(t, ".github/ISSUE_TEMPLATE/problem.md"), "No keytabs, passwords") {
		t.Error("nobody is told to keep secrets")
	}
}

// Links of the documents, but those to other places, lead to files.
func TestLinksOfDocumentsLeadToFiles(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	sources(t, func(path string, text []byte) {
		if filepath.Ext(path) != ".md" {
			return
		}
		for _, m := range link.FindAllSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), string(m[1]))); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	})
}

// The table of files in a package's documentation names each file that there
// is, and no other. parts_of.go belongs to parts.go.
func TestFilesNamedInPackageDocsAreThoseThatExist(t *testing.T) {
	named := regexp.MustCompile(`(?m)^//\t([a-z0-9_]+\.go)\s`)
	tables := 0
	sources(t, func(path string, text []byte) {
		if filepath.Base(path) != "doc.go" || !named.Match(text) {
			return
		}
		tables++
		dir := filepath.Dir(path)
		list := []string{"doc.go", filepath.Base(dir) + ".go"}
		for _, m := range named.FindAllSubmatch(text, -1) {
			list = append(list, string(m[1]))
			if _, err := os.Stat(filepath.Join(dir, string(m[1]))); err != nil {
				t.Errorf("%s names %s: %v", path, m[1], err)
			}
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
		for _, f := range files {
			name := filepath.Base(f)
			first, _, _ := strings.Cut(strings.TrimSuffix(name, ".go"), "_")
			if !strings.HasSuffix(name, "_test.go") && !slices.Contains(list, name) && !slices.Contains(list, first+".go") {
				t.Errorf("%s does not name %s", path, name)
			}
		}
	})
	if tables == 0 {
		t.Error("no package names its files")
	}
}

// lineException is what may go on beyond 120 characters: a struct tag, which Go
// cannot wrap.
var lineException = regexp.MustCompile("^\t+\\w+ +\\S+ +`[a-z]+:\".*\"`$")

// Lines of Go fit a screen: 120 characters, a tab counted as one. What an
// example prints stands below Output: as it is.
func TestLinesOfGoHaveAtMost120Characters(t *testing.T) {
	sources(t, func(path string, text []byte) {
		if filepath.Ext(path) != ".go" {
			return
		}
		output := false
		for i, line := range strings.Split(string(text), "\n") {
			comment, isComment := strings.CutPrefix(strings.TrimSpace(line), "//")
			output = isComment && (output || strings.HasPrefix(comment, " Output:"))
			if n := utf8.RuneCountInString(line); n > 120 && !output && !lineException.MatchString(line) {
				t.Errorf("%s:%d: %d characters", path, i+1, n)
			}
		}
	})
}
