package kerberos

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// usageAPRep is the key usage of EncAPRepPart (RFC 4120 7.5.1); the key is the ticket's session key.
const usageAPRep = 12

// encAPRepPart is EncAPRepPart (RFC 4120 5.5.2).
type encAPRepPart struct {
	ctime     time.Time // the authenticator's, with microseconds
	subkey    Key       // the acceptor's, or the zero Key
	seqNumber uint32    // the acceptor's first; 0 when absent
}

// appendAPRep appends AP-REP (RFC 4120 5.5.2) under the session key.
func (e *encAPRepPart) appendAPRep(dst []byte, session Key) []byte {
	var subkey []byte
	if !e.subkey.IsZero() {
		subkey = derEncryptionKey(2, e.subkey)
	}
	plain := derElement(tagApplication(27), derElement(tagSequence,
		derField(0, tagGeneralizedTime, derTime(e.ctime)),
		derField(1, tagInteger, derInteger(int64(e.ctime.Nanosecond()/1000))),
		subkey,
		derField(3, tagInteger, derInteger(int64(e.seqNumber)))))
	sealed := newUsageKey(session, usageAPRep).appendSealed(nil, plain)
	clear(plain)
	clear(subkey)
	return appendDER(dst, tagApplication(15), derElement(tagSequence,
		derField(0, tagInteger, derInteger(pvno)),
		derField(1, tagInteger, derInteger(15)),
		derElement(tagContext(2), derEncryptedData(session.Etype(), sealed))))
}

// openAPRep reads an AP-REP. The allow-list for the subkey's type is the caller's.
func openAPRep(b []byte, session Key) (e encAPRepPart, err error) {
	p := derParser{in: "AP-REP"}
	seq := p.whole(p.whole(b, tagApplication(15), "tag 15"), tagSequence, "sequence")
	p.constant(&seq, 0, pvno, "pvno")
	p.constant(&seq, 1, 15, "msg-type")
	enc := readEncryptedData(&p, p.field(&seq, 2, tagSequence, "enc-part"), "AP-REP: enc-part")
	p.end(seq, "end")
	if p.err != nil {
		return e, p.err
	}
	if enc.etype != session.Etype() {
		return e, fmt.Errorf("AP-REP is encrypted with etype %d, the ticket's session key has %d", enc.etype, session.Etype())
	}
	plain, err := newUsageKey(session, usageAPRep).open(nil, enc.cipher)
	if err != nil {
		return e, fmt.Errorf("AP-REP: %w", err)
	}
	defer clear(plain)
	return parseEncAPRepPart(plain)
}

func parseEncAPRepPart(plain []byte) (e encAPRepPart, err error) {
	p := derParser{in: "EncAPRepPart"}
	seq := p.whole(p.whole(plain, tagApplication(27), "tag 27"), tagSequence, "sequence")
	e.ctime = p.timeField(&seq, 0, "ctime")
	e.ctime = e.ctime.Add(p.microseconds(&seq, 1, "cusec"))
	subkey, hasSubkey := p.optional(&seq, 2, tagSequence, "subkey")
	var raw encryptionKey
	if hasSubkey {
		raw = readEncryptionKey(&p, subkey, "subkey")
	}
	if seqNumber, ok := p.optional(&seq, 3, tagInteger, "seq-number"); ok {
		e.seqNumber = uint32(p.integer(seqNumber, "seq-number"))
	}
	p.end(seq, "end")
	if p.err == nil && hasSubkey {
		e.subkey, p.err = NewKey(raw.etype, raw.octets)
	}
	return e, p.err
}

var errNotOurRequest = errors.New("AP-REP answers another request: its time is not the authenticator's")

// answers is the proof that the acceptor has opened the authenticator (RFC 4120 3.2.5).
func (e *encAPRepPart) answers(ctime time.Time) error {
	if !e.ctime.Equal(ctime.Truncate(time.Microsecond)) {
		return errNotOurRequest
	}
	return nil
}

// initialSequence is a random first sequence number. It has 30 bits, since some implementations read it as a signed number
// and others stop at 2³² (RFC 4120 5.5.1).
func initialSequence() uint32 {
	var b [4]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint32(b[:]) >> 2
}

// derEncryptionKey is EncryptionKey (RFC 4120 5.2.9) in [n].
func derEncryptionKey(n byte, k Key) []byte {
	return derField(n, tagSequence, derField(0, tagInteger, derInteger(int64(k.Etype()))), derField(1, tagOctetString, k.ExposeKeyOctets()))
}

// derEncryptedData is EncryptedData (RFC 4120 5.2.9) without kvno.
func derEncryptedData(etype int32, cipher []byte) []byte {
	return derElement(tagSequence, derField(0, tagInteger, derInteger(int64(etype))), derField(2, tagOctetString, cipher))
}
