package krbmsg

import (
	"bytes"
	"cmp"
	"fmt"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// Key usages of the exchanges with a KDC (RFC 4120 7.5.1).
const (
	usageTimestamp        = 1 // PA-ENC-TIMESTAMP
	UsageASReply          = 3
	UsageTGSChecksum      = 6
	UsageTGSAuthenticator = 7
	UsageTGSReplySubkey   = 9
)

// KDC options (RFC 4120 5.4.1; canonicalize: RFC 6806 3; cname-in-addl-tkt:
// MS-SFU 2.2.3), bit 0 the highest.
const (
	KDCForwardable  uint32 = 1 << 30
	KDCForwarded    uint32 = 1 << 29
	KDCRenewable    uint32 = 1 << 23
	KDCClientInAddl uint32 = 1 << 17
	KDCCanonicalize uint32 = 1 << 16
	KDCRenew        uint32 = 1 << 1
)

// Pre-authentication data types (RFC 4120 7.5.2, RFC 6113).
const (
	PATGSReq       = 1
	PAEncTimestamp = 2
	PAETypeInfo2   = 19
	PAFXCookie     = 133
	PAFXFast       = 136
	PAOTPRequest   = 142 // RFC 6560
)

// Name types (RFC 4120 6.2, RFC 6806 5).
const (
	NamePrincipal   = 1
	nameServiceInst = 2 // krbtgt
	nameHost        = 3
	NameEnterprise  = 10
)

// MaxPAData bounds the PA-DATA elements and ETYPE-INFO2 entries of a message.
const MaxPAData = 32

// KDCUsage returns the number that an encryption type has for a key usage: RC4
// has 8 for AS-REP (RFC 4757 3). What RFC 4757 has for usage 9 is not what
// Windows, MIT and Heimdal do.
func KDCUsage(et int32, usage uint32) uint32 {
	if et == etype.RC4 && usage == UsageASReply {
		return 8
	}
	return usage
}

// A KDCRequest is KDC-REQ (RFC 4120 5.4.1).
type KDCRequest struct {
	Options    uint32
	Client     []string // nil in TGS-REQ
	ClientType int64
	Realm      string // of the service; in AS-REQ of the client too
	Service    []string
	// ServiceType is the type of the service's name; 0 means that of
	// ServiceNameType.
	ServiceType int64
	Till        time.Time
	RenewTill   time.Time // zero for none
	Nonce       uint32
	Etypes      []int32
	Tickets     [][]byte // additional-tickets, whole elements; ParseKDCRequest does not keep them
}

// Body returns KDC-REQ-BODY (RFC 4120 5.4.1).
func (r *KDCRequest) Body() []byte {
	var cname, rtime, etypes, tickets []byte
	if r.Client != nil {
		cname = der.Element(der.TagContext(1), EncodeName(r.ClientType, r.Client))
	}
	if !r.RenewTill.IsZero() {
		rtime = der.Field(6, der.TagGeneralizedTime, der.Time(r.RenewTill))
	}
	for _, e := range r.Etypes {
		etypes = der.Append(etypes, der.TagInteger, der.Integer(int64(e)))
	}
	if len(r.Tickets) > 0 {
		tickets = der.Field(11, der.TagSequence, r.Tickets...)
	}
	return der.Element(der.TagSequence,
		der.Field(0, der.TagBitString, der.Flags(r.Options)),
		cname,
		der.Field(2, der.TagGeneralString, []byte(r.Realm)),
		der.Element(der.TagContext(3), EncodeName(cmp.Or(r.ServiceType, ServiceNameType(r.Service)), r.Service)),
		der.Field(5, der.TagGeneralizedTime, der.Time(r.Till)),
		rtime,
		der.Field(7, der.TagInteger, der.Integer(int64(r.Nonce))),
		der.Field(8, der.TagSequence, etypes),
		tickets)
}

// ServiceNameType returns the name type (RFC 4120 6.2) that MIT's and Windows'
// clients write for a service.
func ServiceNameType(name []string) int64 {
	switch {
	case len(name) == 2 && name[0] == KRBTGT:
		return nameServiceInst
	case len(name) == 2:
		return nameHost
	}
	return NamePrincipal
}

// KRBTGT is the first component of a ticket-granting service's name (RFC 4120
// 7.3).
const KRBTGT = "krbtgt"

// EncodeKDCRequest returns KDC-REQ (RFC 4120 5.4.1): AS-REQ (msgType 10) or
// TGS-REQ (12).
func EncodeKDCRequest(msgType byte, paData, body []byte) []byte {
	var pas []byte
	if len(paData) > 0 {
		pas = der.Field(3, der.TagSequence, paData)
	}
	return der.Element(der.TagApplication(msgType), der.Element(der.TagSequence,
		der.Field(1, der.TagInteger, der.Integer(PVNO)),
		der.Field(2, der.TagInteger, der.Integer(int64(msgType))),
		pas,
		der.Element(der.TagContext(4), body)))
}

// ParseKDCRequest reads an AS-REQ (msgType 10) or a TGS-REQ (12). It also
// returns the content of its SEQUENCE OF PA-DATA, nil when absent. Addresses,
// authorization data and additional tickets are not kept.
func ParseKDCRequest(b []byte, msgType byte) (r KDCRequest, paData []byte, err error) {
	p := der.Parser{In: "KDC-REQ"}
	seq := p.Whole(p.Whole(b, der.TagApplication(msgType), "tag"), der.TagSequence, "sequence")
	p.Constant(&seq, 1, PVNO, "pvno")
	p.Constant(&seq, 2, int32(msgType), "msg-type")
	paData, _ = p.Optional(&seq, 3, der.TagSequence, "padata")
	body := p.Field(&seq, 4, der.TagSequence, "req-body")
	p.End(seq, "end")
	r.readBody(&p, body)
	return r, paData, p.Err
}

// readBody reads the content of KDC-REQ-BODY.
func (r *KDCRequest) readBody(p *der.Parser, body []byte) {
	p.In = "KDC-REQ-BODY"
	r.Options = p.Flags(p.Field(&body, 0, der.TagBitString, "kdc-options"), "kdc-options")
	if cname, ok := p.Optional(&body, 1, der.TagSequence, "cname"); ok {
		w := readNameContent(p, cname, "cname")
		r.Client, r.ClientType = w.Components(), int64(w.Type)
	}
	r.Realm = string(ReadRealm(p, &body, 2, "realm"))
	if sname, ok := p.Optional(&body, 3, der.TagSequence, "sname"); ok {
		r.Service = readNameContent(p, sname, "sname").Components()
	}
	p.OptionalTime(&body, 4, "from")
	r.Till = p.TimeField(&body, 5, "till")
	r.RenewTill, _ = p.OptionalTime(&body, 6, "rtime")
	r.Nonce = uint32(p.Integer(p.Field(&body, 7, der.TagInteger, "nonce"), "nonce"))
	for list := p.Field(&body, 8, der.TagSequence, "etype"); len(list) > 0 && p.Err == nil; {
		if len(r.Etypes) == MaxPAData {
			p.Fail("etype", "too many")
		}
		r.Etypes = append(r.Etypes, int32(p.Integer(p.Next(&list, der.TagInteger, "etype"), "etype")))
	}
	p.Optional(&body, 9, der.TagSequence, "addresses")
	p.Optional(&body, 10, der.TagSequence, "enc-authorization-data")
	p.Optional(&body, 11, der.TagSequence, "additional-tickets")
	p.End(body, "end")
}

// EncodePAData returns PA-DATA (RFC 4120 5.2.7).
func EncodePAData(kind int64, value []byte) []byte {
	return der.Element(der.TagSequence, der.Field(1, der.TagInteger, der.Integer(kind)),
		der.Field(2, der.TagOctetString, value))
}

// PATimestamp returns PA-ENC-TIMESTAMP (RFC 4120 5.2.7.2).
func PATimestamp(key etype.Key, now time.Time) []byte {
	plain := der.Element(der.TagSequence,
		der.Field(0, der.TagGeneralizedTime, der.Time(now)),
		der.Field(1, der.TagInteger, der.Integer(int64(now.Nanosecond()/1000))))
	return EncodePAData(PAEncTimestamp,
		EncodeEncryptedData(key.Etype(), etype.NewUsageKey(key, usageTimestamp).AppendEncrypted(nil, plain)))
}

// PATicket returns PA-TGS-REQ (RFC 4120 5.2.7.1): an AP-REQ with the
// ticket-granting ticket, whose authenticator has a checksum of the request's
// body and the subkey for the reply.
func PATicket(tgt *kerberos.Credential, subkey etype.Key, now time.Time, body []byte) []byte {
	now = tgt.SessionKey.AuthenticatorTime(now)
	kind, sum := etype.Checksum(tgt.SessionKey, UsageTGSChecksum, body)
	plain := der.Element(der.TagApplication(2), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(PVNO)),
		der.Field(1, der.TagGeneralString, []byte(tgt.Client.Realm)),
		der.Element(der.TagContext(2), EncodeName(NamePrincipal, tgt.Client.Components)),
		der.Field(3, der.TagSequence, der.Field(0, der.TagInteger, der.Integer(int64(kind))),
			der.Field(1, der.TagOctetString, sum)),
		der.Field(4, der.TagInteger, der.Integer(int64(now.Nanosecond()/1000))),
		der.Field(5, der.TagGeneralizedTime, der.Time(now)),
		EncodeEncryptionKey(6, subkey)))
	defer clear(plain)
	encrypted := etype.NewUsageKey(tgt.SessionKey, UsageTGSAuthenticator).AppendEncrypted(nil, plain)
	return EncodePAData(PATGSReq, der.Element(der.TagApplication(14), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(PVNO)),
		der.Field(1, der.TagInteger, der.Integer(14)),
		der.Field(2, der.TagBitString, der.Flags(0)),
		der.Element(der.TagContext(3), tgt.Ticket),
		der.Element(der.TagContext(4), EncodeEncryptedData(tgt.SessionKey.Etype(), encrypted)))))
}

// A KDCReply is KDC-REP (RFC 4120 5.4.2) with the cleartext of its ticket.
// Slices lie in the message.
type KDCReply struct {
	PAData  []byte // content of SEQUENCE OF PA-DATA; nil when absent
	CRealm  []byte
	CName   Name
	Ticket  []byte // the whole element
	Realm   []byte // of the ticket
	SName   Name
	EncPart EncryptedData
}

// ParseKDCReply reads an AS-REP (msgType 11) or a TGS-REP (13).
func ParseKDCReply(b []byte, msgType byte) (r KDCReply, err error) {
	p := der.Parser{In: "KDC-REP"}
	seq := p.Whole(p.Whole(b, der.TagApplication(msgType), "tag"), der.TagSequence, "sequence")
	p.Constant(&seq, 0, PVNO, "pvno")
	p.Constant(&seq, 1, int32(msgType), "msg-type")
	r.PAData, _ = p.Optional(&seq, 2, der.TagSequence, "padata")
	r.CRealm = ReadRealm(&p, &seq, 3, "crealm")
	r.CName = ReadName(&p, &seq, 4, "cname")
	r.Ticket = p.Next(&seq, der.TagContext(5), "ticket")
	r.Realm, r.SName = ReadTicketHead(&p, r.Ticket)
	p.In = "KDC-REP"
	r.EncPart = ReadEncryptedData(&p, p.Field(&seq, 6, der.TagSequence, "enc-part"), "KDC-REP: enc-part")
	p.End(seq, "end")
	return r, p.Err
}

// ReadTicketHead reads the cleartext of a Ticket (RFC 4120 5.3), a whole
// element.
func ReadTicketHead(p *der.Parser, b []byte) (realm []byte, sname Name) {
	var r APReq
	in := p.In
	p.In = "Ticket"
	content := p.Whole(b, der.TagApplication(1), "tag 1")
	p.Restore(in)
	r.readTicket(p, content)
	return r.Realm, r.SName
}

// EncKDCRepPart is EncKDCRepPart (RFC 4120 5.4.2). Slices lie in the decrypted
// buffer.
type EncKDCRepPart struct {
	Key        encryptionKey
	Nonce      uint32
	keyExpires time.Time // zero when absent
	Flags      uint32
	AuthTime   time.Time
	StartTime  time.Time // zero when absent
	EndTime    time.Time
	renewTill  time.Time // zero when absent
	SRealm     []byte
	SName      Name
	PAData     []byte // content of encrypted-pa-data (RFC 6806 11); nil when absent
}

// ParseEncKDCRepPart reads the decrypted part of a reply. It accepts the tag of
// either, as some KDCs put that of TGS-REP into AS-REP (RFC 4120 5.4.2).
func ParseEncKDCRepPart(b []byte) (e EncKDCRepPart, err error) {
	p := der.Parser{In: "EncKDCRepPart"}
	tag := der.TagApplication(25)
	if len(b) > 0 && b[0] == der.TagApplication(26) {
		tag = der.TagApplication(26)
	}
	seq := p.Whole(p.Whole(b, tag, "tag 25 or 26"), der.TagSequence, "sequence")
	e.Key = readEncryptionKey(&p, p.Field(&seq, 0, der.TagSequence, "key"), "key")
	p.Field(&seq, 1, der.TagSequence, "last-req")
	e.Nonce = uint32(p.Integer(p.Field(&seq, 2, der.TagInteger, "nonce"), "nonce"))
	e.keyExpires, _ = p.OptionalTime(&seq, 3, "key-expiration")
	e.Flags = p.Flags(p.Field(&seq, 4, der.TagBitString, "flags"), "flags")
	e.AuthTime = p.TimeField(&seq, 5, "authtime")
	e.StartTime, _ = p.OptionalTime(&seq, 6, "starttime")
	e.EndTime = p.TimeField(&seq, 7, "endtime")
	e.renewTill, _ = p.OptionalTime(&seq, 8, "renew-till")
	e.SRealm = ReadRealm(&p, &seq, 9, "srealm")
	e.SName = ReadName(&p, &seq, 10, "sname")
	p.Optional(&seq, 11, der.TagSequence, "caddr")
	e.PAData, _ = p.Optional(&seq, 12, der.TagSequence, "encrypted-pa-data")
	p.End(seq, "end")
	return e, p.Err
}

// EachPAData calls f for each element of a SEQUENCE OF PA-DATA (RFC 4120
// 5.2.7), whose content is list.
func EachPAData(p *der.Parser, list []byte, f func(kind int32, value []byte)) {
	for n := 0; len(list) > 0 && p.Err == nil; n++ {
		entry := p.Next(&list, der.TagSequence, "PA-DATA")
		kind := p.Int32Field(&entry, 1, "padata-type")
		value := p.Field(&entry, 2, der.TagOctetString, "padata-value")
		p.End(entry, "PA-DATA")
		if n == MaxPAData {
			p.Fail("padata", "too many elements")
		}
		if p.Err == nil {
			f(kind, value)
		}
	}
}

// An EtypeInfo is an entry of ETYPE-INFO2 (RFC 4120 5.2.7.5): how a key is made
// from a password.
type EtypeInfo struct {
	Etype   int32
	Salt    string
	HasSalt bool // false for the principal's default salt
	Params  []byte
}

func readETypeInfo2(p *der.Parser, b []byte) (list []EtypeInfo) {
	for rest := p.Whole(b, der.TagSequence, "ETYPE-INFO2"); len(rest) > 0 && p.Err == nil; {
		entry := p.Next(&rest, der.TagSequence, "entry")
		e := EtypeInfo{Etype: p.Int32Field(&entry, 0, "etype")}
		salt, ok := p.Optional(&entry, 1, der.TagGeneralString, "salt")
		e.Salt, e.HasSalt = string(salt), ok
		params, _ := p.Optional(&entry, 2, der.TagOctetString, "s2kparams")
		e.Params = bytes.Clone(params)
		p.End(entry, "entry")
		if len(list) == MaxPAData {
			p.Fail("ETYPE-INFO2", "too many entries")
		}
		list = append(list, e)
	}
	return list
}

// Preauth is what a KDC asks for: METHOD-DATA (RFC 4120 5.9.1), or the padata
// of a reply.
type Preauth struct {
	Timestamp bool // PA-ENC-TIMESTAMP is offered
	Offered   []int32
	Info      []EtypeInfo
	Cookie    []byte // to be sent back as it is (RFC 6113 5.2)
}

// ParsePreauth reads the content of a SEQUENCE OF PA-DATA. Unknown types are
// listed in Offered only.
func ParsePreauth(content []byte) (a Preauth, err error) {
	p := der.Parser{In: "padata"}
	EachPAData(&p, content, func(kind int32, value []byte) {
		a.Offered = append(a.Offered, kind)
		switch kind {
		case PAEncTimestamp:
			a.Timestamp = true
		case PAETypeInfo2:
			a.Info = readETypeInfo2(&p, value)
		case PAFXCookie:
			a.Cookie = bytes.Clone(value)
		}
	})
	return a, p.Err
}

// TicketFrom returns the credential of a reply, whose slices it copies.
func TicketFrom(r *KDCReply, e *EncKDCRepPart) (t kerberos.Credential, err error) {
	t = kerberos.Credential{
		Client:   kerberos.Principal{Components: r.CName.Components(), Realm: string(r.CRealm)},
		Service:  kerberos.Principal{Components: e.SName.Components(), Realm: string(e.SRealm)},
		Ticket:   bytes.Clone(r.Ticket),
		Flags:    e.Flags,
		AuthTime: e.AuthTime, StartTime: e.StartTime, EndTime: e.EndTime, RenewTill: e.renewTill,
	}
	if t.SessionKey, err = etype.NewKey(e.Key.Etype, e.Key.Octets); err != nil {
		return kerberos.Credential{}, fmt.Errorf("session key: %w", err)
	}
	return t, nil
}

// NoEnd returns the till that asks for the longest life, as Windows' clients
// write it.
func NoEnd() time.Time { return time.Date(2037, 9, 13, 2, 48, 5, 0, time.UTC) }
