package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/wssgate/wssgate/testvectors"
)

// verifyFolder writes the messages of cases, their policy and their keytab into
// a folder.
func verifyFolder(t *testing.T, cases ...string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range cases {
		a := txtar.Parse(vectorFile(t, "cases/"+name+".txtar"))
		for line := range strings.Lines(string(a.Comment)) {
			if policy, ok := strings.CutPrefix(line, "policy: "); ok {
				write("policy.yaml", []byte(policy))
			}
		}
		for _, f := range a.Files {
			if f.Name == "message.xml" {
				write(name+".xml", f.Data)
			}
		}
	}
	write("service.keytab", vectorFile(t, "cases/service.keytab"))
	return dir
}

func vectorFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := fs.ReadFile(testvectors.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// verify runs the command in the folder's place.
func verify(t *testing.T, args ...string) (out string, status int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), append([]string{"verify"}, args...), strings.NewReader(""), &stdout, &stderr)
	return stdout.String(), exitCode(err)
}

func TestVerifyExplainsMessages(t *testing.T) {
	t.Parallel()
	dir := verifyFolder(t, "valid-signed-soap11", "signature-body-changed")
	flags := []string{"--keytab", filepath.Join(dir, "service.keytab"), "--policy", filepath.Join(dir, "policy.yaml")}
	good, bad := filepath.Join(dir, "valid-signed-soap11.xml"), filepath.Join(dir, "signature-body-changed.xml")

	out, status := verify(t, append([]string{good, "-v"}, flags...)...)
	for _, want := range []string{good + "  ok\n", "client  alice@EXAMPLE.COM", "SignatureValue          passed",
		"#body  /Envelope/Body  digest ", "matches; goxmldsig agrees", "<o:item>25</o:item>"} {
		if !strings.Contains(out, want) || status != 0 {
			t.Errorf("status %d, no %q in\n%s", status, want, out)
		}
	}
	out, status = verify(t, append([]string{bad}, flags...)...)
	for _, want := range []string{"  digest-invalid\n", "digests and decryption  refused",
		"coverage                not reached",
		"differs: ", "cure: Look for what changes messages"} {
		if !strings.Contains(out, want) || status != 1 {
			t.Errorf("status %d, no %q in\n%s", status, want, out)
		}
	}
	if strings.Contains(out, "<o:item>") {
		t.Errorf("content is shown without -v:\n%s", out)
	}
	if out, status = verify(t, append([]string{good, "--time", "2026-03-03T10:00:00Z"}, flags...)...); status != 1 ||
		!strings.Contains(out, "message-expired") {
		t.Errorf("a day later: status %d\n%s", status, out)
	}
}

func TestVerifyReportsForPrograms(t *testing.T) {
	t.Parallel()
	dir := verifyFolder(t, "valid-signed-soap11", "signature-body-changed")
	junit := filepath.Join(dir, "junit.xml")
	out, status := verify(t, dir, "--keytab", filepath.Join(dir, "service.keytab"), "--policy",
		filepath.Join(dir, "policy.yaml"), "--json", "--junit", junit)
	var got struct {
		Messages []struct {
			Name, Got string
			Steps     []struct{ Name, Result string }
			Parts     []struct{ URI, Goxmldsig string }
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || status != 1 || len(got.Messages) != 2 {
		t.Fatalf("status %d, %v\n%s", status, err, out)
	}
	if m := got.Messages[0]; m.Got != "digest-invalid" || len(m.Steps) == 0 || m.Parts[1].URI != "#body" ||
		m.Parts[1].Goxmldsig != "agrees" {
		t.Errorf("%+v", m)
	}
	wantJUnit(t, junit, 2, 1)
}

func TestVerifyTakesARouteOfAConfiguration(t *testing.T) {
	t.Parallel()
	dir := verifyFolder(t, "valid-signed-soap11")
	policy, _ := os.ReadFile(filepath.Join(dir, "policy.yaml"))
	cfg := filepath.Join(dir, "wssgate.yaml")
	text := "keytab: " + filepath.Join(dir, "service.keytab") + "\nbackend: http://127.0.0.1:8080\nroutes:\n" +
		"  - path: /orders\n    policy: {" + strings.TrimSpace(string(policy))[1:] +
		"\n  - path: /others\n    policy: Kerberos\n"
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	message := filepath.Join(dir, "valid-signed-soap11.xml")
	if out, status := verify(t, message, "--config", cfg, "--path", "/orders"); status != 0 {
		t.Errorf("status %d\n%s", status, out)
	}
	if out, status := verify(t, message, "--config", cfg, "--path", "/others"); status != 1 {
		t.Errorf("under another policy: status %d\n%s", status, out)
	}
	for _, args := range [][]string{{message}, {message, "--policy", "Kerberos"}, {"--keytab", "none"}, {dir},
		{message, "--config", cfg, "--path", "/none"}} {
		if out, status := verify(t, args...); status != 2 {
			t.Errorf("%q: status %d\n%s", args, status, out)
		}
	}
}

func TestVerifyRefusesWhatItWouldNotUse(t *testing.T) {
	t.Parallel()
	dir := verifyFolder(t, "valid-signed-soap11")
	message, keytab := filepath.Join(dir, "valid-signed-soap11.xml"), filepath.Join(dir, "service.keytab")
	wrong, cfg := filepath.Join(dir, "wrong.yaml"), filepath.Join(dir, "wssgate.yaml")
	for name, text := range map[string]string{wrong: "binding: symetric\n", cfg: "keytab: service.keytab\n" +
		"backend: http://127.0.0.1:8080\nroutes:\n  - {path: /a}\n  - {path: /h, standard: spnego-http}\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for words, args := range map[string][]string{
		`--policy: ` + wrong + `: binding: "symetric"`: {"--keytab", keytab, "--policy", wrong},
		"keytab has no key for service soap/none":      {"--keytab", keytab, "--service", "soap/none"},
		"--path is of a route of --config":             {"--keytab", keytab, "--path", "/a"},
		`"yesterday" is not a time; write it as 2026`:  {"--keytab", keytab, "--time", "yesterday"},
		"with --keytab, --config, ":                    {"--plain-http"},
		"name one of /a, /h with --path":               {"--config", cfg},
		"/h has standard spnego-http, and no policy":   {"--config", cfg, "--path", "/h"},
	} {
		err := run(t.Context(), append([]string{"verify", message}, args...), strings.NewReader(""), io.Discard, io.Discard)
		if err == nil || exitCode(err) != 2 || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: status %d, no %q in %v", args, exitCode(err), words, err)
		}
	}
}

func TestVerifyRunsVectorsOfAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"cases/valid-signed-soap11.txtar", "cases/service.keytab"} {
		if err := os.MkdirAll(filepath.Join(dir, "cases"), 0o700); err != nil {
			t.Fatal(err)
		}
		b := bytes.Replace(vectorFile(t, name), []byte("expect: ok"), []byte("expect: digest-invalid"), 1)
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	junit := filepath.Join(dir, "junit.xml")
	out, status := verify(t, dir, "--junit", junit)
	if status != 1 || !strings.Contains(out,
		"FAIL  cases/valid-signed-soap11\n      verdict ok, expected digest-invalid") {
		t.Errorf("status %d\n%s", status, out)
	}
	wantJUnit(t, junit, 1, 1)
	out, status = verify(t, "cases/id-*", "--json")
	var got struct {
		Vectors []struct{ Name, Got string }
		Total   struct{ Vectors, Failed int }
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || status != 0 || got.Total.Failed > 0 ||
		got.Total.Vectors != len(got.Vectors) || len(got.Vectors) < 10 {
		t.Errorf("status %d, %v, %+v", status, err, got.Total)
	}
}

// Vectors are named as index.json has them, or by paths.
func TestVerifyRunsVectorsByTheirPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"cases/timestamp-point.txtar", "cases/id-timestamp.txtar", "cases/service.keytab",
		"derivedkeys/p_sha1.json"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), vectorFile(t, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	point, id := filepath.Join(dir, "cases/timestamp-point.txtar"), filepath.Join(dir, "cases/id-timestamp.txtar")
	for _, test := range []struct {
		words string
		args  []string
	}{
		{"pass  cases/timestamp-point  timestamp-invalid\n", []string{point}},
		{"\n2 vectors passed, 0 failed\n", []string{point, id}},
		{"\n2 vectors passed, 0 failed\n", []string{filepath.Join(dir, "cases")}},
		{"\n1 vectors passed, 0 failed\n", []string{dir, "timestamp-point"}},
		{"\n33 vectors passed, 0 failed\n", []string{filepath.Join(dir, "derivedkeys/p_sha1.json")}},
		{"pass  cases/timestamp-point  timestamp-invalid\n", []string{"cases/timestamp-point.txtar"}}, // of the binary
	} {
		out, status := verify(t, append([]string{"-v"}, test.args...)...)
		if status != 0 || !strings.Contains(out, test.words) {
			t.Errorf("%q: status %d, no %q in\n%s", test.args, status, test.words, out)
		}
	}
	keytab := filepath.Join(dir, "cases/service.keytab")
	for words, args := range map[string][]string{
		"is no vector; messages are verified with --keytab":       {keytab},
		"holds no vectors; messages are verified with":            {t.TempDir()},
		"its section message.xml is the message":                  {point, "--keytab", keytab},
		"--request: stat " + filepath.Join(dir, "none"):           {keytab, "--keytab", keytab, "--request", dir + "/none"},
		"run those of one folder":                                 {point, "../../testvectors/c14n"},
		`no vector is called "nothing-like-it"; wssgate verify r`: {"nothing-like-it"},
	} {
		err := run(t.Context(), append([]string{"verify"}, args...), strings.NewReader(""), io.Discard, io.Discard)
		if err == nil || exitCode(err) != 2 || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: status %d, no %q in %v", args, exitCode(err), words, err)
		}
	}
}

// What was signed before it was encrypted cannot match yet if a message is
// refused before it is decrypted, and the line says so.
func TestVerifyMarksDigestsOfCiphertext(t *testing.T) {
	t.Parallel()
	f := caseFiles(t, "valid-basic128-sbe-raw")
	const still = ", as it is still encrypted; goxmldsig agrees"
	out := f.runs(1, []string{"message-expired", "/Envelope/Body  digest ", still}, f.path("message.xml"),
		"--keytab", f.path("keytab"), "--time", "2026-03-03T10:00:00Z")
	if strings.Count(out, still) != 1 {
		t.Errorf("the Timestamp is marked, too:\n%s", out)
	}
	out = f.runs(0, []string{`"ok"`}, f.path("message.xml"), "--keytab", f.path("keytab"), "--json")
	if strings.Contains(out, `"encrypted"`) {
		t.Errorf("a decrypted part is marked:\n%s", out)
	}
	out = f.runs(1, []string{`"xml-syntax"`}, f.write("text.xml", "text"), "--keytab", f.path("keytab"), "--json")
	if strings.Contains(out, `"time"`) {
		t.Errorf("a message that cannot be read has a time:\n%s", out)
	}
}

// wantJUnit reads a file of JUnit's XML.
func wantJUnit(t *testing.T, name string, tests, failures int) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		XMLName  xml.Name `xml:"testsuites"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Cases    []struct {
			Failure *struct{} `xml:"failure"`
		} `xml:"testsuite>testcase"`
	}
	if err := xml.Unmarshal(b,
		&got); err != nil || got.Tests != tests || got.Failures != failures || len(got.Cases) != tests {
		t.Errorf("%v, %+v:\n%s", err, got, b)
	}
}
