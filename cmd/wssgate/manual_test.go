package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/config"
)

// output is what the program prints.
func output(t *testing.T, args ...string) string {
	t.Helper()
	var out, log bytes.Buffer
	if err := run(t.Context(), args, nil, &out, &log); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	return out.String()
}

// tool returns the path of a program that a test needs, and skips without it.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("install " + name)
		}
		t.Skip("install " + name)
	}
	return path
}

// completionDir has the completion for a shell, and files to complete.
func completionDir(t *testing.T, shell string) string {
	t.Helper()
	dir := t.TempDir()
	script := output(t, "completion", shell)
	for name, text := range map[string]string{"script": script, "gateway.keytab": "", "gateway two.keytab": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Bash cuts a line into words, the = of --flag=value among them, and calls the
// function that the script has registered.
func TestBashCompletes(t *testing.T) {
	bash := tool(t, "bash")
	dir := completionDir(t, "bash")
	for _, test := range []struct {
		words []string
		want  string // all that is offered, or with … some of it
	}{
		{[]string{"se"}, "serve"},
		{[]string{"--ver"}, "--version"},
		{[]string{""}, "… serve kdcproxy …"},
		{[]string{"serve", "--log-"}, "--log-format --log-level"},
		{[]string{"serve", "--log-level", ""}, "debug info warn error"},
		{[]string{"serve", "--log-level", "="}, "debug info warn error"},
		{[]string{"serve", "--log-level", "=", "de"}, "debug"},
		{[]string{"serve", "--no-replay-journal", "--log-f"}, "--log-format"},
		{[]string{"serve", "--no-repl"}, "--no-replay-journal"},
		{[]string{"serve", "--clock-skew", ""}, ""},
		{[]string{"serve", "--keytab", "gate"}, "gateway two.keytab gateway.keytab"},
		{[]string{"serve", "-c", "scr"}, "script"},
		{[]string{"inspect", "gateway."}, "gateway.keytab"},
		{[]string{"completion", ""}, "bash zsh fish"},
		{[]string{"no-such-command", ""}, ""},
	} {
		cmd := exec.Command(bash, "--norc", "-c", `. ./script; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
			f=$(complete -p wssgate); f=${f#*-F }; ${f%% *}; printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort`,
			"bash", "wssgate")
		cmd.Args, cmd.Dir = append(cmd.Args, test.words...), dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%q: %v\n%s", test.words, err, out)
		}
		checkOffer(t, test.words, string(out), test.want)
	}
}

// checkOffer compares the lines that a shell offers with words.
func checkOffer(t *testing.T, typed []string, lines, want string) {
	t.Helper()
	offered := strings.FieldsFunc(lines, func(r rune) bool { return r == '\n' })
	if some, ok := strings.CutPrefix(want, "…"); ok {
		for _, word := range strings.Fields(strings.TrimSuffix(some, "…")) {
			if !slices.Contains(offered, word) {
				t.Errorf("%q: %q is not among %q", typed, word, offered)
			}
		}
		return
	}
	got, words := strings.Fields(strings.Join(offered, " ")), strings.Fields(want)
	slices.Sort(got)
	slices.Sort(words)
	if !slices.Equal(got, words) {
		t.Errorf("%q: %q is offered, not %q", typed, got, words)
	}
}

func TestFishCompletes(t *testing.T) {
	fish := tool(t, "fish")
	dir := completionDir(t, "fish")
	for line, want := range map[string]string{
		"wssgate se":                          "serve",
		"wssgate serve --log-":                "--log-format --log-level",
		"wssgate serve --log-level=":          "… --log-level=debug --log-level=error …",
		"wssgate serve --keytab gateway.":     "gateway.keytab",
		"wssgate inspect gateway.":            "gateway.keytab",
		"wssgate completion ":                 "bash zsh fish",
		"wssgate serve --no-replay-journal -": "… --clock-skew …",
	} {
		// Behind a tab stands what a word means.
		cmd := exec.Command(fish, "--no-config", "-c",
			`source ./script; complete -C $argv | string replace -r '\t.*' ''; true`, line)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
		checkOffer(t, []string{line}, string(out), want)
	}
}

// In zsh a terminal is needed to complete; zpty is one. What is listed is
// compared as a text.
func TestZshCompletes(t *testing.T) {
	zsh := tool(t, "zsh")
	dir := completionDir(t, "zsh")
	if err := os.Rename(filepath.Join(dir, "script"), filepath.Join(dir, "_wssgate")); err != nil {
		t.Fatal(err)
	}
	for typed, wants := range map[string][]string{
		"wssgate ":                     {"serve", "kdcproxy", "Run the gateway"},
		"wssgate serve --log-":         {"--log-format", "--log-level"},
		"wssgate serve --log-level=":   {"debug", "error"},
		"wssgate completion ":          {"bash", "fish"},
		"wssgate inspect gateway":      {"gateway.keytab"},
		"wssgate serve --keytab gatew": {"gateway.keytab"},
	} {
		cmd := exec.Command(zsh, "-f", "-c", `zmodload zsh/zpty
			zpty shell zsh -f -i
			zpty -w shell "PS1= ; TERM=dumb; stty columns 200; fpath=($PWD \$fpath); autoload -U compinit; compinit -u -D"
			zpty -w shell "LISTMAX=1000; print rea''dy"
			zpty -r shell line '*ready*'
			zpty -w -n shell "$1"$'\t\t'
			zpty -w shell $'\C-a#'
			zpty -w shell "print zz''zq"
			zpty -r shell line '*zzzq*'
			print -r -- $line`, "zsh", typed)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir)
		out, err := cmd.CombinedOutput()
		for _, want := range wants {
			if err != nil || !strings.Contains(string(out), want) {
				t.Errorf("%s: no %s: %v\n%s", typed, want, err, out)
			}
		}
	}
}

// Each page is one that man(7) has no complaint about.
func TestManPagesAreWellFormed(t *testing.T) {
	mandoc := tool(t, "mandoc")
	dir := t.TempDir()
	output(t, "man", "--dir", dir)
	pages, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, page := range pages {
		// The date of a test's binary is not known.
		if out, _ := exec.Command(mandoc, "-T", "lint", "-W", "warning", page).CombinedOutput(); len(out) > 0 {
			for line := range strings.Lines(string(out)) {
				if !strings.Contains(line, "missing date") {
					t.Error(strings.TrimSpace(line))
				}
			}
		}
	}
	if len(pages) < 14 {
		t.Errorf("%d pages", len(pages))
	}
}

// The page of the file has every setting of process and routes, with what
// package config says of it.
func TestPageOfTheFileHasEverySetting(t *testing.T) {
	page := output(t, "man", "wssgate.yaml")
	unescape := strings.NewReplacer(`\-`, "-", `\(aq`, "'", `\(ti`, "~")
	page = unescape.Replace(page)
	for name := range settings() {
		help, _ := config.Help(name)
		if help == "" { // of an entry of services:
			help, name = " "+name, ""
		}
		if !strings.Contains(page, `\fB`+name) || !strings.Contains(page, help) {
			t.Errorf("wssgate.yaml(5) does not explain %s", name)
		}
	}
	file := filepath.Join(t.TempDir(), "wssgate.yaml")
	if err := os.WriteFile(file, []byte(exampleFile), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(&config.Flags{File: file}, nil); err != nil {
		t.Errorf("its example: %v", err)
	}
}

func TestManRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"man", "wssgate-serv"}, {"man", "wssgate", "--dir", t.TempDir()}, {"completion", "tcsh"},
	} {
		var out, log bytes.Buffer
		if err := run(t.Context(), args, nil, &out, &log); exitCode(err) != 2 || out.Len() > 0 {
			t.Errorf("%q: %v, printed %q", args, err, &out)
		}
	}
}
