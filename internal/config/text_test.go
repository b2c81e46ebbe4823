package config

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// Editors of Windows write byte order marks, UTF-16 and CRLF.
func TestFilesOfWindowsEditors(t *testing.T) {
	wide := func(order binary.AppendByteOrder, text string) string {
		b := order.AppendUint16(nil, 0xfeff)
		for _, u := range utf16.Encode([]rune(text)) {
			b = order.AppendUint16(b, u)
		}
		return string(b)
	}
	text := strings.ReplaceAll(strings.TrimPrefix(oneRoute, "\n"), "\n", "\r\n") + "principal-header: X-Wer-ä\r\n"
	for name, file := range map[string]string{
		"UTF-8 with a mark": "\ufeff" + text, "UTF-16LE": wide(binary.LittleEndian, text), "UTF-16BE": wide(binary.BigEndian, text),
	} {
		_, err := load(t, file, Flags{}, nil)
		if err == nil || !strings.Contains(err.Error(), `gate.yaml:4:1: principal-header: "X-Wer-ä" cannot carry it`) || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := load(t, oneRoute+"state-dir: /var/lib/gr\xfcn\n", Flags{}, nil); err == nil || !strings.Contains(err.Error(), "gate.yaml:5:23: is not UTF-8; save the file as UTF-8") {
		t.Errorf("Latin-1: %v", err)
	}
}

// A lost or surplus column is named as such, where it is.
func TestIndentationIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"policy:\n\tpreset: Kerberos\n":                        "gate.yaml:6:1: a tab stands in the indentation; write spaces",
		"policy:\n  preset: Kerberos\n\tlayout: lax\n":         "gate.yaml:7:1: a tab stands in the indentation",
		"policy:\n  preset: Kerberos\n  \tlayout: lax\n":       "gate.yaml:7:3: a tab stands in the indentation",
		"policy:\n  preset: Kerberos\n   layout: lax\n":        "gate.yaml:7:4: is indented more than the line before it, which has its value; settings of one level begin in the same column",
		"policy:\n   preset: Kerberos\n  layout: lax\n":        "gate.yaml:7:3: begins in a column in which no setting above it begins; settings of one level",
		"policy:\n  preset: Kerberos\n layout: lax\n":          "gate.yaml:7:2: begins in a column",
		" allow-rc4: true\n":                                   "gate.yaml:5:2: is indented more than the line before it",
		"routes:\n  - path: /a\n  backend: http://b\n":         "gate.yaml:7:3: begins in a column",
		"routes:\n  - path: /a\n     backend: http://b\n":      "gate.yaml:7:6: is indented more than the line before it",
		"policy:\npreset: Kerberos\n":                          "gate.yaml:6:1: preset: unknown setting; it is a setting of a policy: indent it under policy:",
		"routes:\n  - path: /a\n    listen: :1\n":              "routes[0].listen: unknown setting; it is a setting of the process: write it at the top level",
		"policy:\n  preset: Kerberos\n  tls-offloaded: true\n": "policy.tls-offloaded: unknown setting; it is a setting of a route",
		"any-principal: true\n":                                "any-principal: unknown setting; it is a setting of a service: write it in an entry of services:",
		"allowed-principals: [\"EXAMPLE\\user\"]\n":            `write 'EXAMPLE\alice' in single quotes`,
		"state-dir: \"C:\\wssgate\"\n":                         `in double quotes a backslash begins an escape`,
	} {
		_, err := load(t, strings.TrimPrefix(oneRoute, "\n")+"log-level: info\n"+text, Flags{}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q\ngot  %v\nwant %s", text, err, want)
		}
	}
}

// What is no text to YAML, or another one than it seems, is not taken for one.
func TestWordsThatAreNotWhatTheySeem(t *testing.T) {
	for text, want := range map[string]string{
		"principal-header: no\n":                     `principal-header: no is a switch in YAML, and this setting is a text; write it in quotes if it is meant; for none write ""`,
		"state-dir: off\n":                           "state-dir: off is a switch in YAML",
		"allowed-realms: [SE, NO]\n":                 "gate.yaml:5:22: allowed-realms: NO is a switch in YAML, and this setting is a text; write it in quotes if it is meant",
		"service: true\n":                            "service: true is a switch in YAML",
		"state-dir: 0123\n":                          "state-dir: 0123 is a number, and this is a text; write it in quotes",
		"allow-rc4: no\n":                            `allow-rc4: "no" is not a switch; write false`,
		"allow-rc4: On\n":                            `allow-rc4: "On" is not a switch; write true`,
		"clock-skew: 5\n":                            `clock-skew: "5" is not a time: it has no unit; write it as 5s or 5m`,
		"allowed-principals: [EXAMPLE\\alice]\n":     `EXAMPLE\alice is a logon name of Windows, and names no realm; write it as alice@REALM, with the Kerberos realm of the domain EXAMPLE in capitals`,
		"allowed-principals: [\"EXAMPLE\\alice\"]\n": "holds a control character: in double quotes a backslash begins an escape; write it in single quotes",
		"allowed-principals: ['EXAMPLE\\alice']\n":   "is a logon name of Windows",
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

// Every time and size has a least and a greatest value that make sense.
func TestTimesAndSizesHaveRanges(t *testing.T) {
	for _, v := range []any{&Process{}, &Route{}} {
		forEachField(reflect.ValueOf(v).Elem(), func(name string, field reflect.Value, _ reflect.StructTag) {
			texts := []string{"1", "4611686018427387903"}
			switch field.Interface().(type) {
			case time.Duration:
				texts = []string{"1ns", "2000h"}
			case Size:
			default:
				return
			}
			for _, text := range texts {
				_, err := load(t, oneRoute+name+": "+text+"\n", Flags{}, nil)
				if err == nil || !strings.Contains(err.Error(), " "+name+": ") {
					t.Errorf("%s: %s: %v", name, text, err)
				}
			}
		})
	}
	for name, text := range map[string]string{"max-headers": "1", "clock-skew": "24h"} {
		if _, err := load(t, oneRoute+name+": "+text+"\n", Flags{}, nil); err == nil {
			t.Errorf("%s: %s was accepted", name, text)
		}
	}
}

// Paths of the file count from its folder, those of flags from where the
// process is.
func TestPathsCountFromTheFilesFolder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "etc", "gate.yaml")
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	text := "state-dir: ../state\ntls-cert: /abs/cert.pem\ntls-key: key.pem\nbackend: http://b/\nkeytab: FILE:k/gate.keytab\n" +
		"services: [{name: a, keytab: a.keytab}, {name: b, password-file: b.password, principals: [s/h@R]}]\nroutes: [{path: /a, keytab: other.keytab}, {path: /b}]\n"
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
		got := []string{cfg.StateDir, cfg.TLSCert, cfg.TLSKey, cfg.Services[0].Keytab, cfg.Services[1].PasswordFile, cfg.Routes[0].Keytab, cfg.Routes[1].Keytab}
		want := []string{in("state"), "/abs/cert.pem", in("etc/key.pem"), in("etc/a.keytab"), in("etc/b.password"), in("etc/other.keytab"), "FILE:" + in("etc/k/gate.keytab")}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, want)
		}
	}
	flags := Flags{File: file, Process: Process{StateDir: "state"}}
	if cfg, err := Load(&flags, Given{"state-dir": "--state-dir"}); err != nil || cfg.StateDir != "state" {
		t.Errorf("of a flag: %v", err)
	}
}
