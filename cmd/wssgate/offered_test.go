package main

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/explain"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/testvectors"
)

// Every policy that inspect offers for a message is one that serve takes, as it
// is printed; and one that is said to fit makes it accepted.
func TestServeTakesThePoliciesThatInspectOffers(t *testing.T) {
	files, err := fs.Glob(testvectors.Files, "transcripts/*/*-re*.xml")
	if err != nil {
		t.Fatal(err)
	}
	offered := 0
	for _, file := range files {
		kt := "transcripts/svc.keytab"
		octets, err := fs.ReadFile(testvectors.Files, kt)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := keytab.Parse(octets)
		if err != nil {
			t.Fatal(err)
		}
		message, err := fs.ReadFile(testvectors.Files, file)
		if err != nil {
			t.Fatal(err)
		}
		x := explain.New(explain.Config{Keytab: keys, AllowRC4: true,
			Time: func() time.Time { return time.Date(2026, 11, 22, 4, 15, 0, 0, time.UTC) }})
		trees, _ := x.Inspect(t.Context(), message)
		text, note, accepted := "", "", false
		for _, n := range trees[0].Children {
			switch n.Name {
			case "policy":
				text, note = n.Text, n.Note
			case "verdict":
				accepted = n.Value == "accepted"
				for _, c := range n.Children {
					accepted = accepted || c.Name == "at its own time" && c.Value == "accepted"
				}
			}
		}
		if strings.Contains(note, "fits this message") && !accepted {
			t.Errorf("%s: a policy is said to fit a message that is refused", file)
		}
		if text == "" {
			continue
		}
		offered++
		name := filepath.Join(t.TempDir(), "gate.yaml")
		lines := "backend: http://b/\nkeytab: k\ntls-offloaded: true\npolicy:\n  " +
			strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
		if err := os.WriteFile(name, []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(&config.Flags{File: name}, nil); err != nil {
			t.Errorf("%s: %v\n%s", path.Dir(file), err, lines)
		}
	}
	if offered < 40 {
		t.Errorf("%d policies were offered", offered)
	}
}
