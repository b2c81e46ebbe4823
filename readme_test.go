package wssgate_test

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// readmeCommands returns the lines of README.md's fenced blocks that start with
// "go ".
func readmeCommands(t *testing.T) (commands []string) {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```[a-z]*\n(.*?)```").FindAllStringSubmatch(string(b), -1) {
		for line := range strings.Lines(block[1]) {
			command, _, _ := strings.Cut(strings.TrimSpace(line), "#")
			if command = strings.TrimSpace(strings.TrimPrefix(command, "$ ")); strings.HasPrefix(command, "go ") {
				commands = append(commands, command)
			}
		}
	}
	return commands
}

// The commands in the README work as they stand there.
func TestReadmeCommands(t *testing.T) {
	commands := readmeCommands(t)
	for _, want := range []string{"go run ./cmd/wssgate demo", "go test ./..."} {
		if !slices.Contains(commands, want) {
			t.Errorf("README.md does not say %q", want)
		}
	}
	for _, command := range commands {
		if !strings.HasPrefix(command, "go run ") || strings.Contains(command, "--serve") {
			continue // the tests are what is running; what serves does not end
		}
		t.Run(command, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			args := strings.Fields(command)
			if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
