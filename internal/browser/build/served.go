package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/andybalholm/brotli"

	"github.com/wssgate/wssgate/internal/browser"
)

// Media types (RFC 9239; WebAssembly Web API 3).
const (
	typeScript  = "text/javascript; charset=utf-8"
	typeProgram = "application/wasm"
	typeText    = "text/plain; charset=utf-8"
)

// keepPlain is the size in octets up to which the form without coding is kept too:
// hardly anybody asks for it.
const keepPlain = 1 << 20

// served writes what a gateway serves: the program and the module with hashes in
// their names, and the entry and the types without.
func (b *builder) served(p parts) error {
	if err := b.empty(); err != nil {
		return err
	}
	program := hashed("wssgate", ".wasm", p.wasm)
	text, err := bundle(p, program, browser.Integrity(p.wasm))
	if err != nil {
		return err
	}
	whole := hashed("wssgate", ".js", text)
	entry := []byte("// The browser client of wssgate, in the version that this gateway has.\n" +
		"export * from \"./" + whole + "\";\n")
	var list []browser.File
	for _, f := range []struct {
		name, media string
		octets      []byte
		immutable   bool
	}{
		{browser.Entry, typeScript, entry, false},
		{browser.Types, typeText, p.types, false},
		{whole, typeScript, text, true},
		{program, typeProgram, p.wasm, true},
	} {
		if err := b.write(f.name, f.octets); err != nil {
			return err
		}
		list = append(list, browser.File{Name: f.name, Type: f.media, Size: len(f.octets),
			Integrity: browser.Integrity(f.octets), Immutable: f.immutable})
	}
	manifest, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.out, browser.Manifest), append(manifest, '\n'), 0o644)
}

// hashed returns a name with the hash of what it stands for.
func hashed(name, extension string, octets []byte) string {
	return fmt.Sprintf("%s-%.8x%s", name, sha256.Sum256(octets), extension)
}

// empty removes the files of an earlier version.
func (b *builder) empty() error {
	if err := os.MkdirAll(b.out, 0o755); err != nil {
		return err
	}
	files, err := os.ReadDir(b.out)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), "wssgate") && f.Name() != browser.Manifest {
			continue
		}
		if err := os.Remove(filepath.Join(b.out, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// write writes the forms of a file.
func (b *builder) write(name string, octets []byte) error {
	level, speed := brotli.BestCompression, gzip.BestCompression
	if b.quick {
		level, speed = brotli.DefaultCompression-2, gzip.BestSpeed
	}
	path := filepath.Join(b.out, name)
	err := compress(path+".br", octets, func(w io.Writer) io.WriteCloser {
		return brotli.NewWriterOptions(w, brotli.WriterOptions{Quality: level, LGWin: 24})
	})
	if err != nil {
		return err
	}
	err = compress(path+".gz", octets, func(w io.Writer) io.WriteCloser {
		zip, _ := gzip.NewWriterLevel(w, speed) // a level that there is
		return zip
	})
	if err != nil || len(octets) > keepPlain {
		return err
	}
	return os.WriteFile(path, octets, 0o644)
}

// compress writes a file compressed, without a name and time of its own.
func compress(path string, octets []byte, coding func(io.Writer) io.WriteCloser) error {
	var out bytes.Buffer
	w := coding(&out)
	if _, err := w.Write(octets); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}
