package gss

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/wssgate/wssgate/kerberos"
)

// Credentials are what a client's token has, beside its name, that lets the
// service call others for it. They are secret: keep them sealed, and print them
// nowhere.
type Credentials struct {
	// Evidence is the client's ticket for this service, without its session key:
	// what S4U2Proxy (MS-SFU 3.2.5.2.1) shows to the KDC. It is zero without
	// [AcceptorConfig.KeepTicket].
	Evidence kerberos.Credential
	// Delegated is the credential that the client delegated: a forwarded
	// ticket-granting ticket with its key, for kdc.ClientConfig.Credentials. Names,
	// times and flags are the client's claims, since only the KDC can read the
	// ticket. It is nil if there is none, without [AcceptorConfig.Delegation] for a
	// token in a message, and without [AcceptConfig.Delegation] for a context.
	Delegated []kerberos.Credential
}

// IsZero reports whether there are none.
func (c *Credentials) IsZero() bool { return len(c.Evidence.Ticket) == 0 && len(c.Delegated) == 0 }

// String returns which there are.
func (c Credentials) String() string {
	return fmt.Sprintf("credentials: ticket kept: %t, delegated: %d", len(c.Evidence.Ticket) > 0, len(c.Delegated))
}

// Format prints String for every verb.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// Credentials returns a copy of what the token has.
func (a *Authentication) Credentials() Credentials {
	c := Credentials{Evidence: a.credentials.Evidence, Delegated: slices.Clone(a.credentials.Delegated)}
	c.Evidence.Ticket = slices.Clone(c.Evidence.Ticket)
	for i := range c.Delegated {
		c.Delegated[i].Ticket = slices.Clone(c.Delegated[i].Ticket)
	}
	return c
}

// ClientCredentials returns the Credentials as octets, for [ParseCredentials]; nil
// if there are none. They hold keys: store them sealed.
func (a *Authentication) ClientCredentials() []byte {
	if a.credentials.IsZero() {
		return nil
	}
	s := storedCredentials{Evidence: storeCredential(&a.credentials.Evidence)}
	for i := range a.credentials.Delegated {
		s.Delegated = append(s.Delegated, storeCredential(&a.credentials.Delegated[i]))
	}
	b, _ := json.Marshal(&s) // of types that it knows
	return b
}

// ParseCredentials returns the Credentials that [Authentication.ClientCredentials]
// has written; none of no octets.
func ParseCredentials(b []byte) (c Credentials, err error) {
	if len(b) == 0 {
		return c, nil
	}
	var s storedCredentials
	if json.Unmarshal(b, &s) != nil { // the cause may hold octets of a key
		return c, errors.New("kerberos: not the credentials of a client as we write them")
	}
	if c.Evidence, err = s.Evidence.credential(); err != nil {
		return Credentials{}, err
	}
	for i := range s.Delegated {
		t, err := s.Delegated[i].credential()
		if err != nil {
			return Credentials{}, err
		}
		c.Delegated = append(c.Delegated, t)
	}
	return c, nil
}

// storedCredentials are Credentials in a form that JSON can hold.
type storedCredentials struct {
	Evidence  storedCredential
	Delegated []storedCredential `json:",omitempty"`
}

type storedCredential struct {
	kerberos.Credential
	SessionKey exportedKey // shadows the Credential's, which redacts itself
}

func storeCredential(t *kerberos.Credential) storedCredential {
	return storedCredential{*t, exportKey(t.SessionKey)}
}

func (s *storedCredential) credential() (t kerberos.Credential, err error) {
	t = s.Credential
	t.SessionKey, err = s.SessionKey.key()
	return t, err
}

// evidence returns the ticket of the token, without its session key.
func (s *acceptance) evidence(client kerberos.Principal) kerberos.Credential {
	t := &s.ticket
	return kerberos.Credential{
		Client:  client,
		Service: kerberos.Principal{Components: s.req.SName.Components(), Realm: string(s.req.Realm)},
		Ticket:  s.req.WholeTicket(), Flags: t.Flags,
		AuthTime: t.AuthTime, StartTime: t.StartTime, EndTime: t.EndTime, RenewTill: t.RenewTill,
	}
}
