package wstrust

import (
	"cmp"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// An InitiatorContext is an initiator's GSS-API context (RFC 2743) with SPNEGO:
// *gss.Context of package kerberos/gss is one.
type InitiatorContext interface {
	// Step takes the service's next token, none at first, and returns the one to
	// send, nil for none. When done, the context is established.
	Step(ctx context.Context, token []byte) (reply []byte, done bool, err error)
	// Unwrap appends what a Wrap token holds, and reports whether it was
	// encrypted.
	Unwrap(dst, token []byte) (plaintext []byte, sealed bool, err error)
}

// An InitiatorConfig configures an [Initiator]. Version and AlgorithmSuite must
// be given.
type InitiatorConfig struct {
	// Version is that of WS-Trust to speak.
	Version Version
	// AlgorithmSuite is that of the policy which the security context is for. It
	// fixes the size of the key.
	AlgorithmSuite wssec.SuiteName
	// NoAuthenticator goes on without an Authenticator and without a last SPNEGO
	// token of the service's, neither of which CXF's server sends. The
	// BinaryExchange is then named as that server has it. Whoever is in between can
	// then change what is asked for, though not learn the key nor choose it. An
	// Authenticator that is there is checked nevertheless.
	NoAuthenticator bool
	// ClockSkew is how far the service's clock may be from ours. Zero: 5 minutes.
	ClockSkew time.Duration
	// Time returns the current time. Nil: time.Now.
	Time func() time.Time
	// Rand supplies the Context attribute. Nil: crypto/rand.
	Rand io.Reader
}

// An Initiator is the client's side of one SPNEGO negotiation. It is not safe for
// concurrent use.
//
//	body, err := i.Start(ctx)
//	for i.Established() == nil { … send body as i.Action(); body, err = i.Step(ctx, answer) }
type Initiator struct {
	cfg         InitiatorConfig
	gss         InitiatorContext
	context     string // attribute
	keySize     int    // bits, that are asked for
	hash        transcript
	legs        int // messages sent
	done        bool
	established *wssec.SecurityContext
}

// maxLegs bounds the messages of a client in one negotiation: SPNEGO with
// Kerberos has three at most.
const maxLegs = 8

// acceptCompleted is a NegTokenResp with the state accept-completed and nothing
// else (RFC 4178 §4.2.2), which a service implies that sends no token.
const acceptCompleted = "\xa1\x07\x30\x05\xa0\x03\x0a\x01\x00"

// suiteFor returns the algorithm suite of a name; the error is for that or a
// version that is not known.
func suiteFor(v Version, name wssec.SuiteName) (wssec.Suite, error) {
	suite, ok := wssec.LookupSuite(name)
	if !ok || v.Trust() == "" {
		return suite, fmt.Errorf("wstrust: version %v or algorithm suite %q is not known", v, name)
	}
	return suite, nil
}

// NewInitiator makes an Initiator. gss has not spoken yet; it asks for mutual
// authentication unless cfg has NoAuthenticator.
func NewInitiator(gss InitiatorContext, cfg InitiatorConfig) (*Initiator, error) {
	suite, err := suiteFor(cfg.Version, cfg.AlgorithmSuite)
	if err != nil {
		return nil, err
	}
	cfg.ClockSkew = cmp.Or(cfg.ClockSkew, defaultSkew)
	cfg.Time, cfg.Rand = ofSystem(cfg.Time, cfg.Rand)
	id, err := newUUID(cfg.Rand)
	if err != nil {
		return nil, fmt.Errorf("wstrust: %w", err)
	}
	return &Initiator{cfg: cfg, gss: gss, context: "uuid-" + id + "-1", keySize: 8 * suite.EncryptionKey,
		hash: newTranscript()}, nil
}

// Action returns the action of the message that is to be sent.
func (i *Initiator) Action() string {
	if i.legs <= 1 {
		return i.cfg.Version.ActionRST()
	}
	return i.cfg.Version.ActionRSTR()
}

// Established returns the security context that was negotiated, nil as long as
// the negotiation goes on. Client and service are not in it: they are those of
// the GSS-API context. Created is ours, and Expires as much later as the service
// has it, so that the clocks need not agree.
func (i *Initiator) Established() *wssec.SecurityContext { return i.established }

// Start returns the first RST, the content of a Body.
func (i *Initiator) Start(ctx context.Context) ([]byte, error) {
	token, done, err := i.gss.Step(ctx, nil)
	if err != nil {
		return nil, i.failed(ctx, err)
	}
	i.done, i.legs = done, 1
	r := &RequestSecurityToken{
		Version: i.cfg.Version, Context: i.context, TokenType: i.cfg.Version.TokenType(), RequestType: Issue,
		KeySize:  i.keySize,
		Exchange: i.exchange(token),
	}
	return i.send(r.Append(nil))
}

// exchange puts a token into a BinaryExchange. WCF's name of SPNEGO is that of
// February 2005 in both versions, CXF's server wants that of the version.
func (i *Initiator) exchange(token []byte) *BinaryExchange {
	if i.cfg.NoAuthenticator {
		return &BinaryExchange{ValueType: i.cfg.Version.SPNEGO(), Token: token}
	}
	return &BinaryExchange{ValueType: Feb2005.SPNEGO(), Token: token}
}

func (i *Initiator) send(body []byte) ([]byte, error) {
	if err := i.hash.addWritten(body); err != nil {
		return nil, err
	}
	return body, nil
}

// Step takes the service's answer. It returns the RSTR to send next, the content
// of a Body, or nil when Established has the result. A fault is not for Step: it
// is an answer that breaks the rules. Errors are an *[Error], except that of a
// done ctx; the negotiation has then ended.
func (i *Initiator) Step(ctx context.Context, answer *soap.Envelope) (body []byte, err error) {
	responses, err := i.read(answer)
	if err != nil {
		return nil, i.atLeg(err)
	}
	if responses[0].Token != nil {
		return nil, i.atLeg(i.finish(ctx, responses))
	}
	body, err = i.goOn(ctx, responses)
	return body, i.atLeg(err)
}

func (i *Initiator) atLeg(err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Leg = i.legs
	}
	return err
}

// read reads the RSTRs of an answer: of our version, and of this negotiation.
func (i *Initiator) read(answer *soap.Envelope) ([]*RequestSecurityTokenResponse, error) {
	body := only(answer.Body)
	if body.IsZero() {
		return nil, errAt(CodeReply, answer.Body, "not exactly one element in the answer")
	}
	responses, err := ReadResponses(body)
	if err != nil {
		return nil, err
	}
	for _, r := range responses {
		switch {
		case r.Version != i.cfg.Version:
			return nil, errAt(CodeReply, r.element, "version %v of WS-Trust; the request is of version %v", r.Version,
				i.cfg.Version)
		case r.Context != i.context:
			return nil, errAt(CodeReply, r.element, "Context %.60q is not that of this negotiation", r.Context)
		}
	}
	return responses, nil
}

// goOn takes an RSTR that is not the last one (WS-Trust §7.4).
func (i *Initiator) goOn(ctx context.Context, responses []*RequestSecurityTokenResponse) ([]byte, error) {
	r := responses[0]
	switch {
	case len(responses) > 1 || r.Exchange == nil:
		return nil, errAt(CodeReply, r.element, "neither a token nor one BinaryExchange")
	case i.done:
		return nil, errAt(CodeReply, r.element, "the negotiation goes on, and our side of it is done")
	case i.legs == maxLegs:
		return nil, errAt(CodeReply, r.element, "the negotiation does not end; %d messages are sent at most", maxLegs)
	}
	if err := i.hash.add(r.element); err != nil {
		return nil, err
	}
	token, done, err := i.gss.Step(ctx, r.Exchange.Token)
	switch {
	case err != nil:
		return nil, i.failed(ctx, err)
	case token == nil:
		return nil, errAt(CodeReply, r.element, "the service waits for a token, and there is none to send")
	}
	i.done = done
	i.legs++
	next := &RequestSecurityTokenResponse{Version: i.cfg.Version, Context: i.context, Exchange: i.exchange(token)}
	return i.send(next.Append(nil))
}

// finish takes the last answer: a security context, and the proof that both sides
// have seen the same messages.
func (i *Initiator) finish(ctx context.Context, responses []*RequestSecurityTokenResponse) error {
	r := responses[0]
	if err := i.complete(ctx, r); err != nil {
		return err
	}
	key, err := i.unwrap(r)
	if err != nil {
		return err
	}
	if err := i.hash.addFinal(r.element); err != nil {
		return err
	}
	if err := i.checkAuthenticator(key, responses); err != nil {
		return err
	}
	sc, err := contextOfResponse(r, i.cfg.Version, lifetime{i.cfg.Time(), i.cfg.ClockSkew})
	if err != nil {
		return err
	}
	sc.Token, sc.Key = wssec.SpnegoContextToken, key
	i.established = sc
	return nil
}

// complete passes the last token to the GSS-API context: with mutual
// authentication that is the AP-REP, without which nobody has proved to be the
// service.
func (i *Initiator) complete(ctx context.Context, r *RequestSecurityTokenResponse) error {
	var last []byte
	switch {
	case r.Exchange != nil:
		last = r.Exchange.Token
	case i.done:
		return nil
	case !i.cfg.NoAuthenticator:
		return errAt(CodeReply, r.element, "no BinaryExchange: the service does not prove who it is (CXF's server never "+
			"does, see NoAuthenticator)")
	default:
		last = []byte(acceptCompleted)
	}
	if i.done {
		return errAt(CodeReply, r.element, "a BinaryExchange, and our side of the negotiation is done")
	}
	token, done, err := i.gss.Step(ctx, last)
	switch {
	case err != nil:
		return i.failed(ctx, err)
	case !done || token != nil:
		return errAt(CodeReply, r.element, "a security context, and the negotiation is not done")
	}
	i.done = true
	return nil
}

// unwrap takes the key out of the RequestedProofToken. One that was not encrypted
// everybody on the way knows (CoreWCF's advisory COREWCF-2026-003).
func (i *Initiator) unwrap(r *RequestSecurityTokenResponse) (wssec.Key, error) {
	switch {
	case r.TokenType != "" && r.TokenType != i.cfg.Version.TokenType():
		return wssec.Key{}, errAt(CodeReply, r.element, "TokenType %.100q; %s was asked for", r.TokenType,
			i.cfg.Version.TokenType())
	case r.Proof == nil || r.Proof.Wrapped == nil:
		return wssec.Key{}, errAt(CodeReply, r.element, "no key that GSS_Wrap encrypts")
	}
	octets, sealed, err := i.gss.Unwrap(nil, r.Proof.Wrapped)
	defer clear(octets)
	switch {
	case err != nil:
		return wssec.Key{}, &Error{Code: CodeFailedAuth, Path: r.element.Path(),
			Err: fmt.Errorf("the key in the proof token: %w", err)}
	case !sealed:
		return wssec.Key{}, errAt(CodeReply, r.element, "the key in the proof token is not encrypted: whoever sees the "+
			"answer has it")
	case 8*len(octets) != i.keySize || r.KeySize != 0 && r.KeySize != i.keySize:
		return wssec.Key{}, errAt(CodeReply, r.element, "a key of %d bits, KeySize %d; %d bits were asked for",
			8*len(octets), r.KeySize, i.keySize)
	}
	return wssec.NewKey(octets), nil
}

// checkAuthenticator compares the CombinedHash, in the last RSTR of two.
func (i *Initiator) checkAuthenticator(key wssec.Key, responses []*RequestSecurityTokenResponse) error {
	last := responses[len(responses)-1]
	switch {
	case len(responses) > 2:
		return errAt(CodeReply, last.element, "%d RSTRs; a negotiation ends with two", len(responses))
	case len(responses) == 2 && last.Token != nil:
		return errAt(CodeReply, last.element, "a second security context")
	case last.Authenticator == nil && !i.cfg.NoAuthenticator:
		return errAt(CodeReply, last.element,
			"no Authenticator: somebody may have changed what was asked for (CXF's server never sends one, see "+
				"NoAuthenticator)")
	case last.Authenticator == nil:
		return nil
	}
	if !hmac.Equal(last.Authenticator, Authenticator(key, i.hash.sum())) {
		return errAt(CodeReply, last.element, "the CombinedHash is wrong: the service has seen other messages than these")
	}
	return nil
}

// failed makes the error of a GSS-API context that has refused a token.
func (i *Initiator) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &Error{Code: CodeFailedAuth, Leg: i.legs, Err: err}
}

// A lifetime holds the Lifetime of a security context against the clock.
type lifetime struct {
	now  time.Time
	skew time.Duration
}

// maxLife bounds a Lifetime: no ticket lives as long.
const maxLife = 30 * 24 * time.Hour

// check returns until when a security context is good by our clock.
func (l lifetime) check(r *RequestSecurityTokenResponse) (time.Time, error) {
	life := r.Expires.Sub(r.Created)
	switch {
	case r.Created.IsZero() || r.Expires.IsZero():
		return time.Time{}, errAt(CodeReply, r.element, "no Lifetime with Created and Expires")
	case life <= 0 || life > maxLife:
		return time.Time{}, errAt(CodeReply, r.element, "a Lifetime of %v", life)
	case r.Created.After(l.now.Add(l.skew)), !l.now.Before(r.Expires.Add(l.skew)):
		return time.Time{}, errAt(CodeReply, r.element, "a Lifetime from %s to %s; it is %s here: check the clocks",
			r.Created.UTC().Format(time.RFC3339), r.Expires.UTC().Format(time.RFC3339), l.now.UTC().Format(time.RFC3339))
	}
	return l.now.Add(life), nil
}

// contextOfResponse makes a security context of an RSTR with a token, without its
// key.
func contextOfResponse(r *RequestSecurityTokenResponse, v Version, l lifetime) (*wssec.SecurityContext, error) {
	expires, err := l.check(r)
	if err != nil {
		return nil, err
	}
	return &wssec.SecurityContext{
		Identifier: r.Token.Identifier, Instance: r.Token.Instance, Namespace: v.SecureConversation(), Created: l.now,
		Expires: expires, Cookie: r.Token.Cookie,
	}, nil
}
