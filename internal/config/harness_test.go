package config

import (
	"os"
	"testing"
)

// load runs Load over a file's text and flags that were given.
func load(t *testing.T, file string, flags Flags, given Given) (*Config, error) {
	t.Helper()
	if file != "" {
		t.Chdir(t.TempDir())
		if err := os.WriteFile("gate.yaml", []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		flags.File = "gate.yaml"
	}
	return Load(&flags, given)
}

const oneRoute = `
backend: http://localhost:9100/quotes
keytab: gate.keytab
service: soap/gw.example.com@EXAMPLE.COM
`
