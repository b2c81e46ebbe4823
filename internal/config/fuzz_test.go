package config

import (
	"os"
	"path/filepath"
	"testing"
)

// Whatever the file holds, it is refused or taken, in words.
func FuzzFile(f *testing.F) {
	for _, text := range []string{oneRoute, threeServices, "services: [~, {name: [a]}, {kvno: -1}]",
		"services: {name: a}", "routes: [{path: /a, policy: {preset: Kerberos}}]", "a: !!seq x", "a: &b !!null ~",
		"allowed-realms: [!!map x]",
		"? [a]\n: b", "policy: {supporting-tokens: [{token: kerberos}, ~]}", "policy: !!binary {a: b}",
		"clock-skew: |\n  x"} {
		f.Add(text)
	}
	name := filepath.Join(f.TempDir(), "gate.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := Load(&Flags{File: name}, nil)
		if err == nil {
			_, err = cfg.Effective()
		}
		if err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
	})
}
