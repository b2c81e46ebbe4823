package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// nfpmCommand makes packages. Its version is in deploy/nfpm.mod, a file of its
// own so that nobody else has its dependencies.
const nfpmCommand = "github.com/goreleaser/nfpm/v2/cmd/nfpm"

// makePackages makes a deb and an rpm of each binary for Linux.
func (r *release) makePackages(ctx context.Context) error {
	work, err := os.MkdirTemp("", "wssgate-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	nfpm := filepath.Join(work, "nfpm")
	cmd := r.goCommand(ctx, "build", "-modfile=deploy/nfpm.mod", "-o", nfpm, nfpmCommand)
	if err := run(cmd); err != nil {
		return err
	}
	root := filepath.Join(work, "root")
	if err := r.texts(ctx, work, root); err != nil {
		return err
	}
	for _, platform := range r.platforms {
		arch, ok := strings.CutPrefix(platform, "linux/")
		if !ok {
			continue
		}
		if err := r.pack(ctx, nfpm, root, platform, arch); err != nil {
			return err
		}
	}
	return nil
}

// pack makes the packages of one platform from the tree of files.
func (r *release) pack(ctx context.Context, nfpm, root, platform, arch string) error {
	program := filepath.Join(root, "usr/bin/wssgate")
	if err := copyFile(filepath.Join(r.out, binaryName(platform)), program, 0o755); err != nil {
		return err
	}
	if err := r.setTimes(root); err != nil {
		return err
	}
	for _, kind := range []string{"deb", "rpm"} {
		cmd := exec.CommandContext(ctx, nfpm, "package", "--config", filepath.Join(r.source, "deploy/nfpm.yaml"),
			"--packager", kind, "--target", r.out)
		cmd.Dir = filepath.Dir(root)
		cmd.Env = append(os.Environ(), "ARCH="+arch, "VERSION="+strings.TrimPrefix(r.built, "v"),
			fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.commit.Unix()))
		if err := run(cmd); err != nil {
			return err
		}
	}
	return nil
}

// texts fills the tree, and the folders beside it, with what is the same on
// every machine: man pages and completions, which the program itself writes,
// documents, and what stands in deploy.
func (r *release) texts(ctx context.Context, work, root string) error {
	program := filepath.Join(work, "wssgate")
	if err := r.build(ctx, runtime.GOOS+"/"+runtime.GOARCH, program); err != nil {
		return err
	}
	pages := filepath.Join(work, "man")
	if err := run(exec.CommandContext(ctx, program, "man", "--dir", pages)); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(pages, "*"))
	if err != nil {
		return err
	}
	for _, page := range files {
		section := strings.TrimPrefix(filepath.Ext(page), ".")
		if err := compress(page, filepath.Join(root, "usr/share/man/man"+section, filepath.Base(page)+".gz")); err != nil {
			return err
		}
	}
	for shell, name := range map[string]string{"bash": "wssgate", "zsh": "_wssgate", "fish": "wssgate.fish"} {
		script, err := exec.CommandContext(ctx, program, "completion", shell).Output()
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(work, "completion", name), script, 0o644); err != nil {
			return err
		}
	}
	if err := os.CopyFS(filepath.Join(work, "package"), os.DirFS(filepath.Join(r.source, "deploy/package"))); err != nil {
		return err
	}
	return r.documents(filepath.Join(root, "usr/share/doc/wssgate"))
}

// documents copies the documents, each to where the links of the others expect
// it.
func (r *release) documents(dir string) error {
	names := []string{"README.md", "CHANGELOG.md", "SECURITY.md"}
	for _, pattern := range []string{"docs/*.md", "docs/*/*.*", "deploy/grafana/*", "deploy/prometheus/*",
		"examples/README.md", "examples/gateway/*"} {
		more, err := filepath.Glob(filepath.Join(r.source, pattern))
		if err != nil {
			return err
		}
		for _, name := range more {
			names = append(names, strings.TrimPrefix(name, r.source+string(filepath.Separator)))
		}
	}
	for _, name := range names {
		if err := copyFile(filepath.Join(r.source, name), filepath.Join(dir, name), 0o644); err != nil {
			return err
		}
	}
	if err := copyFile(filepath.Join(r.out, "LICENSES.txt"), filepath.Join(dir, "LICENSES.txt"), 0o644); err != nil {
		return err
	}
	return copyFile(filepath.Join(r.out, "LICENSE"), filepath.Join(dir, "copyright"), 0o644) // where Debian has it
}

// setTimes gives everything in the tree, and beside it, the time of the commit.
func (r *release) setTimes(root string) error {
	return filepath.WalkDir(filepath.Dir(root), func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, time.Time{}, r.commit)
	})
}

// compress writes a file compressed, without a name and time of its own.
func compress(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return writeFile(to, b.Bytes(), 0o644)
}

func copyFile(from, to string, mode fs.FileMode) error {
	octets, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return writeFile(to, octets, mode)
}

// writeFile writes a file, and the folders that it is in, with these rights
// whatever the umask is.
func writeFile(name string, octets []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(name, octets, mode); err != nil {
		return err
	}
	return os.Chmod(name, mode)
}
