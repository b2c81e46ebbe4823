package krbmsg

import (
	"time"

	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// PVNO is the protocol version number of Kerberos V5.
const PVNO = 5

// EncryptedData is EncryptedData (RFC 4120 5.2.9).
type EncryptedData struct {
	Etype  int32
	Kvno   uint32 // 0 when absent
	Cipher []byte
}

// ReadEncryptedData reads the content of an [EncryptedData] (RFC 4120 5.2.9),
// which errors name in.
func ReadEncryptedData(p *der.Parser, b []byte, in string) (e EncryptedData) {
	defer p.Restore(p.In)
	p.In = in
	e.Etype = p.Int32Field(&b, 0, "etype")
	if kvno, ok := p.Optional(&b, 1, der.TagInteger, "kvno"); ok {
		e.Kvno = uint32(p.Integer(kvno, "kvno"))
	}
	e.Cipher = p.Field(&b, 2, der.TagOctetString, "cipher")
	p.End(b, "end")
	return e
}

// Bits of ap-options (RFC 4120 5.5.1), bit 0 the highest.
const (
	APUseSessionKey  = 1 << 30
	APMutualRequired = 1 << 29
)

// APReq is AP-REQ with the cleartext of its Ticket (RFC 4120 5.5.1, 5.3). All
// slices lie in the token.
type APReq struct {
	Options       uint32
	Realm         []byte // of the service. Not protected by the ticket's checksum, as sname
	SName         Name   // chooses the key and the route, and proves nothing more than that the key fits
	Ticket        EncryptedData
	Authenticator EncryptedData

	ticket []byte // content of the whole Ticket
}

// WholeTicket returns a copy of the Ticket as DER, tag 0x61.
func (r *APReq) WholeTicket() []byte { return der.Element(der.TagApplication(1), r.ticket) }

// ParseAPReq reads an AP-REQ (RFC 4120 5.5.1) with the cleartext of its Ticket
// (5.3).
func ParseAPReq(b []byte) (r APReq, err error) {
	p := der.Parser{In: "AP-REQ"}
	seq := p.Whole(p.Whole(b, der.TagApplication(14), "tag 14"), der.TagSequence, "sequence")
	p.Constant(&seq, 0, PVNO, "pvno")
	p.Constant(&seq, 1, 14, "msg-type")
	r.Options = p.Flags(p.Field(&seq, 2, der.TagBitString, "ap-options"), "ap-options")
	ticket := p.Field(&seq, 3, der.TagApplication(1), "ticket")
	r.Authenticator = ReadEncryptedData(&p, p.Field(&seq, 4, der.TagSequence, "authenticator"), "AP-REQ: authenticator")
	p.End(seq, "end")

	r.readTicket(&p, ticket)
	return r, p.Err
}

// readTicket reads the cleartext of a Ticket (RFC 4120 5.3), given as the
// element's content.
func (r *APReq) readTicket(p *der.Parser, content []byte) {
	defer p.Restore(p.In)
	p.In = "Ticket"
	seq := p.Whole(content, der.TagSequence, "sequence")
	p.Constant(&seq, 0, PVNO, "tkt-vno")
	r.Realm = ReadRealm(p, &seq, 1, "realm")
	r.SName = ReadName(p, &seq, 2, "sname")
	r.ticket = content
	r.Ticket = ReadEncryptedData(p, p.Field(&seq, 3, der.TagSequence, "enc-part"), "Ticket: enc-part")
	p.End(seq, "end")
}

// TicketInClear reads the cleartext of a Ticket (RFC 4120 5.3) into Realm,
// SName and Ticket of the result.
func TicketInClear(ticket []byte) (r APReq, err error) {
	p := der.Parser{In: "Ticket"}
	r.readTicket(&p, p.Whole(ticket, der.TagApplication(1), "tag 1"))
	return r, p.Err
}

// EncTicketPart is EncTicketPart (RFC 4120 5.3). Slices lie in the decrypted
// buffer.
type EncTicketPart struct {
	Flags       uint32
	Key         encryptionKey
	CRealm      []byte
	CName       Name
	TrType      int32  // of TransitedEncoding
	Transited   []byte // its contents
	AuthTime    time.Time
	StartTime   time.Time // authtime when absent
	EndTime     time.Time
	RenewTill   time.Time // zero when absent
	Addresses   []byte    // content of HostAddresses; nil when absent
	AuthzData   []byte    // content of AuthorizationData; nil when absent
	HasAddrList bool
}

// ParseEncTicketPart reads the decrypted part of a Ticket (RFC 4120 5.3).
func ParseEncTicketPart(b []byte) (t EncTicketPart, err error) {
	p := der.Parser{In: "EncTicketPart"}
	seq := p.Whole(p.Whole(b, der.TagApplication(3), "tag 3"), der.TagSequence, "sequence")
	t.Flags = p.Flags(p.Field(&seq, 0, der.TagBitString, "flags"), "flags")
	t.Key = readEncryptionKey(&p, p.Field(&seq, 1, der.TagSequence, "key"), "key")
	t.CRealm = ReadRealm(&p, &seq, 2, "crealm")
	t.CName = ReadName(&p, &seq, 3, "cname")
	transited := p.Field(&seq, 4, der.TagSequence, "transited")
	t.TrType = p.Int32Field(&transited, 0, "transited: tr-type")
	t.Transited = p.Field(&transited, 1, der.TagOctetString, "transited: contents")
	p.End(transited, "transited")
	t.AuthTime = p.TimeField(&seq, 5, "authtime")
	var ok bool
	if t.StartTime, ok = p.OptionalTime(&seq, 6, "starttime"); !ok {
		t.StartTime = t.AuthTime
	}
	t.EndTime = p.TimeField(&seq, 7, "endtime")
	t.RenewTill, _ = p.OptionalTime(&seq, 8, "renew-till")
	t.Addresses, t.HasAddrList = p.Optional(&seq, 9, der.TagSequence, "caddr")
	t.AuthzData, _ = p.Optional(&seq, 10, der.TagSequence, "authorization-data")
	p.End(seq, "end")
	return t, p.Err
}

// encryptionKey is EncryptionKey (RFC 4120 5.2.9) as received: its type may be
// unknown and its length wrong.
type encryptionKey struct {
	Etype  int32
	Octets []byte
}

func readEncryptionKey(p *der.Parser, b []byte, field string) (k encryptionKey) {
	k.Etype = p.Int32Field(&b, 0, field)
	k.Octets = p.Field(&b, 1, der.TagOctetString, field)
	p.End(b, field)
	return k
}

// Authenticator is Authenticator (RFC 4120 5.5.1). Slices lie in the decrypted
// buffer.
type Authenticator struct {
	CRealm    []byte
	CName     Name
	CksumType int32
	Cksum     []byte // nil when absent
	CTime     time.Time
	Subkey    encryptionKey
	HasSubkey bool
	SeqNumber uint32
	AuthzData []byte
}

// ParseAuthenticator reads a decrypted Authenticator (RFC 4120 5.5.1).
func ParseAuthenticator(b []byte) (a Authenticator, err error) {
	p := der.Parser{In: "Authenticator"}
	seq := p.Whole(p.Whole(b, der.TagApplication(2), "tag 2"), der.TagSequence, "sequence")
	p.Constant(&seq, 0, PVNO, "authenticator-vno")
	a.CRealm = ReadRealm(&p, &seq, 1, "crealm")
	a.CName = ReadName(&p, &seq, 2, "cname")
	if cksum, ok := p.Optional(&seq, 3, der.TagSequence, "cksum"); ok {
		a.CksumType = p.Int32Field(&cksum, 0, "cksum: cksumtype")
		a.Cksum = p.Field(&cksum, 1, der.TagOctetString, "cksum: checksum")
		p.End(cksum, "cksum")
	}
	cusec := p.Microseconds(&seq, 4, "cusec")
	a.CTime = p.TimeField(&seq, 5, "ctime").Add(cusec)
	var subkey []byte
	if subkey, a.HasSubkey = p.Optional(&seq, 6, der.TagSequence, "subkey"); a.HasSubkey {
		a.Subkey = readEncryptionKey(&p, subkey, "subkey")
	}
	if seqNumber, ok := p.Optional(&seq, 7, der.TagInteger, "seq-number"); ok {
		a.SeqNumber = uint32(p.Integer(seqNumber, "seq-number"))
	}
	a.AuthzData, _ = p.Optional(&seq, 8, der.TagSequence, "authorization-data")
	p.End(seq, "end")
	return a, p.Err
}
