package negotiate

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
)

// A Source is how a request was authenticated.
type Source string

const (
	FromToken      Source = "token"      // its own token, the last of a negotiation
	FromContext    Source = "context"    // the context that was established before, by a request without its body
	FromSession    Source = "session"    // the session cookie
	FromConnection Source = "connection" // an earlier request of the connection
)

// An Identity is the client of an established context. Only an [Authenticator]
// makes one; that of the zero value has no name. It is immutable and safe for
// concurrent use, and never prints a key.
type Identity struct {
	record  record
	source  Source
	context *gss.Context // nil unless source is FromToken
}

// record is what is kept of an established context. It must be sealed.
type record struct {
	Principal kerberos.Principal
	Service   string
	Groups    []string `json:",omitempty"`
	Ends      time.Time
	Until     time.Time // of the record itself
	Flags     uint32
	Bound     bool

	Credentials []byte `json:",omitempty"` // of [gss.Authentication.ClientCredentials]
}

// credentials returns the credentials of the client's token.
func (r *record) credentials() gss.Credentials {
	c, err := gss.ParseCredentials(r.Credentials)
	if err != nil {
		return gss.Credentials{}
	}
	return c
}

// identityOf returns the client of an established context.
func identityOf(c *gss.Context) *Identity {
	return &Identity{source: FromToken, context: c, record: record{
		Principal: c.ClientPrincipal(), Service: c.Service(), Groups: c.Groups(), Ends: c.EndTime(), Flags: c.Flags(),
		Bound: c.Facts().ChannelBound, Credentials: c.ClientCredentials(),
	}}
}

// Client returns the client's name, with special characters escaped, and its
// realm.
func (i *Identity) Client() (name, realm string) {
	return i.record.Principal.Name(), i.record.Principal.Realm
}

// Principal returns the client's name in components.
func (i *Identity) Principal() kerberos.Principal {
	p := i.record.Principal
	p.Components = slices.Clone(p.Components)
	return p
}

// Service returns the principal that the client's ticket is for.
func (i *Identity) Service() string { return i.record.Service }

// Groups returns the SIDs of the client's groups, as [gss.Context.Groups] does.
func (i *Identity) Groups() []string { return slices.Clone(i.record.Groups) }

// EndTime returns the ticket's end.
func (i *Identity) EndTime() time.Time { return i.record.Ends }

// Until returns when the client has to authenticate itself anew: the end of its
// session, or of its ticket. Whatever goes on with its request, such as a
// WebSocket, should end then.
func (i *Identity) Until() time.Time {
	if i.source == FromSession {
		return i.record.Until
	}
	return i.record.Ends
}

// Flags returns the context's GSS… bits.
func (i *Identity) Flags() uint32 { return i.record.Flags }

// ChannelBound reports whether the client bound the context to its TLS channel.
func (i *Identity) ChannelBound() bool { return i.record.Bound }

// Source returns how the request was authenticated.
func (i *Identity) Source() Source { return i.source }

// Context returns the context that this request established, for its facts and
// per-message tokens; nil unless the Source is [FromToken].
func (i *Identity) Context() *gss.Context { return i.context }

// Delegated returns a copy of the credential that the client delegated, for
// kdc.ClientConfig.Credentials; nil if there is none or Config.Delegation is not
// set. See [gss.Context.Delegated].
func (i *Identity) Delegated() []kerberos.Credential { return i.record.credentials().Delegated }

// ClientCredentials returns what the client's token has to call others in its
// name, for [gss.ParseCredentials]; nil if there is nothing. A session keeps it.
// Secret; do not modify it.
func (i *Identity) ClientCredentials() []byte { return i.record.Credentials }

// String returns the client, name@REALM.
func (i *Identity) String() string { return i.record.Principal.String() }

// Format prints String for every verb.
func (i *Identity) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, i.String()) }

type identityKey struct{}

// FromRequestContext returns the client of the request that ctx belongs to, and
// reports whether an [Authenticator] has authenticated it.
func FromRequestContext(ctx context.Context) (*Identity, bool) {
	i, ok := ctx.Value(identityKey{}).(*Identity)
	return i, ok
}

// WithIdentity returns a context from which [FromRequestContext] returns i, for
// tests of handlers and for callers of [Authenticator.Authenticate].
func WithIdentity(ctx context.Context, i *Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, i)
}
