package gss

import (
	"fmt"
	"slices"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// errNotEstablished returns the error of per-message calls before the context
// is established.
func errNotEstablished() error {
	return kerberos.Errorf(kerberos.CodeContextState, "the context is not established")
}

// established returns the mechanism's result, or nil if the context is
// half-open or has failed.
func (c *Context) established() *krb5Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != stateEstablished {
		return nil
	}
	return c.krb5
}

// Established reports whether the context is established.
func (c *Context) Established() bool { return c.established() != nil }

// Client returns the initiator's name, with special characters escaped, and its
// realm. Both are empty before the context is established. An acceptor has
// verified them.
func (c *Context) Client() (name, realm string) {
	p := c.ClientPrincipal()
	return p.Name(), p.Realm
}

// ClientPrincipal returns the initiator's name in components, or the zero value
// before the context is established.
func (c *Context) ClientPrincipal() kerberos.Principal {
	switch k := c.established(); {
	case k == nil:
		return kerberos.Principal{}
	case k.auth != nil:
		return k.auth.ClientPrincipal()
	}
	return kerberos.Principal{Components: slices.Clone(c.ticket.Client.Components), Realm: c.ticket.Client.Realm}
}

// Service returns the acceptor's principal, as [Authentication.Service] does,
// or "" before the context is established. An initiator has proof of it only
// with [kerberos.GSSMutual].
func (c *Context) Service() string {
	switch k := c.established(); {
	case k == nil:
		return ""
	case k.auth != nil:
		return k.auth.Service()
	}
	return c.ticket.Service.String()
}

// Groups returns the SIDs of the client's groups, as [Authentication.Groups]
// does. It returns nil for an initiator and before the context is established.
func (c *Context) Groups() []string {
	if auth := c.Authentication(); auth != nil {
		return auth.Groups()
	}
	return nil
}

// Authentication returns the result of the client's AP-REQ, or nil for an
// initiator and before the context is established. If the acceptor has a
// subkey, its key is not the context's.
func (c *Context) Authentication() *Authentication {
	if k := c.established(); k != nil {
		return k.auth
	}
	return nil
}

// Key returns the key that protects messages: the acceptor's subkey, else the
// initiator's, else the session key (RFC 4121 2). It is the zero Key before the
// context is established.
func (c *Context) Key() etype.Key {
	if k := c.established(); k != nil {
		return k.effective()
	}
	return etype.Key{}
}

// Flags returns the GSS… bits in force: those that the initiator asked for and
// the context has. It returns 0 before the context is established.
func (c *Context) Flags() uint32 {
	if k := c.established(); k != nil {
		return k.flags
	}
	return 0
}

// EndTime returns the ticket's end, which is the end of the context's lifetime
// (RFC 2743 2.2.1). The context does not enforce it. It is zero before the
// context is established, and for an initiator whose ticket has none.
func (c *Context) EndTime() time.Time {
	switch k := c.established(); {
	case k == nil:
		return time.Time{}
	case k.auth != nil:
		return k.auth.EndTime()
	}
	return c.ticket.EndTime
}

// Delegated returns a copy of the credential that the client delegated: a
// forwarded ticket-granting ticket with its key, for
// kdc.ClientConfig.Credentials. Names, times and flags are the client's claims,
// since only the KDC can read the ticket. It returns nil if there is none,
// without [AcceptConfig.Delegation], and for an initiator.
func (c *Context) Delegated() []kerberos.Credential {
	if auth := c.Authentication(); auth != nil {
		return auth.Credentials().Delegated
	}
	return nil
}

// ClientCredentials is that of the [Authentication]; nil for an initiator and
// before the context is established.
func (c *Context) ClientCredentials() []byte {
	if auth := c.Authentication(); auth != nil {
		return auth.ClientCredentials()
	}
	return nil
}

// ContextFacts are details of an established context, for logs and metrics. No
// field is secret.
type ContextFacts struct {
	// Facts are of the AP-REQ. They are zero for an initiator, except that
	// ChannelBound reports whether it sent bindings.
	Facts
	SPNEGO         bool      // the mechanism was negotiated
	Mech           string    // krb5, MS-krb5 or krb5-old: the OID in the negotiation; krb5 without one
	MechListMIC    bool      // the list of mechanisms was checked by mechListMIC
	AcceptorSubkey bool      // the acceptor's subkey protects messages
	ContextEtype   int32     // encryption type of the key that protects messages
	Legs           int       // tokens received
	Made           time.Time // when the first token was received or sent
}

// Facts returns details of the context, or the zero value before it is
// established.
func (c *Context) Facts() ContextFacts {
	k := c.established()
	if k == nil {
		return ContextFacts{}
	}
	f := ContextFacts{
		Mech:           krbmsg.MechName(krbmsg.OIDKRB5),
		AcceptorSubkey: !k.acceptorSubkey.IsZero(),
		ContextEtype:   k.effective().Etype(),
		Legs:           c.legs,
		Made:           c.made,
	}
	if k.auth != nil {
		f.Facts = k.auth.Facts()
	}
	f.ChannelBound = k.bound
	if c.neg != nil {
		f.SPNEGO, f.Mech, f.MechListMIC = true, krbmsg.MechName(c.neg.mech), c.neg.micReceived
	}
	return f
}

// Wrap is [MessageProtection.Wrap]. Before the context is established, it and
// the following methods return an error with [kerberos.CodeContextState].
func (c *Context) Wrap(dst, plaintext []byte, sealed bool) ([]byte, error) {
	k := c.established()
	if k == nil {
		return nil, errNotEstablished()
	}
	return k.messages.Wrap(dst, plaintext, sealed)
}

// Unwrap is [MessageProtection.Unwrap].
func (c *Context) Unwrap(dst, token []byte) (plaintext []byte, sealed bool, err error) {
	k := c.established()
	if k == nil {
		return nil, false, errNotEstablished()
	}
	return k.messages.Unwrap(dst, token)
}

// MIC is [MessageProtection.MIC].
func (c *Context) MIC(message []byte) ([]byte, error) {
	k := c.established()
	if k == nil {
		return nil, errNotEstablished()
	}
	return k.messages.MIC(message)
}

// VerifyMIC is [MessageProtection.VerifyMIC].
func (c *Context) VerifyMIC(message, token []byte) error {
	k := c.established()
	if k == nil {
		return errNotEstablished()
	}
	return k.messages.VerifyMIC(message, token)
}

// String returns both sides and the key's type.
func (c *Context) String() string {
	k := c.established()
	if k == nil {
		return "context that is not established"
	}
	return fmt.Sprintf("context of %s with %s under %s", c.ClientPrincipal(), c.Service(), k.effective())
}

// Format prints String for every verb.
func (c *Context) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }
