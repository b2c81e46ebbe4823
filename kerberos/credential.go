package kerberos

import (
	"errors"
	"time"

	"github.com/wssgate/wssgate/kerberos/etype"
)

// A Credential is a ticket of a client for a service, with its session key. The
// service of a ticket-granting ticket is krbtgt/REALM. Times that are not known
// are zero.
type Credential struct {
	Client     Principal // with realm
	Service    Principal // with realm
	Ticket     []byte    // DER of Ticket (RFC 4120 5.3), tag 0x61
	SessionKey etype.Key
	Flags      uint32 // Flag… bits
	AuthTime   time.Time
	StartTime  time.Time // AuthTime if zero
	EndTime    time.Time
	RenewTill  time.Time // zero if the ticket is not renewable
}

// Complete returns an error if t lacks something without which it cannot be
// used.
func (t *Credential) Complete() error {
	if t.SessionKey.IsZero() || len(t.Ticket) == 0 || t.Client.Realm == "" || len(t.Client.Components) == 0 ||
		t.EndTime.IsZero() {
		return errors.New("ticket without its octets, session key, client or end")
	}
	return nil
}
