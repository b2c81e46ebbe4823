package gss

import (
	"fmt"
	"slices"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// errNotEstablished is what per-message calls get too early.
func errNotEstablished() error {
	return kerberos.Errorf(kerberos.CodeContextState, "the context is not established")
}

// established returns what the mechanism has come to, nil before that and after a failure.
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

// Client returns the initiator's name, special characters escaped, and its realm; both empty before the context is
// established. For an acceptor they were verified.
func (c *Context) Client() (name, realm string) {
	p := c.ClientPrincipal()
	return p.Name(), p.Realm
}

// ClientPrincipal returns the initiator's name in components, the zero value before the context is established.
func (c *Context) ClientPrincipal() kerberos.Principal {
	switch k := c.established(); {
	case k == nil:
		return kerberos.Principal{}
	case k.auth != nil:
		return k.auth.ClientPrincipal()
	}
	return kerberos.Principal{Components: slices.Clone(c.ticket.Client.Components), Realm: c.ticket.Client.Realm}
}

// Service returns the acceptor's principal, as Authentication.Service has it; "" before the context is established. An
// initiator has proof of it with kerberos.GSSMutual only.
func (c *Context) Service() string {
	switch k := c.established(); {
	case k == nil:
		return ""
	case k.auth != nil:
		return k.auth.Service()
	}
	return c.ticket.Service.String()
}

// Authentication returns what the client's AP-REQ has proved. It is nil for an initiator and before the context is
// established. Its key is not the context's when the acceptor has a subkey.
func (c *Context) Authentication() *Authentication {
	if k := c.established(); k != nil {
		return k.auth
	}
	return nil
}

// Key returns the key that protects messages: the acceptor's subkey, else the initiator's, else the session key (RFC
// 4121 2). It is the zero Key before the context is established.
func (c *Context) Key() etype.Key {
	if k := c.established(); k != nil {
		return k.effective()
	}
	return etype.Key{}
}

// Flags returns the GSS… bits in force: what the initiator asked for and the context has. 0 before it is established.
func (c *Context) Flags() uint32 {
	if k := c.established(); k != nil {
		return k.flags
	}
	return 0
}

// EndTime returns the ticket's end, until when the context is good (RFC 2743 2.2.1, lifetime). The context does not end
// by itself. It is zero before it is established, and for an initiator whose ticket does not tell.
func (c *Context) EndTime() time.Time {
	switch k := c.established(); {
	case k == nil:
		return time.Time{}
	case k.auth != nil:
		return k.auth.EndTime()
	}
	return c.ticket.EndTime
}

// Delegated returns the credential that the client delegated: a forwarded ticket-granting ticket, with its key, as
// copies; kdc.ClientConfig.Credentials takes it. Names, times and flags are what the client says of the ticket, which
// only its KDC can read. It is nil without AcceptConfig.Delegation, for an initiator, and when there is none.
func (c *Context) Delegated() []kerberos.Credential {
	k := c.established()
	if k == nil {
		return nil
	}
	list := slices.Clone(k.delegated)
	for i := range list {
		list[i].Ticket = slices.Clone(list[i].Ticket)
	}
	return list
}

// ContextFacts are what an operator or a metric may want to know of an established context. No field is secret.
type ContextFacts struct {
	Facts                    // of the AP-REQ; zero for an initiator, but that ChannelBound says whether it has sent bindings
	SPNEGO         bool      // the mechanism was negotiated
	Mech           string    // krb5, MS-krb5 or krb5-old: the OID in the negotiation; krb5 without one
	MechListMIC    bool      // the list of mechanisms was checked by mechListMIC
	AcceptorSubkey bool      // the acceptor's subkey protects messages
	ContextEtype   int32     // of the key that does
	Legs           int       // tokens received
	Made           time.Time // when the first token came or went
}

// Facts returns what was found; the zero value before the context is established.
func (c *Context) Facts() ContextFacts {
	k := c.established()
	if k == nil {
		return ContextFacts{}
	}
	f := ContextFacts{Mech: krbmsg.MechName(krbmsg.OIDKRB5), AcceptorSubkey: !k.acceptorSubkey.IsZero(), ContextEtype: k.effective().Etype(),
		Legs: c.legs, Made: c.made}
	if k.auth != nil {
		f.Facts = k.auth.Facts()
	}
	f.ChannelBound = k.bound
	if c.neg != nil {
		f.SPNEGO, f.Mech, f.MechListMIC = true, krbmsg.MechName(c.neg.mech), c.neg.micReceived
	}
	return f
}

// Wrap is MessageProtection.Wrap. Before the context is established it fails with kerberos.CodeContextState, as all of
// these do.
func (c *Context) Wrap(dst, plaintext []byte, sealed bool) ([]byte, error) {
	k := c.established()
	if k == nil {
		return nil, errNotEstablished()
	}
	return k.messages.Wrap(dst, plaintext, sealed)
}

// Unwrap is MessageProtection.Unwrap.
func (c *Context) Unwrap(dst, token []byte) (plaintext []byte, sealed bool, err error) {
	k := c.established()
	if k == nil {
		return nil, false, errNotEstablished()
	}
	return k.messages.Unwrap(dst, token)
}

// MIC is MessageProtection.MIC.
func (c *Context) MIC(message []byte) ([]byte, error) {
	k := c.established()
	if k == nil {
		return nil, errNotEstablished()
	}
	return k.messages.MIC(message)
}

// VerifyMIC is MessageProtection.VerifyMIC.
func (c *Context) VerifyMIC(message, token []byte) error {
	k := c.established()
	if k == nil {
		return errNotEstablished()
	}
	return k.messages.VerifyMIC(message, token)
}

// String names the sides and the key's type.
func (c *Context) String() string {
	k := c.established()
	if k == nil {
		return "context that is not established"
	}
	return fmt.Sprintf("context of %s with %s under %s", c.ClientPrincipal(), c.Service(), k.effective())
}

// Format prints String for every verb.
func (c *Context) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }
