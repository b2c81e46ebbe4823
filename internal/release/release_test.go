package main

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/browser"
)

// releaseOf makes a release of HEAD, in a clone of its own, for the processor
// of this machine and Linux.
func releaseOf(t *testing.T, packages bool) (out string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		missing(t, "git")
	}
	if _, err := os.Stat("../../.git"); err != nil {
		t.Skip("these sources are not a clone")
	}
	dir := t.TempDir()
	r := &release{source: filepath.Join(dir, "clone"), out: filepath.Join(dir, "out"), packages: packages, quick: true,
		platforms: []string{"linux/" + runtime.GOARCH}}
	if err := run(exec.Command("git", "clone", "--quiet", "../..", r.source)); err != nil {
		t.Fatal(err)
	}
	if err := r.make(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r.out
}

// files returns the names and contents of a folder, and of those in it.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			all[name] = []byte(read(t, filepath.Join(dir, name)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// sameFiles fails unless two releases have the same files.
func sameFiles(t *testing.T, a, b map[string][]byte) {
	t.Helper()
	for name, octets := range a {
		if !bytes.Equal(octets, b[name]) {
			t.Errorf("%s differs: %d octets, and %d", name, len(octets), len(b[name]))
		}
	}
	if len(a) != len(b) {
		t.Errorf("%d files, and %d", len(a), len(b))
	}
}

// A commit has one release, in whatever folder and at whatever time it is made.
func TestReleaseOfACommitIsReproducible(t *testing.T) {
	out := releaseOf(t, false)
	first := files(t, out)
	sameFiles(t, first, files(t, releaseOf(t, false)))
	name := binaryName("linux/" + runtime.GOARCH)
	for _, want := range []string{name, name + ".cdx.json", "LICENSE", "LICENSES.txt", "SHA256SUMS", "npm/package.json",
		"npm/wssgate.js", "npm/wssgate.d.ts", "npm/README.md", "npm/LICENSE", "npm/LICENSES.txt"} {
		if len(first[want]) == 0 {
			t.Errorf("no %s", want)
		}
	}
	checkStatic(t, filepath.Join(out, name))
	checkBrowserClient(t, filepath.Join(out, name), first)
	var b bom
	if err := json.Unmarshal(first[name+".cdx.json"], &b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(first["SHA256SUMS"], []byte(b.Metadata.Component.Hashes[0].Content+"  "+name+"\n")) {
		t.Errorf("the hash of the bill of materials is not that of\n%s", first["SHA256SUMS"])
	}
	if len(b.Components) < 10 || len(b.Dependencies) != len(b.Components)+1 {
		t.Errorf("%d components, %d dependencies", len(b.Components), len(b.Dependencies))
	}
	for _, c := range b.Components {
		if c.Name != "std" && !bytes.Contains(first["LICENSES.txt"], []byte("\n"+c.Name+" "+c.Version+", ")) {
			t.Errorf("no licence of %s %s", c.Name, c.Version)
		}
	}
	if bytes.Contains(first[name], []byte(filepath.Dir(out))) {
		t.Error("the binary has the path where it was built")
	}
}

// checkStatic fails unless a binary needs no loader and no library.
func checkStatic(t *testing.T, name string) {
	t.Helper()
	f, err := elf.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("%s has %v", name, p.Type)
		}
	}
}

// checkBrowserClient fails unless a binary has the browser client, that of the
// package for npm, and npm takes that.
func checkBrowserClient(t *testing.T, name string, files map[string][]byte) {
	t.Helper()
	out, err := exec.Command(name, "browser-client").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "wasm-unsafe-eval") {
		t.Errorf("%v: %s", err, out)
	}
	parts := 0
	for path, octets := range files {
		if strings.HasPrefix(path, "npm/wssgate") {
			parts++
			if want := browser.Integrity(octets); !strings.Contains(string(out), want) {
				t.Errorf("%s is not that of the binary, which has no %s", path, want)
			}
		}
	}
	if parts != 4 {
		t.Errorf("the package has %d files of the client", parts)
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		missing(t, "npm")
	}
	cmd := exec.Command(npm, "pack", "--dry-run", "--offline")
	cmd.Dir = filepath.Join(filepath.Dir(name), "npm")
	cmd.Env = append(os.Environ(), "npm_config_cache="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "total files: ") ||
		!strings.Contains(string(out), "LICENSES.txt") {
		t.Errorf("npm pack: %v\n%s", err, out)
	}
}

// described is what Go records in a binary.
func described(settings ...debug.BuildSetting) *buildinfo.BuildInfo {
	return &buildinfo.BuildInfo{GoVersion: "go1.26.8", Settings: settings,
		Main: debug.Module{Path: "github.com/wssgate/wssgate", Version: "v1.2.3+dirty"},
		Deps: []*debug.Module{
			{Path: "github.com/Some/Thing", Version: "v1.0.0", Sum: "h1:abc="},
			{Path: "example.com/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/new", Version: "v2.0.0"}},
		}}
}

func TestBillHasWhatTheBinaryHas(t *testing.T) {
	r := &release{commit: time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)}
	b := r.bill([]byte("binary"), described(debug.BuildSetting{Key: "GOOS", Value: "linux"}))
	var urls []string
	for _, c := range b.Components {
		urls = append(urls, c.PackageURL)
	}
	want := "pkg:golang/std@1.26.8 pkg:golang/github.com/some/thing@v1.0.0 pkg:golang/example.com/new@v2.0.0"
	if got := strings.Join(urls, " "); got != want {
		t.Errorf("%s, not %s", got, want)
	}
	m := b.Metadata
	if m.Component.Ref != "pkg:golang/github.com/wssgate/wssgate@v1.2.3%2Bdirty" || m.Timestamp != "2026-11-29T08:00:00Z" {
		t.Errorf("%+v", m)
	}
}

func TestReleaseRefuses(t *testing.T) {
	at := debug.BuildSetting{Key: "vcs.time", Value: "2026-11-29T08:00:00Z"}
	changed := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	for _, test := range []struct {
		r    release
		info *buildinfo.BuildInfo
		want string
	}{
		{release{}, described(), "no commit"},
		{release{}, described(at, changed), "differs from its commit"},
		{release{modified: true}, described(at, changed), ""},
		{release{version: "v1.2.4"}, described(at), "has the version v1.2.3+dirty"},
		{release{}, described(at), ""},
	} {
		err := test.r.check(test.info)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, not %q", err, test.want)
		}
	}
	full := &release{out: ".", source: "."}
	if err := full.make(t.Context()); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("into a folder with files: %v", err)
	}
}
