package config

import (
	"strings"
	"testing"
	"time"
)

// Rates are off by default, and what cannot be meant is refused.
func TestRatesAreChecked(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"client-rate: 5\nclient-burst: 1\nfailure-rate: 3\nfailure-pause: 5m\nprincipal-rate: 2\nprincipal-burst: 7\n", ""},
		{"client-rate: 0\nprincipal-burst: 0\n", ""},
		{"client-rate: -1\n", "client-rate: -1 is less than 1"},
		{"client-rate: 1000001\n", "client-rate: 1000001 is more than 1000000"},
		{"failure-rate: 1000001\n", "failure-rate: 1000001 is more than 1000000"},
		{"principal-rate: 1\nprincipal-burst: 2000000\n", "principal-burst: 2000000 is more than 1000000"},
		{"client-burst: 3\n", "client-burst: has no use without client-rate"},
		{"principal-burst: 3\n", "principal-burst: has no use without principal-rate"},
		{"failure-pause: 0s\n", "failure-pause: 0s is not a duration"},
		{"max-contexts: 0\n", "max-contexts: 0 is less than 1"}, // as before
	} {
		_, err := Parse("gate.yaml", []byte("keytab: k\nbackend: http://b\n"+tt.text))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s\n%v, want %q", tt.text, err, tt.want)
		}
	}
	cfg, err := Parse("gate.yaml", []byte("keytab: k\nbackend: http://b\n"))
	if err != nil || cfg.ClientRate+cfg.FailureRate+cfg.Routes[0].PrincipalRate != 0 || cfg.FailurePause != time.Minute {
		t.Errorf("%+v, %v", cfg, err)
	}
	if _, err := Parse("gate.yaml", []byte("standard: none\nbackend: http://b\nprincipal-rate: 3\n")); err == nil {
		t.Error("a route that knows no clients has a rate of them")
	}
}
