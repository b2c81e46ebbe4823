package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// route is a Route with what follows from it.
type route struct {
	Route
	addresses []string // of Route, in normal form
	pass      []string // client HTTP headers that reach the backend
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
	rt.pass = passable(&r)
	return rt, nil
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

// forward passes what a door has admitted to the backend. Its errors, and those
// of the steps before it, are answered as the reply would be: protected, if the
// message was.
func (x *exchange) forward(in door.Admitted) error {
	size := in.ForwardSize()
	if err := x.lease.take(int64(size)); err != nil {
		return err
	}
	defer func() { _ = x.lease.take(int64(-size)) }()
	body, err := in.AppendForward(make([]byte, 0, size), x.rt.OtherHeaders)
	if err != nil {
		return err
	}
	defer x.log.stage("backend", time.Now())
	ctx, cancel := context.WithTimeout(x.r.Context(), x.rt.BackendTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, x.rt.Backend.String(), bytes.NewReader(body))
	if err != nil {
		return &Error{Code: CodeBackendDown, Err: err}
	}
	req.Header = x.backendHeader()
	if user := x.rt.Backend.User; user != nil { // http.Client would do it
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	resp, err := x.g.cfg.Transport.RoundTrip(req) // not http.Client: redirects are not followed
	if err != nil {
		return backendError(x.r.Context(), err)
	}
	defer resp.Body.Close()
	x.log.backendStatus = resp.StatusCode
	x.reply, err = x.readReply(resp)
	return err
}

// readReply reads a reply with the same limits and the same parser as a request. A SOAP reply has the request's version (SOAP 1.2 Part 2 §7.5.1.2);
// one that is neither a success nor a SOAP fault does not pass.
func (x *exchange) readReply(resp *http.Response) (backendReply, error) {
	v := x.in.version
	read := bodyReader{body: resp.Body, limit: x.g.cfg.MaxMessage, lease: x.lease, room: x.lease.take}
	src, err := read.read(resp.ContentLength)
	if err != nil {
		return backendReply{}, replyError(x.r.Context(), err)
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
	env, err := x.g.parse(src, m, x.lease)
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
