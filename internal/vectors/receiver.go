package vectors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A Receiver is what somebody's own messages are verified by: that of a service
// that knows of no earlier message. Keytab is required.
type Receiver struct {
	Policy   wssec.Policy
	Acceptor gss.AcceptorConfig // without Replay and Time
	Keytab   *keytab.Keytab
	TLS      bool      // the messages came by TLS
	Time     time.Time // of all messages; zero is when each says it was made

	ContentPrefixes wssec.ContentPrefixes
	QNames          []string
	XML             xmltext.Options
}

// A Step is one of the steps of a verification.
type Step struct {
	Name   string `json:"name"`
	Result string `json:"result"` // passed, refused, or not reached
}

// A Report is what came of one message.
type Report struct {
	Name   string    `json:"name"`
	Got    string    `json:"got"` // ok, or the code of the refusal
	Reason string    `json:"reason,omitempty"`
	Time   time.Time `json:"time"` // as of which it was verified
	Client string    `json:"client,omitempty"`
	Steps  []Step    `json:"steps,omitempty"`
	Parts  []Part    `json:"parts,omitempty"`
}

// Verify verifies one message. Its tokens are not remembered: a file may be
// verified as often as wanted.
func (r *Receiver) Verify(ctx context.Context, name string, src []byte) Report {
	out := Report{Name: name, Time: r.Time}
	env, err := soap.Parse(bytes.Clone(src), r.XML)
	if err == nil {
		if out.Time.IsZero() {
			out.Time = madeAt(env)
		}
		err = r.verify(ctx, env, &out)
		out.Parts = r.parts(env, src)
	}
	if out.Got = verdictOf(err); err != nil {
		out.Reason = err.Error()
	}
	return out
}

// verify runs the steps, and notes them.
func (r *Receiver) verify(ctx context.Context, env *soap.Envelope, out *Report) error {
	p, err := r.processor(out)
	if err != nil {
		return err
	}
	msg, err := p.Verify(ctx, env, wssec.Channel{TLS: r.TLS})
	for _, name := range wssec.Steps()[len(out.Steps):] {
		out.Steps = append(out.Steps, Step{name, "not reached"})
	}
	if err == nil {
		name, realm := msg.Principal()
		out.Client = name + "@" + realm
	}
	return err
}

// processor makes a Processor that lives at the time of the message.
func (r *Receiver) processor(out *Report) (*wssec.Processor, error) {
	now := func() time.Time { return out.Time }
	store := newReplay(now)
	cfg := r.Acceptor
	cfg.Keytab, cfg.Replay, cfg.Time = r.Keytab, store, now
	acceptor, err := gss.NewAcceptor(cfg)
	if err != nil {
		return nil, err
	}
	return wssec.NewProcessor(r.Policy, wssec.Config{
		Verifier: acceptor, Replay: store, Time: now, XML: r.XML, ContentPrefixes: r.ContentPrefixes, QNames: r.QNames,
		Contexts: wssec.NewSecurityContexts(wssec.ContextsConfig{Time: now}),
		Trace: func(step string, err error) {
			result := "passed"
			if err != nil {
				result = "refused"
			}
			out.Steps = append(out.Steps, Step{step, result})
		},
	})
}

// madeAt returns when a message was made, by its own account; now if it does not
// say.
func madeAt(env *soap.Envelope) time.Time {
	for b := range env.Blocks() {
		if !b.Is(wssec.NSWSSE, "Security") {
			continue
		}
		created := b.Child(wssec.NSWSU, "Timestamp").Child(wssec.NSWSU, "Created")
		if t, err := wssec.ParseDateTime(created.Text()); err == nil {
			return t
		}
	}
	return time.Now()
}

// Check returns an error if no message can be verified by r.
func (r *Receiver) Check() error {
	if r.Keytab == nil {
		return errors.New("there is no keytab")
	}
	_, err := r.processor(&Report{})
	return err
}

// ParsePolicy reads a policy from the text of a file: a mapping, in YAML or
// JSON, of the keys that policy: of a configuration has.
func ParsePolicy(name string, text []byte) (p wssec.Policy, err error) {
	if err := yaml.UnmarshalWithOptions(text, &p, yaml.DisallowUnknownField()); err != nil {
		return p, fmt.Errorf("%s: %w", name, err)
	}
	if err := p.Validate(); err != nil {
		return p, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}
