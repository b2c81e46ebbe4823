package kerberos

import (
	"errors"
	"time"

	"github.com/wssgate/wssgate/kerberos/etype"
)

// A Credential is what a client has got from its KDC for a service; the service of a ticket-granting ticket is
// krbtgt/REALM. Times may be zero when they are not known.
type Credential struct {
	Client     Principal // with realm
	Service    Principal // with realm
	Ticket     []byte    // DER of Ticket (RFC 4120 5.3), tag 0x61
	SessionKey etype.Key
	Flags      uint32 // Flag… bits
	AuthTime   time.Time
	StartTime  time.Time // zero when not told: AuthTime
	EndTime    time.Time
	RenewTill  time.Time // zero when the ticket is not renewable
}

// Complete returns an error that says what a ticket lacks to be used, or nil.
func (t *Credential) Complete() error {
	if t.SessionKey.IsZero() || len(t.Ticket) == 0 || t.Client.Realm == "" || len(t.Client.Components) == 0 || t.EndTime.IsZero() {
		return errors.New("ticket without its octets, session key, client or end")
	}
	return nil
}
