package main

import (
	"context"
	"path/filepath"
)

// browserCommand makes the files of the browser client.
const browserCommand = "./internal/browser/build"

// browserFiles is where the binaries take them from.
const browserFiles = "internal/browser/dist"

// embedBrowserClient puts the browser client where the binaries take it from. Git
// ignores what is there, so the work tree stays that of the commit.
func (r *release) embedBrowserClient(ctx context.Context) error {
	args := []string{"run", "-trimpath", browserCommand, "-source", ".", "-out", browserFiles}
	if r.quick {
		args = append(args, "-quick")
	}
	return run(r.goCommand(ctx, args...))
}

// browserPackage makes the folder npm, a package of the browser client.
func (r *release) browserPackage(ctx context.Context) error {
	dir := filepath.Join(r.out, "npm")
	err := run(r.goCommand(ctx, "run", "-trimpath", browserCommand, "-source", ".", "-out", browserFiles, "-npm", dir,
		"-version", r.built))
	if err != nil {
		return err
	}
	return copyFile(filepath.Join(r.out, "LICENSES.txt"), filepath.Join(dir, "LICENSES.txt"), 0o644)
}
