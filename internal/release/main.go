// Command release makes the files of a release: static binaries with the browser
// client in them, their bills of materials, the licences of what is in them, packages
// for Debian and Red Hat, the browser client as a package for npm, and checksums. Run
// it in the repository:
//
//	go run ./internal/release -out DIR
//
// The same commit and the same Go make the same octets, wherever and whenever
// it runs: nothing of the machine, the path or the clock gets in, and the time
// in the files is that of the commit. So anybody can build a release again and
// compare it with SHA256SUMS.
//
//	main.go      flags, and the order of the steps
//	build.go     binaries
//	browser.go   the browser client
//	sbom.go      bills of materials, CycloneDX 1.6
//	licences.go  LICENSES.txt
//	packages.go  deb and rpm, by nfpm
package main

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	var r release
	platforms := flag.String("platforms", strings.Join(allPlatforms(), ","), "`OS/ARCH,...` to build for")
	flag.StringVar(&r.out, "out", "", "`folder` for the files; it has to be empty or new")
	flag.StringVar(&r.source, "source", ".", "`folder` of the repository")
	flag.StringVar(&r.version, "version", "", "`version` that the commit has to have, by its tag, as v1.2.3")
	flag.BoolVar(&r.packages, "packages", true, "make deb and rpm; it needs the module proxy for nfpm")
	flag.BoolVar(&r.quick, "quick", false, "compress the browser client less, for a trial")
	flag.BoolVar(&r.modified, "modified", false, "accept a work tree that differs from its commit")
	flag.Parse()
	r.platforms = strings.Split(*platforms, ",")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := r.make(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// A release is what is made, and of what.
type release struct {
	source, out string
	platforms   []string // OS/ARCH
	version     string   // "" for any
	packages    bool
	modified    bool
	quick       bool

	// What the first binary says.
	built  string // its version
	commit time.Time
}

// make makes all files.
func (r *release) make(ctx context.Context) (err error) {
	if r.out == "" {
		return errors.New("-out names no folder")
	}
	if r.out, err = filepath.Abs(r.out); err != nil {
		return err
	}
	if r.source, err = filepath.Abs(r.source); err != nil {
		return err
	}
	if old, _ := os.ReadDir(r.out); len(old) > 0 {
		return fmt.Errorf("%s is not empty: name another folder, or remove it", r.out)
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	if err := r.embedBrowserClient(ctx); err != nil {
		return err
	}
	var infos []*buildinfo.BuildInfo
	for _, platform := range r.platforms {
		info, err := r.binary(ctx, platform)
		if err != nil {
			return err
		}
		infos = append(infos, info)
	}
	if err := r.licences(ctx, infos); err != nil {
		return err
	}
	if err := r.browserPackage(ctx); err != nil {
		return err
	}
	if r.packages {
		if err := r.makePackages(ctx); err != nil {
			return err
		}
	}
	return r.sums()
}

// binary builds for a platform, looks at what was built, and describes it.
func (r *release) binary(ctx context.Context, platform string) (*buildinfo.BuildInfo, error) {
	name := filepath.Join(r.out, binaryName(platform))
	if err := r.build(ctx, platform, name); err != nil {
		return nil, err
	}
	info, err := buildinfo.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if err := r.check(info); err != nil {
		return nil, err
	}
	return info, r.describe(name, info)
}

// sums writes SHA256SUMS, which sha256sum -c reads.
func (r *release) sums() error {
	var lines []string
	out := os.DirFS(r.out)
	err := fs.WalkDir(out, ".", func(name string, f fs.DirEntry, err error) error {
		if err != nil || f.IsDir() {
			return err
		}
		octets, err := fs.ReadFile(out, name)
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(octets), name))
		return err
	})
	if err != nil {
		return err
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[64:], b[64:]) })
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(strings.Join(lines, "")), 0o644)
}
