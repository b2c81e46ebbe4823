package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/wssgate/wssgate/internal/buffer"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// A route is a [Route] with what follows from it.
type route struct {
	Route
	addresses   []string       // of Route, in normal form
	actors      []string       // of the policies: header blocks for them are for us
	rewriteSize int            // that RewriteTo may add to a message
	pass        []passedHeader // client HTTP headers that reach the backend
	request     *http.Request  // to the backend of SOAP messages, without a message

	tried *route // with the door of a [door.Shadow]; nil unless Door is one
}

func newRoute(r Route) (*route, error) {
	rt := &route{Route: r}
	if err := rt.try(); err != nil {
		return nil, err
	}
	for _, name := range []*string{&rt.PrincipalHeader, &rt.RealmHeader, &rt.GroupsHeader, &rt.CertificateHeader} {
		*name = http.CanonicalHeaderKey(*name)
	}
	for _, text := range r.Addresses {
		address, err := soap.NormalAddress(text)
		if err != nil {
			return nil, fmt.Errorf("gateway: route %q: %w", r.Path, err)
		}
		rt.addresses = append(rt.addresses, address)
	}
	if r.Door != nil {
		for _, p := range r.Door.Policies() {
			rt.actors = append(rt.actors, p.Actors...)
		}
	}
	if r.RewriteTo != "" {
		rt.rewriteSize = len(xmltext.AppendEscapedText(nil, r.RewriteTo)) + 256 // and its tag
	}
	rt.pass = passable(&r)
	if r.Backend == nil {
		return rt, nil
	}
	var err error
	rt.request, err = http.NewRequest(http.MethodPost, r.Backend.String(), nil)
	return rt, err
}

// A backendReply is the backend's reply, or the gateway's own in its place.
type backendReply struct {
	oneWay bool // there is none, as for a one-way message; status is 202 or 204
	status int
	body   *buffer.Buffer // that env views
	env    *soap.Envelope // nil: see own
	own    []byte         // the gateway's own: a fault, or the door's answer
}

// envelope returns the message to protect.
func (b backendReply) envelope() (*soap.Envelope, error) {
	if b.env != nil {
		return b.env, nil
	}
	return soap.Parse(b.own, xmltext.Options{})
}

// forward sends the admitted message to the backend and sets its reply. Its
// errors, and those of the steps before it, are answered like a reply:
// protected, if the message was.
func (x *exchange) forward(in door.Admitted) error {
	if x.rt.tried == nil { // else a trial comes, which reads all of it
		in.Envelope().Body.Prune() // it is written as a whole, or not at all
	}
	out := newOutgoing(in.ForwardSize() + x.rt.rewriteSize)
	defer out.leave()
	size := int64(cap(out.Octets))
	if err := x.lease.take(size); err != nil {
		return err
	}
	defer func() { _ = x.lease.take(-size) }()
	var err error
	if out.Octets, err = in.AppendForward(out.Octets, x.forwarding(in)); err != nil {
		return err
	}
	if x.keepsPackage() {
		if err = x.packForward(out); err != nil {
			return err
		}
		_ = x.lease.take(-size) // the package has been reserved
		size = int64(cap(out.Octets))
	}
	defer x.log.stage(stageBackend, time.Now())
	ctx, cancel := context.WithTimeout(x.context(), x.rt.BackendTimeout)
	defer cancel()
	req := x.backendRequest(door.WithCaller(ctx, in.Caller()), out)
	x.letGo(in)
	resp, err := x.rt.Transport.RoundTrip(req) // not http.Client: redirects are not followed
	if err != nil {
		return backendError(x.r.Context(), err)
	}
	defer resp.Body.Close()
	x.log.backendAnswered(resp.StatusCode)
	x.reply, err = x.readReply(resp)
	return err
}

// letGo ends the use of a large message once it has been written for the backend:
// a reply needs no more of it than its names and key, and is as large in memory.
// Small ones stay until their memory can be used again, with their octets.
func (x *exchange) letGo(in door.Admitted) {
	if x.in.size < largeMessage {
		return
	}
	in.Release()
	x.in.body = nil // to the collector: strings may view it
}

// largeMessage is the size from which a message is let go before the backend is
// called.
var largeMessage = 1 << 20 // less in tests

// backendRequest returns the request with a message.
func (x *exchange) backendRequest(ctx context.Context, out *outgoing) *http.Request {
	req := out.send(ctx, x.rt.request)
	req.Header = x.backendHeader()
	if out.contentType != "" {
		req.Header.Set("Content-Type", out.contentType)
	}
	if user := x.rt.Backend.User; user != nil { // http.Client would do it
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	return req
}

// readReply reads a reply with the limits and the parser of requests. A reply
// must have the request's version (SOAP 1.2 Part 2 §7.5.1.2), and be a success
// or a SOAP fault.
func (x *exchange) readReply(resp *http.Response) (backendReply, error) {
	v := x.in.Version
	src, err := x.readReplyBody(resp)
	if err != nil {
		return backendReply{}, replyError(x.r.Context(), err)
	}
	success := resp.StatusCode/100 == 2
	if len(src.Octets) == 0 && success {
		return backendReply{oneWay: true, status: oneWayStatus(resp.StatusCode)}, nil
	}
	m, pack, err := x.mediaOf(resp.Header)
	if err == nil && m.Version != v {
		err = fmt.Errorf("Content-Type is %q, the request's %q", m.Version.MediaType(), v.MediaType())
	}
	if err != nil {
		return backendReply{}, &Error{Code: CodeBackendNotSOAP, Err: fmt.Errorf("status %d: %w", resp.StatusCode, err)}
	}
	var env *soap.Envelope
	if src, err = x.inline(src, pack); err == nil {
		env, err = parse(src, m, x.g.xml(x.lease), x.lease)
	}
	if own := (*Error)(nil); errors.As(err, &own) && (own.Code == CodeOverloaded || own.Code == CodeTooLarge) {
		return backendReply{}, replyError(x.r.Context(), err)
	}
	if err != nil {
		return backendReply{}, &Error{Code: CodeBackendNotSOAP, Err: err}
	}
	_, isFault := env.Fault()
	if !success && !isFault {
		return backendReply{}, &Error{Code: CodeBackendNotSOAP,
			Err: fmt.Errorf("status %d without a SOAP fault", resp.StatusCode)}
	}
	return backendReply{status: replyStatus(isFault), body: src, env: env}, nil
}

// readReplyBody reads the body of a reply, in clear and within the limits.
func (x *exchange) readReplyBody(resp *http.Response) (*buffer.Buffer, error) {
	body, length := io.Reader(resp.Body), resp.ContentLength
	if codings := soaphttp.ContentCodings(resp.Header); len(codings) > 0 {
		resp.Header.Del("Content-Encoding")
		if err := x.lease.take(decoderSize); err != nil {
			return nil, err
		}
		defer func() { _ = x.lease.take(-decoderSize) }()
		body, length = &decoder{source: errorReader{r: resp.Body, limit: x.g.cfg.MaxMessage}, codings: codings}, -1
	}
	read := bodyReader{body: body, limit: x.g.cfg.MaxMessage, lease: x.lease, room: x.lease.take}
	return read.read(length)
}

// oneWayStatus returns the status for the client of a reply without a message.
func oneWayStatus(backends int) int {
	if backends == http.StatusNoContent {
		return backends
	}
	return http.StatusAccepted
}

// replyStatus returns the status for the client, whatever the backend's was.
func replyStatus(isFault bool) int {
	if isFault {
		return soaphttp.FaultStatus
	}
	return http.StatusOK
}

// backendError returns the error for a request without a reply, with its code:
// that of the Transport if it has one. Ctx is the client's.
func backendError(ctx context.Context, err error) error {
	code := CodeBackendDown
	own, isOwn := errors.AsType[*Error](err)
	coded, isCoded := errors.AsType[interface {
		error
		ErrorCode() string
	}](err)
	switch {
	case ctx.Err() != nil:
		code = CodeClientGone
	case isOwn: // as of Reserve
		return own
	case isCoded:
		return &Error{Code: Code(coded.ErrorCode()), Err: err, behind: true}
	case errors.Is(err, context.DeadlineExceeded):
		code = CodeBackendTimeout
	}
	return &Error{Code: code, Err: err}
}

// replyError returns an error of reading a reply with its code. Ctx is the
// client's.
func replyError(ctx context.Context, err error) error {
	var e *Error
	var coding *codingError
	switch {
	case errors.As(err, &coding):
		return &Error{Code: CodeBackendNotSOAP, Err: coding}
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

// An outgoing is a message on its way to a backend. A transport may read a
// request after RoundTrip has returned ([http.RoundTripper]).
type outgoing struct {
	*buffer.Buffer
	contentType string // "" for that of an envelope
	// How often it was sent, and how often the transport has written all of it: it
	// does not say which time that was.
	sent, written atomic.Int32
}

// newOutgoing returns an empty message with room for size octets, or more. The
// caller has to call leave.
func newOutgoing(size int) *outgoing { return &outgoing{Buffer: buffer.Get(size)} }

// leave ends the use by an exchange whose reply has been read. A buffer that the
// transport has not said to be done with is left to the collector.
func (o *outgoing) leave() {
	if o.written.Load() >= o.sent.Load() {
		o.Free()
	}
}

// send makes o the body of a request. The context tells o when the transport has
// written it. Package net/http sends the header together with a body of this
// type, since it knows that it does not have to wait for it.
func (o *outgoing) send(ctx context.Context, r *http.Request) *http.Request {
	octets := o.Octets
	r = r.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(i httptrace.WroteRequestInfo) {
			if i.Err == nil {
				o.written.Add(1)
			}
		},
	}))
	o.sent.Add(1)
	r.ContentLength, r.Body = int64(len(octets)), io.NopCloser(bytes.NewReader(octets))
	r.GetBody = func() (io.ReadCloser, error) { // to send it again
		o.sent.Add(1)
		return io.NopCloser(bytes.NewReader(octets)), nil
	}
	return r
}
