package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/wssgate/wssgate/internal/config"
)

// current fails if a file of the repository is not what it is made of. With
// -update it is written anew.
func current(t *testing.T, name, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(filepath.Join(root, name), []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if readDoc(t, name) != want {
		t.Errorf("%s is not what the code has. A change is one that users see (docs/compatibility.md): read it after "+
			"go test ./cmd/wssgate -run %s -update", name, t.Name())
	}
}

// model is the command line.
func model(t *testing.T) *kong.Application {
	t.Helper()
	parser, err := newParser(new(commands), io.Discard, io.Discard, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model
}

// cell is text in a table of Markdown.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(text)
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}

// TestSettingsDocumentHasEverySetting: docs/settings.md is made of what
// wssgate serve --help prints.
func TestSettingsDocumentHasEverySetting(t *testing.T) {
	var b strings.Builder
	b.WriteString("# All settings\n\nMade of what `wssgate serve --help` prints: " +
		"`go test ./cmd/wssgate -run SettingsDocument -update`.\n" +
		"[operations.md](operations.md#settings) explains them, and how to write times and sizes. A setting has one " +
		"name: `clock-skew` in the file,\n`--clock-skew` on the command line, `WSSGATE_CLOCK_SKEW` in the environment, " +
		"which differs only where the table says so.\nThose of a route stand in an entry of `routes:` too, the others " +
		"only at the top of the file.\n")
	ofRoute := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[config.Route]()) {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		ofRoute[name] = true
	}
	flags := serveFlags(t)
	for _, group := range config.Groups() {
		fmt.Fprintf(&b, "\n## %s\n\n| setting | of | value | default | meaning |\n|---|---|---|---|---|\n", group)
		for _, f := range flags {
			if config.Group(f.Name) == group {
				b.WriteString(settingRow(f, ofRoute[f.Name]))
			}
		}
	}
	current(t, "docs/settings.md", b.String())
	for _, f := range flags {
		if _, known := settings()[f.Name]; known && !strings.Contains(b.String(), "\n| `"+f.Name+"` |") {
			t.Errorf("%s is in no group", f.Name)
		}
	}
}

// serveFlags are the flags of serve, by name.
func serveFlags(t *testing.T) []*kong.Flag {
	t.Helper()
	for _, node := range model(t).Children {
		if node.Name == "serve" {
			return slices.SortedFunc(slices.Values(node.Flags), func(a, b *kong.Flag) int {
				return strings.Compare(a.Name, b.Name)
			})
		}
	}
	t.Fatal("no serve")
	return nil
}

func settingRow(f *kong.Flag, ofRoute bool) string {
	level, value, help := "process", f.FormatPlaceHolder(), f.Help
	if ofRoute {
		level = "route"
	}
	switch known := choices(f.Enum); {
	case f.IsBool():
		value = "true, false"
	case len(known) > 0:
		value = strings.Join(known, ", ")
	}
	usual := config.EnvironmentPrefix + "_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
	if !slices.Contains(f.Envs, usual) {
		help += " In the environment: " + strings.Join(f.Envs, ", ") + "."
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s | %s |\n", f.Name, level, code(value), code(f.Default), cell(help))
}

// TestFlagsOfCommandsAreThoseListed: testdata/flags.txt is the command line, settings
// apart. A name or default that changes is a change for scripts.
func TestFlagsOfCommandsAreThoseListed(t *testing.T) {
	var b strings.Builder
	for _, node := range model(t).Children {
		fmt.Fprintf(&b, "%s\n", node.Name)
		for _, a := range node.Positional {
			fmt.Fprintf(&b, "  %s\n", a.Summary())
		}
		for _, f := range node.Flags {
			if _, known := settings()[f.Name]; !known {
				fmt.Fprintf(&b, "  %s\n", flagLine(f))
			}
		}
	}
	current(t, "cmd/wssgate/testdata/flags.txt", b.String())
}

func flagLine(f *kong.Flag) string {
	line := "--" + f.Name
	if f.Short != 0 {
		line += " -" + string(f.Short)
	}
	if !f.IsBool() {
		line += " " + f.FormatPlaceHolder()
	}
	if f.Default != "" {
		line += " default " + f.Default
	}
	if f.Enum != "" {
		line += " of " + f.Enum
	}
	for _, v := range f.Envs {
		line += " $" + v
	}
	return line
}
