// Command vectorgen writes the vectors of package testvectors that are made and
// not recorded: cases, c14n, kerberos, wstrust, derivedkeys, and the index and
// schema of them all.
//
//	go run ./cmd/vectorgen
//
// Each case is built by a sender that can write wrong things, and its
// expectation is written beside it, from the specification. Nothing here asks a
// receiver. Randomness comes from the name of a case, so that the same program
// writes the same octets, and a new case changes no other.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("out", "testvectors", "the folder of package testvectors")
	flag.Parse()
	if err := write(*out); err != nil {
		fmt.Fprintln(os.Stderr, "vectorgen:", err)
		os.Exit(1)
	}
}

// made are the folders that this program owns.
func made() []string { return []string{"cases", "c14n", "kerberos", "wstrust", "derivedkeys"} }

// write replaces the files of the made folders.
func write(dir string) error {
	files, err := generate()
	if err != nil {
		return err
	}
	for _, folder := range made() {
		if err := os.RemoveAll(filepath.Join(dir, folder)); err != nil {
			return err
		}
	}
	for name, octets := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, octets, 0o644); err != nil {
			return err
		}
	}
	return nil
}
