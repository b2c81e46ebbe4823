package door

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
)

// A Caller is the client of an exchange for whatever stands behind the gateway: a
// transport that calls the backend in its name, or a signer of its identity. The
// door has verified it, and the route has admitted it. It never prints a secret.
type Caller struct {
	// Name and Realm are the client's, with special characters of the name
	// escaped. Known is false if the door authenticates nobody; then all else is
	// zero.
	Name, Realm string
	Known       bool
	// Groups are the security identifiers of the client's groups. Callers must not
	// modify the slice.
	Groups []string
	// Service is the service principal of the client's ticket.
	Service string
	// Expires is the end of that ticket; zero if it is not known.
	Expires time.Time

	credentials []byte // of [gss.Authentication.ClientCredentials]
}

// Principal returns "name@REALM", or "" if the client is not known.
func (c Caller) Principal() string {
	if !c.Known {
		return ""
	}
	return c.Name + "@" + c.Realm
}

// Evidence returns the client's ticket for the gateway, without its session key:
// what S4U2Proxy shows to the KDC. ok is false where the route does not keep it
// ([gss.AcceptorConfig.KeepTicket]).
func (c Caller) Evidence() (ticket kerberos.Credential, ok bool) {
	all, err := gss.ParseCredentials(c.credentials)
	return all.Evidence, err == nil && len(all.Evidence.Ticket) > 0
}

// Delegated returns the credential that the client delegated with the token of
// this message, or of the one that its security context or session was issued
// for: a forwarded ticket-granting ticket with its key, whose names and times are
// the client's claims. It is nil if there is none, or the route does not take it
// ([gss.AcceptorConfig.Delegation], [gss.AcceptConfig.Delegation]). The keys are
// copies of the caller's own.
func (c Caller) Delegated() []kerberos.Credential {
	all, err := gss.ParseCredentials(c.credentials)
	if err != nil {
		return nil
	}
	return all.Delegated
}

// String returns the principal.
func (c Caller) String() string { return c.Principal() }

// Format prints String for every verb.
func (c Caller) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// callerContext is a context with a Caller. It is one allocation, as every
// exchange has one.
type callerContext struct {
	context.Context
	caller Caller
}

type callerKey struct{}

func (c *callerContext) Value(key any) any {
	if key == (callerKey{}) {
		return &c.caller
	}
	return c.Context.Value(key)
}

// WithCaller returns the context of a request to the backend, with the client
// that it is sent for.
func WithCaller(ctx context.Context, c Caller) context.Context { return &callerContext{ctx, c} }

// CallerOf returns the client that a request to the backend is sent for. ok is
// false in a context that has none; the client need not be known if it has one.
func CallerOf(ctx context.Context) (c Caller, ok bool) {
	found, ok := ctx.Value(callerKey{}).(*Caller)
	if !ok {
		return Caller{}, false
	}
	return *found, true
}
