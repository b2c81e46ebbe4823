package kerberos

import (
	"fmt"
	"time"
)

const pvno = 5

// encryptedData is EncryptedData (RFC 4120 5.2.9).
type encryptedData struct {
	etype  int32
	kvno   uint32 // 0 when absent
	cipher []byte
}

func (p *derParser) encryptedData(b []byte, field string) (e encryptedData) {
	e.etype = p.int32Field(&b, 0, field+": etype")
	if kvno, ok := p.optional(&b, 1, tagInteger, field+": kvno"); ok {
		e.kvno = uint32(p.integer(kvno, field+": kvno"))
	}
	e.cipher = p.field(&b, 2, tagOctetString, field+": cipher")
	p.end(b, field)
	return e
}

// Bits of ap-options (RFC 4120 5.5.1), bit 0 the highest.
const (
	apUseSessionKey  = 1 << 30
	apMutualRequired = 1 << 29
)

// apReq is AP-REQ with the cleartext of its Ticket (RFC 4120 5.5.1, 5.3). All slices lie in the token.
type apReq struct {
	options       uint32
	realm         []byte   // of the service. Not protected by the ticket's checksum, as sname
	sname         wireName // chooses the key and the route, and proves nothing more than that the key fits
	ticket        encryptedData
	authenticator encryptedData
}

func parseAPReq(b []byte) (r apReq, err error) {
	var p derParser
	seq := p.whole(p.whole(b, tagApplication(14), "AP-REQ"), tagSequence, "AP-REQ")
	p.constant(&seq, 0, pvno, "AP-REQ: pvno")
	p.constant(&seq, 1, 14, "AP-REQ: msg-type")
	r.options = p.flags(p.field(&seq, 2, tagBitString, "AP-REQ: ap-options"), "AP-REQ: ap-options")
	ticket := p.field(&seq, 3, tagApplication(1), "AP-REQ: ticket")
	r.authenticator = p.encryptedData(p.field(&seq, 4, tagSequence, "AP-REQ: authenticator"), "AP-REQ: authenticator")
	p.end(seq, "AP-REQ")

	seq = p.whole(ticket, tagSequence, "Ticket")
	p.constant(&seq, 0, pvno, "Ticket: tkt-vno")
	r.realm = p.realmField(&seq, 1, "Ticket: realm")
	r.sname = p.nameField(&seq, 2, "Ticket: sname")
	r.ticket = p.encryptedData(p.field(&seq, 3, tagSequence, "Ticket: enc-part"), "Ticket: enc-part")
	p.end(seq, "Ticket")
	return r, p.err
}

// Ticket flags (RFC 4120 5.3), as Facts.TicketFlags has them: bit 0 is the highest.
const (
	FlagForwardable            uint32 = 1 << 30
	FlagForwarded              uint32 = 1 << 29
	FlagProxiable              uint32 = 1 << 28
	FlagProxy                  uint32 = 1 << 27
	FlagInvalid                uint32 = 1 << 24
	FlagRenewable              uint32 = 1 << 23
	FlagInitial                uint32 = 1 << 22
	FlagPreAuthent             uint32 = 1 << 21
	FlagHWAuthent              uint32 = 1 << 20
	FlagTransitedPolicyChecked uint32 = 1 << 19
	FlagOKAsDelegate           uint32 = 1 << 18
)

// encTicketPart is EncTicketPart (RFC 4120 5.3). Slices lie in the decrypted buffer.
type encTicketPart struct {
	flags       uint32
	key         encryptionKey
	crealm      []byte
	cname       wireName
	transited   []byte // contents of TransitedEncoding
	authTime    time.Time
	startTime   time.Time // authtime when absent
	endTime     time.Time
	addresses   []byte // content of HostAddresses; nil when absent
	authzData   []byte // content of AuthorizationData; nil when absent
	hasAddrList bool
}

func parseEncTicketPart(b []byte) (t encTicketPart, err error) {
	var p derParser
	seq := p.whole(p.whole(b, tagApplication(3), "EncTicketPart"), tagSequence, "EncTicketPart")
	t.flags = p.flags(p.field(&seq, 0, tagBitString, "EncTicketPart: flags"), "EncTicketPart: flags")
	t.key = p.encryptionKey(p.field(&seq, 1, tagSequence, "EncTicketPart: key"), "EncTicketPart: key")
	t.crealm = p.realmField(&seq, 2, "EncTicketPart: crealm")
	t.cname = p.nameField(&seq, 3, "EncTicketPart: cname")
	transited := p.field(&seq, 4, tagSequence, "EncTicketPart: transited")
	p.int32Field(&transited, 0, "EncTicketPart: transited: tr-type")
	t.transited = p.field(&transited, 1, tagOctetString, "EncTicketPart: transited: contents")
	p.end(transited, "EncTicketPart: transited")
	t.authTime = p.timeField(&seq, 5, "EncTicketPart: authtime")
	var ok bool
	if t.startTime, ok = p.optionalTime(&seq, 6, "EncTicketPart: starttime"); !ok {
		t.startTime = t.authTime
	}
	t.endTime = p.timeField(&seq, 7, "EncTicketPart: endtime")
	p.optionalTime(&seq, 8, "EncTicketPart: renew-till")
	t.addresses, t.hasAddrList = p.optional(&seq, 9, tagSequence, "EncTicketPart: caddr")
	t.authzData, _ = p.optional(&seq, 10, tagSequence, "EncTicketPart: authorization-data")
	p.end(seq, "EncTicketPart")
	return t, p.err
}

// encryptionKey is EncryptionKey (RFC 4120 5.2.9) as received: its type may be unknown and its length wrong.
type encryptionKey struct {
	etype  int32
	octets []byte
}

func (p *derParser) encryptionKey(b []byte, field string) (k encryptionKey) {
	k.etype = p.int32Field(&b, 0, field+": keytype")
	k.octets = p.field(&b, 1, tagOctetString, field+": keyvalue")
	p.end(b, field)
	return k
}

// authenticator is Authenticator (RFC 4120 5.5.1). Slices lie in the decrypted buffer.
type authenticator struct {
	crealm    []byte
	cname     wireName
	cksumType int32
	cksum     []byte // nil when absent
	ctime     time.Time
	subkey    encryptionKey
	hasSubkey bool
	seqNumber uint32
	authzData []byte
}

func parseAuthenticator(b []byte) (a authenticator, err error) {
	var p derParser
	seq := p.whole(p.whole(b, tagApplication(2), "Authenticator"), tagSequence, "Authenticator")
	p.constant(&seq, 0, pvno, "Authenticator: authenticator-vno")
	a.crealm = p.realmField(&seq, 1, "Authenticator: crealm")
	a.cname = p.nameField(&seq, 2, "Authenticator: cname")
	if cksum, ok := p.optional(&seq, 3, tagSequence, "Authenticator: cksum"); ok {
		a.cksumType = p.int32Field(&cksum, 0, "Authenticator: cksum: cksumtype")
		a.cksum = p.field(&cksum, 1, tagOctetString, "Authenticator: cksum: checksum")
		p.end(cksum, "Authenticator: cksum")
	}
	cusec := p.int32Field(&seq, 4, "Authenticator: cusec")
	if cusec < 0 || cusec > 999_999 {
		p.fail("Authenticator: cusec", fmt.Sprintf("%d is no count of microseconds", cusec))
	}
	a.ctime = p.timeField(&seq, 5, "Authenticator: ctime").Add(time.Duration(cusec) * time.Microsecond)
	var subkey []byte
	if subkey, a.hasSubkey = p.optional(&seq, 6, tagSequence, "Authenticator: subkey"); a.hasSubkey {
		a.subkey = p.encryptionKey(subkey, "Authenticator: subkey")
	}
	if seqNumber, ok := p.optional(&seq, 7, tagInteger, "Authenticator: seq-number"); ok {
		a.seqNumber = uint32(p.integer(seqNumber, "Authenticator: seq-number"))
	}
	a.authzData, _ = p.optional(&seq, 8, tagSequence, "Authenticator: authorization-data")
	p.end(seq, "Authenticator")
	return a, p.err
}
