package negotiate

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
)

// A Result is what became of the authentication of a request.
type Result struct {
	// Identity is the client. nil means that the request must not be processed,
	// but be answered with Status.
	Identity *Identity
	// Status of the answer, if Identity is nil.
	Status int
	// Header is for the response in both cases: the server's token, cookies. A
	// client that Config.Authorize has refused gets the token too: it proves who
	// refuses. A response with an Identity gets it by Complete.
	Header http.Header
	// Err is why there is no Identity, or in its presence why the client will
	// have to authenticate itself anew. It is nil for a leg that is not the last
	// one, and that of Config.Authorize if that refused. It is for operators; the client has been told what it may know.
	Err error
	// Legs is how many tokens of the client have come.
	Legs int
}

// A request is one that is being authenticated.
type request struct {
	a          *Authenticator
	r          *http.Request
	ctx        context.Context
	now        time.Time
	addr       netip.Addr
	cookie     cookie
	connection connectionView
}

// Authenticate authenticates the client of a request. It does not read the
// body. Without an Identity answer by [Authenticator.Write]; else call
// [Result.Complete] with the header of the response before it is sent.
// [Authenticator.Handler] does both.
func (a *Authenticator) Authenticate(r *http.Request) *Result {
	q := &request{a: a, r: r, ctx: r.Context(), now: a.cfg.Time(), addr: a.cfg.ClientAddr(r),
		cookie: a.readCookie(r), connection: a.view(r)}
	if q.addr.IsValid() {
		q.ctx = kerberos.WithRemoteAddr(q.ctx, q.addr)
	}
	token, err := a.credentials(r.Header)
	switch {
	case err != nil:
		return q.refuse(nil, err)
	case token == nil:
		return q.withoutToken()
	}
	return q.withToken(token)
}

// withoutToken looks for a context that was established before, and else
// challenges the client.
func (q *request) withoutToken() *Result {
	i, err := q.remembered()
	if err != nil {
		return q.refuse(nil, err)
	}
	if i != nil {
		res := &Result{Identity: i, Header: http.Header{}}
		if i.source != FromContext {
			return q.authorized(res)
		}
		q.dropCookie(res.Header)
		return q.established(res)
	}
	if known := q.connection.identity(); known != nil && q.now.Before(known.record.Ends) {
		copied := *known
		copied.source, copied.context = FromConnection, nil
		return q.authorized(&Result{Identity: &copied, Header: http.Header{}})
	}
	code, detail := CodeNoToken, "the request has no token"
	if k := q.cookie.kind; k == kindSession || k == kindSealed {
		code, detail = CodeSession, "the session of the cookie is over or not known here"
	}
	return q.challenge(kerberos.Errorf(code, "%s", detail))
}

// challenge invites the client to send a token, or refuses it if that is off.
func (q *request) challenge(err error) *Result {
	res := &Result{Status: http.StatusUnauthorized, Header: http.Header{}, Err: err}
	if q.cookie.kind != kindLeg { // else a negotiation of another request may be under way
		q.dropCookie(res.Header)
	}
	if q.a.cfg.NoChallenge {
		res.Status = http.StatusForbidden // 401 needs a challenge (RFC 9110 15.5.2)
		return res
	}
	q.invite(res)
	return res
}

func (q *request) invite(res *Result) {
	text := scheme
	if q.a.cfg.Application {
		text = q.a.cfg.Challenge.String()
	}
	res.Header.Set("WWW-Authenticate", text)
	if q.a.cfg.ConnectionBound {
		res.Header.Set("Proxy-Support", "Session-Based-Authentication") // RFC 4559 6
	}
}

// withToken passes the token to the context that it belongs to.
func (q *request) withToken(token []byte) *Result {
	q.connection.setIdentity(nil) // it holds for requests without a token alone
	c, err := q.contextFor(token)
	if err != nil {
		if code := (*kerberos.Error)(nil); errors.As(err, &code) && code.Code == CodeUnknown {
			return q.challenge(err)
		}
		return q.refuse(nil, err)
	}
	reply, done, err := c.Step(q.ctx, token)
	switch {
	case err != nil:
		return q.refuse(reply, err)
	case !done:
		return q.continues(c, reply)
	}
	res := &Result{Identity: identityOf(c), Header: http.Header{}, Legs: c.Facts().Legs}
	if reply != nil {
		res.Header.Set("WWW-Authenticate", encodeToken(reply))
	}
	if q.cookie.kind == kindLeg {
		q.dropCookie(res.Header)
	}
	return q.established(res)
}

// contextFor returns the context that a token is for: a new one, unless the
// token continues a negotiation.
func (q *request) contextFor(token []byte) (*gss.Context, error) {
	leg := q.connection.takeLeg()
	if q.cookie.kind == kindLeg {
		leg = q.cookie
	}
	var state []byte
	if leg.kind == kindLeg { // whatever comes of the token, the negotiation is over
		var err error
		if state, err = q.look(leg, true); err != nil {
			return nil, err
		}
	}
	switch cfg := q.acceptConfig(); {
	case !continues(token):
		return q.a.cfg.Acceptor.NewContext(cfg), nil
	case state == nil:
		return nil, kerberos.Errorf(CodeUnknown, "a NegTokenResp of a negotiation that is not known here")
	default:
		return q.a.cfg.Acceptor.Resume(q.ctx, cfg, q.a.cfg.Sealer, state)
	}
}

// continues reports whether a token is a NegTokenResp (RFC 4178 4.2).
func continues(token []byte) bool { return bytes.HasPrefix(token, []byte{0xa1}) }

func (q *request) acceptConfig() gss.AcceptConfig {
	cfg := &q.a.cfg
	ac := gss.AcceptConfig{Mechanism: cfg.Mechanism, BindingRule: cfg.BindingRule, Delegation: cfg.Delegation,
		MaxOpen: cfg.MaxOpen, StateBinding: "http negotiate " + cfg.Scope}
	if cfg.Bindings != nil && q.r.TLS != nil {
		ac.ChannelBindings = cfg.Bindings(q.r)
	}
	return ac
}

// continues answers a leg that is not the last: the context waits in the store
// for the client's next token.
func (q *request) continues(c *gss.Context, reply []byte) *Result {
	res := &Result{Status: http.StatusUnauthorized, Header: http.Header{}}
	if err := q.keepLeg(res.Header, c); err != nil {
		return q.refuse(nil, err)
	}
	res.Header.Set("WWW-Authenticate", encodeToken(reply))
	return res
}

// authorized returns res, or the refusal of its client by Config.Authorize.
// Nothing remembers the client then: not its connection, and no cookie that it
// has.
func (q *request) authorized(res *Result) *Result {
	if q.a.cfg.Authorize == nil {
		return res
	}
	err := q.a.cfg.Authorize(q.r, res.Identity)
	if err == nil {
		return res
	}
	q.connection.setIdentity(nil)
	if res.Identity.source == FromToken {
		res.Header.Set("Persistent-Auth", "false") // see established
	}
	q.dropCookie(res.Header)
	return &Result{Status: http.StatusForbidden, Header: res.Header, Err: err, Legs: res.Legs}
}

// established sets the cookies of a client whose context is established, if it
// is authorized.
func (q *request) established(res *Result) *Result {
	i := res.Identity
	if res = q.authorized(res); res.Identity == nil {
		return res
	}
	if q.a.cfg.ConnectionBound {
		q.connection.setIdentity(i)
	}
	if i.source == FromToken {
		persistent := map[bool]string{true: "true", false: "false"}[q.connection.c != nil]
		res.Header.Set("Persistent-Auth", persistent) // MS-N2HT: else curl sends its token once a connection
	}
	kept := false
	if q.a.cfg.Session > 0 {
		kept, res.Err = q.keepSession(res.Header, i)
	}
	if !q.a.cfg.BodyLater || i.source != FromToken || !withheld(q.r) {
		return res
	}
	if !kept {
		if err := q.keepContext(res.Header, i); err != nil {
			return q.refuse(nil, err)
		}
	}
	res.Identity, res.Status = nil, http.StatusNoContent
	return res
}

// withheld reports whether a request has no body though its method has one.
func withheld(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return r.ContentLength == 0
	}
	return false
}

// refuse answers a request whose token was refused. A reply of the context is
// all that the client is told: it ends the negotiation.
func (q *request) refuse(reply []byte, err error) *Result {
	res := &Result{Status: http.StatusForbidden, Header: http.Header{}, Err: err}
	q.dropCookie(res.Header)
	var coded *kerberos.Error
	switch errors.As(err, &coded); {
	case q.ctx.Err() != nil, coded != nil && busy(coded.Code):
		res.Status = http.StatusServiceUnavailable
		res.Header.Set("Retry-After", "1")
	case coded != nil && coded.Code == CodeAuthorization:
		res.Status = http.StatusBadRequest
	case reply != nil:
		res.Status = http.StatusUnauthorized
		res.Header.Set("WWW-Authenticate", encodeToken(reply))
	case q.a.cfg.Invite:
		res.Status = http.StatusUnauthorized
		q.invite(res)
	}
	return res
}

// busy reports whether a code is about this side.
func busy(code kerberos.Code) bool {
	switch code {
	case CodeFull, CodeStore, kerberos.CodeReplayStore, kerberos.CodeReplayShare:
		return true
	}
	return false
}
