package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// What is no text to YAML, or another one than it seems, is not taken for one.
func TestCheckWordFindsWordsThatAreNotWhatTheySeem(t *testing.T) {
	for text, want := range map[string]string{
		"principal-header: no\n": `principal-header: no is a switch in YAML, but this setting takes a text; write it ` +
			`in quotes to use it as a text; for none write ""`,
		"state-dir: off\n": "state-dir: off is a switch in YAML",
		"allowed-realms: [SE, NO]\n": "gate.yaml:5:22: allowed-realms: NO is a switch in YAML, but " +
			"this setting takes a text; write it in quotes to use it as a text",
		"service: true\n": "service: true is a switch in YAML",
		"state-dir: 0123\n": "state-dir: 0123 is a number, but this setting takes a text; " +
			"write it in quotes",
		"allow-rc4: no\n": `allow-rc4: "no" is not a switch; write false`,
		"allow-rc4: On\n": `allow-rc4: "On" is not a switch; write true`,
		"clock-skew: 5\n": `clock-skew: "5" is not a time: it has no unit; write it as 5s or 5m`,
		"allowed-principals: [EXAMPLE\\alice]\n": `EXAMPLE\alice is a logon name of Windows, and names no realm; write ` +
			`it as alice@REALM, with the Kerberos realm of the domain EXAMPLE in capitals`,
		"allowed-principals: [\"EXAMPLE\\alice\"]\n": "holds a control character: in double quotes a backslash begins " +
			"an escape; write it in single quotes",
		"allowed-principals: ['EXAMPLE\\alice']\n": "is a logon name of Windows",
	} {
		file := oneRoute
		if strings.HasPrefix(text, "service:") {
			file = strings.Split(oneRoute, "service:")[0]
		}
		_, err := load(t, file+text, Flags{}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q\ngot  %v\nwant %s", text, err, want)
		}
	}
	cfg, err := load(t, oneRoute+"allowed-realms: [\"NO\", 'off', \"0123\"]\n", Flags{}, nil)
	if err != nil || strings.Join(cfg.Routes[0].AllowedRealms, " ") != "NO off 0123" {
		t.Errorf("in quotes they are texts: %v, %v", cfg, err)
	}
}

func TestCheckWordTakesAWordOfTheSetting(t *testing.T) {
	for _, text := range []string{"admin: off\n", "admin: 'off'\n"} {
		if cfg, err := load(t, oneRoute+text, Flags{}, nil); err != nil || cfg.Admin != AdminOff {
			t.Errorf("%s: %v", text, err)
		}
	}
	_, err := load(t, oneRoute+"admin: no\n", Flags{}, nil)
	if err == nil || !strings.Contains(err.Error(), "is a switch in YAML") {
		t.Errorf("admin: no: %v", err)
	}
}

// Paths of the file count from its folder, those of flags from where the
// process is.
func TestFromFolderCountsFromTheFilesFolder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "etc", "gate.yaml")
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	text := "state-dir: ../state\ntls-cert: /abs/cert.pem\ntls-key: key.pem\nbackend: http://b/\nkeytab: " +
		"FILE:k/gate.keytab\nservices: [{name: a, keytab: a.keytab}, {name: b, password-file: b.password, principals: " +
		"[s/h@R]}]\nroutes: [{path: /a, keytab: other.keytab}, {path: /b}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, name := range []string{file, filepath.Join("etc", "gate.yaml")} {
		cfg, err := Load(&Flags{File: name}, nil)
		if err != nil {
			t.Fatal(err)
		}
		in := func(s string) string { return filepath.Join(dir, s) }
		got := []string{cfg.StateDir, cfg.TLSCert, cfg.TLSKey, cfg.Services[0].Keytab, cfg.Services[1].PasswordFile,
			cfg.Routes[0].Keytab, cfg.Routes[1].Keytab}
		want := []string{in("state"), "/abs/cert.pem", in("etc/key.pem"), in("etc/a.keytab"), in("etc/b.password"),
			in("etc/other.keytab"), "FILE:" + in("etc/k/gate.keytab")}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, want)
		}
	}
	flags := Flags{File: file, Process: Process{StateDir: "state"}}
	if cfg, err := Load(&flags, Given{"state-dir": "--state-dir"}); err != nil || cfg.StateDir != "state" {
		t.Errorf("of a flag: %v", err)
	}
}
