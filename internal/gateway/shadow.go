package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/wssgate/wssgate/internal/door"
)

// A route whose door is a [door.Shadow] is on trial. A message passes unverified in
// both directions. When its answer has been written, the message is tried: it goes
// through all steps that the route would take it through, in an exchange of their
// own, of which nothing is left but a Verdict. So no step on the way to the backend
// can take the message for a verified one.
//
// The time that a trial takes reveals what a refusal's does (see release.go), and
// the connection's next request waits for its end. So it ends at a fixed time.

// Would says what a trial has shown.
type Would string

// What a route on trial would have done.
const (
	WouldAccept Would = "accepted" // and forwarded
	WouldRefuse Would = "refused"
	WouldNotSay Would = "unknown" // the message was not tried: too many are
)

// A Verdict is what would have become of a message if its route were enforced.
type Verdict struct {
	Would Would
	Code  string // [CodeOK], or one of the [Catalogue]
	// Principal is the client's name@REALM; "" if the trial did not get so far.
	Principal string
	Err       error // nil if Code is CodeOK

	notes []slog.Attr
}

// attrs returns the attributes of the event.
func (v *Verdict) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("shadow_code", v.Code), slog.String("would", string(v.Would)),
		slog.String("shadow_principal", v.Principal)}
	if v.Err != nil {
		attrs = append(attrs, slog.String("shadow_error", v.Err.Error()))
	}
	if len(v.notes) > 0 {
		attrs = append(attrs, slog.Any("shadow_notes", slog.GroupValue(v.notes...)))
	}
	return attrs
}

// try sets the route that is tried, if the door is a shadow. It refuses what would
// change a message of such a route, or say who has sent it.
func (rt *route) try() error {
	shadow, is := rt.Door.(*door.Shadow)
	if !is {
		return nil
	}
	if rt.TerminateAddressing || rt.RewriteTo != "" || rt.Description != nil || len(rt.AssertedHeaders) > 0 {
		return fmt.Errorf("gateway: route %q is a shadow, which passes messages as they are and names no clients", rt.Path)
	}
	tried := rt.Route
	tried.Door = shadow.Tried()
	var err error
	rt.tried, err = newRoute(tried)
	return err
}

// passAsReceived forwards a message of a route on trial as it was received, and returns the
// answer as the backend has written it.
func (x *exchange) passAsReceived() answer {
	x.door, x.action = x.rt.Door, x.in.Action
	in, err := x.door.Admit(x.context(), door.Arrival{Envelope: x.in.env})
	if err != nil {
		return x.refuse(err)
	}
	if err := x.forward(in); err != nil {
		x.reply = x.faultReply(err)
	}
	return x.answer(in)
}

// tryShadow tries a message of a route on trial, once the client has its answer.
// The event is written before the wait.
func (x *exchange) tryShadow() {
	if x.rt.tried == nil || x.in.env == nil {
		return
	}
	x.log.took = time.Since(x.log.start)
	x.flush()
	_ = http.NewResponseController(x.w).Flush()
	began := time.Now()
	held, err := x.g.releases.open(x.from, x.in.size, began)
	if err != nil {
		x.log.verdict = &Verdict{Would: WouldNotSay, Code: codeOf(err), Err: err}
		return
	}
	trial := x.trial()
	err = trial.try()
	x.log.verdict = trial.verdict(err)
	x.log.operation = trial.log.operation
	x.log.stage("shadow", began)
	x.end()
	trial.overwrite(err)
	if held.settle() && err != nil && trial.door != nil {
		trial.door.AnsweredLate(err)
	}
	_ = held.wait(trial.r.Context())
}

// trial returns an exchange with the message of x on the route that is tried. It
// has no answer, and its event is not written. The end of the client's connection
// does not end it.
func (x *exchange) trial() *exchange {
	t := &exchange{g: x.g, rt: x.rt.tried, w: x.w, r: x.r.WithContext(context.WithoutCancel(x.r.Context())), id: x.id,
		client: x.client, from: x.from, lease: x.lease, in: x.in}
	t.log = &event{start: time.Now()}
	return t
}

// try takes the message through the steps of exchange.run, up to the backend.
func (x *exchange) try() (err error) {
	defer func() {
		if p := recover(); p != nil {
			x.admitted = nil // in whatever state it may be
			err = &Error{Code: CodeInternal, Err: panicError(p)}
		}
	}()
	in, err := x.admit()
	if err != nil {
		return err
	}
	x.admittedAddressing(in)
	for _, step := range [...]func(*exchange, door.Admitted) error{
		(*exchange).authorize,
		(*exchange).checkAddressing,
		(*exchange).checkPlaintext,
		(*exchange).tellDoor,
		(*exchange).chooseAction,
		(*exchange).tryForward,
	} {
		if err := step(x, in); err != nil {
			return err
		}
	}
	return nil
}

// overwrite ends the use of the message once the event is written, with which its
// plaintext is overwritten.
func (x *exchange) overwrite(err error) {
	if x.admitted != nil {
		x.admitted.Release()
	}
	x.err = err
	x.forget()
}

// tryForward makes the message for the backend, and drops it: a header block that
// has to be understood may be in the way.
func (x *exchange) tryForward(in door.Admitted) error {
	out := newOutgoing(in.ForwardSize() + x.rt.rewriteSize)
	defer out.Free()
	size := int64(cap(out.Octets))
	if err := x.lease.take(size); err != nil {
		return err
	}
	defer func() { _ = x.lease.take(-size) }()
	var err error
	out.Octets, err = in.AppendForward(out.Octets, x.forwarding(in))
	return err
}

// verdict returns the Verdict of a trial that has ended with err.
func (x *exchange) verdict(err error) *Verdict {
	v := &Verdict{Would: WouldAccept, Code: CodeOK, Principal: x.log.principal, Err: err, notes: x.log.notes}
	if err != nil {
		v.Would, v.Code = WouldRefuse, codeOf(err)
	}
	return v
}
