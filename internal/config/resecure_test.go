package config

import (
	"strings"
	"testing"
)

const legRoute = "keytab: svc.keytab\nservice: soap/gw.example.com@EXAMPLE.COM\nbackend: http://b.example.com/\n" +
	"backend-policy: Kerberos\nbackend-service: soap/b.example.com\n"

// TestCheckRefusesWrongLegs: what contradicts itself, and what has no effect.
func TestCheckRefusesWrongLegs(t *testing.T) {
	with := func(old, other string) string { return strings.Replace(legRoute, old, other, 1) }
	for _, tt := range [][2]string{
		{with("backend-service: soap/b.example.com\n", ""), "backend-service: is required"},
		{with("soap/b.example.com", "alice"), "backend-service: is not the principal of a service"},
		{with("policy: Kerberos", "policy: Kerbros"), `gate.yaml:4:17: backend-policy: no policy is called "Kerbros"`},
		{with("policy: Kerberos", "policy: {preset: Kerberos, derived-key: allowed}"), `did you mean "derived-keys"?`},
		{with("policy: Kerberos", "policy: KerberosOverTransport"), "backend is an http URL; call the backend by https"},
		{with("policy: Kerberos", "policy: {binding: symmetric, protection-token: kerberos, algorithm-suite: Basic}"),
			"backend-policy: algorithm-suite: "},
		{strings.Replace(with("backend: http://b.example.com/", "backend: [http://a/, http://b/]"), ": Kerberos",
			": SspiNegotiated", 1), "which the others do not know"},
		{with("backend-policy: Kerberos\n", ""), "backend-service: has no effect without backend-policy"},
		{with("backend-policy: Kerberos\nbackend-service: soap/b.example.com\n", "backend-trust: \"1.3\"\n"),
			"backend-trust: has no effect without backend-policy"},
		{legRoute + "mtom: mtom\n", "mtom: is mtom, and a message"},
		{legRoute + "backend-trust: \"1.2\"\n", "choose one of 2005/02, 1.3"},
		{legRoute + "context-storage: token\nbackend-credential: delegated\n",
			"context-storage: would put into each message"},
		{legRoute + "context-storage: token\nbackend-credential: s4u2proxy\n", "(backend-credential s4u2proxy)"},
		{legRoute + "context-storage: memory\n", "choose one of store, token"},
		{legRoute + "backend-credential: s4u\n", "choose one of gateway, delegated, s4u2proxy, s4u2self"},
		{legRoute + "backend-credential: delegated\nbackend-principal: gate\n",
			"backend-principal: has no effect with backend-credential delegated"},
		{with("service: soap/gw.example.com@EXAMPLE.COM\n", ""), "backend-principal: is required"},
		{legRoute + "standard: spnego-http\n", "backend-policy: is for messages"},
		{with("//b.example.com", "//u:p@b.example.com") + "standard: spnego-http\n", "backend-policy: is for messages"},
		{strings.Replace(with("//b.example.com", "//u:p@b.example.com"), ": Kerberos", ": spnego-http", 1),
			"by a token where backend has a password"},
		{"standard: none\nbackend: http://b/\nbackend-policy: Kerberos\nbackend-service: soap/b\n",
			"backend-principal: is required"},
		{"standard: none\nbackend: http://b/\nbackend-policy: Kerberos\nbackend-service: soap/b\nbackend-principal: a\n",
			"backend-keytab: is required"},
		{"standard: none\nbackend: http://b/\nbackend-policy: Kerberos\nbackend-service: soap/b\n" +
			"backend-credential: delegated\n", "this route authenticates none"},
		{strings.Replace(legRoute, ": Kerberos", ": spnego-http", 1) + "standard: spnego-http\nbackend-trust: \"1.3\"\n",
			"backend-trust: has no effect under standard spnego-http"},
	} {
		if _, err := load(t, tt[0], Flags{}, nil); err == nil || !strings.Contains(err.Error(), tt[1]) {
			t.Errorf("%s%v, want %q", tt[0], err, tt[1])
		}
	}
}

func TestLoadReadsLegs(t *testing.T) {
	for text, want := range map[string][3]string{
		legRoute: {"Kerberos", "soap/gw.example.com@EXAMPLE.COM", "svc.keytab"},
		legRoute + "backend-principal: gate@EXAMPLE.COM\nbackend-keytab: gate.keytab\n": {"Kerberos", "gate@EXAMPLE.COM",
			"gate.keytab"},
		strings.Replace(legRoute, ": Kerberos", ": {preset: SspiNegotiated, derived-keys: required}", 1): {
			"SspiNegotiated (changed)", "soap/gw.example.com@EXAMPLE.COM", "svc.keytab"},
		strings.Replace(legRoute, ": Kerberos", ": spnego-http", 1) + "standard: spnego-http\n": {"spnego-http",
			"soap/gw.example.com@EXAMPLE.COM", "svc.keytab"},
	} {
		cfg, err := load(t, text, Flags{}, nil)
		if err != nil {
			t.Errorf("%s%v", text, err)
			continue
		}
		r := &cfg.Routes[0]
		principal, keytab := cfg.CallsAs(r)
		if r.BackendPolicy.String() != want[0] || principal != want[1] || !strings.HasSuffix(keytab, want[2]) ||
			(r.BackendPolicy.Messages() == nil) != (want[0] == "spnego-http") {
			t.Errorf("%s%v by %s with %s", text, r.BackendPolicy, principal, keytab)
		}
		again, err := cfg.Effective()
		if err != nil {
			t.Error(err)
		}
		if next, err := load(t, string(again), Flags{}, nil); err != nil || next.Routes[0].BackendPolicy.String() != want[0] {
			t.Errorf("%s%v", again, err)
		}
	}
}
