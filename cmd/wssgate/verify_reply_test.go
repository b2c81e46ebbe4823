package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// A verifyFiles has the files of a case for the command line.
type verifyFiles struct {
	*testing.T
	dir string
}

// path returns that of a file.
func (f verifyFiles) path(name string) string { return filepath.Join(f.dir, name) }

func (f verifyFiles) write(name, text string) string {
	f.Helper()
	if err := os.WriteFile(f.path(name), []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
	return f.path(name)
}

// caseFiles writes message.xml and before.xml of a case, and policy, contexts
// and key of its header.
func caseFiles(t *testing.T, name string) verifyFiles {
	t.Helper()
	f := verifyFiles{t, t.TempDir()}
	a := txtar.Parse(vectorFile(t, "cases/"+name+".txtar"))
	for line := range strings.Lines(string(a.Comment)) {
		if key, value, _ := strings.Cut(line, ": "); key == "policy" || key == "contexts" || key == "key" {
			f.write(key, value)
		}
	}
	for _, s := range a.Files {
		f.write(s.Name, string(s.Data))
	}
	f.write("keytab", string(vectorFile(t, "cases/service.keytab")))
	return f
}

// runs runs the command with flags and requires its status and words.
func (f verifyFiles) runs(status int, words []string, args ...string) string {
	f.Helper()
	var out bytes.Buffer
	err := run(f.Context(), append([]string{"verify", "--policy", f.path("policy")}, args...), strings.NewReader(""), &out,
		io.Discard)
	text := out.String()
	if err != nil {
		text += "\n" + err.Error()
	}
	for _, w := range words {
		if !strings.Contains(text, w) || exitCode(err) != status {
			f.Errorf("%q: status %d, want %d; no %q in\n%s", args, exitCode(err), status, w, text)
		}
	}
	return text
}

// Messages of a security context are verified with the key that the user gives.
func TestVerifyTakesSecurityContexts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"valid-context-05-soap11", "valid-context-13-soap12", "valid-context-unattached-soap11",
		"valid-context-conversation-soap12", "context-instance-before-sc05"} {
		f := caseFiles(t, name)
		message, contexts := f.path("message.xml"), f.path("contexts")
		if strings.Contains(name, "conversation") {
			f.addBootstrap(name)
		}
		f.runs(0, []string{"message.xml  ok\n", "SignatureValue          passed"}, message, "--contexts", contexts)
		f.runs(1, []string{"security-context-unknown"}, message, "--keytab", f.path("keytab"))
		b, _ := os.ReadFile(contexts)
		other := f.write("other", regexp.MustCompile(`key":"[0-9a-f]+"`).ReplaceAllString(string(b),
			`key":"`+strings.Repeat("00", 32)+`"`))
		f.runs(1, []string{"message.xml  signature-invalid"}, message, "--contexts", other)
	}
}

// addBootstrap adds the bootstrap policy to the policy.
func (f verifyFiles) addBootstrap(name string) {
	policy, _ := os.ReadFile(f.path("policy"))
	for line := range strings.Lines(string(txtar.Parse(vectorFile(f.T, "cases/"+name+".txtar")).Comment)) {
		if bootstrap, ok := strings.CutPrefix(line, "bootstrap: "); ok {
			f.write("policy", strings.Replace(string(policy), "{", `{"bootstrap":`+strings.TrimSpace(bootstrap)+",", 1))
		}
	}
}

// A user writes YAML, and leaves out what follows from message and policy.
func TestVerifyReadsContextsInYAML(t *testing.T) {
	t.Parallel()
	f := caseFiles(t, "valid-context-13-soap11")
	b, _ := os.ReadFile(f.path("contexts"))
	_, rest, _ := strings.Cut(string(b), `"key":"`)
	key, _, _ := strings.Cut(rest, `"`)
	list := "# of the log\n- identifier: urn:uuid:7c1fb1c5-0ed1-4bb2-8c2c-0f9a70a6d7b1\n  key: '" + key + "'\n"
	f.runs(0, []string{"  ok\n"}, f.path("message.xml"), "--contexts", f.write("yaml", list))
	f.runs(0, []string{"client  alice@EXAMPLE.COM"}, f.path("message.xml"), "--contexts",
		f.write("client", list+"  client: alice@EXAMPLE.COM\n"))
}

// What is wrong in a file with keys is said without what the file holds.
func TestVerifyShowsNothingOfKeys(t *testing.T) {
	t.Parallel()
	f := caseFiles(t, "valid-context-05-soap11")
	const secret = "0123456789abcdef0123456789abcdeX"
	for text, words := range map[string]string{
		"- identifier: urn:x\n  key: " + secret + "\n":                           "not in hexadecimal",
		"- identifier: urn:x\n  kee: " + secret + "\n":                           `unknown field "kee"`,
		"- identifier: urn:x\n  " + secret + ": key\n":                           "a field that no security context has",
		"- {identifier: a, key: '" + secret[:30] + "00', old-key: '00'}":         "context 1 has an old-key, and no instance",
		"- identifier: urn:x\n":                                                  "has no identifier, or no key",
		"[]":                                                                     "no security context",
		"- [" + secret + "\n  key: '" + secret:                                   "neither YAML nor JSON",
		"- identifier: urn:x\n  key: 1234567812345678\n":                         "texts of digits need quotes",
		"- {identifier: urn:x, key: '00'}":                                       "a key of 1 octets; it has 16 to 64",
		"- {identifier: a b, key: '" + strings.Repeat("0", 64) + "'}":            "context 1 of the file: ",
		"- {identifier: a, key: '" + strings.Repeat("0", 64) + "', token: x5}\n": `"x5"`,
	} {
		out := f.runs(2, []string{"context", words}, f.path("message.xml"), "--contexts", f.write("contexts", text))
		if strings.Contains(out, secret[:8]) || strings.Contains(out, "12345678") {
			t.Errorf("%s: the key is shown: %s", text, out)
		}
	}
	for _, text := range []string{"", secret, "00", strings.Repeat("0", 130)} {
		out := f.runs(2, []string{"--session-key: ", "holds no key of 16 to 64 octets"}, f.path("message.xml"),
			"--session-key", f.write("key", text))
		if strings.Contains(out, secret[:8]) {
			t.Errorf("the key is shown: %s", out)
		}
	}
	f.runs(2, []string{"one of them opens a token"}, f.path("message.xml"), "--session-key", f.path("key"), "--keytab",
		f.path("keytab"))
	f.runs(2, []string{"without a key nothing can be said"}, f.path("message.xml"), "--request", f.path("message.xml"))
}

// Replies are verified with the key of their request, as its client does.
func TestVerifyTakesReplies(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"reply-signed-soap11", "reply-encrypted-soap12", "reply-derived-soap11",
		"reply-encrypted-signature-soap12", "reply-confirmation-soap11", "reply-context-soap12"} {
		f := caseFiles(t, name)
		reply, request := f.path("message.xml"), []string{"--request", f.path("before.xml")}
		keys := [][]string{{"--keytab", f.path("keytab")}, {"--session-key", f.path("key")}}
		if name == "reply-context-soap12" {
			keys = [][]string{{"--contexts", f.path("contexts")}}
		}
		for _, k := range keys {
			args := append(append([]string{reply}, request...), k...)
			f.runs(0, []string{"before.xml  ok\n", "message.xml  ok\n"}, args...)
		}
	}
	for name, code := range map[string]string{
		"reply-body-soap11": "part-not-signed", "reply-old-soap11": "message-expired",
		"reply-other-key-soap11": "signature-invalid", "reply-confirmation-other-soap12": "signature-confirmation",
		"reply-reflected-soap11": "message-replayed"} {
		f := caseFiles(t, name)
		args := []string{f.path("message.xml"), "--request", f.path("before.xml"), "--keytab", f.path("keytab")}
		if code == "message-expired" {
			args = append(args, "--time", "2026-03-02T10:00:00Z")
		}
		f.runs(1, []string{"before.xml  ok\n", "message.xml  " + code + "\n", "1 of 2 messages were refused"}, args...)
	}
}

// Without its request a reply proves nothing, and neither does one to another
// request.
func TestVerifyHoldsRepliesToTheirRequest(t *testing.T) {
	t.Parallel()
	f, other := caseFiles(t, "reply-signed-soap11"), caseFiles(t, "reply-confirmation-missing-soap11")
	keytab := []string{"--keytab", f.path("keytab")}
	f.runs(1, []string{"message.xml  security-token-unavailable"}, append(keytab, f.path("message.xml"))...)
	f.runs(1, []string{"message.xml  security-token-unavailable"}, append(keytab, f.path("message.xml"), "--request",
		other.path("before.xml"))...)
	changed, _ := os.ReadFile(f.path("before.xml"))
	f.write("before.xml", strings.Replace(string(changed), "<o:item>25", "<o:item>26", 1))
	out := f.runs(1, []string{"before.xml  digest-invalid", "no reply to it can be verified"},
		append(keytab, f.path("message.xml"), "--request", f.path("before.xml"))...)
	if strings.Contains(out, "message.xml  ") {
		t.Errorf("the reply has a verdict:\n%s", out)
	}
}

// The key alone shows that a request is its holder's, and not whose it is.
func TestVerifyWithASessionKeyNamesNoClient(t *testing.T) {
	t.Parallel()
	f := caseFiles(t, "valid-encrypted-signature-soap11")
	key := []string{"--session-key", f.path("key"), f.path("message.xml")}
	if out := f.runs(0, []string{"message.xml  ok\n"}, key...); strings.Contains(out, "client") {
		t.Errorf("a client is named:\n%s", out)
	}
	f.write("key", strings.Repeat("07", 32))
	f.runs(1, []string{"message.xml  "}, key...)
}

// A token that signs nothing shows nothing of its key: whoever has no keytab to open
// it with is told so, and not that the message is good.
func TestVerifyWithASessionKeyNeedsASignature(t *testing.T) {
	t.Parallel()
	f := caseFiles(t, "valid-bearer-soap11")
	f.runs(0, []string{"message.xml  ok\n"}, f.path("message.xml"), "--keytab", f.path("keytab"), "--time",
		"2026-03-02T10:00:00Z")
	key := f.write("key", strings.Repeat("07", 32))
	args := []string{f.path("message.xml"), "--session-key", key}
	f.runs(2, []string{"only with a keytab"}, args...)
	f.runs(2, []string{"only with a keytab"}, append(args, "--request", f.path("message.xml"))...)
}

// On a terminal a long run shows how far it is, and leaves nothing behind. A
// file gets none of it.
func TestProgressLineShowsHowFarARunIs(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	for _, terminal := range []bool{true, false} {
		var out bytes.Buffer
		p := newProgressLine(&out, 4)
		if p.terminal {
			t.Fatal("a buffer is no terminal")
		}
		p.terminal, p.now, p.last = terminal, func() time.Time { return now }, now
		for done, after := range []time.Duration{100, 150, 10, 300} { // milliseconds
			now = now.Add(after * time.Millisecond)
			p.show(done + 1)
		}
		p.end()
		want := "\r2 of 4\r4 of 4\r\x1b[K"
		if !terminal {
			want = ""
		}
		if out.String() != want {
			t.Errorf("terminal %v: %q, want %q", terminal, out.String(), want)
		}
	}
	var short bytes.Buffer
	p := newProgressLine(&short, 2)
	p.terminal = true
	p.show(1)
	p.end()
	if short.Len() > 0 {
		t.Errorf("a short run writes %q", short.String())
	}
}

// A reply that is verified as a request names a token that is not in it: the
// output says how replies are verified.
func TestVerifyNamesTheFlagForReplies(t *testing.T) {
	t.Parallel()
	f := caseFiles(t, "reply-signed-soap11")
	f.runs(1, []string{"security-token-unavailable", "if it is a reply, name its request: --request FILE"},
		f.path("message.xml"), "--keytab", f.path("keytab"))
	f.runs(0, []string{"message.xml  ok\n"}, f.path("message.xml"), "--keytab", f.path("keytab"),
		"--request", f.path("before.xml"))
}
