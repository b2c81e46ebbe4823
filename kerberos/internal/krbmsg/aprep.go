package krbmsg

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// usageAPRep is the key usage of EncAPRepPart (RFC 4120 7.5.1); the key is the
// ticket's session key.
const usageAPRep = 12

// EncAPRepPart is EncAPRepPart (RFC 4120 5.5.2).
type EncAPRepPart struct {
	CTime     time.Time // the authenticator's, with microseconds
	Subkey    etype.Key // the acceptor's, or the zero Key
	SeqNumber uint32    // the acceptor's first; 0 when absent
}

// AppendAPRep appends AP-REP (RFC 4120 5.5.2), encrypted under the session key.
func (e *EncAPRepPart) AppendAPRep(dst []byte, session etype.Key) []byte {
	var subkey []byte
	if !e.Subkey.IsZero() {
		subkey = EncodeEncryptionKey(2, e.Subkey)
	}
	plain := der.Element(der.TagApplication(27), der.Element(der.TagSequence,
		der.Field(0, der.TagGeneralizedTime, der.Time(e.CTime)),
		der.Field(1, der.TagInteger, der.Integer(int64(e.CTime.Nanosecond()/1000))),
		subkey,
		der.Field(3, der.TagInteger, der.Integer(int64(e.SeqNumber)))))
	encrypted := etype.NewUsageKey(session, usageAPRep).AppendEncrypted(nil, plain)
	clear(plain)
	clear(subkey)
	return der.Append(dst, der.TagApplication(15), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(PVNO)),
		der.Field(1, der.TagInteger, der.Integer(15)),
		der.Element(der.TagContext(2), EncodeEncryptedData(session.Etype(), encrypted))))
}

// ParseAPRep reads what is in clear in an AP-REP.
func ParseAPRep(b []byte) (EncryptedData, error) {
	p := der.Parser{In: "AP-REP"}
	seq := p.Whole(p.Whole(b, der.TagApplication(15), "tag 15"), der.TagSequence, "sequence")
	p.Constant(&seq, 0, PVNO, "pvno")
	p.Constant(&seq, 1, 15, "msg-type")
	enc := ReadEncryptedData(&p, p.Field(&seq, 2, der.TagSequence, "enc-part"), "AP-REP: enc-part")
	p.End(seq, "end")
	return enc, p.Err
}

// OpenAPRep decrypts an AP-REP. The caller checks the subkey's type against its
// allow-list.
func OpenAPRep(b []byte, session etype.Key) (e EncAPRepPart, err error) {
	enc, err := ParseAPRep(b)
	if err != nil {
		return e, err
	}
	if enc.Etype != session.Etype() {
		return e, fmt.Errorf("AP-REP is encrypted with etype %d, the ticket's session key has %d",
			enc.Etype, session.Etype())
	}
	plain, err := etype.NewUsageKey(session, usageAPRep).Decrypt(nil, enc.Cipher)
	if err != nil {
		return e, fmt.Errorf("AP-REP: %w", err)
	}
	defer clear(plain)
	return parseEncAPRepPart(plain)
}

func parseEncAPRepPart(plain []byte) (e EncAPRepPart, err error) {
	p := der.Parser{In: "EncAPRepPart"}
	seq := p.Whole(p.Whole(plain, der.TagApplication(27), "tag 27"), der.TagSequence, "sequence")
	e.CTime = p.TimeField(&seq, 0, "ctime")
	e.CTime = e.CTime.Add(p.Microseconds(&seq, 1, "cusec"))
	subkey, hasSubkey := p.Optional(&seq, 2, der.TagSequence, "subkey")
	var raw encryptionKey
	if hasSubkey {
		raw = readEncryptionKey(&p, subkey, "subkey")
	}
	if seqNumber, ok := p.Optional(&seq, 3, der.TagInteger, "seq-number"); ok {
		e.SeqNumber = uint32(p.Integer(seqNumber, "seq-number"))
	}
	p.End(seq, "end")
	if p.Err == nil && hasSubkey {
		e.Subkey, p.Err = etype.NewKey(raw.Etype, raw.Octets)
	}
	return e, p.Err
}

var errNotOurRequest = errors.New("AP-REP answers another request: its time is not the authenticator's")

// Answers returns an error unless e answers the AP-REQ whose authenticator has
// ctime, which proves that the acceptor has decrypted it (RFC 4120 3.2.5).
func (e *EncAPRepPart) Answers(ctime time.Time) error {
	if !e.CTime.Equal(ctime.Truncate(time.Microsecond)) {
		return errNotOurRequest
	}
	return nil
}

// InitialSequence returns a random first sequence number. It has 30 bits, since
// some implementations read it as a signed number and others stop at 2³² (RFC
// 4120 5.5.1).
func InitialSequence() uint32 {
	var b [4]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint32(b[:]) >> 2
}

// EncodeEncryptionKey returns EncryptionKey (RFC 4120 5.2.9) in [n].
func EncodeEncryptionKey(n byte, k etype.Key) []byte {
	return der.Field(n, der.TagSequence, der.Field(0, der.TagInteger, der.Integer(int64(k.Etype()))),
		der.Field(1, der.TagOctetString, k.ExposeKeyOctets()))
}

// EncodeEncryptedData returns [EncryptedData] (RFC 4120 5.2.9) without kvno.
func EncodeEncryptedData(etype int32, cipher []byte) []byte {
	return der.Element(der.TagSequence, der.Field(0, der.TagInteger, der.Integer(int64(etype))),
		der.Field(2, der.TagOctetString, cipher))
}
