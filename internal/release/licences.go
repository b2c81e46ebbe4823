package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)(\.(md|txt))?$`)

// licences writes LICENSE, and LICENSES.txt with those of everything else that
// is in the binaries, which most of them want to go along.
func (r *release) licences(ctx context.Context, infos []*buildinfo.BuildInfo) error {
	own, err := os.ReadFile(filepath.Join(r.source, "LICENSE"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.out, "LICENSE"), own, 0o644); err != nil {
		return err
	}
	modules := map[string]bool{}
	for _, info := range infos {
		for _, m := range info.Deps {
			modules[m.Path+"@"+m.Version] = true
		}
	}
	dirs, err := r.moduleDirs(ctx, slices.Sorted(maps.Keys(modules)))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("What the binaries of wssgate hold beside its own code, with the licences of each.\n")
	for _, name := range slices.Sorted(maps.Keys(dirs)) {
		if err := appendLicences(&b, name, dirs[name]); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(r.out, "LICENSES.txt"), b.Bytes(), 0o644)
}

// moduleDirs returns where modules are in the module cache, and where the
// standard library is.
func (r *release) moduleDirs(ctx context.Context, modules []string) (map[string]string, error) {
	root, err := r.goCommand(ctx, "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{"Go, its standard library": strings.TrimSpace(string(root))}
	out, err := r.goCommand(ctx, append([]string{"mod", "download", "-json"}, modules...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("go mod download: %w\n%s", err, out)
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct{ Path, Version, Dir string }
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return dirs, nil
		} else if err != nil {
			return nil, err
		}
		dirs[m.Path+" "+m.Version] = m.Dir
	}
}

// appendLicences appends the texts of a module. One without any is an error: it
// may not be passed on.
func appendLicences(b *bytes.Buffer, name, dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	found := false
	for _, f := range files {
		if !licenceFile.MatchString(f.Name()) || f.IsDir() {
			continue
		}
		found = true
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "\n%s\n%s, %s\n\n%s\n", strings.Repeat("=", 80), name, f.Name(), bytes.TrimSpace(text))
	}
	if !found {
		return fmt.Errorf("%s has no licence in %s", name, dir)
	}
	return nil
}
