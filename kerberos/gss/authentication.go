package gss

import (
	"fmt"
	"slices"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// A VerifiedToken is an accepted AP-REQ for other packages. It is an alias of
// an interface literal, so that a package can declare the same literal and use
// an [Acceptor] without importing this package.
type VerifiedToken = interface {
	// Client returns the client's name and realm, "alice" and "EXAMPLE.COM".
	Client() (name, realm string)
	// Service returns the principal that the ticket is for,
	// "soap/gw.example.com@EXAMPLE.COM".
	Service() string
	// Groups returns the SIDs of the client's groups by the ticket's PAC; nil
	// without one.
	Groups() []string
	// EndTime returns the ticket's end.
	EndTime() time.Time
	// EtypeOfKey returns the encryption type of the effective key.
	EtypeOfKey() int32
	// ExposeKeyOctets returns a copy of the effective key: the authenticator's
	// subkey, else the session key. Secret.
	ExposeKeyOctets() []byte
}

var _ VerifiedToken = (*Authentication)(nil)

// An Authentication is the result of an accepted AP-REQ (RFC 4120 3.2): who the
// client is and which key it shares with us. It is immutable, safe for
// concurrent use, and never prints a key.
type Authentication struct {
	client  kerberos.Principal
	name    string
	service string
	key     etype.Key
	session etype.Key
	facts   Facts
	pac     *pac.PAC

	credentials Credentials
}

// Facts are details of an accepted token, for logs and metrics. No field is
// secret.
type Facts struct {
	TicketEtype  int32     // the service's long-term key
	SessionEtype int32     // the ticket's session key
	KeyEtype     int32     // the effective key
	Subkey       bool      // the effective key is the authenticator's subkey
	TicketKvno   uint32    // as in the ticket; 0 when absent
	KeytabKvno   uint32    // of the key that decrypted it, as in the keytab
	Fallback     bool      // KeytabKvno is not the ticket's: keytab or ticket is out of date
	TicketFlags  uint32    // kerberos.Flag… bits
	AuthTime     time.Time // initial authentication of the client
	StartTime    time.Time
	EndTime      time.Time
	ClientTime   time.Time     // the authenticator's, with microseconds
	Skew         time.Duration // ClientTime minus our clock: positive if the client's is ahead
	// Mutual is set if the client asks for an AP-REP, by ap-options or GSS
	// flag. The token profile has none.
	Mutual       bool
	GSSFlags     uint32   // of a GSS-API checksum (RFC 4121 4.1.1.1); 0 without one
	SeqNumber    uint32   // initiator's first sequence number; 0 when absent
	ChannelBound bool     // the client's channel bindings are those of the channel that the token came by
	ReplayID     [32]byte // SHA-256 of the authenticator's ciphertext
}

// Client returns the client's name, with special characters escaped, and its
// realm. Both are the ticket's, and the authenticator's are equal.
func (a *Authentication) Client() (name, realm string) { return a.name, a.client.Realm }

// ClientPrincipal returns the client's name in components.
func (a *Authentication) ClientPrincipal() kerberos.Principal {
	return kerberos.Principal{Components: slices.Clone(a.client.Components), Realm: a.client.Realm}
}

// Service returns the principal that the ticket names, with its realm. The
// ticket's checksum does not cover the name, so a ticket for one of several
// principals that share a key can be presented as one for another.
func (a *Authentication) Service() string { return a.service }

// EndTime returns the ticket's end.
func (a *Authentication) EndTime() time.Time { return a.facts.EndTime }

// EtypeOfKey returns the encryption type of the effective key.
func (a *Authentication) EtypeOfKey() int32 { return a.key.Etype() }

// Key returns the effective key: the authenticator's subkey, else the session
// key, unless [AcceptorConfig.KeySource] chooses another.
func (a *Authentication) Key() etype.Key { return a.key }

// SessionKey returns the ticket's session key.
func (a *Authentication) SessionKey() etype.Key { return a.session }

// ExposeKeyOctets returns a copy of the octets of [Authentication.Key]. Never
// log them.
func (a *Authentication) ExposeKeyOctets() []byte { return a.key.ExposeKeyOctets() }

// Facts returns details of the token.
func (a *Authentication) Facts() Facts { return a.facts }

// PAC returns the ticket's verified PAC, or nil if it has none or the rule is
// [PACIgnore].
func (a *Authentication) PAC() *pac.PAC { return a.pac }

// Groups returns the SIDs of the client's groups, as [pac.PAC.Groups] does. It
// returns nil without a PAC, and without LOGON_INFO unless the client is one of
// DeniedSIDs.
func (a *Authentication) Groups() []string { return a.pac.Groups() }

// String returns the client, the service and the type of the key.
func (a *Authentication) String() string {
	return fmt.Sprintf("%s to %s with %s", a.client, a.service, a.key)
}

// Format prints String for every verb.
func (a *Authentication) Format(f fmt.State, _ rune) { fmt.Fprint(f, a.String()) }
