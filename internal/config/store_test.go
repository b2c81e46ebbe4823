package config

import (
	"slices"
	"strings"
	"testing"
)

const withStore = "keytab: x\nbackend: http://127.0.0.1:1\nstate-keys: keys\n"

func TestStoresOfRoutes(t *testing.T) {
	t.Parallel()
	cfg, err := Parse("gate.yaml", []byte(withStore+"store: redis://a\nreplay-durability: replicas\nstore-replicas: 2\n"+
		"routes: [{path: /a}, {path: /b, store: none}, {path: /c, store: 'redis+cluster://b,c'}, {path: /d},\n"+
		"{path: /e, standard: spnego-http}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Stores(); !slices.Equal(got, []string{"redis://a", "redis+cluster://b,c"}) || cfg.Replicas() != 2 {
		t.Errorf("%q, %d replicas", got, cfg.Replicas())
	}
	for i, want := range []bool{true, false, true, true, true} {
		if got := cfg.Routes[i].HasStore(); got != want {
			t.Errorf("route %d: %v", i, got)
		}
	}
}

func TestStoreSettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	for text, words := range map[string]string{
		withStore + "store: redis://u:verysecret@a":                 "store-password-file",
		withStore + "store: http://a":                               "redis://",
		"keytab: x\nbackend: http://a\nstore: redis://a":            "state-keys",
		withStore + "store: redis://a\nreplay-durability: replicas": "store-replicas",
		withStore + "store: redis://a\nstore-replicas: 1":           "replay-durability",
		withStore + "store: redis://a\nstore-timeout: 11s":          "more than 10s",
		withStore + "store: redis://a\nstore-prefix: 'a b'":         "store-prefix",
		withStore + "store: redis://a\nstore-prefix: 'a{b}'":        "store-prefix",
		withStore + "store: redis://a\nstore-cert: c\nstore-key: k": "without",
		withStore + "store: rediss://a\nstore-cert: c":              "store-key",
		withStore + "store: redis://a\nstore-ca: c":                 "store-ca: is for stores with TLS",
		withStore + "store: redis://a\nsignature-records: nowhere":  "signature-records",
	} {
		if _, err := Parse("gate.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), words) ||
			strings.Contains(err.Error(), "verysecret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A store that no route had needs connections that a running gateway does not make.
func TestNeedsRestartForAnotherStore(t *testing.T) {
	t.Parallel()
	parse := func(text string) *Config {
		cfg, err := Parse("gate.yaml", []byte(withStore+text))
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	running := parse("store: redis://a\n")
	if err := running.NeedsRestart(parse("store: redis://b\n")); err == nil || !strings.Contains(err.Error(), "store") {
		t.Error(err)
	}
	if err := running.NeedsRestart(parse("store: none\n")); err != nil {
		t.Error(err)
	}
}
