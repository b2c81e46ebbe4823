package explain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/inspect"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A trial is a message in a Processor, as a request or as the reply to the last
// one: a message that names the token of an earlier one can be either.
type trial struct {
	reply     bool
	found     wssec.Policy // the policy, as it is shown
	policy    wssec.Policy // the same as it is used
	now, then outcome      // at the present time, and at the message's own
}

// An outcome is what came of a message in a Processor.
type outcome struct {
	msg *wssec.Message
	err error
}

// addVerdict verifies the message as the gateway does, under the policy that
// was given or one that fits, and returns the refusal.
func (m *message) addVerdict(src []byte) error {
	if ok, err := m.addNegotiation(src); ok {
		return err
	}
	if word, note := m.beyondPolicies(); word != "" && (m.x.cfg.Policy == nil || m.answersNegotiation()) {
		m.root.Add("verdict", word).Note = note
		if m.firstFail != nil {
			return m.firstFail
		}
		return m.refused
	}
	trials := m.trials()
	for i := range trials {
		m.try(src, &trials[i])
	}
	best := m.choose(trials)
	if m.x.cfg.Policy == nil && (m.found.encryption == "" || m.found.signature != "") {
		m.offer(best)
	}
	v := m.root.Add("verdict", "accepted")
	m.explainVerdict(v, best)
	if best.now.err == nil {
		return nil
	}
	for i := range trials {
		if other := &trials[i]; other != best {
			v.Add("as "+other.role(), wordOf(other.now.err))
		}
	}
	return fmt.Errorf("refused: %w", best.now.err)
}

// role is what a message is taken for.
func (t *trial) role() string {
	if t.reply {
		return "the reply to the request before it"
	}
	return "a request"
}

// wordOf is an outcome in a word, with its code.
func wordOf(err error) string {
	if err == nil {
		return "accepted"
	}
	return "refused: " + codeOf(err)
}

// explainVerdict adds the outcome, and that at the message's own time if only
// the clock may be against it.
func (m *message) explainVerdict(v *inspect.Node, t *trial) {
	v.Value = wordOf(t.now.err)
	if t.now.err == nil {
		if v.Note = "by a route with this policy and keytab, unless it was presented before"; t.reply {
			v.Note = "as " + t.role()
		} else if m.negotiates() {
			v.Note += "; it asks for a security context, which a route issues if a policy of its has such tokens"
		}
		m.accepted(v, t, t.now.msg)
		return
	}
	m.explainRefusal(v, t.now.err)
	if !m.hasOwnTime() {
		return
	}
	at := v.Add("at its own time", wordOf(t.then.err))
	if at.Note = inspect.FormatTime(m.made, m.now); t.then.err != nil {
		m.explainRefusal(at, t.then.err)
		return
	}
	m.accepted(at, t, t.then.msg)
}

// beyondPolicies returns the verdict on a message for which no policy can be
// found, "" for all others.
func (m *message) beyondPolicies() (word, note string) {
	switch {
	case m.found.context && !m.found.contextKnown:
		return "none", "it is under a context that is not known: " + inspectNegotiation
	case m.security.IsZero() && m.negotiates():
		return "none", "an answer in the negotiation of a context"
	case m.security.IsZero():
		return "not protected", "no Security header"
	}
	return "", ""
}

// inspectNegotiation is what to do about a context that is not known. Its key is
// in the answer of the service.
const inspectNegotiation = "inspect the negotiation, request and answer, in the same run before it"

// answersNegotiation reports whether this is an answer in a negotiation, of a
// policy that has them if one was given. Nothing protects those.
func (m *message) answersNegotiation() bool {
	p := m.x.cfg.Policy
	return (p == nil || negotiatesContexts(p)) && m.security.IsZero() && m.negotiates() &&
		!isWST(m.env.Body.FirstChild(), "RequestSecurityToken")
}

// negotiates reports whether this is a message of WS-Trust: a request for a
// context, or the answer to one.
func (m *message) negotiates() bool {
	first := m.env.Body.FirstChild()
	return isWST(first, "RequestSecurityToken") || isWST(first, "RequestSecurityTokenResponse") ||
		isWST(first, "RequestSecurityTokenResponseCollection")
}

// trials are what the message can be: a request; or, if it has no token of its
// own, the reply to the last request, which is tried first until there was one.
func (m *message) trials() []trial {
	request := trial{found: m.found.policy()}
	request.policy = remembering(request.found)
	reply := trial{reply: true, found: m.x.policy}
	if m.found.signature != "" {
		reply.found = m.found.policy()
		reply.found.TokenOnce, reply.found.SignatureConfirmation = false, m.found.confirms
	}
	reply.policy = reply.found
	if given := m.x.cfg.Policy; given != nil {
		request.policy, reply.policy = *given, *given
	}
	hasToken := !m.security.IsZero() && !m.security.Child(wssec.NSWSSE, "BinarySecurityToken").IsZero()
	switch {
	case m.x.sent == nil || hasToken:
		return []trial{request}
	case m.x.replied && !m.found.confirms:
		return []trial{request, reply}
	}
	return []trial{reply, request}
}

// remembering is a policy with token-once where that can be: it makes no
// difference to a message with a token of its own, and later ones can name
// that.
func remembering(p wssec.Policy) wssec.Policy {
	once := p
	if once.TokenOnce = true; once.Validate() != nil {
		return p
	}
	return once
}

// choose returns the first trial that the message passes, else the first.
func (m *message) choose(trials []trial) *trial {
	for i := range trials {
		if trials[i].now.err == nil {
			return &trials[i]
		}
	}
	for i := range trials {
		if trials[i].then.err == nil {
			return &trials[i]
		}
	}
	return &trials[0]
}

// hasOwnTime reports whether the message is of another time, by its own
// account.
func (m *message) hasOwnTime() bool { return !m.made.IsZero() && m.made.Sub(m.now).Abs() > time.Minute }

// try has a Processor look at the message, now and at its own time.
func (m *message) try(src []byte, t *trial) {
	t.now = m.verify(src, t, m.now)
	if t.then = t.now; t.now.err != nil && m.hasOwnTime() {
		t.then = m.verify(src, t, m.made)
	}
}

// verify scans the message anew and has a Processor look at it that keeps
// nothing.
func (m *message) verify(src []byte, t *trial, now time.Time) outcome {
	env, err := soap.Parse(src, xmltext.Options{})
	if err != nil {
		return outcome{err: err}
	}
	clock := func() time.Time { return now }
	acceptor, err := m.acceptor(clock)
	if err != nil {
		return outcome{err: err}
	}
	processor, err := wssec.NewProcessor(t.policy, wssec.Config{
		Verifier: acceptor, Replay: anyReplay{}, Tokens: m.x.accepted,
		Contexts: m.x.securityContexts(m.ctx, clock), Time: clock,
		EndorsingContexts: !m.endorsing.IsZero() && t.policy.ClientToken() != wssec.SecureConversationToken,
	})
	if err != nil {
		return outcome{err: err}
	}
	var msg *wssec.Message
	if channel := (wssec.Channel{TLS: true}); t.reply {
		msg, err = processor.VerifyReply(m.ctx, env, m.x.sent, channel)
	} else {
		msg, err = processor.Verify(m.ctx, env, channel)
	}
	return outcome{msg, err}
}

// acceptor makes an Acceptor that keeps nothing.
func (m *message) acceptor(clock func() time.Time) (*gss.Acceptor, error) {
	return gss.NewAcceptor(gss.AcceptorConfig{
		Keytab: m.x.cfg.Keytab, Etypes: m.x.cfg.etypes(), Replay: anyReplay{}, Time: clock,
	})
}

// accepted adds who the client is, and keeps the request and its token for the
// messages that follow.
func (m *message) accepted(v *inspect.Node, t *trial, msg *wssec.Message) {
	if m.x.replied = t.reply; !t.reply {
		name, realm := msg.Principal()
		v.Add("client", name+"@"+realm)
		v.Add("service", msg.Service())
		if sc, ok := msg.Endorsing(); ok {
			v.Add("endorsed by", "the context "+sc.Identifier).Note = "the policy is that of a bootstrap"
		}
		m.x.sent, m.x.policy = msg.AsSent(), t.found
		m.x.asked = newContextRequest(msg, t.found)
	}
	if t.policy.NeedsTLS() {
		v.Add("provided", "that it came over TLS")
	}
	_ = msg.Remember(m.ctx) // knownTokens has no errors
}

// explainRefusal adds what was found, and the cure.
func (m *message) explainRefusal(v *inspect.Node, err error) {
	var inner *kerberos.Error
	var outer *wssec.Error
	switch {
	case errors.As(err, &inner):
		v.Add("why", inner.Error())
	case errors.As(err, &outer) && outer.Err != nil:
		v.Add("why", outer.Err.Error())
		v.Add("where", outer.Path)
	default:
		v.Add("why", strings.ReplaceAll(err.Error(), "\n", "; ")) // of a policy there are several
	}
	if m.x.cfg.Cure == nil {
		return
	}
	if cure := m.x.cfg.Cure(codeOf(err)); cure != "" {
		v.Add("cure", cure)
	}
}

func codeOf(err error) string {
	var coded interface{ ErrorCode() string }
	if errors.As(err, &coded) {
		return coded.ErrorCode()
	}
	return "error"
}

// anyReplay is a replay store to which everything is new: what is inspected is
// not thereby used up.
type anyReplay struct{}

func (anyReplay) Add(context.Context, [32]byte, time.Time) (bool, error) { return true, nil }

// knownTokens are the tokens of messages of this run that were accepted.
type knownTokens map[wssec.TokenHash]wssec.CachedToken

// PutToken keeps a token, of a bounded number.
func (k knownTokens) PutToken(_ context.Context, hash wssec.TokenHash, t wssec.CachedToken) error {
	if len(k) < maxKept {
		k[hash] = t
	}
	return nil
}

// GetToken returns a token that was kept.
func (k knownTokens) GetToken(_ context.Context, hash wssec.TokenHash) (wssec.CachedToken, bool, error) {
	t, ok := k[hash]
	return t, ok, nil
}
