package gss

import (
	"errors"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// TokenOptions are the options of [NewToken]. The zero value makes a token such
// as Java's and Windows' clients send for the token profile.
type TokenOptions struct {
	// SubkeyEtype is the encryption type of the new subkey; 0 means the session
	// key's.
	SubkeyEtype int32
	// NoSubkey leaves the subkey out: the session key is the effective key.
	NoSubkey bool
	// GSSFlags go into the GSS-API checksum; 0 means 0x3c: replay, sequence,
	// confidentiality, integrity.
	GSSFlags uint32
	// ChannelBindings is the application data of the channel's bindings; nil if
	// there is none.
	ChannelBindings []byte
	// Delegate is a forwarded ticket-granting ticket to send to the service, as in
	// [InitConfig]; nil for none. [kerberos.GSSDeleg] is then set.
	Delegate *kerberos.Credential
	// Bare leaves the GSS-API frame out.
	Bare bool
	// Time is the clock; nil means [time.Now]. The authenticator's time may
	// differ: if the clock is up to a minute behind the last authenticator of
	// the session key, or the same, the time is the first microsecond after
	// that one. A clock further behind counts as set back, and is used.
	Time func() time.Time
}

// NewToken returns an AP-REQ token for the ticket's service, with a new
// authenticator, and the key that both sides will use. Each request needs a
// token of its own. No two authenticators of one session key, nor of the
// session keys of one kdc.Client, have the same time, whatever the clock
// returns. NewToken does not check the ticket's times. It returns an error if
// the ticket is incomplete or the subkey's type is not supported.
func NewToken(t kerberos.Credential, opt TokenOptions) (token []byte, key etype.Key, err error) {
	if err := checkCredential(&t); err != nil {
		return nil, etype.Key{}, err
	}
	o := krbmsg.APReqOptions{Flags: opt.GSSFlags, SubkeyEtype: opt.SubkeyEtype, NoSubkey: opt.NoSubkey,
		Bindings: opt.ChannelBindings, Delegate: opt.Delegate, Now: time.Now()}
	if o.Flags == 0 {
		o.Flags = kerberos.GSSReplay | kerberos.GSSSequence | kerberos.GSSConf | kerberos.GSSInteg
	}
	if o.Flags &^= kerberos.GSSDeleg; opt.Delegate != nil {
		o.Flags |= kerberos.GSSDeleg
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
