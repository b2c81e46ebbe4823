package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// An answer is what goes back to the client.
type answer struct {
	status  int
	version soap.Version
	body    []byte // a SOAP message; empty for a one-way exchange

	held *release // of a refusal that came of looking at the protection
}

// exchange takes one request through the gateway. Up to verify nothing is
// known of the sender and answers are unprotected faults without detail; after
// it there is a key, and every answer is protected with it.
func (g *Gateway) exchange(w http.ResponseWriter, r *http.Request, rt *route, l *lease, ev *event) answer {
	if rt.Disabled {
		m, _ := mediaOf(r.Header)
		return g.refuse(m.version, &Error{Code: CodeDisabled, Err: errors.New("the service of this route is disabled")}, ev)
	}
	in, err := g.receive(w, r, l, ev)
	if err != nil {
		return g.refuse(in.version, err, ev)
	}
	ctx := g.cfg.Context(ev.context(r.Context()), r)
	held, err := g.releases.open(in.size, in.at)
	if err != nil {
		return g.refuse(in.version, err, ev)
	}
	msg, err := rt.verify(ctx, r, in.env, ev)
	if err != nil {
		a := g.refuse(in.version, err, ev)
		a.held = held
		return a
	}
	held.close()
	reply, err := g.forward(r, rt, msg, in.media, l, ev)
	if err != nil {
		reply = faultReply(in.version, err, ev)
	}
	if reply.oneWay {
		return answer{status: http.StatusAccepted, version: in.version}
	}
	body, err := rt.protect(r.Context(), reply, msg, ev)
	if err != nil { // the backend's reply cannot be protected; a fault about that can
		reply = faultReply(in.version, protectError(err), ev)
		body, err = rt.protect(r.Context(), reply, msg, ev)
	}
	if err != nil {
		return g.refuse(in.version, protectError(err), ev)
	}
	return answer{status: reply.status, version: in.version, body: body}
}

// verify applies the route's policy. The Message is the only thing that
// forward takes. A panic in it, which would be a bug, is a refusal like the
// others: a plaintext that nobody has vouched for may have led to it.
func (rt *route) verify(ctx context.Context, r *http.Request, env *soap.Envelope, ev *event) (msg *wssec.Message, err error) {
	defer ev.stage("verify", time.Now())
	defer func() {
		if p := recover(); p != nil {
			msg, err = nil, &Error{Code: CodeInternal, Err: panicError(p), verifying: true}
		}
	}()
	ch := rt.channel(r)
	ch.Client = ev.address()
	msg, err = rt.Processor.Verify(ctx, env, ch)
	if err != nil {
		return nil, err
	}
	ev.verified(msg)
	ev.lease.verify()
	return msg, nil
}

// protect makes the reply's octets, under the key of the request.
func (rt *route) protect(ctx context.Context, reply backendReply, msg *wssec.Message, ev *event) ([]byte, error) {
	defer ev.stage("protect", time.Now())
	env, err := reply.envelope()
	if err != nil {
		return nil, err
	}
	return rt.Processor.Protect(ev.context(ctx), nil, env, msg)
}

// protectError tells a reply that there is no memory for from one that cannot be
// protected.
func protectError(err error) error {
	if own := (*Error)(nil); errors.As(err, &own) && own.Code == CodeOverloaded {
		return own
	}
	return &Error{Code: CodeProtect, Err: err}
}

// serve is exchange with its budget, its event, and a net under panics, which
// would be a bug of ours: the client gets a fault and the log the stack.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, rt *route) {
	ev := g.begin(r, rt.Path)
	defer func() { ev.blame(r.Context()); ev.log() }()
	ev.policy = rt.PolicyName
	l, err := g.budget.open(ev.from)
	if err != nil {
		g.send(w, g.refuse(0, err, ev), ev)
		return
	}
	defer l.close()
	ev.lease = l
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p) // net/http closes the connection
		default:
			g.send(w, g.refuse(ev.version, &Error{Code: CodeInternal, Err: panicError(p)}, ev), ev)
		}
	}()
	a := g.exchange(w, r, rt, l, ev)
	if a.held != nil {
		l.giveBack()
		hold(r.Context(), rt, a, ev)
	}
	g.send(w, a, ev)
}

func panicError(p any) error { return fmt.Errorf("panic: %v\n%s", p, debug.Stack()) }

// hold returns when a refusal may be written. What it waits with is the few
// octets of the fault: the message, its index and its share of the budget have
// been given back, and the event is written before, so that nothing that comes
// after the wait knows why the message was refused. If the client has gone away
// meanwhile nothing is answered, at that time.
func hold(ctx context.Context, rt *route, a answer, ev *event) {
	ev.sent(a)
	ev.held(a.held.due(time.Now()))
	ev.log()
	if a.held.settle() {
		rt.Processor.AnsweredLate(ev.err)
	}
	ev.forget()
	if !a.held.wait(ctx) {
		panic(http.ErrAbortHandler)
	}
}

// send writes a. A client that no longer reads is the event's outcome, not an
// error to answer.
func (g *Gateway) send(w http.ResponseWriter, a answer, ev *event) {
	defer ev.stage("write", time.Now())
	ev.sent(a)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(g.cfg.WriteTimeout))
	h := w.Header()
	if len(a.body) > 0 {
		h.Set("Content-Type", a.version.ContentType())
	}
	if a.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(a.status)
	if _, err := w.Write(a.body); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		ev.failed(&Error{Code: CodeClientGone, Err: err})
	}
}
