package gateway

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/wssgate/wssgate/internal/buffer"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/telemetry"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/wssec"
)

// An exchange is one request on its way through the gateway, with all that is
// known of it. It belongs to one goroutine.
type exchange struct {
	g   *Gateway
	rt  *route // nil for what reaches none
	w   http.ResponseWriter
	r   *http.Request
	ctx context.Context // see context
	log *event          // records; nothing reads it back

	id     string     // of this exchange; the backend gets it as X-Request-Id
	client string     // its address, with the port if that of the connection is meant
	from   netip.Addr // the same, to count by
	lease  *lease     // its part of the budget; nil for what reaches no route

	metadata bool // the request is for the path of the route's metadata

	in   received
	held *release // the place of a message that is looked at; nil before and after
	door door.Door

	admitted  door.Admitted // nil if the door has not admitted the message
	delivered bool          // the answer has been written without an error

	to addressing // of the admitted message

	principal, realm string // of the client; empty on a route that asks for none
	groups           []string
	action           string // that the backend is told
	reply            backendReply
	protected        *buffer.Buffer // of the reply; nil if it has none
	retryAfter       time.Duration  // that the client should wait; 0 for the default
	gathers          *countedConn   // the connection that holds the answer back; nil for none
	unread           time.Time      // until when a body that was left is read; zero for none
	err              error          // the first failure; nil is success
}

// An answer is the response to the client.
type answer struct {
	status  int
	version soap.Version
	body    []byte // a SOAP message; empty for a one-way exchange

	contentType string // of a package; "" for that of the version

	challenge bool // asks for a token in Authorization
}

// run processes the request. Up to admit nothing is known of the sender, and
// answers are unprotected faults without detail. The steps after it take what
// the door has admitted, and nothing else, and every answer is protected by it,
// if the message was protected.
func (x *exchange) run() answer {
	for _, step := range [...]func(*exchange) error{
		(*exchange).checkEnabled,
		(*exchange).checkRates,
		(*exchange).checkHeader, // all that can be refused before the body is asked for
		(*exchange).receive,     // one scan of one buffer
		(*exchange).readAddressing,
	} {
		if err := step(x); err != nil {
			return x.refuse(err)
		}
	}
	if x.asksForMetadata() {
		return x.answerMetadata()
	}
	if x.rt.tried != nil {
		return x.passAsReceived()
	}
	if err := x.hold(); err != nil { // from here on a refusal has its time
		return x.refuse(err)
	}
	in, err := x.admit()
	if err != nil {
		return x.refuse(err)
	}
	x.held.close()
	x.held = nil
	x.admittedAddressing(in)
	for _, step := range [...]func(*exchange, door.Admitted) error{
		(*exchange).authorize,
		func(x *exchange, _ door.Admitted) error { return x.checkPrincipalRate() },
		(*exchange).checkAddressing, // for which route the message was made, and where replies go
		(*exchange).checkPlaintext,  // that it is all there
		(*exchange).tellDoor,
		(*exchange).chooseAction, // whose SOAPAction the backend gets
		(*exchange).respond,
	} {
		if err := step(x, in); err != nil {
			x.reply = x.faultReply(err)
			break
		}
	}
	return x.answer(in)
}

func (x *exchange) checkEnabled() error {
	if x.rt.Disabled {
		x.in.Media, _ = soaphttp.MediaOf(x.r.Header)
		return &Error{Code: CodeDisabled, Err: errors.New("the service of this route is disabled")}
	}
	return nil
}

// hold takes a place among the messages that are being verified. It is taken
// for every door, so that none can forget the rule of release.go.
func (x *exchange) hold() (err error) {
	x.held, err = x.g.releases.open(x.from, x.in.size, x.in.at)
	return err
}

// admit calls the door. A panic in it, which would be a bug, is a refusal like
// others: unauthenticated plaintext may have caused it.
func (x *exchange) admit() (in door.Admitted, err error) {
	defer x.log.stage("verify", time.Now())
	defer func() {
		if p := recover(); p != nil {
			in, err = nil, &Error{Code: CodeInternal, Err: panicError(p), verifying: true}
		}
	}()
	x.door = x.rt.Door
	arrival := door.Arrival{Envelope: x.in.env, Action: soaphttp.PlainAction(x.in.Action), Channel: x.channel(),
		Header: x.r.Header, Query: x.r.URL.RawQuery}
	chosen, err := x.door.Choose(arrival)
	if err != nil {
		return nil, err
	}
	x.door = chosen
	x.log.chosen(x.rt, x.door)
	ctx := x.g.cfg.Context(x.context(), x.r)
	if in, err = x.door.Admit(ctx, arrival); err != nil {
		if gone := ctx.Err(); gone != nil && errors.Is(err, gone) { // which is no failure to authenticate
			err = &Error{Code: CodeClientGone, Err: err}
		}
		return nil, err
	}
	x.admitted = in
	x.log.admitted(in)
	if _, _, known := in.Principal(); known {
		x.lease.verify()
	}
	x.in.env = nil // it is the door's
	return in, nil
}

// channel returns the properties of the request's transport.
func (x *exchange) channel() wssec.Channel {
	return wssec.Channel{TLS: x.r.TLS != nil || x.rt.TLSOffloaded, Bindings: Bindings(x.r), Client: hostOf(x.client)}
}

// tellDoor reports to the door that the client is authorized. It does so before
// the backend is called, since the client's next message may name the token of
// this one meanwhile.
func (x *exchange) tellDoor(in door.Admitted) error {
	if err := in.Authorized(x.r.Context()); err != nil {
		x.log.notRemembered(err)
	}
	return nil
}

// respond sets the reply to the message: that of the door, or the backend's.
func (x *exchange) respond(in door.Admitted) error {
	if !in.Answers() {
		return x.forward(in)
	}
	defer x.log.stage("answer", time.Now())
	own, err := in.Answer(x.context())
	if err != nil {
		return err
	}
	x.reply = backendReply{status: http.StatusOK, own: own}
	return nil
}

// answer returns the reply, protected under the key of the request.
func (x *exchange) answer(in door.Admitted) answer {
	switch {
	case x.reply.oneWay:
		return answer{status: x.reply.status, version: x.in.Version}
	case x.unwanted():
		return answer{status: http.StatusAccepted, version: x.in.Version}
	}
	a, err := x.replied(in)
	if err != nil { // the backend's reply cannot be protected; a fault about that can
		x.reply = x.faultReply(protectError(err))
		a, err = x.replied(in)
	}
	if err != nil {
		return x.refuse(protectError(err))
	}
	return a
}

// replied is the answer with the reply.
func (x *exchange) replied(in door.Admitted) (answer, error) {
	body, err := x.protect(in)
	if err != nil {
		return answer{}, err
	}
	return x.packAnswer(answer{status: x.reply.status, version: x.in.Version, body: body})
}

func (x *exchange) protect(in door.Admitted) ([]byte, error) {
	defer x.log.stage("protect", time.Now())
	env, err := x.reply.envelope()
	if err != nil {
		return nil, err
	}
	if x.reply.own != nil {
		return in.ProtectOwn(x.context(), nil, env)
	}
	own, err := x.replyBlocks(env)
	if err != nil {
		return nil, err
	}
	return in.Protect(x.context(), x.protectedRoom(in, env), env, own...)
}

// protectedRoom returns room for a protected reply, nil if there is none to be
// had or if the reply will take none or much.
func (x *exchange) protectedRoom(in door.Admitted, reply *soap.Envelope) []byte {
	size := in.ProtectSize(reply)
	if size == 0 || size > buffer.Largest || x.lease.take(int64(buffer.Room(size))) != nil {
		return nil
	}
	x.protected = buffer.Get(size)
	return x.protected.Octets
}

// protectError returns an error of protecting a reply with its code. Too little
// memory is not an error of the protection.
func protectError(err error) error {
	if own := (*Error)(nil); errors.As(err, &own) && own.Code == CodeOverloaded {
		return own
	}
	return &Error{Code: CodeProtect, Err: err}
}

// begin returns the exchange of a request. Rt is nil if it reaches no route.
func (g *Gateway) begin(w http.ResponseWriter, r *http.Request, rt *route) *exchange {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	x := &exchange{g: g, rt: rt, w: w, r: r, id: hex.EncodeToString(id[:]), client: r.RemoteAddr}
	var proxy string
	var passedOn bool
	if x.from, passedOn = g.cfg.clientAddress(r); passedOn {
		x.client, proxy = x.from.String(), r.RemoteAddr
	}
	x.log = newEvent(x, proxy)
	return x
}

// end writes the event, unless it has been written.
func (x *exchange) end() {
	x.blame()
	x.log.write(x.err)
}

type exchangeKey struct{}

// context returns the context of the request, by which [Note], [Reserve] and
// [ClientAddr] find the exchange.
func (x *exchange) context() context.Context {
	if x.ctx == nil {
		x.ctx = telemetry.NewContext(context.WithValue(x.r.Context(), exchangeKey{}, x), x.log.span)
	}
	return x.ctx
}

func exchangeOf(ctx context.Context) (*exchange, bool) {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	return x, ok
}

// hostOf returns an address without its port.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// failed records err, unless an earlier error is recorded.
func (x *exchange) failed(err error) {
	if x.err == nil {
		x.err = err
	}
}

// serve runs an exchange, with its part of the budget and its event, and
// recovers from panics. metadata reports whether the request is for
// the path of the route's metadata.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, rt *route, metadata bool) {
	x := g.begin(w, r, rt)
	x.metadata = metadata
	defer x.linger()
	defer x.leave()
	defer x.flush()
	defer x.end() // the answer leaves once its event is written
	if err := x.enter(); err != nil {
		x.send(x.refuse(err))
		return
	}
	defer x.recovered()
	a := x.run()
	if x.held != nil {
		x.countFailure(x.err)
		x.lease.giveBack()
		x.wait(a)
	}
	x.send(a)
	x.tryShadow()
}

// recovered recovers from a panic, which would be a bug: the client gets a
// fault, and the log the stack. If the message has a place among those that are
// being verified, the fault is a refusal like others: it waits for its time,
// and gives the place back.
func (x *exchange) recovered() {
	p := recover()
	switch p {
	case nil:
		return
	case http.ErrAbortHandler:
		panic(p) // net/http closes the connection
	}
	err := &Error{Code: CodeInternal, Err: panicError(p)}
	x.admitted = nil // in whatever state it may be
	a := x.refuse(err)
	if x.held != nil {
		x.lease.giveBack()
		x.held.settle()
		x.release()
	}
	x.log.afterwards(err)
	x.send(a)
}

func panicError(p any) error { return fmt.Errorf("panic: %v\n%s", p, debug.Stack()) }

// wait waits until a refusal may be written. Meanwhile it holds the few octets
// of the fault alone: the message, its index and its part of the budget are
// released, and the event is written before, so that nothing after the wait
// depends on why the message was refused. If the client has gone away, nothing
// is answered, at that time.
func (x *exchange) wait(a answer) {
	x.log.sent(a)
	x.log.held(x.held.due(time.Now()))
	x.log.write(x.err)
	if x.held.settle() {
		x.door.AnsweredLate(x.err)
	}
	x.forget()
	x.release()
}

// release waits until the refusal may be written, and gives its place back. It
// panics with [http.ErrAbortHandler] if nothing may be written any more.
func (x *exchange) release() {
	held := x.held
	x.held = nil
	if !held.wait(x.r.Context()) {
		panic(http.ErrAbortHandler)
	}
}

// forget releases the message, and what the event was made of. Plaintext of what
// was refused is overwritten, but after a panic, which may have left the index in
// any state.
func (x *exchange) forget() {
	if own := (*Error)(nil); x.in.env != nil && (!errors.As(x.err, &own) || own.Code != CodeInternal) {
		x.in.env.Release()
	}
	x.in.env, x.in.body, x.reply, x.err = nil, nil, backendReply{}, nil
	x.log.forget()
}

// send writes the answer. If the client no longer reads, that is the outcome of
// the exchange.
func (x *exchange) send(a answer) {
	defer x.log.stage("write", time.Now())
	x.log.sent(a)
	x.leaveBody()
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(x.g.cfg.WriteTimeout))
	h := x.w.Header()
	if len(a.body) > 0 {
		h.Set("Content-Type", cmp.Or(a.contentType, a.version.ContentType()))
		h.Set("Content-Length", strconv.Itoa(len(a.body))) // else net/http sends it in chunks
	}
	if x.rt != nil && x.rt.Tokens.Load().HasAuthorization() {
		h.Set("Persistent-Auth", "false") // MS-N2HT: else curl sends one token for a connection
	}
	if a.challenge {
		h.Set("WWW-Authenticate", "Negotiate")
	}
	x.setRetryAfter(h, a.status)
	x.gather(len(a.body))
	x.w.WriteHeader(a.status)
	_, err := x.w.Write(a.body)
	x.delivered = err == nil // after an error, HTTP/2 may still be at it
	if err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		x.failed(&Error{Code: CodeClientGone, Err: err})
	}
}

// setRetryAfter says in a header when a client that is refused for now may come
// again, in whole seconds (RFC 9110 §10.2.3).
func (x *exchange) setRetryAfter(h http.Header, status int) {
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(x.retryAfter.Seconds())))))
	}
}

// gather lets the connection hold an answer of size octets back, until flush, if
// net/http would write it in pieces. Each is a system call here, and may wake
// the client.
func (x *exchange) gather(size int) {
	const ownBuffer, header = 4 << 10, 512 // of net/http, and what an answer has beside its body
	size += header
	conn, _ := x.r.Context().Value(connKey{}).(*countedConn)
	if conn == nil || x.r.ProtoMajor != 1 || x.lease == nil || size <= ownBuffer || size > buffer.Largest ||
		x.lease.take(int64(buffer.Room(size))) != nil {
		return
	}
	x.gathers = conn
	conn.out.hold(buffer.Get(size))
}

// flush writes what gather has held back. If the client no longer reads, the
// connection ends.
func (x *exchange) flush() {
	if x.gathers == nil {
		return
	}
	conn := x.gathers
	x.gathers = nil
	err := http.NewResponseController(x.w).Flush()
	if err = errors.Join(err, conn.out.release(conn.Conn)); err != nil {
		_ = conn.Close()
		if x.err == nil { // else the client has got no answer of use anyway
			x.log.undelivered(err)
		}
	}
}
