// Command vectorgen writes the vectors of package testvectors that are made and
// not recorded: cases, c14n, kerberos, wstrust, derivedkeys, and the index and
// schema of them all.
//
//	go run ./cmd/vectorgen
//	go run ./cmd/vectorgen -attack request.xml -out DIR
//
// With -attack it writes the attacks of internal/attacks on a protected request
// instead, for a receiver that has accepted it.
//
// Each case is built by a sender that can write wrong things, and its
// expectation is written beside it, from the specification. Nothing here asks a
// receiver. Randomness comes from the name of a case, so that the same program
// writes the same octets, and a new case changes no other.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wssgate/wssgate/internal/attacks"
)

func main() {
	out := flag.String("out", "testvectors", "the folder of package testvectors, or that of the attacks")
	target := flag.String("attack", "", "a file with a protected request to make attacks of")
	contentType := flag.String("content-type", "text/xml; charset=utf-8", "that of the request")
	flag.Parse()
	err := errors.New("-attack needs -out, a folder for the attacks")
	switch {
	case *target == "":
		err = write(*out)
	case *out != "testvectors":
		err = writeAttacks(*out, *target, *contentType)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "vectorgen:", err)
		os.Exit(1)
	}
}

// writeAttacks writes the attacks on the request in a file to a folder.
func writeAttacks(dir, target, contentType string) error {
	octets, err := os.ReadFile(target)
	if err != nil {
		return err
	}
	list, err := attacks.Of(attacks.Message{Octets: octets, ContentType: contentType})
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	return attacks.Write(dir, list)
}

// made are the folders that this program owns.
func made() []string {
	return []string{"cases", "c14n", "kerberos", "wstrust", "derivedkeys", "http", "attacks"}
}

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
