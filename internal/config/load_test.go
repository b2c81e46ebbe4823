package config

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLoadPrefersFlagsToTheFile(t *testing.T) {
	flags := Flags{Process: Process{ClockSkew: time.Minute, Server: Server{Listen: ":1"}}}
	cfg, err := load(t, oneRoute+"clock-skew: 2m\nmax-message: 1MiB\nlisten: :2\n", flags,
		Given{"clock-skew": "--clock-skew"})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{cfg.ClockSkew, cfg.MaxMessage, cfg.Listen, cfg.IdleTimeout}
	want := []any{time.Minute, Size(1 << 20), ":2", 2 * time.Minute}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("clock-skew by flag, max-message and listen by file, idle-timeout by default (-want +got):\n%s", d)
	}
}

func TestLoadMakesOneRouteOfFlags(t *testing.T) {
	flags := Flags{Route: Route{Backend: Backends{"http://b/"}, Keytab: "k", Path: "/q"}}
	cfg, err := load(t, "", flags, Given{"backend": "--backend", "keytab": "WSSGATE_KEYTAB", "path": "--path"})
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Routes) != 1 || cfg.Routes[0].Path != "/q" || cfg.Routes[0].Policy.String() != "Kerberos" ||
		!cfg.ReplayJournal {
		t.Errorf("got %+v", cfg)
	}
}

func TestLoadStartsRoutesFromTheTopLevel(t *testing.T) {
	cfg, err := load(t, `
keytab: gate.keytab
allowed-realms: [A.EXAMPLE]
tls-offloaded: true
routes:
  - path: /a
    backend: http://localhost/a
  - path: /b
    backend: http://localhost/b
    keytab: other.keytab
    policy: KerberosToken
    allowed-realms: [B.EXAMPLE, C.EXAMPLE]
`, Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, b := cfg.Routes[0], cfg.Routes[1]
	got := []any{a.Keytab, a.AllowedRealms, a.Policy.String(), b.Keytab, b.AllowedRealms, b.Policy.String(),
		b.TLSOffloaded}
	want := []any{"gate.keytab", []string{"A.EXAMPLE"}, "Kerberos", "other.keytab", []string{"B.EXAMPLE", "C.EXAMPLE"},
		"KerberosToken", true}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A variable that was not expanded must not lift an allow-list or turn TLS off.
func TestLoadRefusesEmptyFlagsAndVariables(t *testing.T) {
	const file = oneRoute + "tls-cert: c.pem\ntls-key: k.pem\nallowed-principals: " +
		"[alice@A.EXAMPLE]\nallowed-realms: [A.EXAMPLE]\ntrusted-realms: [A.EXAMPLE]\n"
	for _, name := range []string{"allowed-principals", "allowed-realms", "trusted-realms", "allowed-groups",
		"realm-sids", "addresses", "addressing", "reply-actions", "pass-http-headers", "kerberos-service", "tls-cert",
		"tls-key",
		"service", "keytab", "backend", "state-dir", "listen", "path", "kerberos-key", "channel-bindings",
		"other-headers", "log-level"} {
		for _, how := range []string{"--" + name, Variable(name)} {
			_, err := load(t, file, Flags{}, Given{name: how})
			if err == nil || !strings.Contains(err.Error(), how+": is empty; unset it, or write the value") {
				t.Errorf("%s=: got %v", how, err)
			}
		}
	}
	for _, list := range [][]string{{""}, {" "}, {"alice@A.EXAMPLE", ""}} {
		if _, err := load(t, file, Flags{Route: Route{AllowedPrincipals: list}},
			Given{"allowed-principals": "--allowed-principals"}); err == nil {
			t.Errorf("%q was accepted", list)
		}
	}
	cfg, err := load(t, file, Flags{},
		Given{"principal-header": "--principal-header", "realm-header": "WSSGATE_REALM_HEADER"})
	if err != nil || cfg.Routes[0].PrincipalHeader != "" {
		t.Errorf("no header is a value: %v", err)
	}
}

func TestLoadReportsAllFindings(t *testing.T) {
	_, err := load(t, "polcy: x\nlisten: 1\nbackend: x\n", Flags{}, nil)
	if n := strings.Count(err.Error(), "\n") + 1; n != 1 {
		t.Errorf("unknown keys come before checks; got %d findings:\n%v", n, err)
	}
	_, err = load(t, "listen: 1\nbackend: x\n", Flags{}, nil)
	if n := strings.Count(err.Error(), "\n") + 1; n != 3 {
		t.Errorf("want 3 findings (listen, backend, keytab), got:\n%v", err)
	}
}

// Whichever of the two won, somebody would be surprised.
func TestLoadRefusesAFlagThatARouteSets(t *testing.T) {
	flags := Flags{Route: Route{AllowedPrincipals: []string{"alice@A"}}}
	_, err := load(t, "keytab: k\nbackend: http://b\nroutes:\n  - path: /a\n    allowed-principals: [bob@A]\n", flags,
		Given{"allowed-principals": "--allowed-principals"})
	if err == nil || !strings.Contains(err.Error(), "--allowed-principals: the route sets it too, at gate.yaml:5:5") {
		t.Errorf("got %v", err)
	}
}

func TestLoadRefusesAMissingFile(t *testing.T) {
	_, err := Load(&Flags{File: filepath.Join(t.TempDir(), "none.yaml")}, nil)
	var e *Error
	if !errors.As(err, &e) || e.ExitCode() != 2 ||
		!strings.Contains(err.Error(), "no such file or directory; name a file that this process can read") {
		t.Errorf("got %v", err)
	}
}

// A text is checked as a file of that name would be, without flags and
// environment.
func TestParseIsLoadOfAText(t *testing.T) {
	t.Setenv("WSSGATE_BACKEND", "http://elsewhere/")
	cfg, err := Parse("dir/gate.yaml", []byte("keytab: k\nbackend: http://b/\n"))
	if err != nil || cfg.Routes[0].Backend[0] != "http://b/" || !strings.HasSuffix(cfg.Routes[0].Keytab,
		filepath.Join("dir", "k")) {
		t.Errorf("%+v, %v", cfg, err)
	}
	for text, says := range map[string]string{
		"":                            "keytab: is required",
		"keytab: k\nbackend: ftp://b": "gate.yaml:2:1: backend",
		"a: [":                        "gate.yaml:1:",
	} {
		if _, err := Parse("gate.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
