// Command build makes the files of the browser client of the sources: those that
// a gateway serves, or a package for npm.
//
//	go run ./internal/browser/build -source . -out internal/browser/dist
//	go run ./internal/browser/build -source . -out internal/browser/dist -npm DIR -version 1.2.3
//
// The second one builds nothing: the package is made of what the first one has made.
// The same sources and the same Go make the same octets, in whatever folder and at
// whatever time.
//
//	main.go    flags, and the WebAssembly
//	bundle.go  the module, in one file with what runs the WebAssembly
//	served.go  names with hashes, compressed forms, the manifest
//	npm.go     the package
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

// Where the parts are in the repository.
const (
	program = "./web/wasm"
	module  = "web/wssgate.js"
	types   = "web/wssgate.d.ts"
)

func main() {
	var b builder
	flag.StringVar(&b.source, "source", ".", "`folder` of the repository")
	flag.StringVar(&b.out, "out", "", "`folder` for the files that a gateway serves")
	flag.StringVar(&b.npm, "npm", "", "`folder` for the package, of the files that are in -out")
	flag.StringVar(&b.version, "version", "0.0.0", "`version` of the package")
	flag.BoolVar(&b.quick, "quick", false, "compress less, in less time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.build(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

// A builder is what is made, and of what.
type builder struct {
	source, out, npm string // npm: "" for none
	version          string
	quick            bool
}

// parts are what the client consists of.
type parts struct {
	wasm   []byte // the program
	runner []byte // wasm_exec.js, which comes with Go
	module []byte
	types  []byte
}

// build makes what is asked for.
func (b *builder) build(ctx context.Context) error {
	if b.out == "" {
		return errors.New("-out names no folder")
	}
	if b.npm != "" {
		return b.packed()
	}
	p, err := b.parts(ctx)
	if err != nil {
		return err
	}
	return b.served(p)
}

// parts builds the program, and reads the rest.
func (b *builder) parts(ctx context.Context) (p parts, err error) {
	if p.wasm, err = b.wasm(ctx); err != nil {
		return p, err
	}
	root, err := b.goCommand(ctx, "env", "GOROOT").Output()
	if err != nil {
		return p, fmt.Errorf("go env GOROOT: %w", err)
	}
	for name, into := range map[string]*[]byte{
		filepath.Join(strings.TrimSpace(string(root)), "lib/wasm/wasm_exec.js"): &p.runner,
		filepath.Join(b.source, module):                                         &p.module,
		filepath.Join(b.source, types):                                          &p.types,
	} {
		if *into, err = os.ReadFile(name); err != nil {
			return p, err
		}
	}
	return p, nil
}

// wasm builds the program.
func (b *builder) wasm(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "wssgate-browser-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "wssgate.wasm")
	cmd := b.goCommand(ctx, "build", "-trimpath", "-buildvcs=false", "-tags=nethttpomithttp2", "-ldflags=-s -w",
		"-o", file, program)
	cmd.Env = append(cmd.Env, "GOOS=js", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build %s: %w\n%s", program, err, out)
	}
	return os.ReadFile(file)
}

// goCommand is a call of go in the repository. The environment's own settings of Go
// that change code do not count.
func (b *builder) goCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=", "GOFIPS140=off",
		"GOWASM=")
	return cmd
}
