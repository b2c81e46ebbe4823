package gateway

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/location"
)

// stream serves a request of a route of HTTP requests. Bodies pass as they come,
// in both directions, and are held nowhere.
func (g *Gateway) stream(w http.ResponseWriter, r *http.Request, rt *route) {
	x := g.begin(w, r, rt)
	defer x.linger()
	defer x.end()
	defer x.leave()
	if err := x.enter(); err != nil {
		x.refuseText(err)
		return
	}
	defer x.recoveredStream()
	x.runStream()
}

// runStream authenticates and authorizes the client, and passes the request to the backend.
func (x *exchange) runStream() {
	switch {
	case x.rt.Disabled:
		x.refuseText(&Error{Code: CodeDisabled, Err: errors.New("the service of this route is disabled")})
		return
	case x.r.Method == http.MethodConnect, x.r.Method == http.MethodTrace: // TRACE returns what the backend has got
		x.refuseText(&Error{Code: CodeMethod, Err: errors.New(x.r.Method)})
		return
	}
	if err := x.checkRates(); err != nil {
		x.refuseText(err)
		return
	}
	in := x.admitRequest()
	if in == nil {
		return
	}
	x.log.note(in.Notes()...)
	if x.principal == "" {
		x.refuseText(&Error{Code: CodeInternal, Err: errors.New("the door has admitted a client without asking Authorize")})
		return
	}
	err := x.checkPrincipalRate()
	if err == nil {
		err = x.pass(in)
	}
	if err != nil {
		in.Complete(x.w.Header(), textStatus(err))
		x.refuseText(err)
	}
}

// admitRequest calls the door, which asks [Authorize]. It answers what the door
// does not admit.
func (x *exchange) admitRequest() door.AdmittedRequest {
	defer x.log.stage("authenticate", time.Now())
	in, refuse, err := x.rt.HTTP.Admit(x.r.WithContext(x.g.cfg.Context(x.context(), x.r)))
	if refuse == nil {
		return in
	}
	if err != nil {
		x.failed(err)
		x.countFailure(err)
	}
	x.leaveBody()
	refuse(x.counted())
	return nil
}

// pass sends the admitted request to the backend, and its response back. It
// takes what the door has admitted, and nothing else.
func (x *exchange) pass(in door.AdmittedRequest) error {
	target, err := x.rt.backendURL(in.Request().URL)
	if err != nil {
		return err
	}
	defer x.log.stage(stageBackend, time.Now())
	ctx, cancel := context.WithCancel(in.Request().Context())
	defer cancel()
	w := x.counted()
	w.cancel = cancel
	if !x.rt.KeepUpgraded {
		w.until = in.Until()
	}
	// Else net/http would wait for the end of the request before the response.
	_ = http.NewResponseController(w).EnableFullDuplex()
	x.in.taken = true
	body := x.newStreamBody(in.Request())
	r := in.Request().WithContext(door.WithCaller(ctx, in.Caller()))
	dropUpgrade(r.Header)
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = body
	}
	x.streamProxy(in, target, body).ServeHTTP(w, r)
	x.log.bytesIn = body.size()
	if w.tunnel != nil && w.tunnel.over() {
		x.log.note(slog.Bool("client_expired", true))
	}
	return nil
}

// streamProxy returns what sends the request to the backend at target, with the
// headers that are ours in both directions.
func (x *exchange) streamProxy(in door.AdmittedRequest, target *url.URL, body *streamBody) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL, p.Out.Host = target, ""
			x.rewriteHeader(p.Out)
			body.trailer = passTrailer(p, x.g.asserted)
		},
		Transport:     x.rt.Transport,
		FlushInterval: -1,
		BufferPool:    copyBuffers,
		ErrorLog:      slog.NewLogLogger(x.g.cfg.Log.Handler(), slog.LevelDebug),
		ModifyResponse: func(resp *http.Response) error {
			x.log.backendAnswered(resp.StatusCode)
			if resp.StatusCode == http.StatusSwitchingProtocols { // which no ResponseWriter sees
				x.log.status = resp.StatusCode
			}
			in.Complete(resp.Header, resp.StatusCode)
			x.leaveUnread(resp, body)
			return nil
		},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) {
			err = x.streamError(err, body)
			in.Complete(x.w.Header(), textStatus(err))
			x.leaveUnread(&http.Response{Header: x.w.Header()}, body)
			x.refuseText(err)
		},
	}
}

// dropUpgrade removes an upgrade to anything but a WebSocket. Requests in
// HTTP/2, for one, to which "h2c" upgrades, would pass with any path and header
// that the client cares to write.
func dropUpgrade(h http.Header) {
	if all := h["Upgrade"]; len(all) != 1 || !strings.EqualFold(all[0], "websocket") {
		h.Del("Upgrade")
	}
	h.Del("HTTP2-Settings")
}

// rewriteHeader writes the headers that the backend may rely on, in place of
// all that a client could write in any spelling. Those of the connection are
// removed already.
func (x *exchange) rewriteHeader(out *http.Request) {
	h := out.Header
	for name := range h {
		if x.g.asserted.has(name) {
			delete(h, name)
		}
	}
	if h["Cookie"] = location.WithoutCookies(h["Cookie"], x.g.cookies); h["Cookie"] == nil {
		delete(h, "Cookie")
	}
	h.Set("X-Request-Id", x.id)
	h.Set("X-Forwarded-For", hostOf(x.client))
	h.Set("X-Forwarded-Host", x.r.Host)
	h.Set("X-Forwarded-Proto", map[bool]string{true: "https", false: "http"}[x.channel().TLS])
	x.nameClient(h)
	x.log.span.Call(stageBackend, x.rt.Backend.Host, h)
	if user := x.rt.Backend.User; user != nil {
		password, _ := user.Password()
		out.SetBasicAuth(user.Username(), password)
	}
}

// passTrailer returns the trailer of the backend's request, to be filled at the
// end of the body: the fields that the client has announced, except those that
// could name a client.
func passTrailer(p *httputil.ProxyRequest, own asserted) http.Header {
	for name := range p.Out.Trailer {
		if own.has(name) {
			delete(p.Out.Trailer, name)
		}
	}
	return p.Out.Trailer
}

// streamError returns the error of a request without a response, with its code.
func (x *exchange) streamError(err error, body *streamBody) error {
	switch in := body.failed(); {
	case x.r.Context().Err() != nil:
	case errors.Is(in, os.ErrDeadlineExceeded):
		return &Error{Code: CodeTimeout, Err: in}
	case in != nil:
		return &Error{Code: CodeCut, Err: in}
	}
	return backendError(x.r.Context(), err)
}

// recoveredStream recovers from a panic. That of httputil, when a response
// breaks off, closes the connection: the client must not take it for whole.
func (x *exchange) recoveredStream() {
	p := recover()
	switch {
	case p == nil:
		return
	case p == http.ErrAbortHandler:
		x.failed(backendError(x.r.Context(), errors.New("the response broke off")))
	default:
		x.failed(&Error{Code: CodeInternal, Err: panicError(p)})
	}
	x.hangUp()
	panic(http.ErrAbortHandler)
}

// hangUp closes a connection of HTTP/1 now. Net/http would first wait for the
// rest of the request, while the client waits for the rest of the response.
func (x *exchange) hangUp() {
	if c, _, err := http.NewResponseController(x.w).Hijack(); err == nil {
		_ = c.Close()
	}
}

// refuseText ends an exchange that no door has admitted, or that has come to no
// response, with a line of text. The text of err does not reach the client.
func (x *exchange) refuseText(err error) {
	x.failed(err)
	x.leaveBody()
	status := textStatus(err)
	h := x.w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	x.setRetryAfter(h, status)
	w := x.counted()
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, http.StatusText(status))
}

// leaveUnread ends the connection with a response that comes before the end of
// the request: net/http cannot keep one that is full duplex.
func (x *exchange) leaveUnread(resp *http.Response, body *streamBody) {
	if x.r.ProtoMajor == 1 && resp.StatusCode != http.StatusSwitchingProtocols && x.r.ContentLength != 0 && !body.ended() {
		resp.Header.Set("Connection", "close")
	}
}

// textStatus returns the HTTP status for an error of the gateway.
func textStatus(err error) int {
	var own *Error
	if !errors.As(err, &own) {
		return http.StatusInternalServerError
	}
	if own.behind {
		return http.StatusBadGateway
	}
	switch own.Code {
	case CodePath:
		return http.StatusBadRequest
	case CodeMisdirected:
		return http.StatusMisdirectedRequest
	case CodeDisabled:
		return http.StatusServiceUnavailable
	case CodeBackendTimeout:
		return http.StatusGatewayTimeout
	case CodeBackendDown, CodeClientGone, CodeShutdown:
		return http.StatusBadGateway
	}
	_, status := own.Code.fault()
	return cmp.Or(status, http.StatusInternalServerError)
}

// A countedWriter counts what is written, and limits the time of each write.
type countedWriter struct {
	http.ResponseWriter
	x *exchange
	n int

	until  time.Time // end of a tunnel; zero for none
	cancel func()    // ends the backend's side of it
	tunnel *tunnel   // nil unless the connection was upgraded
}

func (x *exchange) counted() *countedWriter { return &countedWriter{ResponseWriter: x.w, x: x} }

// WriteHeader implements [http.ResponseWriter].
func (w *countedWriter) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.x.log.status = status
	}
	w.extend()
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *countedWriter) Write(b []byte) (int, error) {
	if w.x.log.status == 0 {
		w.x.log.status = http.StatusOK
	}
	w.extend()
	n, err := w.ResponseWriter.Write(b)
	w.n += n
	w.x.log.bytesOut = w.n
	return n, err
}

// Unwrap is for an [http.ResponseController].
func (w *countedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack implements [http.Hijacker].
func (w *countedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, brw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.tunnel = &tunnel{Conn: c, idle: w.x.g.cfg.IdleTimeout, until: w.until}
	w.tunnel.end = time.AfterFunc(w.x.g.cfg.WriteTimeout, func() { // for the response; then see left
		w.cancel() // else a backend that is silent keeps the tunnel of a client that has closed its half
		_ = c.Close()
	})
	return w.tunnel, brw, nil
}

// A tunnel is a connection that was upgraded. It ends when nothing has passed
// for a time, in either direction, and when its client has to authenticate
// itself anew.
type tunnel struct {
	net.Conn
	idle  time.Duration
	until time.Time   // zero for no end
	end   *time.Timer // ends both sides
}

// Read implements [net.Conn].
func (t *tunnel) Read(b []byte) (int, error) {
	t.end.Reset(t.left())
	return t.Conn.Read(b)
}

// Write implements [net.Conn].
func (t *tunnel) Write(b []byte) (int, error) {
	t.end.Reset(t.left())
	return t.Conn.Write(b)
}

// Close implements [net.Conn].
func (t *tunnel) Close() error {
	t.end.Stop()
	return t.Conn.Close()
}

// left returns how long the tunnel may stay from now on, if nothing passes.
func (t *tunnel) left() time.Duration {
	if t.until.IsZero() {
		return t.idle
	}
	return min(t.idle, time.Until(t.until))
}

// over reports whether the client had to authenticate itself anew.
func (t *tunnel) over() bool { return !t.until.IsZero() && !time.Now().Before(t.until) }

func (w *countedWriter) extend() {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.x.g.cfg.WriteTimeout))
}

// A streamBody is a body that passes. Each of its reads has a time limit.
type streamBody struct {
	io.ReadCloser
	in      *http.Request
	rc      *http.ResponseController
	limit   time.Duration
	trailer http.Header // of the backend's request

	mu  sync.Mutex
	n   int
	err error // by which it ended; io.EOF at its end
}

func (x *exchange) newStreamBody(r *http.Request) *streamBody {
	b := &streamBody{ReadCloser: r.Body, in: x.r, rc: http.NewResponseController(x.w), limit: x.g.cfg.StallTimeout}
	_ = b.rc.SetReadDeadline(time.Time{}) // that of the whole request
	return b
}

// Read implements [io.Reader].
func (b *streamBody) Read(p []byte) (int, error) {
	_ = b.rc.SetReadDeadline(time.Now().Add(b.limit))
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n += n
	if err == nil {
		return n, nil
	}
	_ = b.rc.SetReadDeadline(time.Time{}) // the client may be silent from here on
	if errors.Is(err, io.EOF) {
		for name := range b.trailer {
			b.trailer[name] = b.in.Trailer[name]
		}
	}
	b.err = err
	return n, err
}

// ended reports whether all of the body was read.
func (b *streamBody) ended() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return errors.Is(b.err, io.EOF)
}

func (b *streamBody) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n
}

// failed returns the error by which the body ended early, nil if it did not.
func (b *streamBody) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if errors.Is(b.err, io.EOF) {
		return nil
	}
	return b.err
}

// copyBuffers are those of all streams.
var copyBuffers = &bufferPool{sync.Pool{New: func() any { return new([32 << 10]byte) }}}

type bufferPool struct{ pool sync.Pool }

// Get implements [httputil.BufferPool].
func (p *bufferPool) Get() []byte { return p.pool.Get().(*[32 << 10]byte)[:] }

// Put implements [httputil.BufferPool].
func (p *bufferPool) Put(b []byte) { p.pool.Put((*[32 << 10]byte)(b)) }

// streamTransport returns the transport of a route of HTTP requests: the
// backend has backend-timeout to begin its response once it has the request.
func streamTransport(base http.RoundTripper, timeout time.Duration) http.RoundTripper {
	t, ok := base.(*http.Transport)
	if !ok {
		return base
	}
	t = t.Clone()
	t.ResponseHeaderTimeout = timeout
	return t
}

// asserted has the folded names of the headers by which backends of any route
// know a client, and which no client may write.
type asserted map[string]bool

// assertedHeaders returns the asserted headers of routes. Those of X-Forwarded
// and those that some servers take for the path are in all.
func assertedHeaders(routes []Route) asserted {
	all := asserted{"x-request-id": true, "forwarded": true, "x-original-url": true, "x-rewrite-url": true}
	for _, r := range routes {
		for _, name := range append([]string{r.PrincipalHeader, r.RealmHeader, r.GroupsHeader, r.CertificateHeader},
			r.AssertedHeaders...) {
			if name != "" {
				all[fold(name)] = true
			}
		}
	}
	return all
}

// has reports whether a header is asserted, in whatever spelling.
func (a asserted) has(name string) bool {
	name = fold(name)
	return a[name] || strings.HasPrefix(name, "x-forwarded-")
}
