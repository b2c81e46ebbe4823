package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// A bom is a bill of materials in CycloneDX 1.6 (ECMA-424). It has what the
// linker has recorded in the binary, no more and no less; so one of go.mod,
// with what only tests need, would be another.
type bom struct {
	Schema       string       `json:"$schema"`
	Format       string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Licences   []licence  `json:"licenses,omitempty"`
	PackageURL string     `json:"purl"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type licence struct {
	Licence struct {
		ID string `json:"id"`
	} `json:"license"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// describe writes the bill of materials of a binary beside it.
func (r *release) describe(name string, info *buildinfo.BuildInfo) error {
	octets, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(r.bill(octets, info), "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(strings.TrimSuffix(name, ".exe")+".cdx.json", append(text, '\n'), 0o644)
}

// bill lists the modules of a binary and the standard library. Which module
// needs which the binary does not say, so all stand below the program.
func (r *release) bill(octets []byte, info *buildinfo.BuildInfo) bom {
	program := moduleComponent(&info.Main)
	program.Type = "application"
	program.Name = "wssgate"
	program.Hashes = []hash{{"SHA-256", fmt.Sprintf("%x", sha256.Sum256(octets))}}
	program.Licences = make([]licence, 1)
	program.Licences[0].Licence.ID = "Apache-2.0"
	for _, s := range info.Settings {
		if strings.HasPrefix(s.Key, "vcs.") || s.Key == "GOOS" || s.Key == "GOARCH" {
			program.Properties = append(program.Properties, property{"wssgate:" + s.Key, s.Value})
		}
	}
	standard := moduleComponent(&debug.Module{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")})
	b := bom{Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6",
		Version:  1,
		Metadata: metadata{r.commit.Format(time.RFC3339), program}, Components: []component{standard}}
	for _, m := range info.Deps {
		b.Components = append(b.Components, moduleComponent(m))
	}
	below := dependency{Ref: program.Ref}
	for _, c := range b.Components {
		below.DependsOn = append(below.DependsOn, c.Ref)
		b.Dependencies = append(b.Dependencies, dependency{Ref: c.Ref})
	}
	b.Dependencies = append([]dependency{below}, b.Dependencies...)
	return b
}

// moduleComponent describes a module, that which replaces it if there is one.
func moduleComponent(m *debug.Module) component {
	if m.Replace != nil {
		m = m.Replace
	}
	url := packageURL(m.Path, m.Version)
	c := component{Type: "library", Ref: url, Name: m.Path, Version: m.Version, PackageURL: url}
	if m.Sum != "" {
		c.Properties = []property{{"wssgate:go.sum", m.Sum}}
	}
	return c
}

// packageURL writes a module as a package URL of type golang, whose names are
// in lower case.
func packageURL(path, version string) string {
	return "pkg:golang/" + strings.ToLower(path) + "@" + strings.ReplaceAll(version, "+", "%2B")
}
