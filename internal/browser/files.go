package browser

import (
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
)

//go:generate go run ./build -source ../.. -out dist

//go:embed dist
var embedded embed.FS

// ErrNotBuilt means that the program was built without the files.
var ErrNotBuilt = errors.New("this binary was built without the browser client")

// Cure is what to do about [ErrNotBuilt].
const Cure = "use a binary of a release, or in a clone of the sources: go generate ./internal/browser, and build again"

// Manifest is the name of the file that lists the others, as JSON of a list of
// [File].
const Manifest = "manifest.json"

// Names of files that keep them from version to version.
const (
	// Entry is the module that pages import. It imports that with the hash.
	Entry = "wssgate.js"
	// Types are those of TypeScript.
	Types = "wssgate.d.ts"
)

// File describes a file that is served.
type File struct {
	Name string `json:"name"`
	Type string `json:"type"` // its media type
	// Size is that of the file without coding, in octets.
	Size int `json:"size"`
	// Integrity is the integrity metadata of the file without coding, as
	// [Integrity] returns it.
	Integrity string `json:"integrity"`
	// Immutable means that the name has a hash: what it stands for never changes.
	Immutable bool `json:"immutable"`

	forms []form
	plain func() ([]byte, error)
}

// A form is a file in one content coding.
type form struct {
	coding string // "br", "gzip" or "identity"
	octets []byte // nil for identity that is not kept
	etag   string
}

// Files are those of one version of the browser client. They do not change.
type Files struct {
	List   []*File
	Module string // the name of the module with the hash
}

// Integrity returns the integrity metadata of octets, which browsers compare
// before they use them (Subresource Integrity 3.1).
func Integrity(octets []byte) string {
	sum := sha512.Sum384(octets)
	return "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Embedded returns the files that are in the program. If there are none the error
// is [ErrNotBuilt].
func Embedded() (*Files, error) {
	dist, err := fs.Sub(embedded, "dist")
	if err != nil {
		return nil, err
	}
	return Load(dist)
}

// Load returns the files of a folder that has a manifest, and for each file of it
// the compressed forms, with .br and .gz behind its name. The form without coding
// may be absent. Without a manifest the error is [ErrNotBuilt].
func Load(dist fs.FS) (*Files, error) {
	text, err := fs.ReadFile(dist, Manifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotBuilt
	} else if err != nil {
		return nil, err
	}
	all := new(Files)
	if err := json.Unmarshal(text, &all.List); err != nil {
		return nil, fmt.Errorf("%s: %w", Manifest, err)
	}
	for _, f := range all.List {
		if err := f.load(dist); err != nil {
			return nil, err
		}
		if f.Immutable && strings.HasSuffix(f.Name, ".js") {
			all.Module = f.Name
		}
	}
	if all.Module == "" || all.Named(Entry) == nil {
		return nil, fmt.Errorf("%s: names no module", Manifest)
	}
	return all, nil
}

// load reads the forms of a file.
func (f *File) load(dist fs.FS) error {
	zipped, err := fs.ReadFile(dist, f.Name+".gz")
	if err != nil {
		return err
	}
	brotli, err := fs.ReadFile(dist, f.Name+".br")
	if err != nil {
		return err
	}
	f.plain = sync.OnceValues(func() ([]byte, error) { return unzip(zipped, f.Size) })
	whole, err := fs.ReadFile(dist, f.Name)
	if err == nil {
		f.plain = func() ([]byte, error) { return whole, nil }
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f.forms = []form{
		{"br", brotli, f.etag("br")}, {"gzip", zipped, f.etag("gzip")}, {codingNone, nil, f.etag(codingNone)},
	}
	return nil
}

// etag returns the entity tag of a form, which differ from each other.
func (f *File) etag(coding string) string { return `"` + f.Integrity + "-" + coding + `"` }

// Named returns the file of a name, nil if there is none.
func (f *Files) Named(name string) *File {
	for _, one := range f.List {
		if one.Name == name {
			return one
		}
	}
	return nil
}

// Octets returns the file without coding. The caller does not change it.
func (f *File) Octets() ([]byte, error) { return f.plain() }

// unzip returns what a gzip file of a known size holds.
func unzip(zipped []byte, size int) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil, err
	}
	octets := make([]byte, size)
	if _, err := io.ReadFull(r, octets); err != nil {
		return nil, err
	}
	return octets, r.Close()
}
