package kerberos

import "time"

const pvno = 5

// encryptedData is EncryptedData (RFC 4120 5.2.9).
type encryptedData struct {
	etype  int32
	kvno   uint32 // 0 when absent
	cipher []byte
}

func readEncryptedData(p *derParser, b []byte, in string) (e encryptedData) {
	defer p.restore(p.in)
	p.in = in
	e.etype = p.int32Field(&b, 0, "etype")
	if kvno, ok := p.optional(&b, 1, tagInteger, "kvno"); ok {
		e.kvno = uint32(p.integer(kvno, "kvno"))
	}
	e.cipher = p.field(&b, 2, tagOctetString, "cipher")
	p.end(b, "end")
	return e
}

func (p *derParser) restore(in string) { p.in = in }

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
	p := derParser{in: "AP-REQ"}
	seq := p.whole(p.whole(b, tagApplication(14), "tag 14"), tagSequence, "sequence")
	p.constant(&seq, 0, pvno, "pvno")
	p.constant(&seq, 1, 14, "msg-type")
	r.options = p.flags(p.field(&seq, 2, tagBitString, "ap-options"), "ap-options")
	ticket := p.field(&seq, 3, tagApplication(1), "ticket")
	r.authenticator = readEncryptedData(&p, p.field(&seq, 4, tagSequence, "authenticator"), "AP-REQ: authenticator")
	p.end(seq, "end")

	p.in = "Ticket"
	seq = p.whole(ticket, tagSequence, "sequence")
	p.constant(&seq, 0, pvno, "tkt-vno")
	r.realm = readRealm(&p, &seq, 1, "realm")
	r.sname = readName(&p, &seq, 2, "sname")
	r.ticket = readEncryptedData(&p, p.field(&seq, 3, tagSequence, "enc-part"), "Ticket: enc-part")
	p.end(seq, "end")
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
	FlagAnonymous              uint32 = 1 << 15 // RFC 8062 3
)

// encTicketPart is EncTicketPart (RFC 4120 5.3). Slices lie in the decrypted buffer.
type encTicketPart struct {
	flags       uint32
	key         encryptionKey
	crealm      []byte
	cname       wireName
	trType      int32  // of TransitedEncoding
	transited   []byte // its contents
	authTime    time.Time
	startTime   time.Time // authtime when absent
	endTime     time.Time
	addresses   []byte // content of HostAddresses; nil when absent
	authzData   []byte // content of AuthorizationData; nil when absent
	hasAddrList bool
}

func parseEncTicketPart(b []byte) (t encTicketPart, err error) {
	p := derParser{in: "EncTicketPart"}
	seq := p.whole(p.whole(b, tagApplication(3), "tag 3"), tagSequence, "sequence")
	t.flags = p.flags(p.field(&seq, 0, tagBitString, "flags"), "flags")
	t.key = readEncryptionKey(&p, p.field(&seq, 1, tagSequence, "key"), "key")
	t.crealm = readRealm(&p, &seq, 2, "crealm")
	t.cname = readName(&p, &seq, 3, "cname")
	transited := p.field(&seq, 4, tagSequence, "transited")
	t.trType = p.int32Field(&transited, 0, "transited: tr-type")
	t.transited = p.field(&transited, 1, tagOctetString, "transited: contents")
	p.end(transited, "transited")
	t.authTime = p.timeField(&seq, 5, "authtime")
	var ok bool
	if t.startTime, ok = p.optionalTime(&seq, 6, "starttime"); !ok {
		t.startTime = t.authTime
	}
	t.endTime = p.timeField(&seq, 7, "endtime")
	p.optionalTime(&seq, 8, "renew-till")
	t.addresses, t.hasAddrList = p.optional(&seq, 9, tagSequence, "caddr")
	t.authzData, _ = p.optional(&seq, 10, tagSequence, "authorization-data")
	p.end(seq, "end")
	return t, p.err
}

// encryptionKey is EncryptionKey (RFC 4120 5.2.9) as received: its type may be unknown and its length wrong.
type encryptionKey struct {
	etype  int32
	octets []byte
}

func readEncryptionKey(p *derParser, b []byte, field string) (k encryptionKey) {
	k.etype = p.int32Field(&b, 0, field)
	k.octets = p.field(&b, 1, tagOctetString, field)
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
	p := derParser{in: "Authenticator"}
	seq := p.whole(p.whole(b, tagApplication(2), "tag 2"), tagSequence, "sequence")
	p.constant(&seq, 0, pvno, "authenticator-vno")
	a.crealm = readRealm(&p, &seq, 1, "crealm")
	a.cname = readName(&p, &seq, 2, "cname")
	if cksum, ok := p.optional(&seq, 3, tagSequence, "cksum"); ok {
		a.cksumType = p.int32Field(&cksum, 0, "cksum: cksumtype")
		a.cksum = p.field(&cksum, 1, tagOctetString, "cksum: checksum")
		p.end(cksum, "cksum")
	}
	cusec := p.microseconds(&seq, 4, "cusec")
	a.ctime = p.timeField(&seq, 5, "ctime").Add(cusec)
	var subkey []byte
	if subkey, a.hasSubkey = p.optional(&seq, 6, tagSequence, "subkey"); a.hasSubkey {
		a.subkey = readEncryptionKey(&p, subkey, "subkey")
	}
	if seqNumber, ok := p.optional(&seq, 7, tagInteger, "seq-number"); ok {
		a.seqNumber = uint32(p.integer(seqNumber, "seq-number"))
	}
	a.authzData, _ = p.optional(&seq, 8, tagSequence, "authorization-data")
	p.end(seq, "end")
	return a, p.err
}
