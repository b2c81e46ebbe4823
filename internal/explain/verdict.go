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
	"github.com/wssgate/wssgate/wssec/xmldsig"
)

// findings are what a message shows of the policy that its sender follows.
type findings struct {
	actor                         string
	timestamp, confirms           bool
	encryption, signature, digest string // URIs; "" when the message has none
	derived, rawKey               bool   // keys are used through DerivedKeyTokens; as they are
	context                       bool   // a key is that of a SecurityContextToken
	byHash                        bool   // a key of a token that is not in the message
	lists                         []int  // positions of the lists that name parts
	signed                        int    // position of the signature
	signer, base                  xmltext.Node
	sealedSignature, tokenSigned  bool
	strTransform                  bool
	strForm                       wssec.STRForm
	signedParts, encryptedParts   wssec.Parts
	fit                           wssec.KeyFit
}

// policy is one that fits the message: what a route would have to say to accept
// it.
func (f *findings) policy() wssec.Policy {
	p := wssec.Policy{Binding: wssec.NoBinding, Actor: f.actor, Timestamp: wssec.TimestampForbidden}
	if f.timestamp {
		p.Timestamp = wssec.TimestampRequired
	}
	use := wssec.SupportingToken{Token: wssec.KerberosToken, Use: wssec.UsePlain}
	switch {
	case f.signature != "" && (f.signedParts.Body || f.encryption != ""):
		p.Binding, p.ProtectionToken = wssec.SymmetricBinding, wssec.KerberosToken
		p.ProtectTokens = f.tokenSigned
		p.EncryptedParts, p.EncryptSignature = f.encryptedParts, f.sealedSignature
		p.TokenOnce = f.byHash
	case f.signature != "":
		p.Binding = wssec.TransportBinding
		if use.Use = wssec.UseEndorsing; f.tokenSigned {
			use.Use = wssec.UseSignedEndorsing
		}
	}
	if p.Binding != wssec.SymmetricBinding {
		p.SupportingTokens = []wssec.SupportingToken{use}
	}
	if f.signature == "" {
		return p
	}
	p.SignedParts, p.KeyFit, p.STRTransform = f.signedParts, f.fit, f.strForm
	f.algorithms(&p)
	if p.DerivedKeys = wssec.DerivedKeysForbidden; f.derived {
		p.DerivedKeys = wssec.DerivedKeysRequired
		if f.rawKey {
			p.DerivedKeys = wssec.DerivedKeysAllowed
		}
	}
	if len(f.lists) > 0 && f.lists[0] > f.signed {
		p.ProtectionOrder = wssec.EncryptBeforeSign
	}
	return p
}

// algorithms takes the first suite whose ciphers and digests are those of the
// message.
func (f *findings) algorithms(p *wssec.Policy) {
	p.AlgorithmSuite = wssec.Basic128
	best := -1
	for _, name := range wssec.SuiteNames() {
		s, _ := wssec.LookupSuite(name)
		score := 0
		if f.encryption == "" || s.Encryption.URI == f.encryption {
			score += 2
		}
		if s.Digest.URI == f.digest {
			score++
		}
		if score > best {
			best, p.AlgorithmSuite = score, name
		}
	}
	if s, _ := wssec.LookupSuite(p.AlgorithmSuite); s.Digest.URI != f.digest {
		p.DigestMethod = map[string]wssec.DigestName{xmldsig.SHA1: wssec.DigestSHA1, xmldsig.SHA256: wssec.DigestSHA256, xmldsig.SHA384: wssec.DigestSHA384,
			xmldsig.SHA512: wssec.DigestSHA512}[f.digest]
	}
	p.SignatureMethod = map[string]wssec.SignatureName{xmldsig.HMACSHA256: wssec.HMACSHA256, xmldsig.HMACSHA384: wssec.HMACSHA384,
		xmldsig.HMACSHA512: wssec.HMACSHA512}[f.signature]
}

// policyText is a policy as a configuration file has it.
func policyText(p wssec.Policy) string {
	var b strings.Builder
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", key, value)
		}
	}
	line("binding", string(p.Binding))
	line("protection-token", string(p.ProtectionToken))
	for _, t := range p.SupportingTokens {
		line("supporting-tokens", fmt.Sprintf("[{token: %s, use: %s}]", t.Token, t.Use))
	}
	line("algorithm-suite", string(p.AlgorithmSuite))
	line("signature-method", string(p.SignatureMethod))
	line("digest-method", string(p.DigestMethod))
	line("signed-parts", partsText(p.SignedParts))
	line("encrypted-parts", partsText(p.EncryptedParts))
	line("protection-order", string(p.ProtectionOrder))
	for _, s := range []struct {
		key string
		on  bool
	}{{"encrypt-signature", p.EncryptSignature}, {"protect-tokens", p.ProtectTokens}, {"signature-confirmation", p.SignatureConfirmation}, {"token-once", p.TokenOnce}} {
		if s.on {
			line(s.key, "true")
		}
	}
	line("derived-keys", string(p.DerivedKeys))
	line("timestamp", string(p.Timestamp))
	line("key-fit", string(p.KeyFit))
	line("str-transform", string(p.STRTransform))
	if p.Actor != "" {
		line("actor", fmt.Sprintf("%q", p.Actor))
	}
	return b.String()
}

func partsText(p wssec.Parts) string {
	var words []string
	if p.Body {
		words = append(words, "body: true")
	}
	if len(p.Headers) > 0 {
		words = append(words, fmt.Sprintf("headers: [%s]", `"`+strings.Join(p.Headers, `", "`)+`"`))
	}
	if len(words) == 0 {
		return ""
	}
	return "{" + strings.Join(words, ", ") + "}"
}

// addVerdict verifies the message as the gateway does: under the policy that was
// given, or that fits. What belongs to a negotiated context is beyond all
// policies of the gateway.
func (m *message) addVerdict(src []byte) error {
	switch {
	case m.found.context:
		m.root.Add("verdict", "not judged").Note = "the key is that of a negotiated context, which no policy of wssgate is about; " +
			"the lines above tell what is right and what is wrong"
		return m.firstFail
	case m.security.IsZero() && m.negotiates():
		m.root.Add("verdict", "not judged").Note = "a negotiation of a context, which no policy of wssgate is about"
		return m.refused
	case m.security.IsZero():
		m.root.Add("verdict", "not protected").Note = "no Security header"
		return m.refused
	}
	policy, reply := m.policy()
	now := m.verify(src, policy, reply, m.now)
	then := now
	if now.err != nil && !m.made.IsZero() && m.made.Sub(m.now).Abs() > time.Minute {
		then = m.verify(src, policy, reply, m.made)
	}
	if m.x.cfg.Policy == nil && (m.found.encryption == "" || m.found.signature != "") {
		m.offer(policy, reply, now.err == nil || then.err == nil)
	}
	v := m.root.Add("verdict", "accepted")
	v.Note = "by a route with this policy and keytab, unless it was presented before"
	if m.negotiates() {
		v.Note += "; it asks for a context, and wssgate passes that on like any message and has none itself"
	}
	if now.err == nil {
		m.accepted(v, now.msg, policy)
		return m.firstFail
	}
	v.Value, v.Note = "refused: "+codeOf(now.err), ""
	m.explainRefusal(v, now.err)
	if then != now {
		at := v.Add("at its own time", "accepted")
		at.Note = inspect.FormatTime(m.made, m.now)
		if then.err != nil {
			at.Value = "refused: " + codeOf(then.err)
			m.explainRefusal(at, then.err)
		} else {
			m.accepted(at, then.msg, policy)
		}
	}
	return fmt.Errorf("refused: %w", now.err)
}

// offer shows the policy that the message seems to follow, if serve takes one
// like it. It is said to fit only when the message was accepted under it.
func (m *message) offer(p wssec.Policy, reply, fits bool) {
	n := m.root.Add("policy", "")
	err := p.Validate()
	switch {
	case err != nil:
		first, _, _ := strings.Cut(err.Error(), "\n")
		n.Note = "none that serve takes is like this message: " + first
		return
	case reply && m.found.signature == "":
		n.Note = "that of the request"
	case fits:
		n.Note = "one that fits this message, as a route has it"
	default:
		n.Note = "what this message looks like; whether a route with it accepts such messages cannot be said, as this one is refused"
	}
	n.Text = policyText(p)
}

// negotiates reports whether this is a message of WS-Trust: a request for a
// context, or the answer to one.
func (m *message) negotiates() bool {
	first := m.env.Body.FirstChild()
	return isWST(first, "RequestSecurityToken") || isWST(first, "RequestSecurityTokenResponse") || isWST(first, "RequestSecurityTokenResponseCollection")
}

// policy is what to verify against, and whether the message is a reply to the
// last request.
func (m *message) policy() (p wssec.Policy, reply bool) {
	reply = m.x.sent != nil && len(m.opened) == 0 && (m.found.confirms || m.env.Header.Child(wssec.NSWSSE, "Security").Child(wssec.NSWSSE, "BinarySecurityToken").IsZero())
	switch {
	case m.x.cfg.Policy != nil:
		p = *m.x.cfg.Policy
	case reply && m.found.signature == "":
		p = m.x.policy
	case reply:
		p = m.found.policy()
		p.TokenOnce, p.SignatureConfirmation = false, m.found.confirms
	default:
		p = m.found.policy()
	}
	return p, reply
}

// An outcome is what came of a message in a Processor.
type outcome struct {
	msg *wssec.Message
	err error
}

// verify scans the message anew and has a Processor look at it.
func (m *message) verify(src []byte, p wssec.Policy, reply bool, now time.Time) *outcome {
	msg, err := m.verified(src, p, reply, now)
	return &outcome{msg, err}
}

func (m *message) verified(src []byte, p wssec.Policy, reply bool, now time.Time) (*wssec.Message, error) {
	env, err := soap.Parse(src, xmltext.Options{})
	if err != nil {
		return nil, err
	}
	clock := func() time.Time { return now }
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: m.x.cfg.Keytab, Etypes: m.x.cfg.etypes(), Replay: anyReplay{}, Time: clock})
	if err != nil {
		return nil, err
	}
	processor, err := wssec.NewProcessor(p, wssec.Config{Verifier: knowingAcceptor{acceptor, knownTokens{m.x}}, Replay: anyReplay{},
		Tokens: knownTokens{m.x}, Time: clock})
	if err != nil {
		return nil, err
	}
	channel := wssec.Channel{TLS: true}
	if reply {
		return processor.VerifyReply(m.ctx, env, m.x.sent, channel)
	}
	return processor.Verify(m.ctx, env, channel)
}

func (m *message) accepted(v *inspect.Node, msg *wssec.Message, p wssec.Policy) {
	if name, realm := msg.Principal(); name != "" {
		v.Add("client", name+"@"+realm)
		v.Add("service", msg.Service())
		m.x.sent, m.x.policy = msg.AsSent(), p
	}
	if p.NeedsTLS() {
		v.Add("provided", "that it came over TLS")
	}
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
		v.Add("why", err.Error())
	}
	if m.x.cfg.Cure != nil {
		v.Add("cure", m.x.cfg.Cure(codeOf(err)))
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

// knownTokens are the tokens of earlier messages of this run that an acceptor
// has accepted.
type knownTokens struct{ x *Inspector }

func (k knownTokens) PutToken(_ context.Context, hash wssec.TokenHash, t wssec.CachedToken) error {
	if len(k.x.accepted) < maxKept {
		k.x.accepted[hash] = t
	}
	return nil
}

func (k knownTokens) GetToken(_ context.Context, hash wssec.TokenHash) (wssec.CachedToken, bool, error) {
	t, ok := k.x.accepted[hash]
	return t, ok, nil
}

// knowingAcceptor keeps what it accepts for messages that name it by its hash,
// whatever the policy of its own was.
type knowingAcceptor struct {
	*gss.Acceptor
	known knownTokens
}

func (a knowingAcceptor) VerifyToken(ctx context.Context, octets []byte, bindings [][]byte) (wssec.VerifiedToken, error) {
	t, err := a.Acceptor.VerifyToken(ctx, octets, bindings)
	if err != nil {
		return nil, err
	}
	name, realm := t.Client()
	return t, a.known.PutToken(ctx, wssec.HashToken(octets), wssec.CachedToken{Name: name, Realm: realm, Service: t.Service(), ValueType: wssec.GSSKerberosAPREQ,
		Etype: t.EtypeOfKey(), EndTime: t.EndTime(), Key: wssec.NewKey(t.ExposeKeyOctets())})
}
