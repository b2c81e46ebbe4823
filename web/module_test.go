package web_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

var node = krbtest.Peer{Path: "/usr/bin/node", Package: "nodejs"}

// moduleDir returns a directory with the module, its types, and what checks them.
func moduleDir(t *testing.T) string {
	t.Helper()
	krbtest.Need(t, node)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/module")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"wssgate.js", "wssgate.d.ts"} {
		text, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestModule runs the module's own tests, which are in JavaScript.
func TestModule(t *testing.T) {
	t.Parallel()
	dir := moduleDir(t)
	// A module without a package.json that names its kind is one by its syntax.
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"type": "module"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node.Path, "--test", "wssgate.test.mjs")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestTypes compiles what pages may write by the types, and what they may not.
func TestTypes(t *testing.T) {
	t.Parallel()
	dir := moduleDir(t)
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
		t.Skipf("TypeScript's compiler cannot be installed; is the registry of npm reached?\n%s", out)
	}
	tsc := exec.Command(node.Path, "node_modules/typescript/bin/tsc", "--project", "tsconfig.json")
	tsc.Dir = dir
	if out, err := tsc.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
