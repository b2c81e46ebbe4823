package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLoadReadsCertificates(t *testing.T) {
	cfg, err := load(t, twoListeners+"certificates:\n  - {tls-cert: a.pem, tls-key: a.key}\n", Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Certificate{{"c.pem", "k.pem"}, {"a.pem", "a.key"}}
	if d := cmp.Diff(want, cfg.CertificatesOf(&cfg.Listeners[0])); d != "" {
		t.Error(d)
	}
	if got := cfg.CertificatesOf(&cfg.Listeners[1]); got != nil {
		t.Errorf("a plain listener has %v", got)
	}
	text, err := cfg.Effective()
	if err != nil {
		t.Fatal(err)
	}
	again, err := load(t, string(text), Flags{}, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if d := cmp.Diff(cfg.Certificates, again.Certificates); d != "" || !strings.Contains(string(text), "# gate.yaml:7:6") {
		t.Errorf("%s\n%s", d, text)
	}
	again.Certificates[0].TLSKey = "b.key"
	if err := cfg.NeedsRestart(again); err == nil || !strings.Contains(err.Error(),
		"certificates have changed; restart wssgate") {
		t.Errorf("a changed certificate: %v", err)
	}
}

func TestCheckRefusesWrongCertificates(t *testing.T) {
	const tls = "tls-cert: c\ntls-key: k\n"
	for text, want := range map[string]string{
		tls + "certificates: {a: b}\n":          "certificates: is not a list of certificates",
		tls + "certificates: []\n":              "certificates: is not a list of certificates",
		tls + "certificates: [{tls-cert: a}]\n": "tls-key: is required; write tls-key:",
		tls + "certificates: [{tls-key: a}]\n":  "tls-cert: is required; write tls-cert:",
		tls + "certificates: [{hosts: [a.b]}]\n": "certificates[0].hosts: unknown " +
			"setting; it is a setting of a route",
		tls + "certificates: [{tls-cert: a, tls-key: b}, {tls-cert: a, tls-key: b}]\n": "a is that of certificate 1 already",
		"certificates: [{tls-cert: a, tls-key: b}]\n":                                  "has no use: no listener has TLS",
	} {
		if _, err := load(t, oneRoute+text, Flags{}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}
