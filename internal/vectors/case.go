package vectors

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/mtom"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A caseRun is one case in work.
type caseRun struct {
	*archive
	processor *wssec.Processor
}

// newCaseRun makes the receiver of a case, which lives at its time.
func newCaseRun(ctx context.Context, a *archive) (*caseRun, error) {
	if a.Policy.Policy == nil {
		return nil, errors.New("the case has no policy")
	}
	cfg, _, err := a.config(ctx)
	if err != nil {
		return nil, err
	}
	c := &caseRun{archive: a}
	c.processor, err = wssec.NewProcessor(a.policies()[0], cfg)
	return c, err
}

// config returns what the processors of a receiver work with. The acceptor is
// nil if there is no keytab.
func (a *archive) config(ctx context.Context) (cfg wssec.Config, acceptor *gss.Acceptor, err error) {
	now := func() time.Time { return a.Time }
	store := a.store(now)
	cfg = wssec.Config{Replay: store, Time: now, XML: xmltext.Options{Limits: a.Limits.limits()},
		ContentPrefixes: wssec.ContentPrefixes(a.ContentPrefixes)}
	if a.forgets {
		cfg.Guard = wssec.NewKeyGuard(wssec.KeyGuardConfig{Allowance: 1 << 30})
	}
	if a.Keytab != "" {
		if acceptor, err = a.acceptor(now, store); err != nil {
			return cfg, nil, err
		}
		cfg.Verifier = acceptor
	}
	cfg.Contexts, err = a.contexts(ctx)
	return cfg, acceptor, err
}

// store makes what remembers messages and tokens.
func (a *archive) store(now func() time.Time) gss.ReplayStore {
	if a.forgets {
		return always{}
	}
	return a.newReplay(now)
}

// newReplay makes a store that has seen all there was, or all since the time
// that the vector has: a receiver that has just started refuses what was made
// before.
func (a *archive) newReplay(now func() time.Time) *replay.Memory {
	if a.ReplaySince.IsZero() {
		return newReplay(now)
	}
	return replay.NewMemory(replay.MemoryConfig{Time: now, CompleteSince: a.ReplaySince})
}

// newReplay makes a store that has seen all there was.
func newReplay(now func() time.Time) *replay.Memory {
	return replay.NewMemory(replay.MemoryConfig{Time: now, CompleteSince: time.Unix(0, 0)})
}

// acceptor makes the verifier of tokens.
func (a *archive) acceptor(now func() time.Time, store gss.ReplayStore) (*gss.Acceptor, error) {
	keys, err := keytab.Parse(a.sections["keytab"])
	if err != nil {
		return nil, err
	}
	cfg := gss.AcceptorConfig{Keytab: keys, Etypes: a.Etypes, Replay: store, Time: now, ClientRealms: a.ClientRealms,
		BindingRule: gss.BindingRule(a.BindingRule), KeySource: gss.KeySource(a.KeySource), ExactKvno: a.ExactKvno,
		PAC: a.PAC, CheckAddresses: a.Address != ""}
	if a.Service != "" {
		cfg.Services = []string{a.Service}
	}
	if a.MaxSkew != "" {
		if cfg.MaxSkew, err = time.ParseDuration(a.MaxSkew); err != nil {
			return nil, err
		}
	}
	return gss.NewAcceptor(cfg)
}

// bindings are those of the channel.
func (a *archive) bindings() (list [][]byte) {
	for _, b := range a.Bindings {
		list = append(list, b)
	}
	return list
}

// contexts enters the security contexts that there are before the case.
func (a *archive) contexts(ctx context.Context) (*wssec.SecurityContexts, error) {
	if len(a.Contexts) == 0 && !slices.ContainsFunc(a.policies(), takesContext) {
		return nil, nil
	}
	h := holder{time: a.Time, client: a.Client, service: a.Service, sealed: a.Route.ContextStorage == "token"}
	return h.hold(ctx, a.Contexts)
}

func takesContext(p wssec.Policy) bool { return p.ClientToken() != wssec.KerberosToken }

// limits returns the limits of XML.
func (l caseLimits) limits() xmltext.Limits {
	return xmltext.Limits{MessageBytes: l.MessageBytes, Depth: l.Depth, Elements: l.Elements, Attributes: l.Attributes,
		AttributesPerElement: l.AttributesPerElement, NamespacesInScope: l.NamespacesInScope, NameBytes: l.NameBytes,
		ValueBytes: l.ValueBytes}
}

// envelope parses the message of a case.
func (a *archive) envelope() (*soap.Envelope, error) {
	src, err := a.source()
	if err != nil {
		return nil, err
	}
	return soap.Parse(src, a.options())
}

// source returns the message of a case, of a package its envelope.
func (a *archive) source() ([]byte, error) {
	body, ok := a.sections["message.mime"]
	if !ok {
		return a.sections["message.xml"], nil
	}
	t, err := mtom.ParseType(a.ContentType)
	if err != nil {
		return nil, err
	}
	return mtom.Inline(body, t, a.options())
}

// options are those by which the message of a case is scanned.
func (a *archive) options() xmltext.Options {
	return xmltext.Options{Limits: a.Limits.limits(), Charset: a.Charset}
}

// verify verifies the message of a case, after the one before it.
func (c *caseRun) verify(ctx context.Context) (*wssec.Message, error) {
	channel := wssec.Channel{TLS: c.TLS, Bindings: c.bindings()}
	var sent *wssec.Request
	if first, ok := c.sections["before.xml"]; ok {
		env, err := soap.Parse(first, xmltext.Options{})
		if err != nil {
			return nil, &beforeError{err}
		}
		msg, err := c.processor.Verify(ctx, env, channel)
		if err == nil {
			err = msg.Remember(ctx)
		}
		if err != nil {
			return nil, &beforeError{err}
		}
		sent = msg.AsSent()
	}
	env, err := c.envelope()
	if err != nil {
		return nil, err
	}
	if c.Direction == "reply" {
		return c.processor.VerifyReply(ctx, env, sent, channel)
	}
	return c.processor.Verify(ctx, env, channel)
}

// beforeError is a refusal of the message before the one that a case is about.
type beforeError struct{ err error }

func (e *beforeError) Error() string { return "before.xml: " + e.err.Error() }

// message runs a case of kind message.
func (c *caseRun) message(ctx context.Context, o *Outcome) {
	msg, err := c.verify(ctx)
	o.decide(c.Expect, err)
	if msg == nil || o.Problem != "" {
		return
	}
	want := bytes.TrimSuffix(c.sections["body.xml"], []byte("\n"))
	if got := msg.Body().AppendCanonical(nil, xmltext.C14N{}); !bytes.Equal(got, want) {
		o.Problem = "the Body is not that of body.xml"
	}
	if name, realm := msg.Principal(); c.Direction != "reply" && name+"@"+realm != cmp.Or(c.Client, name+"@"+realm) {
		o.Problem = fmt.Sprintf("the client is %s@%s", name, realm)
	}
	if len(c.Key) > 0 && c.Policy.Binding == wssec.SymmetricBinding && !msg.Key().Equal(wssec.NewKey(c.Key)) {
		o.Problem = "the key is not that of the case"
	}
	if err := c.secondOpinion(msg, &o.Second); err != nil && o.Problem == "" {
		o.Problem = err.Error()
	}
}

// secondOpinion has goxmldsig canonicalize and digest what each Reference of an
// accepted message covers.
func (c *caseRun) secondOpinion(msg *wssec.Message, second *SecondOpinion) error {
	src, err := c.source()
	if err != nil {
		return err
	}
	r := Receiver{Policy: *c.Policy.Policy, XML: c.options()}
	for _, p := range r.parts(msg.Envelope(), src) {
		second.count(p.Second)
		if !p.Matches() || p.Second == disagrees {
			return fmt.Errorf("%s: digest %s, over the canonical form %s; goxmldsig %s", p.URI, p.Digest, p.Computed,
				p.Second)
		}
	}
	return nil
}
