package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"github.com/wssgate/wssgate/internal/browser"
)

// small are sources that have the form of the client's, and build in little time.
var small = map[string]string{
	"go.mod":           "module example.com/small\n\ngo 1.26\n",
	"LICENSE":          "as you like\n",
	"web/wasm/main.go": "//go:build js\n\npackage main\n\nfunc main() { println(\"ready\") }\n",
	"web/wssgate.js": "import './wasm_exec.js';\nconst program = 'wssgate.wasm', integrity = '';\n" +
		"export { program, integrity };\n",
	"web/wssgate.d.ts": "export const program: string;\n",
}

// sources writes files below a new folder.
func sources(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "a folder of its own")
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// fake are parts that were not built.
var fake = parts{wasm: []byte("\x00asm\x01\x00\x00\x00"), runner: []byte("globalThis.Go = class {}\n"),
	module: []byte(small["web/wssgate.js"]), types: []byte(small["web/wssgate.d.ts"])}

// built returns the files that a build makes of the small sources.
func built(t *testing.T) map[string][]byte {
	t.Helper()
	b := builder{source: sources(t, small), out: t.TempDir(), quick: true}
	if err := b.build(t.Context()); err != nil {
		t.Fatal(err)
	}
	return contents(t, b.out)
}

func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		octets, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = octets
	}
	return all
}

// The same sources make the same octets in another folder, which belong together.
func TestBuildIsReproducible(t *testing.T) {
	served := built(t)
	if again := built(t); !maps.EqualFunc(served, again, bytes.Equal) {
		t.Error("two builds differ")
	}
	checkServed(t, served)
}

// checkServed fails unless the forms of a file are the same file, its integrity is
// that of the file, and each name leads to the next: entry, module, program.
func checkServed(t *testing.T, served map[string][]byte) {
	t.Helper()
	var list []browser.File
	if err := json.Unmarshal(served[browser.Manifest], &list); err != nil {
		t.Fatal(err)
	}
	byEnd := map[string]browser.File{}
	for _, f := range list {
		zip, err := gzip.NewReader(bytes.NewReader(served[f.Name+".gz"]))
		if err != nil {
			t.Fatal(err)
		}
		fromGzip, err := io.ReadAll(zip)
		if err != nil {
			t.Fatal(err)
		}
		fromBrotli, err := io.ReadAll(brotli.NewReader(bytes.NewReader(served[f.Name+".br"])))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(fromGzip, fromBrotli) || len(fromGzip) != f.Size || browser.Integrity(fromGzip) != f.Integrity {
			t.Errorf("%s: gzip %d, br %d, size %d, %s", f.Name, len(fromGzip), len(fromBrotli), f.Size, f.Integrity)
		}
		if plain, kept := served[f.Name]; kept == (f.Size > keepPlain) || kept && !bytes.Equal(plain, fromGzip) {
			t.Errorf("%s without coding: %d octets, of %d", f.Name, len(plain), f.Size)
		}
		if strings.Contains(f.Name, "-") != f.Immutable {
			t.Errorf("%s is immutable: %v", f.Name, f.Immutable)
		}
		byEnd[map[bool]string{true: "hash "}[f.Immutable]+filepath.Ext(f.Name)] = f
	}
	program, module := byEnd["hash .wasm"], byEnd["hash .js"]
	for in, want := range map[string]string{
		browser.Entry: `from "./` + module.Name + `"`,
		module.Name:   `const program = "` + program.Name + `", integrity = "` + program.Integrity + `"`,
	} {
		if !strings.Contains(string(served[in]), want) {
			t.Errorf("%s does not have %s", in, want)
		}
	}
	m := served[module.Name]
	if !bytes.Contains(m, []byte("globalThis.Go = class")) || bytes.Contains(m, []byte(importRunner)) {
		t.Error("the module does not have what runs the program")
	}
}

// Of an earlier version nothing is left, and what is not of the client stays.
func TestBuildReplacesAnEarlierVersion(t *testing.T) {
	out := sources(t, map[string]string{"wssgate-0123456789abcdef.wasm": "old", "wssgate.js": "old",
		"README.md": "kept"})
	b := builder{out: out, quick: true}
	if err := b.served(fake); err != nil {
		t.Fatal(err)
	}
	now := contents(t, out)
	if now["wssgate-0123456789abcdef.wasm"] != nil || string(now["README.md"]) != "kept" || len(now) != 1+4*3+1 {
		t.Errorf("there are %q", slices.Sorted(maps.Keys(now)))
	}
	checkServed(t, now)
}

// Sources that have not the form that is replaced are an error.
func TestBuildRefusesAModuleOfAnotherForm(t *testing.T) {
	for _, missing := range []string{importRunner, ownProgram, noIntegrity} {
		_, err := bundle(parts{module: []byte(strings.Replace(small["web/wssgate.js"], missing, "", 1))}, "x", "y")
		if err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
	broken := maps.Clone(small)
	broken["web/wasm/main.go"] = "package main\n\nfunc main() { nothing() }\n"
	b := builder{source: sources(t, broken), out: t.TempDir()}
	if err := b.build(t.Context()); err == nil || !strings.Contains(err.Error(), "undefined: nothing") {
		t.Errorf("a program that does not build: %v", err)
	}
}

// npm takes the package, with all of its files and no other.
func TestPackageIsWhatNpmTakes(t *testing.T) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("install npm")
		}
		t.Skip("install npm")
	}
	dir := t.TempDir()
	b := builder{source: sources(t, small), out: t.TempDir(), npm: dir, version: "v1.2.3", quick: true}
	if err := b.served(fake); err != nil {
		t.Fatal(err)
	}
	if err := b.build(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("not of the package"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(npm, "pack", "--dry-run", "--json")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "npm_config_cache="+t.TempDir(), "npm_config_offline=true")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("npm pack: %v\n%s", err, out)
	}
	var packs []struct {
		ID    string
		Files []struct{ Path string }
	}
	if err := json.Unmarshal(out, &packs); err != nil || len(packs) != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	var names []string
	for _, f := range packs[0].Files {
		names = append(names, regexp.MustCompile(`-[0-9a-f]{16}\.`).ReplaceAllString(f.Path, "-HASH."))
	}
	slices.Sort(names)
	want := "LICENSE README.md package.json wssgate-HASH.js wssgate-HASH.wasm wssgate.d.ts wssgate.js"
	if got := strings.Join(names, " "); got != want || packs[0].ID != "wssgate@1.2.3" {
		t.Errorf("%s has %s, not %s", packs[0].ID, got, want)
	}
}
