package testvectors_test

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/wssgate/wssgate/testvectors"
)

// A property is what schema.json has for a line of a header.
type property struct {
	Type    string
	Enum    []string
	Pattern string
	Items   *property
}

func (p *property) check(v any) bool {
	switch v := v.(type) {
	case string:
		return p.Type == "string" && (p.Enum == nil || slices.Contains(p.Enum, v)) &&
			regexp.MustCompile(p.Pattern).MatchString(v)
	case bool:
		return p.Type == "boolean"
	case float64:
		return p.Type == "integer" && v == float64(int64(v))
	case map[string]any:
		return p.Type == "object"
	case []any:
		return p.Type == "array" && !slices.ContainsFunc(v, func(e any) bool { return !p.Items.check(e) })
	}
	return false
}

// headerOf reads a header by the rules of README.md.
func headerOf(t *testing.T, text string) map[string]any {
	t.Helper()
	h := map[string]any{}
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if _, twice := h[key]; !ok || twice {
			t.Errorf("%q is no line of a header", line)
		}
		h[key] = value
		if slices.Contains([]string{"true", "false"}, value) || strings.ContainsAny(value[:min(1, len(value))], "{[") ||
			key == "etype" || key == "sequence" || key == "status" {
			var v any
			if err := json.Unmarshal([]byte(value), &v); err != nil {
				t.Errorf("%s: %v", key, err)
			}
			h[key] = v
		}
	}
	return h
}

func TestHeadersAreAsTheSchemaSays(t *testing.T) {
	t.Parallel()
	var schema struct {
		Properties map[string]*property
		Required   []string
	}
	readJSON(t, "schema.json", &schema)
	for _, name := range archives(t) {
		h := headerOf(t, string(txtar.Parse(read(t, name)).Comment))
		for key, value := range h {
			if p := schema.Properties[key]; p == nil || !p.check(value) {
				t.Errorf("%s: %s: %v is not as schema.json has it", name, key, value)
			}
		}
		for _, key := range schema.Required {
			if h[key] == nil {
				t.Errorf("%s: no %s", name, key)
			}
		}
	}
	readme := string(read(t, "README.md"))
	for key, p := range schema.Properties {
		for _, word := range append(p.Enum, key) {
			if !strings.Contains(readme, "`"+word+"`") {
				t.Errorf("README.md does not describe %s", word)
			}
		}
	}
}

func TestIndexHasEveryVector(t *testing.T) {
	t.Parallel()
	var index struct {
		Vectors []struct {
			File, Kind, Expect, Comment string
			Flags                       []string
		}
	}
	readJSON(t, "index.json", &index)
	cases, seen := 0, map[string]bool{}
	for _, v := range index.Vectors {
		seen[v.File] = true
		if v.Kind == "message" {
			cases++
		}
		if v.Kind == "derivation" {
			continue
		}
		h := headerOf(t, string(txtar.Parse(read(t, v.File)).Comment))
		if h["expect"] != v.Expect || h["comment"] != v.Comment || h["flags"] != strings.Join(v.Flags, " ") {
			t.Errorf("%s: the index differs from the header", v.File)
		}
	}
	for _, name := range archives(t) {
		if !seen[name] {
			t.Errorf("%s is not in the index", name)
		}
	}
	if cases < 400 {
		t.Errorf("%d cases", cases)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := fs.ReadFile(testvectors.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readJSON(t *testing.T, name string, v any) {
	t.Helper()
	if err := json.Unmarshal(read(t, name), v); err != nil {
		t.Fatal(err)
	}
}

// archives lists the text archives.
func archives(t *testing.T) (names []string) {
	t.Helper()
	err := fs.WalkDir(testvectors.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(name, ".txtar") {
			names = append(names, name)
		}
		return err
	})
	if err != nil || len(names) < 400 {
		t.Fatalf("%d text archives, %v", len(names), err)
	}
	return names
}
