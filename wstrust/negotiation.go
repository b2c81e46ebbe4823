package wstrust

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// A negotiation is one in which a message of the client has come.
type negotiation struct {
	n       *Negotiator
	m       *message // that message
	id      string   // of its entry in the store
	client  string   // address
	context GSSContext
	hash    transcript
	halfOpenState
}

// A Leg is a message of a negotiation that was accepted, and the answer to it.
// It is not safe for concurrent use.
type Leg struct {
	negotiation
	established bool
	token       []byte // of the GSS-API context, to be sent
	reply       []byte // of a leg that is not the last
	replied     bool
}

// Step takes a message that [Negotiator.Recognizes]. from is where it came from:
// a negotiation goes on with the client address that has begun it, and the
// channel's bindings are for the GSS-API context. Errors are an *Error, except
// that of a done ctx; the negotiation has then ended, unless the message is a
// first one in its midst, and nothing of it is kept.
func (n *Negotiator) Step(ctx context.Context, env *soap.Envelope, from wssec.Channel) (*Leg, error) {
	m, err := n.readMessage(env)
	if err != nil {
		return nil, err
	}
	s := &negotiation{n: n, m: m, id: n.id(from.Client, m.context), client: from.Client}
	if m.first {
		err = s.begin(ctx, from.Bindings)
	} else {
		err = s.resume(ctx, from.Bindings)
	}
	if err != nil {
		return nil, s.atLeg(err)
	}
	leg, err := s.step(ctx)
	if err != nil {
		return nil, s.atLeg(err)
	}
	return leg, nil
}

// atLeg puts the number of the leg into an Error.
func (s *negotiation) atLeg(err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Leg, e.Version, e.to = s.Legs, s.m.version, s.m.to
	}
	return err
}

// begin looks at what an RST asks for.
func (s *negotiation) begin(ctx context.Context, bindings [][]byte) error {
	r := s.m.request
	now := s.n.cfg.Time()
	s.halfOpenState = halfOpenState{Version: r.Version, Legs: 1, Until: now.Add(s.n.cfg.MaxOpen),
		ValueType: r.Exchange.ValueType, AppliesTo: r.AppliesTo}
	if r.RequestType != Issue {
		return errAt(CodeInvalidRequest, s.m.element, "RequestType %s in a negotiation, which is for Issue",
			r.RequestType)
	}
	if r.TokenType != "" && r.TokenType != r.Version.TokenType() {
		return errAt(CodeTokenType, s.m.element, "TokenType %.100q; only %s is issued", r.TokenType,
			r.Version.TokenType())
	}
	var ok bool
	if s.KeySize, ok = chooseKeySize(r.KeySize, s.n.cfg.KeySize, s.n.keySizes); !ok {
		return errAt(CodeKeySize, s.m.element, "KeySize %d; %s has %d", r.KeySize, s.n.cfg.AlgorithmSuite,
			s.n.keySizes)
	}
	waiting, err := s.n.cfg.HalfOpen.Get(ctx, s.id)
	switch {
	case err != nil:
		return storeError(ctx, err)
	case waiting != nil:
		return errContextInUse(s.m)
	}
	s.hash, s.context = newTranscript(), s.n.cfg.Acceptor.NewContext(bindings)
	return nil
}

func errContextInUse(m *message) error {
	return errAt(CodeContextInUse, m.element, "a negotiation of this client address waits under Context %.60q",
		m.context)
}

// resume takes up the negotiation that an RSTR belongs to.
func (s *negotiation) resume(ctx context.Context, bindings [][]byte) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	switch {
	case s.Version != s.m.version:
		return errAt(CodeInvalidRequest, s.m.element, "version %v of WS-Trust in a negotiation of version %v",
			s.m.version, s.Version)
	case s.ValueType != s.m.exchange.ValueType:
		return errAt(CodeInvalidRequest, s.m.element,
			"the ValueType of the BinaryExchange is not that of the first leg")
	}
	var err error
	if s.context, err = s.n.cfg.Acceptor.Resume(ctx, bindings, s.n.cfg.Sealer, s.gss); err != nil {
		return authError(ctx, err)
	}
	return nil
}

// step passes the client's token to the context.
func (s *negotiation) step(ctx context.Context) (*Leg, error) {
	if err := s.hash.add(s.m.element); err != nil {
		return nil, err
	}
	token, done, err := s.context.Step(ctx, s.m.exchange.Token)
	if err != nil {
		return nil, authError(ctx, err)
	}
	leg := &Leg{negotiation: *s, established: done, token: token}
	if done {
		return leg, leg.checkTicket()
	}
	if token == nil {
		return nil, &Error{Code: CodeFailedAuth,
			Err: errors.New("the context waits for a token and has none to send")}
	}
	response := (&RequestSecurityTokenResponse{Version: s.Version, Context: s.m.context,
		Exchange: &BinaryExchange{ValueType: s.ValueType, Token: token}}).Append(nil)
	if err := leg.hash.addWritten(response); err != nil {
		return nil, answerError(err)
	}
	leg.reply = leg.appendReply(s.Version.ActionRSTR(), response)
	return leg, leg.keep(ctx)
}

// checkTicket refuses a client whose ticket ends now: it was let in within the
// skew of clocks, and there is no time left for a security context.
func (l *Leg) checkTicket() error {
	if end := l.context.EndTime(); !end.IsZero() && !l.created().Before(end) {
		return &Error{Code: CodeFailedAuth,
			Err: fmt.Errorf("the client's ticket ended at %s: no security context outlives it",
				end.UTC().Format(time.RFC3339))}
	}
	return nil
}

// created is the present time as messages have it.
func (l *Leg) created() time.Time { return l.n.cfg.Time().Truncate(time.Millisecond) }

// Established reports whether the leg is the last one: the client is known, and
// Reply issues the security context.
func (l *Leg) Established() bool { return l.established }

// Number returns the number of the leg in its negotiation, from 1.
func (l *Leg) Number() int { return l.Legs }

// Client returns the client's name and realm, empty before the context is
// established.
func (l *Leg) Client() (name, realm string) {
	if !l.established {
		return "", ""
	}
	return l.context.Client()
}

// Service returns the principal that the client has called, "" before the
// context is established.
func (l *Leg) Service() string {
	if !l.established {
		return ""
	}
	return l.context.Service()
}

// Groups returns the security identifiers of the client's groups, as the PAC of
// its ticket has them; nil before the context is established. Do not change the
// list.
func (l *Leg) Groups() []string {
	if !l.established {
		return nil
	}
	return l.context.Groups()
}

// Reply returns the envelope to be answered. For the last leg it makes the key
// and issues the security context: call it once, when the client is authorized.
// Errors are an *Error, except that of a done ctx.
func (l *Leg) Reply(ctx context.Context) ([]byte, error) {
	if !l.established {
		return l.reply, nil
	}
	if l.replied {
		return nil, l.atLeg(answerError(errors.New("the security context of this leg was issued before")))
	}
	l.replied = true
	envelope, err := l.issue(ctx)
	return envelope, l.atLeg(err)
}

// appendReply writes the envelope around a body.
func (l *Leg) appendReply(action string, body []byte) []byte {
	r := reply{version: l.m.env.Version, to: l.m.to, action: action}
	if l.m.timestamp {
		r.timestamp = appendTimestamp(nil, l.n.cfg.Time())
	}
	return r.append(make([]byte, 0, len(body)+1<<10), body)
}

// issue makes key and security context, and writes the RSTRC: what is wrapped is
// the first message that the acceptor sends under the context, so its sequence
// number is the one announced in the AP-REP, or follows a mechListMIC.
func (l *Leg) issue(ctx context.Context) ([]byte, error) {
	octets := make([]byte, l.KeySize/8)
	defer clear(octets)
	token, err := newToken(l.n.cfg.Rand, octets)
	if err != nil {
		return nil, answerError(err)
	}
	wrapped, err := l.context.Wrap(nil, octets, true)
	if err != nil {
		return nil, answerError(err)
	}
	key := wssec.NewKey(octets)
	final := &RequestSecurityTokenResponse{Version: l.Version, Context: l.m.context,
		TokenType: l.Version.TokenType(), Token: token,
		AppliesTo: l.AppliesTo, Proof: &ProofToken{Wrapped: wrapped}, KeySize: l.KeySize, Created: l.created()}
	final.Expires = expiry(final.Created, l.n.cfg.Lifetime, l.context.EndTime())
	if l.token != nil {
		final.Exchange = &BinaryExchange{ValueType: l.ValueType, Token: l.token}
	}
	if err := l.hash.addWritten(final.append(make([]byte, 0, 2<<10), false)); err != nil {
		return nil, answerError(err)
	}
	second := &RequestSecurityTokenResponse{Version: l.Version, Context: l.m.context,
		Authenticator: Authenticator(key, l.hash.sum())}
	sc := l.securityContext(final, key)
	if err := l.n.cfg.Contexts.Issue(ctx, sc); err != nil {
		return nil, storeError(ctx, err)
	}
	if token.Cookie, err = l.n.cfg.Contexts.Cookie(sc); err != nil {
		return nil, answerError(err)
	}
	return l.appendReply(l.Version.ActionFinal(), AppendCollection(make([]byte, 0, 4<<10), l.Version, final,
		second)), nil
}

func (l *Leg) securityContext(r *RequestSecurityTokenResponse, key wssec.Key) wssec.SecurityContext {
	sc := wssec.SecurityContext{Identifier: r.Token.Identifier, Token: wssec.SpnegoContextToken,
		Namespace: l.Version.SecureConversation(),
		Service:   l.context.Service(), Groups: l.context.Groups(), Created: r.Created, Expires: r.Expires,
		TicketEnd: l.context.EndTime(), Key: key}
	sc.Name, sc.Realm = l.context.Client()
	if c, ok := l.context.(wssec.VerifiedCredentials); ok {
		sc.Credentials = c.ClientCredentials()
	}
	return sc
}

// expiry is when a security context ends: with the ticket at the latest, which
// is zero when its end is not known.
func expiry(created time.Time, lifetime time.Duration, ticket time.Time) time.Time {
	end := created.Add(lifetime)
	if !ticket.IsZero() && ticket.Before(end) {
		return ticket
	}
	return end
}

// authError makes the error of a token that the context has refused.
func authError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &Error{Code: CodeFailedAuth, Err: err}
}

// answerError makes the error of an answer that could not be made.
func answerError(err error) error { return &Error{Code: CodeAnswer, Err: err} }

// storeError makes the error of a store: it has no room, which is answered
// ServerTooBusy, or failed.
func storeError(ctx context.Context, err error) error {
	var full interface{ Full() bool }
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &full) && full.Full():
		return &Error{Code: CodeBusy, Err: err}
	}
	return &Error{Code: CodeStore, Err: err}
}
