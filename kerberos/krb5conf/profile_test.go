package krb5conf_test

import (
	"bufio"
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krb5conf"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// profileScript makes MIT's library read krb5.conf files and prints their
// settings.
//
//go:embed testdata/profile.py
var profileScript string

// How many cases there are, and how many sets of files that they include.
const (
	profileCases     = 400
	profileFragments = 40
)

// mitLibrary returns Debian's python3, which loads the machine's MIT library.
func mitLibrary(t *testing.T) string {
	t.Helper()
	library := krbtest.Peer{Path: "libkrb5.so.3", Package: "libkrb5-3"}
	if found, _ := filepath.Glob("/usr/lib/*/libkrb5.so.3"); len(found) > 0 {
		library.Path = found[0]
	}
	python := krbtest.Peer{Path: "/usr/bin/python3", Package: "python3"}
	krbtest.Need(t, python, library)
	return python.Path
}

// askMIT returns the answer of testdata/profile.py to each question.
func askMIT(t *testing.T, questions []string) (answers []string) {
	t.Helper()
	cmd := exec.Command(mitLibrary(t), "-c", profileScript)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "KRB5CCNAME=") })
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(strings.Join(questions, "\n")+"\n"), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	s := bufio.NewScanner(bytes.NewReader(out))
	s.Buffer(nil, 1<<20)
	answer := ""
	for s.Scan() {
		if s.Text() == "." {
			answers, answer = append(answers, answer), ""
		} else {
			answer += s.Text() + "\n"
		}
	}
	if len(answers) != len(questions) {
		t.Fatalf("%d answers to %d questions\n%s", len(answers), len(questions), &stderr)
	}
	return answers
}

// TestReadAgreesWithMIT: MIT's library accepts the files that Read accepts,
// with the same settings, and refuses the others: generated files that include
// others, some of them wrong.
func TestReadAgreesWithMIT(t *testing.T) {
	dir := t.TempDir()
	// Since 1.22 the library knows "*" also among values and sections of one
	// file. Before, it knew it between files.
	probe := profileCase{files: []string{filepath.Join(dir, "probe")}}
	if err := os.WriteFile(probe.files[0], []byte("[a]\nx* = 1\nx = 2\n[b]*\ny = 1\n[b]\ny = 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	answer := askMIT(t, []string{probe.question()})[0]
	finals := strings.Contains(answer, "R 61/78 31\n") && strings.Contains(answer, "R 62/79 31\n")
	cases, questions := make([]profileCase, profileCases), make([]string, profileCases)
	for n := range cases {
		g := confGenerator{Rand: rand.New(rand.NewPCG(8, uint64(n))), t: t, dir: filepath.Join(dir, fmt.Sprint(n)),
			finals:   finals,
			included: filepath.Join(dir, fmt.Sprint("included", n%profileFragments))}
		if n < profileFragments {
			g.fragments()
		}
		cases[n] = g.make()
		questions[n] = cases[n].question()
	}
	refused, several, included := 0, 0, 0
	for n, theirs := range askMIT(t, questions) {
		ours := cases[n].ours()
		if ours != theirs {
			t.Errorf("case %d:\n%s\nMIT:\n%s\nwe:\n%s", n, cases[n].describe(), theirs, ours)
		}
		if theirs == "refused\n" {
			refused++
		} else if len(cases[n].files) > 1 {
			several++
		}
		if strings.Contains(cases[n].describe(), "\ninclude") {
			included++
		}
	}
	t.Logf("final values in one file %t, of %d cases %d refused, %d of several files, %d with includes",
		finals, profileCases, refused, several, included)
	if refused < profileCases/10 || profileCases-refused < profileCases/2 || several < profileCases/10 ||
		included < profileCases/4 {
		t.Error("the generator is lopsided")
	}
}

// TestDefaultCCacheAgreesWithMIT: every parameter of krb5.conf(5) that has a
// meaning beyond MIT's library.
func TestDefaultCCacheAgreesWithMIT(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var questions, ours []string
	for n, name := range []string{"FILE:/tmp/%{username}.cc", "%{uid}", "FILE:%{TEMP}/%{USERID}%{euid}%{null}",
		"KEYRING:%{username}%{username}:%{uid}", "DIR:/x/{uid}%uid%%{uid}}"} {
		text := "[libdefaults]\ndefault_ccache_name = " + name + "\n"
		path := filepath.Join(t.TempDir(), fmt.Sprint(n))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := krb5conf.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		questions, ours = append(questions, "ccache "+path), append(ours, c.DefaultCCache("")+"\n")
	}
	for n, theirs := range askMIT(t, questions) {
		if ours[n] != theirs {
			t.Errorf("MIT has %q, we %q", theirs, ours[n])
		}
	}
}

// A profileCase is a list of files as KRB5_CONFIG has it.
type profileCase struct{ files []string }

func (c profileCase) question() string { return "files " + strings.Join(c.files, ":") }

// ours returns the settings that Read and Parse find in the files.
func (c profileCase) ours() string {
	var text string
	read := 0
	for _, name := range c.files {
		s, err := krb5conf.Read(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return "refused\n"
		}
		text, read = text+s, read+1
	}
	conf, err := krb5conf.Parse(text)
	if err != nil {
		return "text of ReadKrb5Conf: " + err.Error()
	}
	if read == 0 {
		return "refused\n"
	}
	return krb5conf.DumpKrb5Conf(conf, len(c.files) == 1)
}

// describe returns the text of all files.
func (c profileCase) describe() string {
	var b strings.Builder
	filepath.WalkDir(filepath.Dir(c.files[0]), func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			raw, _ := os.ReadFile(path)
			fmt.Fprintf(&b, "--- %s\n", path)
			for line := range strings.Lines(string(raw)) {
				b.WriteString(strings.TrimPrefix(strings.TrimSuffix(fmt.Sprintf("%q", line), `"`), `"`) + "\n")
			}
		}
		return nil
	})
	return b.String()
}

// A confGenerator writes the files of a case.
type confGenerator struct {
	*rand.Rand
	t             *testing.T
	dir, included string // where the files are, and those that they include
	finals        bool   // "*" anywhere, not only where all versions agree
	wrong         bool   // lines that are refused, now and then
	open          int    // braces
}

func (g *confGenerator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g *confGenerator) rarely() bool { return g.IntN(12) == 0 }

func (g *confGenerator) write(dir, name, text string) string {
	path := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		g.t.Fatal(err)
	}
	return path
}

func (g *confGenerator) make() (c profileCase) {
	g.wrong = g.IntN(3) == 0
	for n := range 1 + g.IntN(3) {
		c.files = append(c.files, g.write(g.dir, fmt.Sprintf("krb5-%d.conf", n), g.file(true)+g.final(n)))
	}
	if g.rarely() {
		c.files = append(c.files, filepath.Join(g.dir, "absent.conf"))
	}
	if g.rarely() {
		c.files = append(c.files, filepath.Join(g.included, "d"))
	}
	return c
}

// final is the end of a file: sections which may be final for the files that
// follow, to all versions of the library.
func (g *confGenerator) final(n int) string {
	if g.open > 0 || g.IntN(2) == 0 {
		return ""
	}
	return fmt.Sprintf("\n[final]%s\nx = %d\ny = {\n z = %[2]d\n}%s\nw%s = {\n z = %[2]d\n }\n", g.one("", "*", "* \t"),
		n, g.one("", "*", "* x"), g.one("", "*", "*x"))
}

// fragments writes what can be included. Some of it includes more.
func (g *confGenerator) fragments() {
	for _, name := range []string{"f0", "f1", "d/a.conf", "d/B-2_x", "d/.hidden.conf", "d/c.conf~", "d/d.rpmsave",
		"d/\u00e9", "d/e.confx", "e/x", "d/sub/y"} {
		g.write(g.included, name, g.file(false))
	}
	if g.IntN(2) == 0 {
		include := func() string { return "include\t" + filepath.Join(g.included, g.one("f1", "d/B-2_x")) + g.eol() }
		g.write(g.included, "f0", include()+g.file(false)+"[last]\n"+include())
	}
}

func (g *confGenerator) file(top bool) string {
	var b strings.Builder
	g.open = 0
	switch g.IntN(8) {
	case 0:
		b.WriteString(g.one("This file is managed elsewhere\n", "a = 1\n", " [a]\nx = {\n", "}\n", "\ufeff[a]\nx = 1\n",
			"\x00\n", "includes nothing\n"))
	case 1:
		b.WriteString(g.one("# comment\n", "; comment\r\n", "\n", " \t\n"))
	}
	if g.wrong && g.IntN(40) == 0 {
		b.WriteString("module /no/such/module.so:x\n")
	}
	section := g.one("a", "b")
	b.WriteString("[" + section + "]" + g.eol())
	for range g.IntN(14) {
		b.WriteString(g.line(top))
	}
	if g.IntN(4) > 0 {
		b.WriteString(strings.Repeat("}\n", g.open))
		g.open = 0
	}
	if g.IntN(6) == 0 {
		g.open++ // so that nothing follows
		return strings.TrimRight(b.String(), "\r\n")
	}
	return b.String()
}

func (g *confGenerator) eol() string { return g.one("\n", "\n", "\n", "\r\n", "\r\r\n") }

func (g *confGenerator) line(top bool) string {
	if g.wrong && g.IntN(25) == 0 {
		return g.wrongLine()
	}
	switch n := g.IntN(20); {
	case n < 2 && g.open == 0:
		return g.one("", " ", "\t") + "[" + g.one("a", "b", "libdefaults", " a", "a b", "", "a=b", "a*") + "]" + g.mark() +
			g.one("", " ", "\t ") + g.eol()
	case n < 6 && g.open < 12:
		g.open++
		return g.indent() + g.name() + g.one(" = {", "={", " =\t{ \t", " =\n{", "=\n {# text", " = \r\n{") + g.eol()
	case n < 9 && g.open > 0:
		g.open--
		return g.indent() + "}" + g.mark() + g.one("", "", " # end", "}", "x = 1") + g.eol()
	case n < 11:
		return g.one("# x = 1", ";x", "  # [a]", "", " ", "\t\v\f", "#"+strings.Repeat("c", 2045)) + g.eol()
	case n < 13 && top:
		return g.one("include ", "include\t", "include \t ") + filepath.Join(g.included, g.one("f0", "f1", "d")) + g.eol()
	case n < 14 && top:
		return g.one("includedir ", "includedir\t") + filepath.Join(g.included, g.one("d", "e")) + g.eol()
	}
	return g.indent() + g.name() + g.one(" = ", "=", "\t=  ", " =\v") + g.value() + g.eol()
}

func (g *confGenerator) indent() string { return g.one("", " ", "\t", "    ") }

// mark makes what was just named final, where that means the same to all
// versions of the library.
func (g *confGenerator) mark() string {
	if g.finals && g.IntN(6) == 0 {
		return "*"
	}
	return ""
}

func (g *confGenerator) name() string {
	return g.one("x", "y", "kdc", "Caf\u00e9", "\xe9", "a/b", "included", "module", "x[", "\"x\"", "{") + g.mark()
}

func (g *confGenerator) value() string {
	return g.one("1", "a b", "a  \t", "# no comment", "x ; y", "{ x", "{}", "{x", "}", "a = b", "=", "*", "%{uid}", "[a]",
		"a\\nb", "a\rb", "\xff\xfe", "a\x00b",
		`""`, `"a"`, `" a "`, `"a\"b\\c\n\t\b\x" text`, `"{"`, `"never closed`, `"\`, `a"b"`, `"#"`, `"`, "a\vb\f",
		strings.Repeat("v", 2030), `"`+strings.Repeat(`\"`, 1000)+`"`)
}

// wrongLine is one that is refused in most places.
func (g *confGenerator) wrongLine() string {
	g.t.Helper()
	return g.one("x\n", "= 1\n", "  =\n", "x y = 1\n", "[a\n", "[a] x\n", "}\n", "x =\n\n{\n", "x =\ny = 1\n",
		" include /no/such/file\n", "include /no/such/file\n",
		"includedir /no/such/dir\n", "include "+filepath.Join(g.included, "f1")+" \n", "include\n", "[a]**\n", "[b]\n",
		"module x:y\n", "x"+strings.Repeat(" ", 2060)+"= 1\n",
		"# "+strings.Repeat("comment ", 300)+"\n", "x = "+strings.Repeat("v", 2200)+"= 1\n", "included "+g.dir+"\n",
		"[x = 1\n", "include = 1\n", " include = 1\n", "\x00x\n", "x\x00 = 1\n")
}
