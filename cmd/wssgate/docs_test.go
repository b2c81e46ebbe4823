package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

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
	if !regexp.MustCompile(`(?m)^go test( -\S+( \d+m)?)* \./\.\.\.$`).MatchString(readDoc(t, ".ci/run")) {
		t.Error(".ci/run does not run it")
	}
}

// The README's file is a configuration, keytabs apart.
func TestReadmeConfiguration(t *testing.T) {
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

func TestReadmeFlags(t *testing.T) {
	for _, flag := range regexp.MustCompile(`--[a-z][a-z-]+`).FindAllString(readDoc(t, "README.md"), -1) {
		name := strings.TrimPrefix(flag, "--")
		if _, known := settings()[name]; !known && name != "check" && name != "config" && name != "serve" {
			t.Errorf("no setting is called %s", flag)
		}
	}
}

// settings maps names to defaults.
func settings() map[string]string {
	all := map[string]string{}
	for _, s := range []any{config.Service{}, config.Process{}, config.Route{}} {
		for i := range reflect.TypeOf(s).NumField() {
			tag := reflect.TypeOf(s).Field(i).Tag
			name, _, _ := strings.Cut(tag.Get("yaml"), ",")
			all[name] = tag.Get("default")
		}
	}
	return all
}

// operations.md has a row for each setting, with its default.
func TestEverySettingIsDocumented(t *testing.T) {
	text := readDoc(t, "docs/operations.md")
	for name, value := range settings() {
		row := regexp.MustCompile("(?m)^\\|.*`" + name + "`.*\\|.*$").FindString(text)
		if row == "" {
			t.Errorf("docs/operations.md does not have %s", name)
		} else if value != "" && !strings.Contains(row, "`"+value+"`") {
			t.Errorf("docs/operations.md does not have the default %s of %s: %s", value, name, row)
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| ((?:`[a-z0-9-]+`(?:, )?)+) \\|").FindAllStringSubmatch(text, -1) {
		for name := range strings.SplitSeq(m[1], ", ") {
			if name = strings.Trim(name, "`"); !documented(name) {
				t.Errorf("docs/operations.md has %s, which nothing else knows", name)
			}
		}
	}
}

// documented knows settings, fields of a policy and keys of an event.
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
	return regexp.MustCompile(`^(id|code|status|client|proxy|principal|service|groups|bytes_in|bytes_out|total|stages|kerberos|accepted|to_unknown|groups_withheld|release|late|askers|error)$`).MatchString(name)
}

func TestFlagsOfInspectAreDocumented(t *testing.T) {
	text := readDoc(t, "docs/operations.md")
	for i := range reflect.TypeFor[inspectCmd]().NumField() {
		f := reflect.TypeFor[inspectCmd]().Field(i)
		name := f.Tag.Get("name")
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		if _, positional := f.Tag.Lookup("arg"); !positional && !strings.Contains(text, "`--"+name) {
			t.Errorf("docs/operations.md does not have --%s", name)
		}
	}
}

func TestPoliciesOfTheDocsAreValid(t *testing.T) {
	for _, text := range blocks(readDoc(t, "docs/operations.md"), "yaml") {
		var any map[string]any
		if err := yaml.Unmarshal([]byte(text), &any); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
		file := filepath.Join(t.TempDir(), "wssgate.yaml")
		top := "backend: http://b/\n"
		if !strings.Contains(text, "services:") {
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
