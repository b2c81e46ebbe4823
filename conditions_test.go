package wssgate_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

var switchOff = flag.String("conditions", "", "switch off the conditions whose words match, one after the other")

// A condition is one of .ci/conditions.txt.
type condition struct {
	part, words, file string
	is, becomes       string   // in the file
	args              []string // of go test: packages, and flags behind them
}

// conditionsOf reads .ci/conditions.txt.
func conditionsOf(t *testing.T) (all []condition) {
	t.Helper()
	const file = ".ci/conditions.txt"
	part := ""
	for block := range strings.SplitSeq(strings.TrimSpace(read(t, file)), "\n\n") {
		lines := strings.Split(block, "\n")
		if words, ok := strings.CutPrefix(block, "= "); ok {
			part = words
			continue
		}
		if block[0] == '#' {
			continue
		}
		if len(lines) != 5 || !strings.HasPrefix(lines[2], "\t- ") || !strings.HasPrefix(lines[3], "\t+ ") {
			t.Fatalf("%s: not the words, the file, -, + and the arguments of go test:\n%s", file, block)
		}
		all = append(all, condition{part, lines[0], lines[1][1:], lines[2][3:], lines[3][3:], strings.Fields(lines[4])})
	}
	return all
}

// packages returns the packages whose tests should notice.
func (c *condition) packages() []string {
	n := slices.IndexFunc(c.args, func(arg string) bool { return arg[0] == '-' })
	if n < 0 {
		return c.args
	}
	return c.args[:n]
}

// The table of docs/conformance.md stands between these lines.
const (
	conditionsBegin = "<!-- Written by .ci/conditions . -update -->\n"
	conditionsEnd   = "<!-- End of the conditions -->\n"
)

// conditionTable writes the table, with the test that has noticed each.
func conditionTable(all []condition, tests map[string]string) string {
	var b strings.Builder
	b.WriteString(conditionsBegin)
	part := ""
	for _, c := range all {
		if c.part != part {
			part = c.part
			fmt.Fprintf(&b, "\n%s:\n\n| condition | file | tests |\n|---|---|---|\n", part)
		}
		fmt.Fprintf(&b, "| %s | `%s` | `%s` |\n", c.words, c.file, tests[c.words])
	}
	b.WriteString("\n" + conditionsEnd)
	return b.String()
}

// conditionTests returns the tests that the table of a document has.
func conditionTests(text string) map[string]string {
	tests := map[string]string{}
	_, text, _ = strings.Cut(text, conditionsBegin)
	text, _, _ = strings.Cut(text, conditionsEnd)
	for _, m := range regexp.MustCompile("(?m)^\\| (.*) \\| `.*` \\| `(.*)` \\|$").FindAllStringSubmatch(text, -1) {
		tests[m[1]] = m[2]
	}
	return tests
}

// Each condition of .ci/conditions.txt is in the source, once, and in
// docs/conformance.md with the test that fails without it.
func TestConditionsStandInTheSourceAndTheDocument(t *testing.T) {
	all := conditionsOf(t)
	known := map[string]bool{}
	for _, c := range all {
		if n := strings.Count(read(t, c.file), c.is); n != 1 {
			t.Errorf("%s: %q stands %d times in %s", c.words, c.is, n, c.file)
		}
		if known[c.words] {
			t.Errorf("two conditions are called %q", c.words)
		}
		known[c.words] = true
	}
	if len(all) < 60 {
		t.Errorf("only %d conditions", len(all))
	}
	text := read(t, "docs/conformance.md")
	if table := conditionTable(all, conditionTests(text)); !strings.Contains(text, table) && *switchOff == "" {
		t.Error("docs/conformance.md has another table of conditions; run .ci/conditions . -update")
	}
}

// A test fails without each of the conditions: first the one that the document
// names, then all that should notice. The sources stay as they are: the compiler
// gets another file in the place of one.
func TestSomeTestFailsWithoutEachCondition(t *testing.T) {
	if *switchOff == "" {
		t.Skip("compiles and runs tests for minutes, as .ci/conditions has it: -conditions")
	}
	all, which := conditionsOf(t), regexp.MustCompile(*switchOff)
	const document = "docs/conformance.md"
	tests := conditionTests(read(t, document))
	var mu sync.Mutex
	t.Run("all", func(t *testing.T) {
		known := knownTests(all, tests)
		for _, c := range all {
			if !which.MatchString(c.words) {
				continue
			}
			first := tests[c.words]
			t.Run(c.words, func(t *testing.T) {
				t.Parallel()
				test := c.noticed(t, first, known)
				mu.Lock()
				defer mu.Unlock()
				fmt.Printf("| %s | %s | %s |\n", c.words, c.file, test)
				tests[c.words] = test
			})
		}
	})
	if *update && !t.Failed() {
		before, rest, _ := strings.Cut(read(t, document), conditionsBegin)
		_, after, _ := strings.Cut(rest, conditionsEnd)
		if err := os.WriteFile(document, []byte(before+conditionTable(all, tests)+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// knownTests returns, by the packages of conditions, flags of go test for the tests
// that the document names.
func knownTests(all []condition, tests map[string]string) map[string][]string {
	names := map[string][]string{}
	for _, c := range all {
		if test := tests[c.words]; test != "" {
			key := strings.Join(c.packages(), " ")
			names[key] = append(names[key], test)
		}
	}
	flags := map[string][]string{}
	for key, list := range names {
		slices.Sort(list)
		flags[key] = []string{"-run", "^(" + strings.Join(slices.Compact(list), "|") + ")$"}
	}
	return flags
}

// noticed returns the test that fails without the condition: first, if that does,
// which is one of known.
func (c *condition) noticed(t *testing.T, first string, known map[string][]string) string {
	off := c.overlay(t)
	packages := c.packages()
	if first != "" {
		pass(t, slices.Concat(packages, known[strings.Join(packages, " ")]))
		if test := failing(t, off, slices.Concat(packages, []string{"-run", "^" + first + "$"})); test != "" {
			return test
		}
	}
	pass(t, c.args)
	test := failing(t, off, c.args)
	if test == "" {
		t.Fatalf("%s: no test of %q notices that %q became %q", c.file, c.args, c.is, c.becomes)
	}
	// Alone, it has to end too: of several one may wait for ever.
	return failing(t, off, slices.Concat(packages, []string{"-run", "^" + test + "$"}))
}

// pass fails the test unless go test passes with all conditions. It does so once,
// since go test keeps what it has found.
func pass(t *testing.T, args []string) {
	t.Helper()
	if out, err := goTest("", args); err != nil {
		t.Fatalf("with all conditions, go test %q: %v\n%s", args, err, out)
	}
}

// failing returns the first test that fails with an overlay, "" if none does. That
// nothing is compiled, or nothing ends, is not the failure of a test.
func failing(t *testing.T, overlay string, args []string) string {
	t.Helper()
	out, err := goTest(overlay, args)
	m := failedTest.FindStringSubmatch(out)
	switch {
	case err == nil:
		return ""
	case m == nil || strings.Contains(out, "[build failed]"):
		t.Fatalf("no test has failed:\n%s", out)
	}
	return m[1]
}

var failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)

// overlay returns the file that tells the compiler to take c.file without the
// condition.
func (c *condition) overlay(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	changed, file := filepath.Join(dir, filepath.Base(c.file)), filepath.Join(dir, "overlay.json")
	original, err := filepath.Abs(c.file)
	if err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {original: changed}})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(read(t, c.file), c.is, c.becomes, 1)
	for name, content := range map[string]string{changed: text, file: string(list)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// goTest runs go test with an overlay, "" for none. Programs that the tests build
// have it too.
func goTest(overlay string, args []string) (out string, err error) {
	cmd := exec.Command("go", slices.Concat([]string{"test", "-vet=off", "-failfast", "-timeout", "5m"}, args)...)
	if overlay != "" {
		cmd.Env = append(os.Environ(), "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+overlay))
	}
	b, err := cmd.CombinedOutput()
	return string(b), err
}
