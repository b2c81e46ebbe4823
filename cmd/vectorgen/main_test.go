package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/testvectors"
)

// The vectors in the repository are those that this program writes, octet for
// octet: nobody edits them, and they are the same on each machine.
func TestVectorsAreWhatTheProgramWrites(t *testing.T) {
	t.Parallel()
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if got, err := fs.ReadFile(testvectors.Files, name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what this program writes (%v): go run ./cmd/vectorgen", name, err)
		}
	}
	for _, folder := range made() {
		entries, _ := fs.ReadDir(testvectors.Files, folder)
		for _, e := range entries {
			if files[folder+"/"+e.Name()] == nil {
				t.Errorf("%s/%s is not written by this program", folder, e.Name())
			}
		}
	}
}

// A vector may expect only what the closed list has, and each of its words is
// there for a vector.
func TestExpectationsAreThoseOfTheList(t *testing.T) {
	t.Parallel()
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for name, octets := range files {
		if strings.HasSuffix(name, ".txtar") {
			line, _, _ := strings.Cut(string(octets), "\n")
			used[strings.TrimPrefix(line, "expect: ")] = true
		}
	}
	for _, e := range expectations() {
		if !used[e[0]] {
			t.Errorf("no vector expects %s", e[0])
		}
		delete(used, e[0])
	}
	for word := range used {
		t.Errorf("%s is not in the list of expectations", word)
	}
}

// Attacks on a message of the user's are files, with a list of them.
func TestAttacksAreFiles(t *testing.T) {
	t.Parallel()
	request, err := fs.ReadFile(testvectors.Files, "transcripts/KtpSymmetricSignOnly/01-request.xml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	target := filepath.Join(dir, "request.xml")
	if err := os.WriteFile(target, request, 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	if err := writeAttacks(out, target, "text/xml"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(out, "attacks.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		File, Class string
		ContentType string `json:"content-type"`
	}
	if err := json.Unmarshal(text, &list); err != nil || len(list) < 2000 {
		t.Fatalf("%d attacks: %v", len(list), err)
	}
	for _, a := range []int{0, len(list) - 1} {
		octets, err := os.ReadFile(filepath.Join(out, list[a].File))
		if err != nil || len(octets) == 0 || bytes.Equal(octets, request) || list[a].Class == "" ||
			list[a].ContentType == "" {
			t.Errorf("%+v: %d octets, %v", list[a], len(octets), err)
		}
	}
	if err := writeAttacks(out, filepath.Join(out, "attacks.json"), ""); err == nil {
		t.Error("attacks on what is no message")
	}
}
