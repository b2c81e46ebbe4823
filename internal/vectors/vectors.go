package vectors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/mtom"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// transcript is a case.yaml; testvectors/README.md defines the keys.
type transcript struct {
	Comment          string              `yaml:"comment"`
	Source           string              `yaml:"source"`
	Captured         time.Time           `yaml:"captured"`
	TLS              bool                `yaml:"tls"`
	Keytab           string              `yaml:"keytab"`
	ClientPrincipal  string              `yaml:"client-principal"`
	ServicePrincipal string              `yaml:"service-principal"`
	Enctypes         []int32             `yaml:"enctypes"`
	Contexts         []transcriptContext `yaml:"contexts"`
	Policy           wssec.Policy        `yaml:"policy"`
	Messages         []transcriptMessage `yaml:"messages"`

	files                fs.FS // the case's folder
	acceptor             *gss.Acceptor
	processor, bootstrap *wssec.Processor // bootstrap is nil if the policy has none
	issuing              issuing
}

// transcriptMessage is one message of a conversation, and what has to come of
// it.
type transcriptMessage struct {
	File   string `yaml:"file"`
	Expect string `yaml:"expect"`
	Under  string `yaml:"under"`
	Plain  string `yaml:"plain"`
}

// isRequest returns which way a message went.
func (m transcriptMessage) isRequest() bool { return !strings.Contains(m.File, "response") }

// A Result is what came of one case.
type Result struct {
	Messages int
	Second   SecondOpinion
	Problems []string // what is not as the case says
	Notes    []string // the verdict on each message
}

// Verify feeds the conversation of a case to one Processor, in order.
func Verify(ctx context.Context, vectors fs.FS, name string) (r Result) {
	c, err := openTranscript(ctx, vectors, name)
	if err != nil {
		r.Problems = append(r.Problems, err.Error())
		return r
	}
	var sent *wssec.Request
	for _, m := range c.Messages {
		r.Messages++
		msg, err := c.verify(ctx, m, sent)
		got := verdictOf(err)
		r.Notes = append(r.Notes, fmt.Sprintf("%s  %s", m.File, got))
		if got != m.Expect {
			r.Problems = append(r.Problems, fmt.Sprintf("%s: verdict %s, expected %s: %v", m.File, got, m.Expect, err))
			continue
		}
		if msg == nil {
			continue
		}
		if err := c.compare(m, msg); err != nil {
			r.Problems = append(r.Problems, fmt.Sprintf("%s: %v", m.File, err))
		}
		if err := r.Second.ask(msg); err != nil {
			r.Problems = append(r.Problems, fmt.Sprintf("%s: %v", m.File, err))
		}
		if m.isRequest() {
			sent = msg.AsSent()
		}
	}
	if err := c.checkContexts(); err != nil {
		r.Problems = append(r.Problems, err.Error())
	}
	return r
}

// openTranscript reads a case and makes its verifier, which lives at the time
// of the recording.
func openTranscript(ctx context.Context, vectors fs.FS, name string) (*transcript, error) {
	c := &transcript{}
	text, err := fs.ReadFile(vectors, path.Join("transcripts", name, "case.yaml"))
	if err != nil {
		return nil, err
	}
	if err := yaml.UnmarshalWithOptions(text, c, yaml.DisallowUnknownField()); err != nil {
		return nil, err
	}
	raw, err := fs.ReadFile(vectors, path.Join("transcripts", name, c.Keytab))
	if err != nil {
		return nil, err
	}
	keytab, err := keytab.Parse(raw)
	if err != nil {
		return nil, err
	}
	if c.files, err = fs.Sub(vectors, path.Join("transcripts", name)); err != nil {
		return nil, err
	}
	now := func() time.Time { return c.Captured }
	replay := replay.NewMemory(replay.MemoryConfig{Time: now})
	c.acceptor, err = gss.NewAcceptor(gss.AcceptorConfig{
		Keytab: keytab, Services: []string{c.ServicePrincipal}, Etypes: c.Enctypes, Replay: replay, Time: now,
	})
	if err != nil {
		return nil, err
	}
	contexts, err := c.issue(ctx)
	if err != nil {
		return nil, err
	}
	cfg := wssec.Config{Verifier: c.acceptor, Replay: replay, Contexts: contexts, Time: now}
	if b := c.Policy.Bootstrap; b != nil {
		if c.bootstrap, err = wssec.NewProcessor(*b, cfg); err != nil {
			return nil, err
		}
	}
	c.processor, err = wssec.NewProcessor(c.Policy, cfg)
	return c, err
}

// errFault is the outcome of a message that is an unprotected fault.
var errFault = errors.New("unprotected fault")

// verify verifies one message; sent is the request before it.
func (c *transcript) verify(ctx context.Context, m transcriptMessage, sent *wssec.Request) (*wssec.Message, error) {
	src, err := fs.ReadFile(c.files, m.File)
	if err != nil {
		return nil, err
	}
	env, err := soap.Parse(src, xmltext.Options{})
	if err != nil {
		return nil, err
	}
	if fault, ok := env.Fault(); ok && !m.isRequest() {
		return nil, fmt.Errorf("%w: %s", errFault, fault.Reason)
	}
	if m.Expect == negotiation {
		return nil, c.negotiation(ctx, env)
	}
	processor := c.processor
	if m.Under == "bootstrap" && c.bootstrap != nil {
		processor = c.bootstrap
	}
	msg, err := c.verifyUnder(ctx, processor, env, m, sent)
	if err == nil && processor == c.bootstrap {
		err = c.learn(ctx, msg.Body())
	}
	return msg, err
}

// verifyUnder verifies one protected message.
func (c *transcript) verifyUnder(ctx context.Context, p *wssec.Processor, env *soap.Envelope, m transcriptMessage,
	sent *wssec.Request) (*wssec.Message, error) {
	channel := wssec.Channel{TLS: c.TLS}
	if m.isRequest() {
		msg, err := p.Verify(ctx, env, channel)
		if err == nil {
			err = msg.Remember(ctx)
		}
		return msg, err
	}
	if sent == nil {
		return nil, errors.New("there is no request before it")
	}
	return p.VerifyReply(ctx, env, sent, channel)
}

// verdictOf is the word that case.yaml has for an outcome.
func verdictOf(err error) string {
	var coded interface{ ErrorCode() string }
	var syntax *xmltext.SyntaxError
	var pack *mtom.Error
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, errFault):
		return "fault"
	case errors.Is(err, errNegotiation):
		return negotiation
	case errors.As(err, &pack) && pack.Code == mtom.CodeTooLarge:
		return "request-too-large" // as the gateway has it
	case errors.As(err, &coded):
		return coded.ErrorCode()
	case errors.As(err, &syntax):
		return codeOfSyntax(syntax)
	}
	return "error"
}

// compare holds the opened Body and the client's name to what the case says.
func (c *transcript) compare(m transcriptMessage, msg *wssec.Message) error {
	want, err := fs.ReadFile(c.files, m.Plain)
	if err != nil {
		return err
	}
	if got := msg.Body().AppendCanonical(nil, xmltext.C14N{}); !bytes.Equal(got, bytes.TrimSuffix(want, []byte("\n"))) {
		return fmt.Errorf("the plaintext is not that of %s", m.Plain)
	}
	if name, realm := msg.Principal(); m.isRequest() && name+"@"+realm != c.ClientPrincipal {
		return fmt.Errorf("principal %s@%s, expected %s", name, realm, c.ClientPrincipal)
	}
	return nil
}
