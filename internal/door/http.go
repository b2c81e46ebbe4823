package door

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// HTTP is the door of requests of any kind whose clients HTTP Negotiate
// authenticates (RFC 4559). It is safe for concurrent use.
type HTTP struct {
	auth    *negotiate.Authenticator
	origins Origins
}

// NewHTTP makes the door of an Authenticator, whose Config.Authorize decides
// about its clients, and answers the preflights of pages of origins.
func NewHTTP(a *negotiate.Authenticator, origins Origins) *HTTP { return &HTTP{a, origins} }

// Name returns the name of the standard.
func (*HTTP) Name() string { return "spnego-http" }

// Cookie returns the name of the cookie by which the door knows its clients. It
// must reach no backend, of whatever route.
func (d *HTTP) Cookie() string { return d.auth.CookieName() }

// An AdmittedRequest is a request whose client an established context has
// authenticated, and Config.Authorize of the Authenticator has admitted. Only this package implements it.
type AdmittedRequest interface {
	// Request returns the request without what authenticates its client.
	Request() *http.Request
	// Caller returns the client for whatever stands behind the gateway.
	Caller() Caller
	// Complete adds to the header of the response what it must have with this
	// status.
	Complete(h http.Header, status int)

	// Until returns when the client has to authenticate itself anew.
	Until() time.Time
	// Notes returns attributes for the log.
	Notes() []slog.Attr

	byDoor()
}

// Admit authenticates the client of a request, and asks whether it is
// authorized. Without an AdmittedRequest the
// request is answered by refuse, and refused says why. It is nil for the answer
// to a leg of a negotiation that is not the last, and for that to a preflight.
func (d *HTTP) Admit(r *http.Request) (in AdmittedRequest, refuse func(http.ResponseWriter), refused error) {
	if d.origins.IsPreflight(r) {
		return nil, func(w http.ResponseWriter) { d.origins.Answer(w, r) }, nil
	}
	res := d.auth.Authenticate(r)
	if res.Identity == nil {
		return nil, func(w http.ResponseWriter) {
			d.origins.Complete(w.Header(), r)
			d.auth.Write(w, r, res)
		}, res.Err
	}
	return &admittedRequest{d.auth.Admit(r, res.Identity), res, d.origins}, nil, nil
}

type admittedRequest struct {
	request *http.Request
	result  *negotiate.Result
	origins Origins
}

func (*admittedRequest) byDoor() {}

func (a *admittedRequest) Request() *http.Request { return a.request }
func (a *admittedRequest) Until() time.Time       { return a.result.Identity.Until() }

func (a *admittedRequest) Caller() Caller {
	i := a.result.Identity
	name, realm := i.Client()
	return Caller{Name: name, Realm: realm, Known: true, Groups: i.Groups(), Service: i.Service(), Expires: i.EndTime(),
		credentials: i.ClientCredentials()}
}

func (a *admittedRequest) Complete(h http.Header, status int) {
	a.result.Complete(h, status)
	a.origins.Complete(h, a.request)
}

func (a *admittedRequest) Notes() []slog.Attr {
	if err := a.result.Err; err != nil {
		return []slog.Attr{slog.String("session_not_kept", err.Error())}
	}
	return nil
}
