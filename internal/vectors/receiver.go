package vectors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A Receiver is what somebody's own messages are verified by: that of a service
// that knows of no earlier message, or that of a client which has sent one
// request, see [Receiver.Replies]. It needs a Keytab, a Key or Contexts.
type Receiver struct {
	Policy   wssec.Policy
	Acceptor gss.AcceptorConfig // without Replay and Time
	Keytab   *keytab.Keytab
	Key      wssec.Key // of all Kerberos tokens, in place of a Keytab; the tokens are not opened
	Contexts []Context
	TLS      bool      // the messages came by TLS
	Time     time.Time // of all messages; zero is when each says it was made

	ContentPrefixes wssec.ContentPrefixes
	QNames          []string
	XML             xmltext.Options

	sent *wssec.Request // that the messages answer
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
	Time   time.Time `json:"time,omitzero"` // as of which it was verified
	Client string    `json:"client,omitempty"`
	Steps  []Step    `json:"steps,omitempty"`
	Parts  []Part    `json:"parts,omitempty"`
}

// Verify verifies one message. Its tokens are not remembered: a file may be
// verified as often as wanted.
func (r *Receiver) Verify(ctx context.Context, name string, src []byte) Report {
	out, _ := r.report(ctx, name, src)
	return out
}

// Replies verifies a request, and returns the receiver of the replies to it: nil
// if the request is refused.
func (r *Receiver) Replies(ctx context.Context, name string, request []byte) (Report, *Receiver) {
	out, msg := r.report(ctx, name, request)
	if msg == nil {
		return out, nil
	}
	replies := *r
	replies.sent = msg.AsSent()
	return out, &replies
}

// report verifies a message; msg is nil if it is refused.
func (r *Receiver) report(ctx context.Context, name string, src []byte) (out Report, msg *wssec.Message) {
	out = Report{Name: name, Time: r.Time}
	env, err := soap.Parse(bytes.Clone(src), r.XML)
	if err == nil {
		if out.Time.IsZero() {
			out.Time = madeAt(env)
		}
		msg, err = r.verify(ctx, env, &out)
		out.Parts = r.parts(env, src)
	}
	if out.Got = verdictOf(err); err != nil {
		out.Reason = err.Error()
	}
	return out, msg
}

// verify runs the steps, and notes them.
func (r *Receiver) verify(ctx context.Context, env *soap.Envelope, out *Report) (msg *wssec.Message, err error) {
	contexts, err := r.holder(out.Time).hold(ctx, of(r.Contexts, env))
	if err != nil {
		return nil, err
	}
	p, err := r.processor(out, contexts)
	if err != nil {
		return nil, err
	}
	if channel := (wssec.Channel{TLS: r.TLS}); r.sent != nil {
		msg, err = p.VerifyReply(ctx, env, r.sent, channel)
	} else {
		msg, err = p.Verify(ctx, env, channel)
	}
	for _, name := range wssec.Steps()[len(out.Steps):] {
		out.Steps = append(out.Steps, Step{name, "not reached"})
	}
	if err != nil {
		return nil, err
	}
	if name, realm := msg.Principal(); r.sent == nil && name != "" {
		out.Client = name + "@" + realm
	}
	return msg, nil
}

// holder is who has the contexts.
func (r *Receiver) holder(now time.Time) holder {
	return holder{time: now, token: r.Policy.ClientToken()}
}

// processor makes a Processor that lives at the time of the message.
func (r *Receiver) processor(out *Report, contexts *wssec.SecurityContexts) (*wssec.Processor, error) {
	now := func() time.Time { return out.Time }
	store := newReplay(now)
	cfg := wssec.Config{
		Replay: store, Time: now, XML: r.XML, ContentPrefixes: r.ContentPrefixes, QNames: r.QNames,
		Contexts: contexts,
		Trace: func(step string, err error) {
			result := "passed"
			if err != nil {
				result = "refused"
			}
			out.Steps = append(out.Steps, Step{step, result})
		},
	}
	switch {
	case r.Keytab != nil:
		accept := r.Acceptor
		accept.Keytab, accept.Replay, accept.Time = r.Keytab, store, now
		acceptor, err := gss.NewAcceptor(accept)
		if err != nil {
			return nil, err
		}
		cfg.Verifier = acceptor
	case r.Key.Len() > 0:
		cfg.Verifier = knownKey{r.Key, out.Time.Add(time.Hour)}
	}
	return wssec.NewProcessor(r.Policy, cfg)
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
func (r *Receiver) Check(ctx context.Context) error {
	if r.Keytab == nil && r.Key.Len() == 0 && len(r.Contexts) == 0 {
		return errors.New("there is no key")
	}
	if r.Keytab == nil && r.Key.Len() > 0 && !signs(&r.Policy) {
		return errors.New("the policy has messages signed with no key of their token: only with a keytab something can " +
			"be said of them")
	}
	now := time.Now()
	for i, c := range r.Contexts {
		if c.Namespace == "" {
			c.Namespace = wssec.NSWSC05
		}
		if _, err := r.holder(now).hold(ctx, []Context{c}); err != nil {
			return fmt.Errorf("context %d of the file: %w", i+1, err)
		}
	}
	_, err := r.processor(&Report{Time: now}, wssec.NewSecurityContexts(wssec.ContextsConfig{}))
	return err
}

// signs reports whether messages under a policy prove that their sender has the key
// of the token.
func signs(p *wssec.Policy) bool {
	endorsing := func(t wssec.SupportingToken) bool {
		return t.Use == wssec.UseEndorsing || t.Use == wssec.UseSignedEndorsing
	}
	return p.Binding == wssec.SymmetricBinding || slices.ContainsFunc(p.SupportingTokens, endorsing)
}

// A knownKey is the verifier of whoever has the key of a token, and not the key
// that opens the token. That the key is the token's is seen by what it has
// signed; whose it is, nobody can say.
type knownKey struct {
	key  wssec.Key
	ends time.Time
}

// VerifyToken opens nothing.
func (k knownKey) VerifyToken(context.Context, []byte, [][]byte) (wssec.VerifiedToken, error) {
	return k, nil
}

// Client is not known.
func (knownKey) Client() (name, realm string) { return "", "" }

// Service is not known.
func (knownKey) Service() string { return "" }

// Groups are not known.
func (knownKey) Groups() []string { return nil }

// EndTime is later than the message.
func (k knownKey) EndTime() time.Time { return k.ends }

// EtypeOfKey follows from the length, as far as that goes.
func (k knownKey) EtypeOfKey() int32 {
	if k.key.Len() == 16 {
		return 17
	}
	return 18
}

// ExposeKeyOctets returns the key.
func (k knownKey) ExposeKeyOctets() []byte { return bytes.Clone(k.key.ExposeSecretOctets()) }

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
