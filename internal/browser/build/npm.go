package main

import (
	_ "embed" // for readme
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/wssgate/wssgate/internal/browser"
)

// readme is what people read of the package.
//
//go:embed package.md
var readme []byte

// A packageJSON is the part of package.json that a package of one module has.
type packageJSON struct {
	Name        string         `json:"name"`
	Version     string         `json:"version"`
	Description string         `json:"description"`
	License     string         `json:"license"`
	Homepage    string         `json:"homepage"`
	Repository  string         `json:"repository"`
	Type        string         `json:"type"`
	Exports     map[string]any `json:"exports"`
	Types       string         `json:"types"`
	SideEffects bool           `json:"sideEffects"`
	Files       []string       `json:"files"`
}

// packed writes the package: what a gateway serves, without coding. What a page loads
// is then of its own server, in the version that it has chosen.
func (b *builder) packed() error {
	files, err := browser.Load(os.DirFS(b.out))
	if err != nil {
		return err
	}
	description, err := json.MarshalIndent(b.description(files), "", "  ")
	if err != nil {
		return err
	}
	licence, err := os.ReadFile(filepath.Join(b.source, "LICENSE"))
	if err != nil {
		return err
	}
	all := map[string][]byte{"package.json": append(description, '\n'), "README.md": readme, "LICENSE": licence}
	for _, f := range files.List {
		if all[f.Name], err = f.Octets(); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(b.npm, 0o755); err != nil {
		return err
	}
	for name, octets := range all {
		if err := os.WriteFile(filepath.Join(b.npm, name), octets, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// description returns package.json. The program has a name without hash, too, for
// bundlers that are told of it.
func (b *builder) description(files *browser.Files) packageJSON {
	p := packageJSON{
		Name: "wssgate", Version: strings.TrimPrefix(b.version, "v"),
		Description: "Kerberos tickets and protected calls from a page: the browser client of wssgate",
		License:     "Apache-2.0", Homepage: "https://github.com/wssgate/wssgate",
		Repository: "github:wssgate/wssgate", Type: "module", Types: "./" + browser.Types,
		Exports: map[string]any{
			".": map[string]string{"types": "./" + browser.Types, "default": "./" + browser.Entry},
		},
		Files: []string{"LICENSES.txt"},
	}
	for _, f := range files.List {
		p.Files = append(p.Files, f.Name)
		if filepath.Ext(f.Name) == ".wasm" {
			p.Exports["./wssgate.wasm"] = "./" + f.Name
		}
	}
	return p
}
