package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/wssec"
)

const root = "../.."

func readDoc(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// blocks returns the fenced blocks of a language.
func blocks(text, language string) []string {
	var all []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// The README's test command is the one of CI. That its commands work is a test
// beside it.
func TestReadmeTestCommandIsThatOfCI(t *testing.T) {
	if !slices.Contains(blocks(readDoc(t, "README.md"), "sh"), "go test ./...\n") {
		t.Error("the README does not have the command")
	}
	if !regexp.MustCompile(`(?m)^go test -.* \./\.\.\.( \|\||$)`).MatchString(readDoc(t, ".ci/run")) {
		t.Error(".ci/run does not run it")
	}
}

// The README's file is a configuration, keytabs apart.
func TestReadmeConfigurationIsAccepted(t *testing.T) {
	for _, text := range blocks(readDoc(t, "README.md"), "yaml") {
		file := filepath.Join(t.TempDir(), "wssgate.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(&config.Flags{File: file}, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if len(cfg.Routes) != 2 {
			t.Errorf("%d routes", len(cfg.Routes))
		}
	}
}

func TestReadmeFlagsExist(t *testing.T) {
	for _, flag := range regexp.MustCompile(`--[a-z][a-z-]+`).FindAllString(readDoc(t, "README.md"), -1) {
		name := strings.TrimPrefix(flag, "--")
		if _, known := settings()[name]; !known && !slices.Contains([]string{"check", "config", "serve"}, name) {
			t.Errorf("no setting is called %s", flag)
		}
	}
}

// The keys of an exchange's event are those that the code adds.
func TestOperationsExplainsEveryKeyOfAnEvent(t *testing.T) {
	text := readDoc(t, "docs/operations.md")
	table := text[strings.Index(text, "\n## The log\n"):strings.Index(text, "\n## What clients see\n")]
	keys := eventKeys(t)
	for _, key := range keys {
		if !strings.Contains(table, "`"+key+"`") {
			t.Errorf("docs/operations.md does not explain %q", key)
		}
	}
	if len(keys) < 30 {
		t.Errorf("%d keys were found", len(keys))
	}
}

// eventKeys returns the keys of events, and of their stages.
func eventKeys(t *testing.T) (keys []string) {
	t.Helper()
	key := regexp.MustCompile(`(?:slog\.[A-Z][a-z0-9]+|\.stage)\("([a-z_]+)"`)
	for _, name := range []string{"gateway/event.go", "gateway/exchange.go", "gateway/forward.go", "gateway/address.go",
		"gateway/stream.go", "gateway/shadow.go", "door/security.go", "door/negotiation.go", "door/http.go",
		"assembly/tickets.go", "assembly/contexts.go", "assembly/http.go", "assembly/backends.go"} {
		for _, m := range key.FindAllStringSubmatch(readDoc(t, "internal/"+name), -1) {
			keys = append(keys, m[1])
		}
	}
	return keys
}

// settings maps names to defaults.
func settings() map[string]string {
	all := map[string]string{}
	for _, s := range []any{config.Service{}, config.Process{}, config.Route{}} {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(s)) {
			if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); !f.Anonymous {
				all[name] = f.Tag.Get("default")
			}
		}
	}
	return all
}

// operations.md has a row for each setting, with its default.
func TestOperationsDocumentsEverySetting(t *testing.T) {
	text := readDoc(t, "docs/operations.md")
	for name, value := range settings() {
		row := regexp.MustCompile("(?m)^\\|[^|]*`" + name + "`[^|]*\\|.*$").FindString(text)
		if row == "" {
			t.Errorf("docs/operations.md does not have %s", name)
		} else if value != "" && !strings.Contains(row, "`"+value+"`") {
			t.Errorf("docs/operations.md does not have the default %s of %s: %s", value, name, row)
		}
	}
	keys := eventKeys(t)
	for _, m := range regexp.MustCompile("(?m)^\\| ((?:`[a-z0-9_-]+`(?:, )?)+) \\|").FindAllStringSubmatch(text, -1) {
		for name := range strings.SplitSeq(m[1], ", ") {
			if name = strings.Trim(name, "`"); !documented(name) && !slices.Contains(keys, name) &&
				!strings.HasPrefix(name, "wssgate_") { // a metric: internal/admin knows them
				t.Errorf("docs/operations.md has %s, which nothing else knows", name)
			}
		}
	}
}

// documented reports whether a setting or a field of a policy has the name.
func documented(name string) bool {
	if _, ok := settings()[name]; ok {
		return true
	}
	for i := range reflect.TypeFor[wssec.Policy]().NumField() {
		key, _, _ := strings.Cut(reflect.TypeFor[wssec.Policy]().Field(i).Tag.Get("yaml"), ",")
		if key == name {
			return true
		}
	}
	return false
}

func TestOperationsDocumentsTheFlagsOfCommands(t *testing.T) {
	text := readDoc(t, "docs/operations.md")
	k, err := kong.New(new(commands), kong.Vars{"policies": "", "version": ""})
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range k.Model.Children {
		if command.Name != "inspect" && command.Name != "request" && command.Name != "import" {
			continue
		}
		for _, f := range command.Flags {
			if f.Name != "help" && !regexp.MustCompile("[` ]--"+f.Name+"[` ]").MatchString(text) {
				t.Errorf("docs/operations.md does not have --%s of %s", f.Name, command.Name)
			}
		}
	}
}

func TestOperationsHasValidPolicies(t *testing.T) {
	for _, text := range blocks(readDoc(t, "docs/operations.md"), "yaml") {
		var any map[string]any
		if err := yaml.Unmarshal([]byte(text), &any); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
		file := filepath.Join(t.TempDir(), "wssgate.yaml")
		top := "backend: http://b/\n"
		if _, whole := any["keytab"]; !whole && !strings.Contains(text, "services:") {
			top += "keytab: k\n"
		}
		if err := os.WriteFile(file, []byte(top+text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(&config.Flags{File: file}, nil); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}
