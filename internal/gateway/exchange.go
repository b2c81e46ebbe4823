package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// An exchange is one request on its way through the gateway: all that is known
// of it. It belongs to one goroutine.
type exchange struct {
	g   *Gateway
	rt  *route // nil for what reaches none
	w   http.ResponseWriter
	r   *http.Request
	log *event // records; nothing reads it back

	id     string     // of this exchange; the backend gets it as X-Request-Id
	client string     // its address, with the port if that of the connection is meant
	from   netip.Addr // the same, to count by
	lease  *lease     // its part of the budget; nil for what reaches no route

	in   received
	held *release // the place of a message that is looked at; nil before and after
	door door.Door

	principal, realm string // of the client; empty on a route that asks for none
	action           string // that the backend is told
	reply            backendReply
	err              error // the first failure; nil is success
}

// An answer is what goes back to the client.
type answer struct {
	status  int
	version soap.Version
	body    []byte // a SOAP message; empty for a one-way exchange
}

// run takes the request through. Up to admit nothing is known of the sender,
// and answers are unprotected faults without detail. What comes after takes
// what the door has admitted, and nothing else; every answer goes the way back
// that it knows, which is protected where the message was.
func (x *exchange) run() answer {
	for _, step := range [...]func(*exchange) error{
		(*exchange).checkEnabled,
		(*exchange).receive, // one scan of one buffer
		(*exchange).hold,    // from here on a refusal has its time
	} {
		if err := step(x); err != nil {
			return x.refuse(err)
		}
	}
	in, err := x.admit()
	if err != nil {
		return x.refuse(err)
	}
	for _, step := range [...]func(*exchange, door.Admitted) error{
		(*exchange).authorize,
		(*exchange).checkTo, // for which route the message was made
		(*exchange).tellDoor,
		(*exchange).chooseAction, // whose SOAPAction the backend gets
		(*exchange).forward,
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
		x.in.media, _ = mediaOf(x.r.Header)
		return &Error{Code: CodeDisabled, Err: errors.New("the service of this route is disabled")}
	}
	return nil
}

// hold takes a place among the messages that are looked at. It is taken for
// every door, so that none can forget the rule of release.go.
func (x *exchange) hold() (err error) {
	x.held, err = x.g.releases.open(x.from, x.in.size, x.in.at)
	return err
}

// admit asks the door. A panic in it, which would be a bug, is a refusal like
// the others: a plaintext that nobody has vouched for may have led to it.
func (x *exchange) admit() (in door.Admitted, err error) {
	defer x.log.stage("verify", time.Now())
	defer func() {
		if p := recover(); p != nil {
			in, err = nil, &Error{Code: CodeInternal, Err: panicError(p), verifying: true}
		}
	}()
	x.door = x.rt.Door
	chosen, err := x.door.Choose(x.in.env)
	if err != nil {
		return nil, err
	}
	x.door = chosen
	x.log.chosen(x.rt, x.door)
	ctx := x.g.cfg.Context(x.context(), x.r)
	if in, err = x.door.Admit(ctx, door.Arrival{Envelope: x.in.env, Channel: x.channel()}); err != nil {
		return nil, err
	}
	x.log.admitted(in)
	if _, _, known := in.Principal(); known {
		x.lease.verify()
	}
	x.in.env = nil // it is the door's
	x.held.close()
	x.held = nil
	return in, nil
}

// channel returns what is known of the transport of the request.
func (x *exchange) channel() wssec.Channel {
	return wssec.Channel{TLS: x.r.TLS != nil || x.rt.TLSOffloaded, Bindings: bindings(x.r), Client: hostOf(x.client)}
}

// tellDoor says that the client may call. It is told before the backend is
// asked: the client's next message may name the token of this one while this
// one is still on its way.
func (x *exchange) tellDoor(in door.Admitted) error {
	if err := in.Authorized(x.r.Context()); err != nil {
		x.log.notRemembered(err)
	}
	return nil
}

// answer returns the reply, protected under the key of the request.
func (x *exchange) answer(in door.Admitted) answer {
	if x.reply.oneWay {
		return answer{status: http.StatusAccepted, version: x.in.version}
	}
	body, err := x.protect(in)
	if err != nil { // the backend's reply cannot be protected; a fault about that can
		x.reply = x.faultReply(protectError(err))
		body, err = x.protect(in)
	}
	if err != nil {
		return x.refuse(protectError(err))
	}
	return answer{status: x.reply.status, version: x.in.version, body: body}
}

func (x *exchange) protect(in door.Admitted) ([]byte, error) {
	defer x.log.stage("protect", time.Now())
	env, err := x.reply.envelope()
	if err != nil {
		return nil, err
	}
	return in.Protect(x.context(), env)
}

// protectError tells a reply that there is no memory for from one that cannot be
// protected.
func protectError(err error) error {
	if own := (*Error)(nil); errors.As(err, &own) && own.Code == CodeOverloaded {
		return own
	}
	return &Error{Code: CodeProtect, Err: err}
}

// begin makes an exchange of a request; rt is nil if it reaches no route.
func (g *Gateway) begin(w http.ResponseWriter, r *http.Request, rt *route) *exchange {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	x := &exchange{g: g, rt: rt, w: w, r: r, id: hex.EncodeToString(id[:]), client: r.RemoteAddr}
	var proxy string
	var told bool
	if x.from, told = g.cfg.clientAddress(r); told {
		x.client, proxy = x.from.String(), r.RemoteAddr
	}
	x.log = newEvent(x, proxy)
	return x
}

// end writes the event, if that was not done before.
func (x *exchange) end() {
	x.blame()
	x.log.write(x.err)
}

type exchangeKey struct{}

// context is that of the request, for what finds the exchange by it: [Note],
// [Reserve], [ClientAddr].
func (x *exchange) context() context.Context {
	return context.WithValue(x.r.Context(), exchangeKey{}, x)
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

// failed keeps the first error: what follows from it would hide it.
func (x *exchange) failed(err error) {
	if x.err == nil {
		x.err = err
	}
}

// serve runs an exchange with its budget, its event, and a net under panics,
// which would be a bug of ours: the client gets a fault and the log the stack.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, rt *route) {
	x := g.begin(w, r, rt)
	defer x.end()
	l, err := g.budget.open(x.from)
	if err != nil {
		x.send(x.refuse(err))
		return
	}
	defer l.close()
	x.lease = l
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p) // net/http closes the connection
		default:
			x.send(x.refuse(&Error{Code: CodeInternal, Err: panicError(p)}))
		}
	}()
	a := x.run()
	if x.held != nil {
		l.giveBack()
		x.wait(a)
	}
	x.send(a)
}

func panicError(p any) error { return fmt.Errorf("panic: %v\n%s", p, debug.Stack()) }

// wait returns when a refusal may be written. What it waits with is the few
// octets of the fault: the message, its index and its share of the budget have
// been given back, and the event is written before, so that nothing that comes
// after the wait knows why the message was refused. If the client has gone away
// meanwhile nothing is answered, at that time.
func (x *exchange) wait(a answer) {
	x.log.sent(a)
	x.log.held(x.held.due(time.Now()))
	x.log.write(x.err)
	if x.held.settle() {
		x.door.AnsweredLate(x.err)
	}
	x.forget()
	if !x.held.wait(x.r.Context()) {
		panic(http.ErrAbortHandler)
	}
}

// forget lets go of the message, and of what the written event was made of.
func (x *exchange) forget() {
	x.in.env, x.reply, x.err = nil, backendReply{}, nil
	x.log.forget()
}

// send writes a. A client that no longer reads is the event's outcome, not an
// error to answer.
func (x *exchange) send(a answer) {
	defer x.log.stage("write", time.Now())
	x.log.sent(a)
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(x.g.cfg.WriteTimeout))
	h := x.w.Header()
	if len(a.body) > 0 {
		h.Set("Content-Type", a.version.ContentType())
	}
	if a.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	x.w.WriteHeader(a.status)
	if _, err := x.w.Write(a.body); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		x.failed(&Error{Code: CodeClientGone, Err: err})
	}
}
