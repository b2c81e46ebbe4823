package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/audit"
	"github.com/wssgate/wssgate/internal/gateway"
)

func record(id string) *gateway.Record {
	return &gateway.Record{ID: id, Code: "not-authorized", Status: 500, Route: "/orders", Policy: "Kerberos",
		Client: "192.0.2.1", Principal: "mallory\n@EXAMPLE.COM", Rule: "denied-principals",
		Start: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC), Err: errors.New(`a "rule"`)}
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func TestWriteAppendsALineOfJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(path, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := audit.Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Write(record("1"))
	accepted := record("2")
	accepted.Accepted, accepted.Err, accepted.Code = true, nil, gateway.CodeOK
	l.Write(accepted)
	got := lines(t, path)
	const want = `{"time":"2026-11-29T12:00:00Z","id":"1","decision":"refused","code":"not-authorized","status":500,` +
		`"route":"/orders","policy":"Kerberos","client":"192.0.2.1","principal":"mallory\n@EXAMPLE.COM","service":"",` +
		`"rule":"denied-principals","error":"a \"rule\""}`
	if len(got) != 3 || got[0] != "{}" || got[1] != want || !strings.Contains(got[2], `"decision":"accepted"`) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}

// TestReopenAfterRotation: lines go to the renamed file until then, and none is lost
// by exchanges that end meanwhile.
func TestReopenAfterRotation(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	l, err := audit.Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 500 {
				l.Write(record(fmt.Sprint(w, "-", i)))
			}
		})
	}
	for i := range 10 {
		if runtime.GOOS == "windows" {
			break // an open file cannot be renamed
		}
		if err := os.Rename(path, filepath.Join(dir, fmt.Sprint("audit.", i))); err != nil {
			t.Fatal(err)
		}
		if err := l.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	writers.Wait()
	seen := map[string]bool{}
	files, _ := filepath.Glob(filepath.Join(dir, "audit.*"))
	for _, f := range files {
		for _, text := range lines(t, f) {
			var x struct{ ID string }
			if text == "" {
				continue
			}
			if err := json.Unmarshal([]byte(text), &x); err != nil || seen[x.ID] {
				t.Fatalf("%v: %s", err, text)
			}
			seen[x.ID] = true
		}
	}
	if len(seen) != 2000 {
		t.Errorf("%d lines", len(seen))
	}
}

// TestFailureIsSaid: once, not for each line, and the next line after it is whole.
func TestFailureIsSaid(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	l, err := audit.Open(path, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 3 {
		l.Write(record("lost"))
	}
	if lost, err := l.Failing(); lost != 3 || err == nil || strings.Count(said.String(), "cannot be written") != 1 {
		t.Errorf("%d lost, %v\n%s", lost, err, &said)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.Write(record("kept"))
	if lost, err := l.Failing(); lost != 0 || err != nil || !strings.Contains(said.String(), "written again") {
		t.Errorf("%d lost, %v\n%s", lost, err, &said)
	}
	if got := lines(t, path); len(got) != 1 || !json.Valid([]byte(got[0])) {
		t.Errorf("%q", got)
	}
}

func TestOpenRefusesWhatCannotBeWritten(t *testing.T) {
	if l, err := audit.Open(t.TempDir(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error(l)
	}
}

func TestNilLogWritesNothing(t *testing.T) {
	var l *audit.Log
	l.Write(record("1"))
	if lost, err := l.Failing(); lost != 0 || err != nil || l.Close() != nil || l.Reopen() != nil {
		t.Error(lost, err)
	}
}
