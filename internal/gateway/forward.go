package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// route is a Route with what follows from it.
type route struct {
	Route
	addresses   []string // of Route, in normal form
	pass        []string // client HTTP headers that reach the backend
	reliesOnTLS bool     // the channel protects what the policy does not sign
}

func newRoute(r Route) (*route, error) {
	rt := &route{Route: r}
	for _, text := range r.Addresses {
		address, err := soap.NormalAddress(text)
		if err != nil {
			return nil, fmt.Errorf("gateway: route %q: %w", r.Path, err)
		}
		rt.addresses = append(rt.addresses, address)
	}
	if !r.Disabled {
		rt.pass, rt.reliesOnTLS = passable(&r), r.Processor.Policy().Binding != wssec.SymmetricBinding
	}
	return rt, nil
}

// channel says what is known of the transport of r.
func (rt *route) channel(r *http.Request) wssec.Channel {
	return wssec.Channel{TLS: r.TLS != nil || rt.TLSOffloaded, Bindings: bindings(r)}
}

// backendReply is the backend's answer, or a fault of ours in its place.
type backendReply struct {
	oneWay bool // there is none: the message asked for none
	status int
	env    *soap.Envelope // nil: fault is to be made one
	fault  []byte         // envelope of a fault of ours
}

// envelope gives the message to protect.
func (b backendReply) envelope() (*soap.Envelope, error) {
	if b.env != nil {
		return b.env, nil
	}
	return soap.Parse(b.fault, xmltext.Options{})
}

// forward authorises the sender of msg and passes the verified message to the
// backend. Its errors are answered by protected faults.
func (g *Gateway) forward(r *http.Request, rt *route, msg *wssec.Message, m media, l *lease, ev *event) (backendReply, error) {
	principal, realm, err := rt.authorize(msg)
	if err != nil {
		return backendReply{}, err
	}
	if err := rt.checkTo(r, msg, ev); err != nil {
		return backendReply{}, err
	}
	// The token is remembered before the backend is asked: the client's next message may
	// name it while this one is still on its way.
	if err := msg.Remember(r.Context()); err != nil {
		ev.notes = append(ev.notes, slog.String("token_not_remembered", err.Error()))
	}
	if m.action, err = rt.action(r, msg, m); err != nil {
		return backendReply{}, err
	}
	facts := msg.Facts()
	size := len(msg.Envelope().Doc.Source()) - facts.CiphertextBytes + facts.PlaintextBytes // less what is left out
	if err := l.take(int64(size)); err != nil {
		return backendReply{}, err
	}
	defer func() { _ = l.take(int64(-size)) }()
	body, err := msg.AppendForward(make([]byte, 0, size), rt.OtherHeaders)
	if err != nil {
		return backendReply{}, err
	}
	defer ev.stage("backend", time.Now())
	ctx, cancel := context.WithTimeout(r.Context(), rt.BackendTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, rt.Backend.String(), bytes.NewReader(body))
	if err != nil {
		return backendReply{}, &Error{Code: CodeBackendDown, Err: err}
	}
	req.Header = rt.backendHeader(r.Header, m, principal, realm, ev.id)
	if user := rt.Backend.User; user != nil { // http.Client would do it
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	resp, err := g.cfg.Transport.RoundTrip(req) // not http.Client: redirects are not followed
	if err != nil {
		return backendReply{}, backendError(r.Context(), err)
	}
	defer resp.Body.Close()
	ev.backendStatus = resp.StatusCode
	return g.backendReply(r.Context(), resp, m.version, l)
}

// authorize gives the principal, name@REALM, and its realm. Special characters
// in a name are escaped as by krb5_unparse_name, so that none can look like
// another's.
func (rt *route) authorize(msg *wssec.Message) (principal, realm string, err error) {
	name, realm := msg.Principal()
	principal = name + "@" + realm
	switch {
	case !tellable(name, realm):
		return "", "", &Error{Code: CodeNotAuthorized, Err: fmt.Errorf("principal %q cannot be told to the backend in an HTTP header", principal)}
	case len(rt.AllowedPrincipals) > 0 && !slices.Contains(rt.AllowedPrincipals, principal):
		return "", "", &Error{Code: CodeNotAuthorized, Err: fmt.Errorf("%s is not among allowed-principals", principal)}
	case len(rt.AllowedRealms) > 0 && !slices.Contains(rt.AllowedRealms, realm):
		return "", "", &Error{Code: CodeNotAuthorized, Err: fmt.Errorf("realm %s is not among allowed-realms", realm)}
	case len(rt.AllowedGroups) > 0 && !slices.ContainsFunc(msg.Groups(), func(sid string) bool { return slices.Contains(rt.AllowedGroups, sid) }):
		return "", "", &Error{Code: CodeNotInGroup, Err: fmt.Errorf("%s is in none of allowed-groups: %s", principal, countGroups(msg.Groups()))}
	}
	return principal, realm, nil
}

// countGroups says how many groups a ticket tells, but not which.
func countGroups(groups []string) string {
	if len(groups) == 0 {
		return "its ticket tells of no groups that count (no PAC with LOGON_INFO, or of a realm that realm-sids does not have)"
	}
	return fmt.Sprintf("its ticket tells of %d other groups", len(groups))
}

// tellable says whether a backend reads in an HTTP header what we write there.
// White space is trimmed on the way, and lists are split at commas, so that
// "alice " or "alice,x" would arrive as another client; controls, format
// characters and ill-formed UTF-8 split or disguise. A realm has no escapes, so
// it must not need any: a backend takes what stands behind "@" for it.
func tellable(name, realm string) bool {
	bad := func(r rune) bool {
		return r == ',' || unicode.IsSpace(r) || !unicode.IsGraphic(r) || unicode.Is(unicode.Cf, r)
	}
	return name != "" && realm != "" && utf8.ValidString(name) && utf8.ValidString(realm) &&
		!strings.ContainsFunc(name, bad) && !strings.ContainsFunc(realm, bad) && !strings.ContainsAny(realm, `@/\`)
}

// backendReply reads a reply with the same limits and the same parser as a
// request. A SOAP reply has the request's version (SOAP 1.2 Part 2 §7.5.1.2);
// one that is neither a success nor a SOAP fault does not pass.
func (g *Gateway) backendReply(ctx context.Context, resp *http.Response, v soap.Version, l *lease) (backendReply, error) {
	read := bodyReader{body: resp.Body, limit: g.cfg.MaxMessage, lease: l, room: l.take}
	src, err := read.read(resp.ContentLength)
	if err != nil {
		return backendReply{}, replyError(ctx, err)
	}
	success := resp.StatusCode/100 == 2
	if len(src) == 0 && success {
		return backendReply{oneWay: true}, nil
	}
	m, err := mediaOf(resp.Header)
	if err == nil && m.version != v {
		err = fmt.Errorf("Content-Type is %q, the request's %q", m.version.MediaType(), v.MediaType())
	}
	if err != nil {
		return backendReply{}, &Error{Code: CodeBackendNotSOAP, Err: fmt.Errorf("status %d: %w", resp.StatusCode, err)}
	}
	env, err := g.parse(src, m, l)
	if own := (*Error)(nil); errors.As(err, &own) && own.Code == CodeOverloaded {
		return backendReply{}, err
	}
	if err != nil {
		return backendReply{}, &Error{Code: CodeBackendNotSOAP, Err: err}
	}
	_, isFault := env.Fault()
	if !success && !isFault {
		return backendReply{}, &Error{Code: CodeBackendNotSOAP, Err: fmt.Errorf("status %d without a SOAP fault", resp.StatusCode)}
	}
	return backendReply{status: replyStatus(resp.StatusCode, isFault, v), env: env}, nil
}

// replyStatus folds the status of a success to 200, and that of a fault to 500
// or, in SOAP 1.2 alone, 400 (see soapStatus).
func replyStatus(status int, isFault bool, v soap.Version) int {
	switch {
	case !isFault:
		return http.StatusOK
	case status == http.StatusBadRequest && v == soap.V12:
		return status
	}
	return http.StatusInternalServerError
}

// backendError tells why there was no reply; ctx is the client's.
func backendError(ctx context.Context, err error) error {
	code := CodeBackendDown
	switch {
	case ctx.Err() != nil:
		code = CodeClientGone
	case errors.Is(err, context.DeadlineExceeded):
		code = CodeBackendTimeout
	}
	return &Error{Code: code, Err: err}
}

// replyError says of an error in reading a reply whose fault it was.
func replyError(ctx context.Context, err error) error {
	var e *Error
	switch {
	case !errors.As(err, &e):
		return err
	case e.Code == CodeTooLarge:
		return &Error{Code: CodeBackendTooLarge, Err: e.Err}
	case e.Code == CodeTimeout, e.Code == CodeCut && !errors.Is(e.Err, io.ErrUnexpectedEOF):
		return backendError(ctx, e.Err)
	case e.Code == CodeCut:
		return &Error{Code: CodeBackendDown, Err: e.Err}
	}
	return err
}
