package kdcproxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

const mediaType = "application/kerberos"

// Proxy returns the handler of [MS-KKDCP]: a POST whose body is one
// KDC-PROXY-MESSAGE is answered with one. It serves HTTP/1.0 too, as MIT's client
// speaks it, and does not look at the Content-Type, since clients differ in it.
//
//	status  reason
//	400     no KDC-PROXY-MESSAGE with a request, or another domain than the request's
//	403     a page of an origin that is not listed
//	405     not POST
//	411     no Content-Length
//	413     more than 128 KiB
//	429     too many requests
//	503     a realm that is not relayed, no server, no answer, too much to do
func (r *Relay) Proxy() http.Handler { return http.HandlerFunc(r.serveProxy) }

func (r *Relay) serveProxy(w http.ResponseWriter, req *http.Request) {
	q, err := r.begin(ViaHTTP, r.cfg.ClientAddr(req))
	var reply krbmsg.KDCProxyMessage
	if err == nil {
		reply, err = r.proxied(w, req, q)
	}
	q.end(err)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(r.cfg.ReadTimeout))
	if err != nil {
		answerError(w, err)
		return
	}
	body := reply.Encode()
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body)
}

// proxied relays the message of an HTTP request. The reply has the form of the
// request.
func (r *Relay) proxied(w http.ResponseWriter, req *http.Request, q *request) (reply krbmsg.KDCProxyMessage,
	err error) {
	if err := r.checkHTTP(req); err != nil {
		return reply, err
	}
	own := room{relay: r, client: q.event.Client}
	defer own.free()
	if err := own.need(int(req.ContentLength)); err != nil {
		return reply, err
	}
	body, err := readBody(w, req, r.cfg.ReadTimeout)
	if err != nil {
		return reply, err
	}
	m, err := krbmsg.ParseKDCProxyMessage(body)
	if err != nil {
		return reply, &Error{Code: CodeMalformed, Err: err}
	}
	reply.Unframed = m.Unframed
	reply.Message, err = q.relayed(req.Context(), m.TargetDomain, m.Message)
	return reply, err
}

func (r *Relay) checkHTTP(req *http.Request) error {
	switch {
	case req.Method != http.MethodPost:
		return &Error{CodeHTTP, errors.New("not POST"), http.StatusMethodNotAllowed}
	case !r.allowsOrigin(req):
		return refuse(CodeOrigin, "origin %.100q", req.Header.Get("Origin"))
	case req.ContentLength < 0:
		return &Error{CodeHTTP, errors.New("no Content-Length"), http.StatusLengthRequired}
	case req.ContentLength > maxMessage:
		return refuse(CodeTooLarge, "a body of %d octets", req.ContentLength)
	}
	return nil
}

// readBody reads a body whose length is known and allowed, as its octets arrive.
func readBody(w http.ResponseWriter, req *http.Request, limit time.Duration) ([]byte, error) {
	deadline := http.NewResponseController(w)
	_ = deadline.SetReadDeadline(time.Now().Add(limit))
	body, err := io.ReadAll(io.LimitReader(req.Body, maxMessage))
	if err != nil {
		return nil, &Error{CodeHTTP, errors.Join(errors.New("body cut short"), err), http.StatusBadRequest}
	}
	// Else the deadline would end the request while a KDC is asked.
	_ = deadline.SetReadDeadline(time.Time{})
	return body, nil
}

// answerError answers a request that was not relayed: with its status, and no
// more about it than that says.
func answerError(w http.ResponseWriter, err error) {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{Code: CodeKDC, Err: err}
	}
	status := e.httpStatus()
	switch status {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, http.StatusText(status), status)
}

// allowsOrigin reports whether the page that made a browser send the request, if
// any did, may use the relay (RFC 6454 7). The host that the request is for is not
// asked: a page whose own name resolves to the relay's address names that.
func (r *Relay) allowsOrigin(req *http.Request) bool {
	origins := req.Header.Values("Origin")
	if len(origins) != 1 {
		return len(origins) == 0
	}
	return slices.ContainsFunc(r.cfg.Origins, func(o string) bool { return o == "*" || strings.EqualFold(o, origins[0]) })
}

// contextOf returns the values of a request's context without its end: that of
// a WebSocket is another one.
func contextOf(req *http.Request) context.Context { return context.WithoutCancel(req.Context()) }
