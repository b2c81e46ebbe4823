package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const threeServices = `services:
  - name: quotes
    principals: [soap/a.example.com@EXAMPLE.COM, soap/b.example.com]
    keytab: a.keytab
  - name: legacy
    password-file: legacy.password
    principals: [soap/c.example.com@EXAMPLE.COM]
    salt: EXAMPLE.COMsvc-legacy
    kvno: 3
    iterations: 4096
  - {name: all, keytab: all.keytab, any-principal: true}
backend: http://b/
`

func TestLoadReadsServices(t *testing.T) {
	cfg, err := load(t, threeServices+
		"routes: [{path: /q, kerberos-service: quotes}, {path: /l, kerberos-service: legacy}, {path: /a, "+
		"kerberos-service: all}, {path: /o, keytab: k, service: s/h}]\n", Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Service{
		{Name: "quotes", Keytab: "a.keytab", Principals: []string{"soap/a.example.com@EXAMPLE.COM", "soap/b.example.com"}},
		{Name: "legacy", PasswordFile: "legacy.password", Principals: []string{"soap/c.example.com@EXAMPLE.COM"},
			Salt: "EXAMPLE.COMsvc-legacy", Kvno: 3, Iterations: 4096},
		{Name: "all", Keytab: "all.keytab", AnyPrincipal: true},
		{Keytab: "k", Principals: []string{"s/h"}},
	}
	for i := range cfg.Routes {
		got, at := cfg.ServiceOf(&cfg.Routes[i])
		if d := cmp.Diff(want[i], got); d != "" || i < 3 && at != i || i == 3 && at != -1 {
			t.Errorf("service %d of route %d (-want +got):\n%s", at, i, d)
		}
	}
	// What is printed leads to the same, and says where it is from.
	text, err := cfg.Effective()
	if err != nil {
		t.Fatal(err)
	}
	again, err := load(t, string(text), Flags{}, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if d := cmp.Diff(cfg.Services, again.Services); d != "" ||
		!strings.Contains(string(text), "kvno: 3 # gate.yaml:9:5") || strings.Contains(string(text), "disabled") {
		t.Errorf("%s\n%s", d, text)
	}
}

func TestCheckRefusesWrongServices(t *testing.T) {
	route := func(services string) string { return services + "backend: http://b/\nkerberos-service: a\n" }
	for name, tt := range map[string]struct{ file, want string }{
		"no list": {route("services: {a: b}\n"), "gate.yaml:1:"},
		"unknown key": {route("services:\n  - name: a\n    keytabs: k\n"),
			`gate.yaml:3:5: services[0].keytabs: unknown setting; did you mean "keytab"?`},
		"no name":  {route("services:\n  - keytab: k\n"), "gate.yaml:2:5: name: is required"},
		"odd name": {route("services:\n  - {name: a b, keytab: k}\n"), `name: "a b" is not a plain name`},
		"same name": {route("services:\n  - {name: a, keytab: k}\n  - {name: a, keytab: l}\n"),
			`gate.yaml:3:6: name: "a" is the name of service 1 already`},
		"no keys": {route("services:\n  - name: a\n"),
			"gate.yaml:2:5: keytab: is required; write keytab: or password-file: in this entry"},
		"two kinds of keys": {route("services:\n  - name: a\n    keytab: k\n    password-file: p\n    " +
			"principals: [s/h@R]\n"), "gate.yaml:4:5: password-file: stands beside keytab"},
		"salt of a keytab": {route("services:\n  - {name: a, keytab: k, salt: x}\n"),
			"salt: has no password-file beside it"},
		"kvno of a keytab": {route("services:\n  - {name: a, keytab: k, kvno: 3}\n"),
			"kvno: has no password-file beside it"},
		"no principals": {route("services:\n  - {name: a, keytab: k, principals: []}\n"),
			"principals: is empty; name the principals, or set any-principal: true"},
		"some and any principal": {route("services:\n  - {name: a, keytab: k, principals: [s/h], any-principal: true}\n"),
			"any-principal: stands beside principals"},
		"any principal's password": {route("services:\n  - {name: a, password-file: p, any-principal: true}\n"),
			"any-principal: does not go with password-file: keys are made for a principal"},
		"nobody's password": {route("services:\n  - {name: a, password-file: p}\n"),
			"gate.yaml:2:6: principals: is required with password-file"},
		"a principal": {route("services:\n  - {name: a, keytab: k, principals: [s/]}\n"),
			`principals: "s/" is not a service principal`},
		"no realm": {route("services:\n  - {name: a, password-file: p, principals: [s/h]}\n"),
			`principals: "s/h" names no realm`},
		"a negative version": {route("services:\n  - {name: a, password-file: p, principals: [s/h@R], kvno: -1}\n"),
			"services[0].kvno: "},
		"not defined": {route("services:\n  - {name: aa, keytab: k}\n"),
			`gate.yaml:4:1: kerberos-service: "a" is not among services:; known names: aa`},
		"nearly": {"services: [{name: quotes, keytab: k}]\nbackend: http://b/\nkerberos-service: qoutes\n",
			`"qoutes" is not among services:; did you mean "quotes"?`},
		"no services": {route(""), `kerberos-service: "a" is not defined: the configuration has no services:`},
		"and a keytab": {route("services: [{name: a, keytab: k}]\nkeytab: k\n"),
			"gate.yaml:4:1: kerberos-service: the route has keytab too (gate.yaml:2:1), and a service has its own; remove " +
				"one of the two"},
		"and a principal": {"services: [{name: a, keytab: k}]\nbackend: http://b/\nservice: s/h\nroutes: [{path: /a, " +
			"kerberos-service: a}]\n",
			"gate.yaml:4:21: kerberos-service: the route has service too (gate.yaml:3:1)"},
		"services in a route": {"backend: http://b/\nroutes: [{path: /a, services: []}]\n",
			"routes[0].services: unknown setting"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, tt.file, Flags{}, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("%T is not an *Error", err)
			}
		})
	}
}

// What is switched off need not be complete.
func TestCheckAcceptsDisabledServices(t *testing.T) {
	cfg, err := load(t, "services: [{name: a, disabled: true}]\nbackend: http://b/\nkerberos-service: a\n", Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s, _ := cfg.ServiceOf(&cfg.Routes[0]); !s.Disabled {
		t.Error("not disabled")
	}
}

// A flag does not take a route's keys away, nor does a service those of a flag.
func TestCheckRefusesAKeytabBesideAService(t *testing.T) {
	flags := Flags{Route: Route{Keytab: "k"}}
	const file = "services: [{name: a, keytab: k}]\nbackend: http://b/\nroutes: [{path: /a, kerberos-service: a}]\n"
	_, err := load(t, file, flags, Given{"keytab": "--keytab"})
	if err == nil || !strings.Contains(err.Error(), "kerberos-service: the route has keytab too (--keytab)") {
		t.Errorf("got %v", err)
	}
}
