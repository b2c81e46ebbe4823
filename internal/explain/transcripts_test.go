package explain_test

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/wssgate/wssgate/internal/explain"
	"github.com/wssgate/wssgate/kerberos/inspect"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/testvectors"
	"github.com/wssgate/wssgate/wssec"
)

// A transcript is what is needed of a case.yaml.
type transcript struct {
	Name     string
	Captured time.Time         `yaml:"captured"`
	Keytab   string            `yaml:"keytab"`
	Enctypes []int32           `yaml:"enctypes"`
	Contexts []recordedContext `yaml:"contexts"`
	Policy   wssec.Policy
	Messages []recorded `yaml:"messages"`
}

// recordedContext is a context that the negotiation of a case has established.
type recordedContext struct{ Identifier, Namespace, Key string }

// issued is the context as a route has it.
func (r recordedContext) issued(t testing.TB, now time.Time) wssec.SecurityContext {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(r.Key)
	if err != nil {
		t.Fatal(err)
	}
	return wssec.SecurityContext{Identifier: r.Identifier, Token: wssec.SpnegoContextToken, Namespace: r.Namespace,
		Created: now.Add(-time.Hour), Expires: now.Add(time.Hour), Key: wssec.NewKey(key)}
}

// recorded is a message of a conversation, and what came of it.
type recorded struct{ File, Expect, Under string }

// isRequest reports which way a message went.
func (m recorded) isRequest() bool { return !strings.Contains(m.File, "response") }

func transcripts(t testing.TB) (list []transcript) {
	t.Helper()
	files, err := fs.Glob(testvectors.Files, "transcripts/*/case.yaml")
	if err != nil || len(files) < 40 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		c := transcript{Name: path.Base(path.Dir(file))}
		if err := yaml.Unmarshal(read(t, file), &c); err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}

func findTranscript(t testing.TB, name string) *transcript {
	t.Helper()
	for _, c := range transcripts(t) {
		if c.Name == name {
			return &c
		}
	}
	t.Fatalf("no transcript %s", name)
	return nil
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := fs.ReadFile(testvectors.Files, file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (c *transcript) read(t testing.TB, file string) []byte {
	return read(t, path.Join("transcripts", c.Name, file))
}

// inspector knows the case's keytab and lives at its time.
func (c *transcript) inspector(t testing.TB, cfg explain.Config) *explain.Inspector {
	t.Helper()
	var err error
	if cfg.Keytab, err = keytab.Parse(c.read(t, c.Keytab)); err != nil {
		t.Fatal(err)
	}
	cfg.Time = func() time.Time { return c.Captured }
	cfg.AllowRC4 = true
	return explain.New(cfg)
}

func text(trees []*inspect.Node) string {
	var b []byte
	for _, tree := range trees {
		b = tree.AppendText(b)
	}
	return string(b)
}

// verdict is that of the message as a whole.
func verdict(trees []*inspect.Node) string {
	for _, c := range trees[0].Children {
		if c.Name == "verdict" {
			return c.Value
		}
	}
	return ""
}

// The policy that a message seems to follow is one under which the gateway
// accepts it, for every message recorded; every signature and digest is found
// right, and every plaintext comes out.
func TestFittingPolicyAcceptsEveryTranscript(t *testing.T) {
	t.Parallel()
	for _, c := range transcripts(t) {
		t.Run(c.Name, func(t *testing.T) {
			x := c.inspector(t, explain.Config{})
			for _, m := range c.Messages {
				trees, err := x.Inspect(t.Context(), c.read(t, m.File))
				want := "accepted"
				switch m.Expect {
				case "negotiation":
					if !m.isRequest() {
						want = "none"
					}
				case "protection-order", "part-not-signed", "derived-key-invalid":
					// by the case's own policy, which asks for more than the message has
				case "ok":
					if !bytes.Contains(c.read(t, m.File), []byte(":Security ")) {
						want = "not protected"
					}
				case "fault":
					want = "not protected"
				default:
					want = "refused"
				}
				if got, _, _ := strings.Cut(verdict(trees), ":"); got != want || (err == nil) != (want != "refused") {
					t.Errorf("%s: verdict %q, want %q (%s): %v\n%s", m.File, got, want, m.Expect, err, text(trees))
				}
			}
		})
	}
}

// What was altered is pointed at: the part whose digest is wrong, the
// signature, the ciphertext; and it is an error.
func TestInspectPointsAtWhatWasAltered(t *testing.T) {
	t.Parallel()
	c := findTranscript(t, "KtpSymmetric-deleg")
	src := string(c.read(t, "01-request.xml"))
	for _, a := range []struct{ from, to, want string }{
		{"<wsu:Created>2026", "<wsu:Created>2025", "the digest is wrong: the part was altered"},
		{"<ds:DigestValue>", "<ds:DigestValue>AAAA", "SignatureValue is wrong"},
		{`Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"`,
			`Algorithm="http://www.w3.org/2001/04/xmlenc#aes256-cbc"`,
			"does not decrypt: another key, or altered"},
		{`<xenc:DataReference URI="#`, `<xenc:DataReference URI="#x`, "leads to no EncryptedData"},
		{"<ds:Reference URI=\"#", "<ds:Reference URI=\"#x", "leads to no part that may be signed"},
	} {
		altered := strings.Replace(src, a.from, a.to, 1)
		if altered == src {
			t.Fatalf("no %q in the message", a.from)
		}
		trees, err := c.inspector(t, explain.Config{}).Inspect(t.Context(), []byte(altered))
		if out := text(trees); err == nil || !strings.Contains(out, "! ") || !strings.Contains(out, a.want) ||
			strings.HasPrefix(verdict(trees), "accepted") {
			t.Errorf("%q: %v\n%s", a.to, err, out)
		}
	}
}

// A Body that brings a key is shown with keys only.
func TestPlaintextWithAKeyIsShownWithKeysOnly(t *testing.T) {
	t.Parallel()
	const message = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>` +
		`<t:RequestSecurityToken xmlns:t="http://docs.oasis-open.org/ws-sx/ws-trust/200512">` +
		`<t:BinarySecret>c2VjcmV0IHNlY3JldA==</t:BinarySecret></t:RequestSecurityToken></s:Body></s:Envelope>`
	for _, show := range []bool{false, true} {
		trees, err := explain.New(explain.Config{Plaintext: true, ShowKeys: show}).Inspect(t.Context(),
			[]byte(message))
		if got := strings.Contains(text(trees), "c2VjcmV0"); err != nil || got != show {
			t.Errorf("shown %t, want %t: %v\n%s", got, show, err, text(trees))
		}
	}
}
