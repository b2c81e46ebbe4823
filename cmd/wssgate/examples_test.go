package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

const examples = "../../examples/gateway"

// exampleDir is a directory with the example's configuration file, and with the
// keytab and the certificate that it names.
func exampleDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join(examples, "wssgate.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	kdc := krbtest.New(krbtest.Config{Realm: "EXAMPLE.COM"})
	kdc.AddService("soap/gateway.example.com")
	kdc.AddService("HTTP/reports.example.com")
	keytab, err := kdc.Keytab(nil).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, octets := range map[string][]byte{"wssgate.yaml": text, "gateway.keytab": keytab} {
		if err := os.WriteFile(filepath.Join(dir, name), octets, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeCertificate(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// checked is what serve --check prints of a command line. It must have nothing
// to warn of.
func checked(t *testing.T, args ...string) string {
	t.Helper()
	var out, log bytes.Buffer
	if err := run(t.Context(), append(args, "--check"), nil, &out, &log); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	if strings.Contains(log.String(), "WARN") {
		t.Errorf("serve warns:\n%s", &log)
	}
	return out.String()
}

func TestExampleConfigurationIsAccepted(t *testing.T) {
	out := checked(t, "serve", "--config", filepath.Join(exampleDir(t), "wssgate.yaml"))
	for _, path := range []string{"/quotes", "/orders", "/staff", "/reports"} {
		if !strings.Contains(out, "path: "+path+" ") {
			t.Errorf("no route %s in\n%s", path, out)
		}
	}
}

// A unit is the settings of a systemd unit file, by their names.
type unit map[string][]string

func readUnit(t *testing.T, path string) unit {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	u, section := unit{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		name, value, setting := strings.Cut(line, "=")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = line
		case !setting || section == "":
			t.Errorf("%s: %q is no setting of a section", path, line)
		default:
			u[name] = append(u[name], value)
		}
	}
	return u
}

// What the unit file says, wssgate understands: flags, variables and
// credentials, with the example's configuration.
func TestExampleUnitStartsTheExampleConfiguration(t *testing.T) {
	u := readUnit(t, filepath.Join(examples, "wssgate.service"))
	dir, credentials := exampleDir(t), t.TempDir()
	for _, c := range u["LoadCredential"] {
		name, from, _ := strings.Cut(c, ":")
		if err := os.Rename(filepath.Join(dir, filepath.Base(from)), filepath.Join(credentials, name)); err != nil {
			t.Error(err)
		}
	}
	var variables []string
	for v := range strings.FieldsSeq(strings.Join(u["Environment"], " ")) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, strings.ReplaceAll(value, "%d", credentials))
		variables = append(variables, name)
	}
	args := strings.Fields(strings.Join(u["ExecStart"], "\n"))
	if len(args) < 2 || filepath.Base(args[0]) != "wssgate" {
		t.Fatalf("ExecStart is %q", u["ExecStart"])
	}
	for i, a := range args {
		if a == "/etc/wssgate/wssgate.yaml" {
			args[i] = filepath.Join(dir, "wssgate.yaml")
		}
	}
	out := checked(t, args[1:]...)
	if !slices.Contains(variables, "WSSGATE_KEYTAB") || len(u["StateDirectory"]) != 1 {
		t.Errorf("no keytab or no StateDirectory: %v", u)
	}
	for _, name := range variables {
		if !strings.Contains(out, name) {
			t.Errorf("%s is not in force:\n%s", name, out)
		}
	}
}
