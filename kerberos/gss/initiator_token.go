package gss

import (
	"errors"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// TokenOptions shape a token. The zero value gives what Java's and Windows' clients send for the token profile.
type TokenOptions struct {
	// SubkeyEtype is the encryption type of the fresh subkey; 0 means the session key's.
	SubkeyEtype int32
	// NoSubkey leaves the subkey out: the session key is the effective key.
	NoSubkey bool
	// GSSFlags go into the GSS-API checksum; 0 means 0x3c: replay, sequence, confidentiality, integrity.
	GSSFlags uint32
	// Bare leaves the GSS-API frame out.
	Bare bool
	// Time is the clock, not the time of the authenticator: one that stands still, or is up to a minute behind the last
	// authenticator of the session key, gets the first microsecond after that one. A clock further behind was set back,
	// and is followed. nil means time.Now.
	Time func() time.Time
}

// NewToken makes an AP-REQ token for the service, with a fresh authenticator, and returns the key that both sides will
// use. Each request needs its own. No two authenticators with the session key, nor with those of one kdc.Client, have
// the same time and microsecond, whatever the clock gives. It does not look at the ticket, nor at its end.
func NewToken(t kerberos.Credential, opt TokenOptions) (token []byte, key etype.Key, err error) {
	if err := checkCredential(&t); err != nil {
		return nil, etype.Key{}, err
	}
	o := krbmsg.APReqOptions{Flags: opt.GSSFlags, SubkeyEtype: opt.SubkeyEtype, NoSubkey: opt.NoSubkey, Now: time.Now()}
	if o.Flags == 0 {
		o.Flags = kerberos.GSSReplay | kerberos.GSSSequence | kerberos.GSSConf | kerberos.GSSInteg
	}
	if opt.Time != nil {
		o.Now = opt.Time()
	}
	req, err := krbmsg.NewAPReq(&t, &o)
	if err != nil || opt.Bare {
		return req.Message, req.Key, err
	}
	return krbmsg.AppendFrame(nil, krbmsg.TokAPREQ, req.Message), req.Key, nil
}

func checkCredential(t *kerberos.Credential) error {
	if t.SessionKey.IsZero() || len(t.Ticket) == 0 || t.Client.Realm == "" {
		return errors.New("kerberos: service ticket without ticket, session key or client realm")
	}
	return nil
}
