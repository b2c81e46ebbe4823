package kerberos

import (
	"crypto/rand"
	"encoding/binary"
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
	// Time is the clock; nil means time.Now.
	Time func() time.Time
}

// InitToken makes an AP-REQ token for the service, with a fresh authenticator, and gives the key that both sides will
// use. Each request needs its own. No two authenticators with the session key, nor with those of one Initiator, have the
// same time and microsecond, whatever the clock gives. It does not look at the ticket, nor at its end.
func (t ServiceTicket) InitToken(opt InitOptions) (token []byte, key Key, err error) {
	if t.SessionKey.IsZero() || len(t.Ticket) == 0 || t.Client.Realm == "" {
		return nil, Key{}, errors.New("kerberos: service ticket without ticket, session key or client realm")
	}
	flags := opt.GSSFlags
	if flags == 0 {
		flags = GSSReplay | GSSSequence | GSSConf | GSSInteg
	}
	now := time.Now()
	if opt.Time != nil {
		now = opt.Time()
	}
	now = t.SessionKey.authTime(now)
	key = t.SessionKey
	var subkey []byte
	if !opt.NoSubkey {
		if key, err = generateKey(orElse(opt.SubkeyEtype, t.SessionKey.etype)); err != nil {
			return nil, Key{}, fmt.Errorf("kerberos: subkey: %w", err)
		}
		subkey = derEncryptionKey(6, key)
	}
	apOptions := make([]byte, 5)
	if flags&GSSMutual != 0 {
		binary.BigEndian.PutUint32(apOptions[1:], apMutualRequired)
	}
	var w scratch
	sealed := newUsageKey(&w, t.SessionKey, usageAuthenticator).appendSealed(&w, nil, t.authenticator(now, flags, subkey))
	apReq := derElement(tagApplication(14), derElement(tagSequence,
		derField(0, tagInteger, derInteger(pvno)),
		derField(1, tagInteger, derInteger(14)),
		derField(2, tagBitString, apOptions),
		derElement(tagContext(3), t.Ticket),
		derElement(tagContext(4), derEncryptedData(t.SessionKey.etype, sealed))))
	if opt.Bare {
		return apReq, key, nil
	}
	return appendFrame(nil, apReq), key, nil
}

// authenticator is the plaintext of Authenticator (RFC 4120 5.5.1) with a GSS-API checksum (RFC 4121 4.1.1).
func (t ServiceTicket) authenticator(now time.Time, flags uint32, subkey []byte) []byte {
	cksum := make([]byte, 24)
	binary.LittleEndian.PutUint32(cksum, 16)
	binary.LittleEndian.PutUint32(cksum[20:], flags)
	var seq [4]byte
	rand.Read(seq[:])
	return derElement(tagApplication(2), derElement(tagSequence,
		derField(0, tagInteger, derInteger(pvno)),
		derField(1, tagGeneralString, []byte(t.Client.Realm)),
		derElement(tagContext(2), derName(1, t.Client.Components)),
		derField(3, tagSequence, derField(0, tagInteger, derInteger(checksumGSS)), derField(1, tagOctetString, cksum)),
		derField(4, tagInteger, derInteger(int64(now.Nanosecond()/1000))),
		derField(5, tagGeneralizedTime, derTime(now)),
		subkey,
		derField(7, tagInteger, derInteger(int64(binary.BigEndian.Uint32(seq[:])>>2)))))
}

func orElse(v, otherwise int32) int32 {
	if v != 0 {
		return v
	}
	return otherwise
}

// generateKey makes a random key. All supported types take any octets as a key (RFC 3961 random-to-key).
func generateKey(etype int32) (Key, error) {
	et, ok := enctypeByID(etype)
	if !ok {
		return Key{}, fmt.Errorf("unsupported encryption type %d", etype)
	}
	octets := make([]byte, et.keyLen)
	rand.Read(octets)
	return NewKey(etype, octets)
}
