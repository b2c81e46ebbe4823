package wssec_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/testvectors"
	"github.com/wssgate/wssgate/wssec"
)

// transcript is a recorded conversation; testvectors/README.md defines the
// keys.
type transcript struct {
	Captured time.Time `yaml:"captured"`
	TLS      bool      `yaml:"tls"`
	Keytab   string    `yaml:"keytab"`
	Client   string    `yaml:"client-principal"`
	Service  string    `yaml:"service-principal"`
	Enctypes []int32   `yaml:"enctypes"`
	Contexts []struct {
		Identifier string `yaml:"identifier"`
		Namespace  string `yaml:"namespace"`
		// Token is the type of the context; "" stands for that of Policy.
		Token wssec.TokenType `yaml:"token"`
		Key   string          `yaml:"key"`
	} `yaml:"contexts"`
	Policy   wssec.Policy        `yaml:"policy"`
	Messages []transcriptMessage `yaml:"messages"`
	name     string
}

type transcriptMessage struct {
	File   string `yaml:"file"`
	Expect string `yaml:"expect"`
	Under  string `yaml:"under"`
	Plain  string `yaml:"plain"`
}

// first returns the first message that is protected, a request.
func (c *transcript) first() transcriptMessage {
	for _, m := range c.Messages {
		if m.Expect != "negotiation" {
			return m
		}
	}
	return transcriptMessage{}
}

// policyOf returns the policy of a message.
func (c *transcript) policyOf(m transcriptMessage) wssec.Policy {
	if m.Under == "bootstrap" {
		return *c.Policy.Bootstrap
	}
	return c.Policy
}

func (c *transcript) file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := fs.ReadFile(testvectors.Files, path.Join("transcripts", c.name, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// loadTranscript reads one case.
func loadTranscript(t testing.TB, name string) *transcript {
	t.Helper()
	c := &transcript{name: name}
	if err := yaml.Unmarshal(c.file(t, "case.yaml"), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// processor makes a Processor for the policy of a message. It lives at the time
// of the recording. The recordings were made with one clock and no replay, so
// the replay store is new. No key is ever suspended.
func (c *transcript) processor(t testing.TB, m transcriptMessage, store gss.ReplayStore) *wssec.Processor {
	t.Helper()
	keytab, err := keytab.Parse(c.file(t, c.Keytab))
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return c.Captured.Add(3 * time.Second) }
	if store == nil {
		store = replay.NewMemory(replay.MemoryConfig{Time: now, CompleteSince: c.Captured.Add(-time.Hour)})
	}
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{
		Keytab: keytab, Services: []string{c.Service}, Etypes: append(c.Enctypes, 17, 18, 19, 20), Time: now, Replay: store,
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := wssec.Config{
		Verifier: acceptor, Replay: store, Contexts: c.issue(t, now), Time: now,
		Guard: wssec.NewKeyGuard(wssec.KeyGuardConfig{Allowance: 1 << 30}),
	}
	p, err := wssec.NewProcessor(c.policyOf(m), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// issue enters the contexts of the case.
func (c *transcript) issue(t testing.TB, now func() time.Time) *wssec.SecurityContexts {
	t.Helper()
	contexts := wssec.NewSecurityContexts(wssec.ContextsConfig{Time: now})
	for _, x := range c.Contexts {
		key, err := base64.StdEncoding.DecodeString(x.Key)
		if err != nil {
			t.Fatal(err)
		}
		sc := contextOf(cmp.Or(x.Token, tokenOf(c.Policy)), c.Captured)
		sc.Identifier, sc.Namespace, sc.Key = x.Identifier, x.Namespace, wssec.NewKey(key)
		sc.Name, sc.Realm, _ = strings.Cut(c.Client, "@")
		if err := contexts.Issue(t.Context(), sc); err != nil {
			t.Fatal(err)
		}
	}
	return contexts
}

func TestVerifyReplaysRecordedConversations(t *testing.T) {
	t.Parallel()
	dirs, err := fs.ReadDir(testvectors.Files, "transcripts")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		t.Run(d.Name(), func(t *testing.T) {
			c := loadTranscript(t, d.Name())
			processors := map[string]*wssec.Processor{}
			var sent *wssec.Request
			for _, m := range c.Messages {
				if m.Expect == "negotiation" {
					continue // not protected: the keys of contexts come from it
				}
				if processors[m.Under] == nil {
					processors[m.Under] = c.processor(t, m, nil)
				}
				sent = c.check(t, processors[m.Under], m.File, m.Expect, m.Plain, sent)
			}
		})
	}
}

// check verifies one message; for a request it returns what its reply is
// verified with.
func (c *transcript) check(t *testing.T, p *wssec.Processor, file, expect, plain string,
	sent *wssec.Request) *wssec.Request {
	t.Helper()
	msg, err := c.verify(p, c.file(t, file), file, sent)
	if got := verdict(err); got != expect {
		t.Errorf("%s: verdict %q, want %q: %v", file, got, expect, err)
		return nil
	}
	if err != nil || msg == nil {
		return nil
	}
	body := msg.Body().AppendCanonical(nil, xmltext.C14N{})
	if want := bytes.TrimSpace(c.file(t, plain)); !bytes.Equal(body, want) {
		t.Errorf("%s: Body is\n%s\nwant\n%s", file, body, want)
	}
	if strings.Contains(file, "response") {
		return nil
	}
	if name, realm := msg.Principal(); name+"@"+realm != c.Client {
		t.Errorf("%s: principal %s@%s, want %s", file, name, realm, c.Client)
	}
	return msg.AsSent()
}

func (c *transcript) verify(p *wssec.Processor, src []byte, file string, sent *wssec.Request) (*wssec.Message, error) {
	env, err := soap.Parse(src, xmltext.Options{})
	if err != nil {
		return nil, err
	}
	ch := wssec.Channel{TLS: c.TLS}
	if !strings.Contains(file, "response") {
		return remembered(p.Verify(context.Background(), env, ch))
	}
	if f, ok := env.Fault(); ok {
		return nil, errors.New("fault: " + f.Reason)
	}
	if sent == nil {
		return nil, errors.New("no request")
	}
	return p.VerifyReply(context.Background(), env, sent, ch)
}

func verdict(err error) string {
	var coded interface{ ErrorCode() string }
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &coded):
		return coded.ErrorCode()
	case strings.HasPrefix(err.Error(), "fault"):
		return "fault"
	}
	return err.Error()
}

// CXF's streaming client derives no key for an endorsing signature although it
// has to: what it sends is for a policy that allows that.
func TestVerifyRejectsKeysThatAreNotDerived(t *testing.T) {
	t.Parallel()
	c := loadTranscript(t, "KtpTransportEndorsingDerived-stax")
	src := c.file(t, "01-request.xml")
	if bytes.Contains(src, []byte("DerivedKeyToken")) {
		t.Fatal("the client derives a key")
	}
	c.Policy.DerivedKeys = wssec.DerivedKeysRequired
	_, err := c.verify(c.processor(t, c.first(), nil), src, "01-request.xml", nil)
	refused(t, err, wssec.CodeDerivedKey)
}
