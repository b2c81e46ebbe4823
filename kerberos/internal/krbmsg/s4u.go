package krbmsg

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// Pre-authentication data of S4U2Self and S4U2Proxy (MS-SFU 2.2, MS-KILE
// 2.2.10).
const (
	PAForUser     = 129
	PAS4UX509User = 130
	PAPACOptions  = 167
)

// Key usages of S4U2Self: that of PA-FOR-USER is 17, and MS-SFU 2.2.2 has one
// for each direction of PA-S4U-X509-USER.
const (
	usageForUser  = 17
	usageS4UAsk   = 26
	usageS4UReply = 27
)

const (
	// s4uReplyUsage, in the options of S4UUserID, asks for a reply whose
	// checksum has a key usage of its own (MS-SFU 2.2.2).
	s4uReplyUsage uint32 = 1 << 29
	// resourceBased, in PA-PAC-OPTIONS, is resource-based constrained delegation
	// (MS-SFU 2.2.5).
	resourceBased uint32 = 1 << 28
)

// EncodeForUser returns PA-FOR-USER (MS-SFU 2.2.1), with a checksum under the
// session key of the ticket-granting ticket. It says nothing of the request that
// it is in.
func EncodeForUser(user kerberos.Principal, session etype.Key) []byte {
	const authPackage = "Kerberos"
	kind, sum := etype.HMACMD5(session, usageForUser, binary.LittleEndian.AppendUint32(nil, NamePrincipal),
		[]byte(strings.Join(user.Components, "")), []byte(user.Realm), []byte(authPackage))
	return EncodePAData(PAForUser, der.Element(der.TagSequence,
		der.Element(der.TagContext(0), EncodeName(NamePrincipal, user.Components)),
		der.Field(1, der.TagGeneralString, []byte(user.Realm)),
		encodeChecksum(2, kind, sum),
		der.Field(3, der.TagGeneralString, []byte(authPackage))))
}

// EncodeS4UUser returns PA-S4U-X509-USER (MS-SFU 2.2.2) of a request, with a
// checksum under the request's key, which must be an AES key.
func EncodeS4UUser(user kerberos.Principal, nonce uint32, key etype.Key) []byte {
	id := der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(int64(nonce))),
		der.Element(der.TagContext(1), EncodeName(NamePrincipal, user.Components)),
		der.Field(2, der.TagGeneralString, []byte(user.Realm)),
		der.Field(4, der.TagBitString, der.Flags(s4uReplyUsage)))
	kind, sum := etype.Checksum(key, usageS4UAsk, id)
	return EncodePAData(PAS4UX509User, der.Element(der.TagSequence,
		der.Element(der.TagContext(0), id), encodeChecksum(1, kind, sum)))
}

func encodeChecksum(n byte, kind int32, sum []byte) []byte {
	return der.Field(n, der.TagSequence, der.Field(0, der.TagInteger, der.Integer(int64(kind))),
		der.Field(1, der.TagOctetString, sum))
}

// An S4UUser is the PA-S4U-X509-USER of a reply (MS-SFU 2.2.2).
type S4UUser struct {
	Client kerberos.Principal // in whose name the ticket is
	nonce  uint32
	usage  uint32 // of the checksum
	id     []byte // S4UUserID, the whole element that the checksum covers
	kind   int32
	sum    []byte
}

// ParseS4UUser reads a PA-S4U-X509-USER that names a client.
func ParseS4UUser(b []byte) (u S4UUser, err error) {
	p := der.Parser{In: "PA-S4U-X509-USER"}
	seq := p.Whole(b, der.TagSequence, "sequence")
	u.id = p.Next(&seq, der.TagContext(0), "user-id")
	sum := p.Field(&seq, 1, der.TagSequence, "checksum")
	u.kind = p.Int32Field(&sum, 0, "cksumtype")
	u.sum = p.Field(&sum, 1, der.TagOctetString, "checksum")
	p.End(sum, "checksum")
	p.End(seq, "end")
	id := p.Whole(u.id, der.TagSequence, "user-id")
	u.nonce = uint32(p.Integer(p.Field(&id, 0, der.TagInteger, "nonce"), "nonce"))
	u.Client.Components = ReadName(&p, &id, 1, "cname").Components()
	u.Client.Realm = string(ReadRealm(&p, &id, 2, "crealm"))
	p.Optional(&id, 3, der.TagOctetString, "subject-certificate")
	u.usage = usageS4UAsk
	if options, ok := p.Optional(&id, 4, der.TagBitString, "options"); ok &&
		p.Flags(options, "options")&s4uReplyUsage != 0 {
		u.usage = usageS4UReply
	}
	p.End(id, "user-id")
	return u, p.Err
}

// Verify returns an error unless u answers the request with the nonce, and its
// checksum is one under the request's key, an AES key.
func (u *S4UUser) Verify(nonce uint32, key etype.Key) error {
	kind, sum := etype.Checksum(key, u.usage, u.id)
	switch {
	case u.nonce != nonce:
		return errors.New("PA-S4U-X509-USER answers another request: its nonce is not ours")
	case u.kind != kind || subtle.ConstantTimeCompare(u.sum, sum) != 1:
		return errors.New("PA-S4U-X509-USER has a wrong checksum")
	}
	return nil
}

// EncodePACOptions returns PA-PAC-OPTIONS (MS-KILE 2.2.10) that asks for
// resource-based constrained delegation (MS-SFU 2.2.5).
func EncodePACOptions() []byte {
	return EncodePAData(PAPACOptions,
		der.Element(der.TagSequence, der.Field(0, der.TagBitString, der.Flags(resourceBased))))
}

// HasResourceBased reports whether PA-DATA, the content of its sequence, has a
// PA-PAC-OPTIONS by which the KDC says that it knows resource-based constrained
// delegation.
func HasResourceBased(paData []byte) (has bool, err error) {
	p := der.Parser{In: "PA-PAC-OPTIONS"}
	EachPAData(&p, paData, func(kind int32, value []byte) {
		if kind != PAPACOptions {
			return
		}
		seq := p.Whole(value, der.TagSequence, "sequence")
		has = p.Flags(p.Field(&seq, 0, der.TagBitString, "flags"), "flags")&resourceBased != 0
		p.End(seq, "end")
	})
	return has && p.Err == nil, p.Err
}

// FindPAData returns the value of the one element of a type in PA-DATA, the
// content of its sequence; nil if there is none. Two of a type are an error.
func FindPAData(paData []byte, kind int32) (value []byte, err error) {
	p := der.Parser{In: "padata"}
	EachPAData(&p, paData, func(k int32, v []byte) {
		switch {
		case k != kind:
		case value != nil:
			p.Fail("padata", "two elements of a type")
		default:
			value = v
		}
	})
	return value, p.Err
}
