package kerberos

import (
	"bytes"
	"fmt"
	"time"
)

// Key usages of the exchanges with a KDC (RFC 4120 7.5.1).
const (
	usageTimestamp        = 1 // PA-ENC-TIMESTAMP
	usageASReply          = 3
	usageTGSChecksum      = 6
	usageTGSAuthenticator = 7
	usageTGSReplySubkey   = 9
)

// KDC options (RFC 4120 5.4.1; canonicalize: RFC 6806 3), bit 0 the highest.
const (
	kdcForwardable  uint32 = 1 << 30
	kdcForwarded    uint32 = 1 << 29
	kdcRenewable    uint32 = 1 << 23
	kdcCanonicalize uint32 = 1 << 16
	kdcRenew        uint32 = 1 << 1
)

// Pre-authentication data types (RFC 4120 7.5.2, RFC 6113).
const (
	paTGSReq       = 1
	paEncTimestamp = 2
	paETypeInfo2   = 19
	paFXCookie     = 133
)

// Name types (RFC 4120 6.2, RFC 6806 5).
const (
	namePrincipal   = 1
	nameServiceInst = 2 // krbtgt
	nameHost        = 3
	nameEnterprise  = 10
)

const maxPAData = 32 // elements that are looked at

// kdcUsage is the key usage as an encryption type numbers it: RC4 has 8 for AS-REP (RFC 4757 3; what it says of usage 9
// is not what Windows, MIT and Heimdal do).
func kdcUsage(etype int32, usage uint32) uint32 {
	if etype == EtypeRC4 && usage == usageASReply {
		return 8
	}
	return usage
}

// A kdcRequest is KDC-REQ (RFC 4120 5.4.1).
type kdcRequest struct {
	options    uint32
	client     []string // nil in TGS-REQ
	clientType int64
	realm      string // of the service; in AS-REQ of the client too
	service    []string
	till       time.Time
	renewTill  time.Time // zero for none
	nonce      uint32
	etypes     []int32
}

// body is KDC-REQ-BODY.
func (r *kdcRequest) body() []byte {
	var cname, rtime, etypes []byte
	if r.client != nil {
		cname = derElement(tagContext(1), derName(r.clientType, r.client))
	}
	if !r.renewTill.IsZero() {
		rtime = derField(6, tagGeneralizedTime, derTime(r.renewTill))
	}
	for _, e := range r.etypes {
		etypes = appendDER(etypes, tagInteger, derInteger(int64(e)))
	}
	return derElement(tagSequence,
		derField(0, tagBitString, derFlags(r.options)),
		cname,
		derField(2, tagGeneralString, []byte(r.realm)),
		derElement(tagContext(3), derName(serviceNameType(r.service), r.service)),
		derField(5, tagGeneralizedTime, derTime(r.till)),
		rtime,
		derField(7, tagInteger, derInteger(int64(r.nonce))),
		derField(8, tagSequence, etypes))
}

// serviceNameType is what MIT's and Windows' clients write.
func serviceNameType(name []string) int64 {
	switch {
	case len(name) == 2 && name[0] == krbtgt:
		return nameServiceInst
	case len(name) == 2:
		return nameHost
	}
	return namePrincipal
}

const krbtgt = "krbtgt"

// kdcMessage is the request as it goes out: AS-REQ (10) or TGS-REQ (12).
func kdcMessage(msgType byte, paData, body []byte) []byte {
	var pas []byte
	if len(paData) > 0 {
		pas = derField(3, tagSequence, paData)
	}
	return derElement(tagApplication(msgType), derElement(tagSequence,
		derField(1, tagInteger, derInteger(pvno)),
		derField(2, tagInteger, derInteger(int64(msgType))),
		pas,
		derElement(tagContext(4), body)))
}

// derPAData is PA-DATA (RFC 4120 5.2.7).
func derPAData(kind int64, value []byte) []byte {
	return derElement(tagSequence, derField(1, tagInteger, derInteger(kind)), derField(2, tagOctetString, value))
}

// paTimestamp is PA-ENC-TIMESTAMP (RFC 4120 5.2.7.2).
func paTimestamp(key Key, now time.Time) []byte {
	plain := derElement(tagSequence,
		derField(0, tagGeneralizedTime, derTime(now)),
		derField(1, tagInteger, derInteger(int64(now.Nanosecond()/1000))))
	return derPAData(paEncTimestamp, derEncryptedData(key.Etype(), newUsageKey(key, usageTimestamp).appendSealed(nil, plain)))
}

// paTicket is PA-TGS-REQ (RFC 4120 5.2.7.1): an AP-REQ with the ticket-granting ticket, whose authenticator has a checksum
// of the request's body and the subkey for the reply.
func paTicket(tgt *ServiceTicket, subkey Key, now time.Time, body []byte) []byte {
	now = tgt.SessionKey.authTime(now)
	kind, sum := keyedChecksum(tgt.SessionKey, usageTGSChecksum, body)
	plain := derElement(tagApplication(2), derElement(tagSequence,
		derField(0, tagInteger, derInteger(pvno)),
		derField(1, tagGeneralString, []byte(tgt.Client.Realm)),
		derElement(tagContext(2), derName(namePrincipal, tgt.Client.Components)),
		derField(3, tagSequence, derField(0, tagInteger, derInteger(int64(kind))), derField(1, tagOctetString, sum)),
		derField(4, tagInteger, derInteger(int64(now.Nanosecond()/1000))),
		derField(5, tagGeneralizedTime, derTime(now)),
		derEncryptionKey(6, subkey)))
	defer clear(plain)
	sealed := newUsageKey(tgt.SessionKey, usageTGSAuthenticator).appendSealed(nil, plain)
	return derPAData(paTGSReq, derElement(tagApplication(14), derElement(tagSequence,
		derField(0, tagInteger, derInteger(pvno)),
		derField(1, tagInteger, derInteger(14)),
		derField(2, tagBitString, derFlags(0)),
		derElement(tagContext(3), tgt.Ticket),
		derElement(tagContext(4), derEncryptedData(tgt.SessionKey.Etype(), sealed)))))
}

// A kdcReply is KDC-REP (RFC 4120 5.4.2) with the cleartext of its ticket. Slices lie in the message.
type kdcReply struct {
	paData  []byte // content of SEQUENCE OF PA-DATA; nil when absent
	crealm  []byte
	cname   wireName
	ticket  []byte // the whole element
	realm   []byte // of the ticket
	sname   wireName
	encPart encryptedData
}

func parseKDCReply(b []byte, msgType byte) (r kdcReply, err error) {
	p := derParser{in: "KDC-REP"}
	seq := p.whole(p.whole(b, tagApplication(msgType), "tag"), tagSequence, "sequence")
	p.constant(&seq, 0, pvno, "pvno")
	p.constant(&seq, 1, int32(msgType), "msg-type")
	r.paData, _ = p.optional(&seq, 2, tagSequence, "padata")
	r.crealm = readRealm(&p, &seq, 3, "crealm")
	r.cname = readName(&p, &seq, 4, "cname")
	r.ticket = p.next(&seq, tagContext(5), "ticket")
	r.realm, r.sname = readTicketHead(&p, r.ticket)
	p.in = "KDC-REP"
	r.encPart = readEncryptedData(&p, p.field(&seq, 6, tagSequence, "enc-part"), "KDC-REP: enc-part")
	p.end(seq, "end")
	return r, p.err
}

// ticketHead reads what is in clear in a Ticket (RFC 4120 5.3), given as a whole element.
func readTicketHead(p *derParser, b []byte) (realm []byte, sname wireName) {
	defer p.restore(p.in)
	p.in = "Ticket"
	seq := p.whole(p.whole(b, tagApplication(1), "tag 1"), tagSequence, "sequence")
	p.constant(&seq, 0, pvno, "tkt-vno")
	realm = readRealm(p, &seq, 1, "realm")
	sname = readName(p, &seq, 2, "sname")
	readEncryptedData(p, p.field(&seq, 3, tagSequence, "enc-part"), "Ticket: enc-part")
	p.end(seq, "end")
	return realm, sname
}

// encKDCRepPart is EncKDCRepPart (RFC 4120 5.4.2). Slices lie in the decrypted buffer.
type encKDCRepPart struct {
	key        encryptionKey
	nonce      uint32
	keyExpires time.Time // zero when not told
	flags      uint32
	authTime   time.Time
	startTime  time.Time // zero when absent
	endTime    time.Time
	renewTill  time.Time // zero when absent
	srealm     []byte
	sname      wireName
}

// parseEncKDCRepPart takes the tag of either reply, as some KDCs put that of TGS-REP into AS-REP (RFC 4120 5.4.2).
func parseEncKDCRepPart(b []byte) (e encKDCRepPart, err error) {
	p := derParser{in: "EncKDCRepPart"}
	tag := tagApplication(25)
	if len(b) > 0 && b[0] == tagApplication(26) {
		tag = tagApplication(26)
	}
	seq := p.whole(p.whole(b, tag, "tag 25 or 26"), tagSequence, "sequence")
	e.key = readEncryptionKey(&p, p.field(&seq, 0, tagSequence, "key"), "key")
	p.field(&seq, 1, tagSequence, "last-req")
	e.nonce = uint32(p.integer(p.field(&seq, 2, tagInteger, "nonce"), "nonce"))
	e.keyExpires, _ = p.optionalTime(&seq, 3, "key-expiration")
	e.flags = p.flags(p.field(&seq, 4, tagBitString, "flags"), "flags")
	e.authTime = p.timeField(&seq, 5, "authtime")
	e.startTime, _ = p.optionalTime(&seq, 6, "starttime")
	e.endTime = p.timeField(&seq, 7, "endtime")
	e.renewTill, _ = p.optionalTime(&seq, 8, "renew-till")
	e.srealm = readRealm(&p, &seq, 9, "srealm")
	e.sname = readName(&p, &seq, 10, "sname")
	p.optional(&seq, 11, tagSequence, "caddr")
	p.optional(&seq, 12, tagSequence, "encrypted-pa-data") // RFC 6806 11
	p.end(seq, "end")
	return e, p.err
}

// eachPAData calls f for each element of a SEQUENCE OF PA-DATA, given as its content.
func eachPAData(p *derParser, list []byte, f func(kind int32, value []byte)) {
	for n := 0; len(list) > 0 && p.err == nil; n++ {
		entry := p.next(&list, tagSequence, "PA-DATA")
		kind := p.int32Field(&entry, 1, "padata-type")
		value := p.field(&entry, 2, tagOctetString, "padata-value")
		p.end(entry, "PA-DATA")
		if n == maxPAData {
			p.fail("padata", "too many elements")
		}
		if p.err == nil {
			f(kind, value)
		}
	}
}

// An etypeInfo is an entry of ETYPE-INFO2 (RFC 4120 5.2.7.5): how to make a key from a password.
type etypeInfo struct {
	etype   int32
	salt    string
	hasSalt bool // else it is the principal's default salt
	params  []byte
}

func readETypeInfo2(p *derParser, b []byte) (list []etypeInfo) {
	for rest := p.whole(b, tagSequence, "ETYPE-INFO2"); len(rest) > 0 && p.err == nil; {
		entry := p.next(&rest, tagSequence, "entry")
		e := etypeInfo{etype: p.int32Field(&entry, 0, "etype")}
		salt, ok := p.optional(&entry, 1, tagGeneralString, "salt")
		e.salt, e.hasSalt = string(salt), ok
		params, _ := p.optional(&entry, 2, tagOctetString, "s2kparams")
		e.params = bytes.Clone(params)
		p.end(entry, "entry")
		if len(list) == maxPAData {
			p.fail("ETYPE-INFO2", "too many entries")
		}
		list = append(list, e)
	}
	return list
}

// preauth is what a KDC asks for: METHOD-DATA (RFC 4120 5.9.1), or the padata of a reply.
type preauth struct {
	timestamp bool // PA-ENC-TIMESTAMP is offered
	offered   []int32
	info      []etypeInfo
	cookie    []byte // to be sent back as it is (RFC 6113 5.2)
}

func parsePreauth(content []byte) (a preauth, err error) {
	p := derParser{in: "padata"}
	eachPAData(&p, content, func(kind int32, value []byte) {
		a.offered = append(a.offered, kind)
		switch kind {
		case paEncTimestamp:
			a.timestamp = true
		case paETypeInfo2:
			a.info = readETypeInfo2(&p, value)
		case paFXCookie:
			a.cookie = bytes.Clone(value)
		}
	})
	return a, p.err
}

// ticketFrom makes the ticket of a reply.
func ticketFrom(r *kdcReply, e *encKDCRepPart) (t ServiceTicket, err error) {
	t = ServiceTicket{
		Client:   Principal{r.cname.components(), string(r.crealm)},
		Service:  Principal{e.sname.components(), string(e.srealm)},
		Ticket:   bytes.Clone(r.ticket),
		Flags:    e.flags,
		AuthTime: e.authTime, StartTime: e.startTime, EndTime: e.endTime, RenewTill: e.renewTill,
	}
	if t.SessionKey, err = NewKey(e.key.etype, e.key.octets); err != nil {
		return ServiceTicket{}, fmt.Errorf("session key: %w", err)
	}
	return t, nil
}

// noEnd is the time that asks for the longest life: what Windows' clients write.
func noEnd() time.Time { return time.Date(2037, 9, 13, 2, 48, 5, 0, time.UTC) }
