package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Who emptied a list is said, too.
func TestEffectiveShowsTheOriginOfEmptyLists(t *testing.T) {
	cfg, err := load(t, "keytab: k\nbackend: http://b\nallowed-realms: [A.EXAMPLE]\nroutes:\n  - path: /a\n    "+
		"allowed-realms: []\n", Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := cfg.Effective()
	if err != nil || !strings.Contains(string(text), "# gate.yaml:6:5, empty:\n    allowed-realms: []\n") {
		t.Errorf("%v\n%s", err, text)
	}
	if _, err := load(t, string(text), Flags{}, nil); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestEffectiveIsAFileThatLeadsToItself(t *testing.T) {
	cfg, err := load(t, oneRoute+"clock-skew: 90s\n"+
		"policy: {preset: Kerberos, derived-keys: allowed, actor: [\"urn:a\", \"urn:b\"]}\n", Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := cfg.Effective()
	if err != nil {
		t.Fatal(err)
	}
	again, err := load(t, string(text), Flags{}, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	repeated, _ := again.Effective()
	strip := func(b []byte) string {
		var lines []string
		for line := range strings.Lines(string(b)) {
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			line, _, _ = strings.Cut(line, " #")
			lines = append(lines, strings.TrimRight(line, "\n"))
		}
		return strings.Join(lines, "\n")
	}
	if d := cmp.Diff(strip(text), strip(repeated)); d != "" {
		t.Errorf("(-first +second):\n%s", d)
	}
	for _, want := range []string{"clock-skew: 1m30s # gate.yaml:5:1", "listen: :8080\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestEffectiveMasksSecrets(t *testing.T) {
	cfg, err := load(t, "keytab: k\nbackend: https://gate:s3cret@backend.example.com:8443/a?b=c\n", Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := cfg.Effective()
	if strings.Contains(string(text), "s3cret") ||
		!strings.Contains(string(text), "backend: https://xxxxx@backend.example.com:8443/a?b=xxxxx") {
		t.Errorf("got\n%s", text)
	}
	if cfg.Routes[0].Backend[0] != "https://gate:s3cret@backend.example.com:8443/a?b=c" {
		t.Error("masking changed the configuration itself")
	}
}

func TestMaskURLHidesUserAndQuery(t *testing.T) {
	for url, want := range map[string]string{
		"http://b/a":                     "http://b/a",
		"http://b/a?":                    "http://b/a?",
		"http://b/a?key=s3cret&x=":       "http://b/a?key=xxxxx&x=xxxxx",
		"http://b/a?s3cret":              "http://b/a?xxxxx",
		"http://b/a?a=1;s3cret;b=s3cret": "http://b/a?a=xxxxx&xxxxx&b=xxxxx",
		"https://u@b/?a=s3cret":          "https://xxxxx@b/?a=xxxxx",
	} {
		if got := maskURL(url); got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
}
