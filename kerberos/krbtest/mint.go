package krbtest

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// TicketOptions are the content of a ticket. Zero values mean what a KDC would
// put there.
type TicketOptions struct {
	Etype        int32  // of the service's key; 0 means 18
	Kvno         uint32 // of the service's key; 0 means the newest
	WrittenKvno  uint32 // kvno in the ticket; 0 means Kvno
	NoKvno       bool
	CutCipher    int // leave so many octets of the ciphertext, when not 0
	SessionEtype int32
	SessionKey   []byte // octets, of any length
	ClientRealm  string
	ClientName   []string
	Flags        uint32 // kerberos.Flag… bits
	Transited    string
	AuthTime     time.Time
	StartTime    time.Time
	NoStartTime  bool
	EndTime      time.Time
	RenewTill    time.Time   // zero for none
	Addresses    [][]byte    // IPv4 or IPv6
	AuthzData    []byte      // one element's contents
	AuthzType    int64       // its type; 0 means AD-IF-RELEVANT
	PAC          *PACOptions // a PAC, instead of AuthzData
	authz        []byte      // AuthorizationData without its sequence
	encPAData    []byte      // of the reply's encrypted part, without its sequence
	Realm        string      // cleartext realm
	Name         []string    // cleartext sname
	TktVno       int64
	Padding      int // zero octets behind the encrypted part's DER
}

// TokenOptions are the content of an AP-REQ. Zero values mean what Java's
// GSS-API would put there.
type TokenOptions struct {
	Ticket       TicketOptions
	ClientRealm  string // of the authenticator
	ClientName   []string
	Time         time.Time
	Subkey       int32  // etype; 0 means the session key's
	SubkeyBytes  []byte // octets, of any length
	NoSubkey     bool
	GSSFlags     uint32
	Checksum     []byte // instead of the GSS-API checksum
	ChecksumType int64  // 0 means 0x8003, GSS-API's
	NoChecksum   bool
	Vno          int64
	PVNO         int64
	MsgType      int64
	APOptions    uint32
	AuthEtype    int32  // as in the message
	CutAuth      int    // leave so many octets of the authenticator's ciphertext, when not 0
	AuthKey      []byte // encrypt the authenticator with this key instead of the session key
	Cusec        int64
	SeqNumber    int64
	AuthzType    int64  // of an element of authorization data; 0 means none
	AuthzData    []byte // its contents
	Bare         bool   // no GSS-API frame
	OID          []byte // DER content of the mechanism OID
	TokID        []byte
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func tag(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
func app(n uint8) asn1.Tag { return asn1.Tag(0x60 | n) }

func explicit(b *cryptobyte.Builder, n uint8, f func(*cryptobyte.Builder)) { b.AddASN1(tag(n), f) }
func sequence(b *cryptobyte.Builder, n uint8, f func(*cryptobyte.Builder)) {
	explicit(b, n, func(b *cryptobyte.Builder) { b.AddASN1(asn1.SEQUENCE, f) })
}
func integer(b *cryptobyte.Builder, n uint8, v int64) {
	explicit(b, n, func(b *cryptobyte.Builder) { b.AddASN1Int64(v) })
}
func octets(b *cryptobyte.Builder, n uint8, v []byte) {
	explicit(b, n, func(b *cryptobyte.Builder) { b.AddASN1OctetString(v) })
}
func str(b *cryptobyte.Builder, n uint8, s string) {
	explicit(b, n, func(b *cryptobyte.Builder) { general(b, s) })
}
func general(b *cryptobyte.Builder, s string) {
	b.AddASN1(asn1.GeneralString, func(b *cryptobyte.Builder) { b.AddBytes([]byte(s)) })
}
func stamp(b *cryptobyte.Builder, n uint8, t time.Time) {
	explicit(b, n, func(b *cryptobyte.Builder) { b.AddASN1GeneralizedTime(t.UTC().Truncate(time.Second)) })
}
func bits(b *cryptobyte.Builder, n uint8, v uint32) {
	explicit(b, n, func(b *cryptobyte.Builder) { b.AddASN1BitString(binary.BigEndian.AppendUint32(nil, v)) })
}
func name(b *cryptobyte.Builder, n uint8, components []string) {
	sequence(b, n, func(b *cryptobyte.Builder) {
		integer(b, 0, 1)
		sequence(b, 1, func(b *cryptobyte.Builder) {
			for _, c := range components {
				general(b, c)
			}
		})
	})
}
func key(b *cryptobyte.Builder, n uint8, etype int32, value []byte) {
	sequence(b, n, func(b *cryptobyte.Builder) {
		integer(b, 0, int64(etype))
		octets(b, 1, value)
	})
}
func encrypted(b *cryptobyte.Builder, n uint8, etype int32, kvno uint32, noKvno bool, cipher []byte) {
	sequence(b, n, func(b *cryptobyte.Builder) {
		integer(b, 0, int64(etype))
		if !noKvno {
			integer(b, 1, int64(kvno))
		}
		octets(b, 2, cipher)
	})
}

// build returns what f adds. That is bounded and well-formed, so an error is a
// bug of this package.
func build(f func(*cryptobyte.Builder)) []byte {
	b := cryptobyte.NewBuilder(nil)
	f(b)
	out, err := b.Bytes()
	if err != nil {
		panic("krbtest: " + err.Error())
	}
	return out
}

// KeyLen returns the length of an encryption type's keys in octets, or 0 if the
// type is unknown.
func KeyLen(etype int32) int {
	switch etype {
	case 17, 19, 23:
		return 16
	case 18, 20:
		return 32
	}
	return 0
}

// RandomKey returns random key octets for an encryption type.
func RandomKey(etype int32) []byte {
	k := make([]byte, KeyLen(etype))
	rand.Read(k)
	return k
}

// randomKey is RandomKey of the KDC's randomness.
func (k *KDC) randomKey(etype int32) []byte {
	key := make([]byte, KeyLen(etype))
	io.ReadFull(k.rand, key)
	return key
}

// encTicketPart returns the plaintext of a ticket (RFC 4120 5.3).
func (o *TicketOptions) encTicketPart() []byte {
	return append(build(func(b *cryptobyte.Builder) {
		b.AddASN1(app(3), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				bits(b, 0, o.Flags)
				key(b, 1, o.SessionEtype, o.SessionKey)
				str(b, 2, o.ClientRealm)
				name(b, 3, o.ClientName)
				sequence(b, 4, func(b *cryptobyte.Builder) {
					integer(b, 0, 1)
					octets(b, 1, []byte(o.Transited))
				})
				stamp(b, 5, o.AuthTime)
				if !o.NoStartTime {
					stamp(b, 6, o.StartTime)
				}
				stamp(b, 7, o.EndTime)
				if !o.RenewTill.IsZero() {
					stamp(b, 8, o.RenewTill)
				}
				if len(o.Addresses) > 0 {
					sequence(b, 9, o.addresses)
				}
				if o.authz != nil {
					sequence(b, 10, func(b *cryptobyte.Builder) { b.AddBytes(o.authz) })
				} else if len(o.AuthzData) > 0 {
					sequence(b, 10, o.authzData)
				}
			})
		})
	}), make([]byte, o.Padding)...)
}

func (o *TicketOptions) addresses(b *cryptobyte.Builder) {
	for _, a := range o.Addresses {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			if len(a) == 16 {
				integer(b, 0, 24)
			} else {
				integer(b, 0, 2)
			}
			octets(b, 1, a)
		})
	}
}

func (o *TicketOptions) authzData(b *cryptobyte.Builder) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		integer(b, 0, or(o.AuthzType, 1))
		octets(b, 1, o.AuthzData)
	})
}

// mint returns a ticket under a service's key.
func mint(rand io.Reader, o *TicketOptions, serviceKey []byte) ([]byte, error) {
	cipher, err := Encrypt(rand, o.Etype, serviceKey, o.encTicketPart(), 2)
	if err != nil {
		return nil, fmt.Errorf("krbtest: %w", err)
	}
	if o.CutCipher > 0 {
		cipher = cipher[:min(o.CutCipher, len(cipher))]
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(app(1), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				integer(b, 0, or(o.TktVno, 5))
				str(b, 1, o.Realm)
				name(b, 2, o.Name)
				encrypted(b, 3, o.Etype, or(o.WrittenKvno, o.Kvno), o.NoKvno, cipher)
			})
		})
	}), nil
}

// authenticator returns the plaintext of an authenticator (RFC 4120 5.5.1).
func (o *TokenOptions) authenticator() []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(app(2), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				integer(b, 0, or(o.Vno, 5))
				str(b, 1, o.ClientRealm)
				name(b, 2, o.ClientName)
				if !o.NoChecksum {
					sequence(b, 3, func(b *cryptobyte.Builder) {
						integer(b, 0, or(o.ChecksumType, 0x8003))
						octets(b, 1, o.Checksum)
					})
				}
				integer(b, 4, or(o.Cusec, int64(o.Time.Nanosecond()/1000)))
				stamp(b, 5, o.Time)
				if !o.NoSubkey {
					key(b, 6, o.Subkey, o.SubkeyBytes)
				}
				integer(b, 7, o.SeqNumber)
				if o.AuthzType != 0 {
					sequence(b, 8, (&TicketOptions{AuthzType: o.AuthzType, AuthzData: o.AuthzData}).authzData)
				}
			})
		})
	})
}

// gssChecksum returns the checksum of RFC 4121 4.1.1 without bindings.
func gssChecksum(flags uint32) []byte {
	c := make([]byte, 24)
	binary.LittleEndian.PutUint32(c, 16)
	binary.LittleEndian.PutUint32(c[20:], flags)
	return c
}

// apReq returns an AP-REQ, in the GSS-API frame unless o.Bare.
func apReq(rand io.Reader, o *TokenOptions, ticket []byte, sessionEtype int32, sessionKey []byte) ([]byte, error) {
	if o.AuthKey != nil {
		sessionKey = o.AuthKey
	}
	cipher, err := Encrypt(rand, sessionEtype, sessionKey, o.authenticator(), 11)
	if err != nil {
		return nil, fmt.Errorf("krbtest: %w", err)
	}
	if o.CutAuth > 0 {
		cipher = cipher[:min(o.CutAuth, len(cipher))]
	}
	bare := build(func(b *cryptobyte.Builder) {
		b.AddASN1(app(14), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				integer(b, 0, or(o.PVNO, 5))
				integer(b, 1, or(o.MsgType, 14))
				bits(b, 2, o.APOptions)
				explicit(b, 3, func(b *cryptobyte.Builder) { b.AddBytes(ticket) })
				encrypted(b, 4, or(o.AuthEtype, sessionEtype), 0, true, cipher)
			})
		})
	})
	if o.Bare {
		return bare, nil
	}
	return Frame(o.OID, o.TokID, bare), nil
}

// OIDs of the krb5 mechanism that acceptors accept, as DER content.
var (
	OIDKRB5    = []byte("\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")
	OIDMSKRB5  = []byte("\x2a\x86\x48\x82\xf7\x12\x01\x02\x02")
	OIDOldKRB5 = []byte("\x2b\x05\x01\x05\x02")
)

// Frame returns a GSS-API initial token (RFC 2743 3.1) around inner. Nil oid
// and tokID mean krb5 and 01 00, AP-REQ.
func Frame(oid, tokID, inner []byte) []byte {
	if oid == nil {
		oid = OIDKRB5
	}
	if tokID == nil {
		tokID = []byte{1, 0}
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(app(0), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes(oid) })
			b.AddBytes(tokID)
			b.AddBytes(inner)
		})
	})
}
