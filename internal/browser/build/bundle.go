package main

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// What stands once in the module as the sources have it, and is replaced.
const (
	// importRunner is the import of the file that comes with Go, which stands there
	// in its place.
	importRunner = `import './wasm_exec.js';`
	// ownProgram is the name of the program.
	ownProgram = `'wssgate.wasm'`
	// noIntegrity is its integrity.
	noIntegrity = `integrity = ''`
)

// bundle returns the module in one file: with what runs the program, and the
// program's name and integrity.
func bundle(p parts, program, integrity string) ([]byte, error) {
	text := p.module
	for _, change := range []struct{ old, with string }{
		{importRunner, string(bytes.TrimSpace(p.runner))},
		{ownProgram, quoted(program)},
		{noIntegrity, "integrity = " + quoted(integrity)},
	} {
		if n := bytes.Count(text, []byte(change.old)); n != 1 {
			return nil, fmt.Errorf("%s has %s %d times, not once", module, change.old, n)
		}
		text = bytes.Replace(text, []byte(change.old), []byte(change.with), 1)
	}
	return text, nil
}

// quoted returns a text as JavaScript writes it.
func quoted(text string) string {
	octets, _ := json.Marshal(text) // a string always can be
	return string(octets)
}
