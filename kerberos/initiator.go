package kerberos

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// A ServiceTicket is what a client has got from its KDC for a service; the service of a ticket-granting ticket is
// krbtgt/REALM. Times may be zero when they are not known.
type ServiceTicket struct {
	Client     Principal // with realm
	Service    Principal // with realm
	Ticket     []byte    // DER of Ticket (RFC 4120 5.3), tag 0x61
	SessionKey Key
	Flags      uint32 // Flag… bits
	AuthTime   time.Time
	StartTime  time.Time // zero when not told: AuthTime
	EndTime    time.Time
	RenewTill  time.Time // zero when the ticket is not renewable
}

// InitOptions shape a token. The zero value gives what Java's and Windows' clients send for the token profile.
type InitOptions struct {
	// SubkeyEtype is the encryption type of the fresh subkey; 0 means the session key's.
	SubkeyEtype int32
	// NoSubkey leaves the subkey out: the session key is the effective key.
	NoSubkey bool
	// GSSFlags go into the GSS-API checksum; 0 means 0x3c: replay, sequence, confidentiality, integrity.
	GSSFlags uint32
	// Bare leaves the GSS-API frame out.
	Bare bool
	// Time is the clock, not the time of the authenticator: one that stands still, or is up to a minute behind the last
	// authenticator of the session key, gets the first microsecond after that one. A clock further behind was set back, and
	// is followed. nil means time.Now.
	Time func() time.Time
}

// NewToken makes an AP-REQ token for the service, with a fresh authenticator, and gives the key that both sides will
// use. Each request needs its own. No two authenticators with the session key, nor with those of one Initiator, have the
// same time and microsecond, whatever the clock gives. It does not look at the ticket, nor at its end.
func NewToken(t ServiceTicket, opt InitOptions) (token []byte, key Key, err error) {
	if err := checkCredential(&t); err != nil {
		return nil, Key{}, err
	}
	o := apReqOptions{flags: opt.GSSFlags, subkeyEtype: opt.SubkeyEtype, noSubkey: opt.NoSubkey, now: time.Now()}
	if o.flags == 0 {
		o.flags = GSSReplay | GSSSequence | GSSConf | GSSInteg
	}
	if opt.Time != nil {
		o.now = opt.Time()
	}
	req, err := newAPReq(&t, &o)
	if err != nil || opt.Bare {
		return req.message, req.key, err
	}
	return appendFrame(nil, tokAPREQ, req.message), req.key, nil
}

func checkCredential(t *ServiceTicket) error {
	if t.SessionKey.IsZero() || len(t.Ticket) == 0 || t.Client.Realm == "" {
		return errors.New("kerberos: service ticket without ticket, session key or client realm")
	}
	return nil
}

// apReqOptions say what goes into an AP-REQ.
type apReqOptions struct {
	flags       uint32 // of the GSS-API checksum
	subkeyEtype int32  // 0: the session key's
	noSubkey    bool
	bindings    []byte         // application data; nil for none
	delegate    *ServiceTicket // nil: none, and no GSSDeleg
	now         time.Time
}

// An initiatedAPReq is an AP-REQ with what the answer is checked by.
type initiatedAPReq struct {
	message   []byte
	key       Key       // subkey, else session key
	ctime     time.Time // of the authenticator, with microseconds
	seqNumber uint32
}

// apReq makes AP-REQ (RFC 4120 5.5.1) with a fresh authenticator.
func newAPReq(t *ServiceTicket, o *apReqOptions) (r initiatedAPReq, err error) {
	r.key, r.ctime, r.seqNumber = t.SessionKey, t.SessionKey.authTime(o.now), initialSequence()
	var subkey []byte
	if !o.noSubkey {
		if r.key, err = generateKey(cmp.Or(o.subkeyEtype, t.SessionKey.Etype())); err != nil {
			return initiatedAPReq{}, fmt.Errorf("kerberos: subkey: %w", err)
		}
		subkey = derEncryptionKey(6, r.key)
	}
	cksum, err := apReqChecksum(t, o)
	if err != nil {
		return initiatedAPReq{}, err
	}
	options := uint32(0)
	if o.flags&GSSMutual != 0 {
		options |= apMutualRequired
	}
	plain := plainAuthenticator(t, &r, cksum, subkey)
	sealed := newUsageKey(t.SessionKey, usageAuthenticator).appendSealed(nil, plain)
	clear(plain)
	clear(subkey)
	r.message = derElement(tagApplication(14), derElement(tagSequence,
		derField(0, tagInteger, derInteger(pvno)),
		derField(1, tagInteger, derInteger(14)),
		derField(2, tagBitString, derFlags(options)),
		derElement(tagContext(3), t.Ticket),
		derElement(tagContext(4), derEncryptedData(t.SessionKey.Etype(), sealed))))
	return r, nil
}

// checksum is the GSS-API checksum (RFC 4121 4.1.1). A delegated credential in it is encrypted under the session key.
func apReqChecksum(t *ServiceTicket, o *apReqOptions) ([]byte, error) {
	if o.delegate == nil {
		return appendGSSChecksum(nil, o.bindings, o.flags&^GSSDeleg, nil)
	}
	krbCred, err := appendKRBCred(nil, o.delegate, t.SessionKey)
	if err != nil {
		return nil, err
	}
	return appendGSSChecksum(nil, o.bindings, o.flags|GSSDeleg, krbCred)
}

// authenticator is the plaintext of Authenticator (RFC 4120 5.5.1).
func plainAuthenticator(t *ServiceTicket, r *initiatedAPReq, cksum, subkey []byte) []byte {
	return derElement(tagApplication(2), derElement(tagSequence,
		derField(0, tagInteger, derInteger(pvno)),
		derField(1, tagGeneralString, []byte(t.Client.Realm)),
		derElement(tagContext(2), derName(1, t.Client.Components)),
		derField(3, tagSequence, derField(0, tagInteger, derInteger(checksumGSS)), derField(1, tagOctetString, cksum)),
		derField(4, tagInteger, derInteger(int64(r.ctime.Nanosecond()/1000))),
		derField(5, tagGeneralizedTime, derTime(r.ctime)),
		subkey,
		derField(7, tagInteger, derInteger(int64(r.seqNumber)))))
}
