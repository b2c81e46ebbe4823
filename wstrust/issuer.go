package wstrust

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// An IssuerConfig configures an Issuer. Contexts and Policy must be given.
type IssuerConfig struct {
	// Contexts is where security contexts are issued.
	Contexts *wssec.SecurityContexts
	// Policy is that of messages under the contexts; its Bootstrap is that of the
	// requests for one. Without a Bootstrap contexts come from negotiations: they
	// can be cancelled, and a request for one is for the service.
	Policy wssec.Policy
	// KeySize is that of keys, in bits, for clients that ask for none. 0 means
	// the least of the policy's suite.
	KeySize int
	// Lifetime is that of security contexts; none outlives the client's ticket.
	// 0 means 10 hours, as WCF has it.
	Lifetime time.Duration
	// UnprotectedBody answers requests whose Body neither the message nor TLS
	// protects, and so lets whoever listens compute the keys.
	UnprotectedBody bool
	// Time returns the current time. Nil: time.Now.
	Time func() time.Time
	// Rand supplies keys and identifiers. Nil: crypto/rand.
	Rand io.Reader
}

// An Issuer issues, renews and cancels security contexts over channels that are
// secured already (WS-SecureConversation §3, §5, §6), for one route. It is safe
// for concurrent use.
type Issuer struct {
	cfg      IssuerConfig
	keySizes []int
}

// NewIssuer makes an Issuer; the error says what is wrong with cfg.
func NewIssuer(cfg IssuerConfig) (*Issuer, error) {
	switch {
	case cfg.Contexts == nil:
		return nil, errors.New("wstrust: an Issuer needs Contexts")
	case cfg.Lifetime < 0:
		return nil, fmt.Errorf("wstrust: Lifetime is %v", cfg.Lifetime)
	}
	i := &Issuer{cfg: cfg}
	if err := i.setKeySizes(); err != nil {
		return nil, err
	}
	i.cfg.Lifetime = cmp.Or(cfg.Lifetime, defaultLifetime)
	i.cfg.Time, i.cfg.Rand = ofSystem(cfg.Time, cfg.Rand)
	return i, nil
}

// setKeySizes finds the sizes of the keys that are issued, where any are.
func (i *Issuer) setKeySizes() error {
	if i.cfg.Policy.Bootstrap == nil {
		return nil
	}
	suite, ok := wssec.LookupSuite(i.cfg.Policy.AlgorithmSuite)
	if !ok {
		return fmt.Errorf("wstrust: algorithm suite %q is not one of %q", i.cfg.Policy.AlgorithmSuite, wssec.SuiteNames())
	}
	i.keySizes = keySizes(suite)
	if size := i.cfg.KeySize; size != 0 && !slices.Contains(i.keySizes, size) {
		return fmt.Errorf("wstrust: a key of %d bits does not fit %s; %d do", size, suite.Name, i.keySizes)
	}
	i.cfg.KeySize = cmp.Or(i.cfg.KeySize, i.keySizes[0])
	return nil
}

// An Operation is what a message asks an Issuer for.
type Operation struct {
	request *RequestSecurityToken
	env     *soap.Envelope
	element xmltext.Node
	to      addressing
}

// Type returns what is asked for.
func (o *Operation) Type() RequestType { return o.request.RequestType }

// Operation returns what a verified message asks an Issuer for; ok is false if
// it is no message for one, but for the service. It is one if its Body is an RST
// and its action, that of HTTP and wsa:Action, that of an operation on security
// contexts. soapAction is the action of HTTP, "" without one. An error is an
// *Error: the message is for an Issuer and cannot be answered.
func (i *Issuer) Operation(env *soap.Envelope, soapAction string) (op *Operation, ok bool, err error) {
	n := only(env.Body)
	v := versionOf(n.Space())
	if v == 0 || n.Local() != "RequestSecurityToken" {
		return nil, false, nil
	}
	to, err := readAddressing(env)
	if err != nil {
		return nil, false, nil // two actions: whatever it is, it is not for us
	}
	for _, t := range []RequestType{Issue, Renew, Cancel} {
		if t == Issue && i.cfg.Policy.Bootstrap == nil {
			continue // the service may issue some
		}
		if to.sameAction(soapAction, v.ActionSCT(t)) {
			op, err := i.readOperation(env, n, to, t)
			return op, true, withMessage(err, v, to)
		}
	}
	return nil, false, nil
}

func (i *Issuer) readOperation(env *soap.Envelope, n xmltext.Node, to addressing, t RequestType) (*Operation, error) {
	if err := cmp.Or(to.checkReplyTo(), checkUnderstood(env, i.cfg.Policy.Actors)); err != nil {
		return nil, err
	}
	r, err := ReadRequest(n)
	switch {
	case err != nil:
		return nil, err
	case r.RequestType != t:
		return nil, errAt(CodeInvalidRequest, n, "RequestType %s under the action of %s", r.RequestType, t)
	case t != Cancel && r.TokenType != "" && r.TokenType != r.Version.TokenType():
		return nil, errAt(CodeTokenType, n, "TokenType %.100q; only %s is issued", r.TokenType, r.Version.TokenType())
	}
	return &Operation{request: r, env: env, element: n, to: to}, nil
}

// withMessage puts what the fault has to answer into an Error.
func withMessage(err error, v Version, to addressing) error {
	var e *Error
	if errors.As(err, &e) {
		e.Version, e.to = v, to
	}
	return err
}

// Answer does what a message asks for, which is its Operation, and returns the
// envelope of the answer: to be protected as a reply to msg, since the keys of
// the context may be in it. Call it once, when the client is authorized. Issue
// is for messages that were verified under the Policy's Bootstrap, Renew and
// Cancel for those under the Policy itself. Renew is for messages under the
// Bootstrap too, if the context endorses them ([wssec.Message.Endorsing]).
// Errors are an *Error, except that of a done ctx.
func (i *Issuer) Answer(ctx context.Context, msg *wssec.Message, op *Operation) ([]byte, error) {
	answer := map[RequestType]func(context.Context, *wssec.Message, *Operation) (*RequestSecurityTokenResponse,
		error){
		Issue: i.issue, Renew: i.renew, Cancel: i.cancel}[op.Type()]
	if msg.Envelope() != op.env {
		return nil, answerError(errors.New("the operation is not that of the message"))
	}
	v := op.request.Version
	response, err := answer(ctx, msg, op)
	if err != nil {
		return nil, withMessage(err, v, op.to)
	}
	response.Version, response.Context = v, op.request.Context
	var body []byte
	if v == V13 {
		body = AppendCollection(nil, v, response)
	} else {
		body = response.Append(nil)
	}
	r := reply{version: op.env.Version, to: op.to, action: v.ActionSCTReply(op.Type())}
	return r.append(make([]byte, 0, len(body)+1<<10), body), nil
}

// issue makes a new context for the client (WSC §3).
func (i *Issuer) issue(ctx context.Context, msg *wssec.Message, op *Operation) (*RequestSecurityTokenResponse,
	error) {
	if under, ok := msg.Context(); ok && under.Token == wssec.SecureConversationToken {
		return nil, errAt(CodeInvalidRequest, op.element,
			"a context is asked for under another one of the same kind, and not under the bootstrap policy")
	}
	if _, ok := msg.Endorsing(); ok {
		return nil, errAt(CodeInvalidRequest, op.element, "a message that a context endorses asks for another, and not to "+
			"renew that")
	}
	response, key, err := i.newKey(msg, op, i.cfg.Policy.Bootstrap)
	if err != nil {
		return nil, err
	}
	sc := wssec.SecurityContext{Identifier: response.Token.Identifier, Token: wssec.SecureConversationToken,
		Namespace: op.request.Version.SecureConversation(),
		Service:   msg.Service(), Groups: msg.Groups(), TicketEnd: msg.TicketEndTime(), Key: key,
		Credentials: msg.Credentials()}
	sc.Name, sc.Realm = msg.Principal()
	if sc.Created, sc.Expires, err = i.lifetime(sc.TicketEnd); err != nil {
		return nil, &Error{Code: CodeFailedAuth, Err: err}
	}
	if err := i.cfg.Contexts.Issue(ctx, sc); err != nil {
		return nil, storeError(ctx, err)
	}
	response.Created, response.Expires = sc.Created, sc.Expires
	if response.Token.Cookie, err = i.cfg.Contexts.Cookie(sc); err != nil {
		return nil, answerError(err)
	}
	return response, nil
}

// renew sets a new key and time in a context (WSC §5).
func (i *Issuer) renew(ctx context.Context, msg *wssec.Message, op *Operation) (*RequestSecurityTokenResponse,
	error) {
	sc, policy, err := renewable(msg, op, &i.cfg.Policy)
	if err != nil {
		return nil, err
	}
	response, key, err := i.newKey(msg, op, policy)
	if err != nil {
		return nil, err
	}
	if sc.Created, sc.Expires, err = i.lifetime(sc.TicketEnd); err != nil {
		return nil, errAt(CodeUnableToRenew, op.element, "%w", err)
	}
	instance, err := newUUID(i.cfg.Rand)
	if err != nil {
		return nil, answerError(err)
	}
	sc.Instance, sc.Key = "urn:uuid:"+instance, key
	if err := i.cfg.Contexts.Renew(ctx, sc); err != nil {
		return nil, contextError(ctx, err)
	}
	response.Token.Identifier, response.Token.Instance = sc.Identifier, sc.Instance
	response.Created, response.Expires = sc.Created, sc.Expires
	if response.Token.Cookie, err = i.cfg.Contexts.Cookie(sc); err != nil {
		return nil, answerError(err)
	}
	return response, nil
}

// renewable returns the context to be renewed, and the policy of the message. A
// message under the context proves possession of its key; what its ticket proved
// is held by not outliving the ticket. A message under the bootstrap policy, which
// the context endorses, proves that and the client's claims anew, so that the
// context has groups and end of the new ticket.
func renewable(msg *wssec.Message, op *Operation, policy *wssec.Policy) (wssec.SecurityContext, *wssec.Policy, error) {
	sc, endorsed := msg.Endorsing()
	if !endorsed {
		sc, _ = msg.Context()
	}
	if err := checkTarget(sc, op); err != nil {
		return sc, nil, err
	}
	switch {
	case sc.Token != wssec.SecureConversationToken:
		return sc, nil, errAt(CodeUnableToRenew, op.element,
			"the context comes from a negotiation; it is not renewed but negotiated anew")
	case !endorsed:
		return sc, policy, nil
	case msg.Service() != sc.Service:
		return sc, nil, errAt(CodeUnableToRenew, op.element,
			"the message has a ticket for %s, and the context is of one for %s",
			msg.Service(), sc.Service)
	}
	sc.Groups, sc.TicketEnd, sc.Credentials = msg.Groups(), msg.TicketEndTime(), msg.Credentials()
	return sc, policy.Bootstrap, nil
}

// cancel ends the context of the message (WSC §6).
func (i *Issuer) cancel(ctx context.Context, msg *wssec.Message, op *Operation) (*RequestSecurityTokenResponse,
	error) {
	sc, _ := msg.Context()
	if err := checkTarget(sc, op); err != nil {
		return nil, err
	}
	if err := i.cfg.Contexts.Cancel(ctx, sc.Identifier, sc.Cookie); err != nil {
		return nil, contextError(ctx, err)
	}
	return &RequestSecurityTokenResponse{Cancelled: true}, nil
}

// checkTarget requires that an operation is about sc, which protects or endorses
// its message: nobody changes another's context. Without one sc is zero.
func checkTarget(sc wssec.SecurityContext, op *Operation) error {
	named := op.request.Target
	if sc.Identifier == "" || named.Identifier != sc.Identifier || named.Instance != "" && named.Instance != sc.Instance {
		return errAt(CodeBadContext, op.element, "the %sTarget is not the context that protects the message, or endorses it",
			op.Type())
	}
	return nil
}

// lifetime returns when a context that is made now begins and ends.
func (i *Issuer) lifetime(ticket time.Time) (created, expires time.Time, err error) {
	created = i.cfg.Time().Truncate(time.Millisecond)
	if expires = expiry(created, i.cfg.Lifetime, ticket); !created.Before(expires) {
		return created, expires, fmt.Errorf("the client's ticket ended at %s: no security context outlives it",
			ticket.UTC().Format(time.RFC3339))
	}
	return created, expires, nil
}

// contextError makes the error of a context that cannot be changed.
func contextError(ctx context.Context, err error) error {
	var e *wssec.Error
	if errors.As(err, &e) && e.Code != wssec.CodeContextStore {
		return &Error{Code: CodeBadContext, Err: err}
	}
	return storeError(ctx, err)
}
