package gss

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/rc4"
	"crypto/subtle"
	"encoding/binary"
	"slices"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// rc4Tokens is the format of RFC 4757 7, in the frame of RFC 1964 1.2. It is
// immutable. The sequence number is encrypted, but no checksum covers it, and
// both directions have the same keys: see the security considerations.
type rc4Tokens struct {
	acceptor bool
	sign     [md5.Size]byte // Ksign
	sequence [md5.Size]byte // from which Kseq is derived
	crypt    [md5.Size]byte // from which Kcrypt is derived
}

// Salts of the checksum (RFC 4757 3, 7: the usages 23 and 22 as Windows numbers
// them).
const (
	rc4SaltMIC  = 15
	rc4SaltWrap = 13
)

// Headers (RFC 4757 7.2, 7.3): token identifier, SGN_ALG, SEAL_ALG of Wrap
// tokens, filler.
const (
	rc4HeaderMIC       = "\x01\x01\x11\x00\xff\xff\xff\xff"
	rc4HeaderSealed    = "\x02\x01\x11\x00\x10\x00\xff\xff"
	rc4HeaderIntegrity = "\x02\x01\x11\x00\xff\xff\xff\xff"
)

func newRC4Tokens(k etype.Key, acceptor bool) *rc4Tokens {
	r := &rc4Tokens{acceptor: acceptor}
	zero, octets := make([]byte, 4), k.ExposeKeyOctets()
	copy(r.sign[:], hmacMD5(octets, []byte("signaturekey\x00")))
	copy(r.sequence[:], hmacMD5(octets, zero))
	for i := range octets {
		octets[i] ^= 0xf0
	}
	copy(r.crypt[:], hmacMD5(octets, zero))
	clear(octets)
	return r
}

func hmacMD5(key, data []byte) []byte {
	h := hmac.New(md5.New, key)
	h.Write(data)
	return h.Sum(nil)
}

// rc4Crypt encrypts or decrypts src under key, which is an MD5 sum, to dst.
func rc4Crypt(key, dst, src []byte) {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic("kerberos: " + err.Error()) // the key has 16 octets
	}
	c.XORKeyStream(dst, src)
}

// checksum returns SGN_CKSUM (RFC 4757 7.3): the HMAC under Ksign over the MD5
// of salt and parts, cut to 8 octets.
func (r *rc4Tokens) checksum(salt uint32, parts ...[]byte) (sum [8]byte) {
	h := md5.New()
	h.Write(binary.LittleEndian.AppendUint32(nil, salt))
	for _, p := range parts {
		h.Write(p)
	}
	copy(sum[:], hmacMD5(r.sign[:], h.Sum(nil)))
	return sum
}

// cryptSequence encrypts or decrypts SND_SEQ in place.
func (r *rc4Tokens) cryptSequence(field, sum []byte) {
	rc4Crypt(hmacMD5(r.sequence[:], sum), field, field)
}

// cryptPayload encrypts or decrypts confounder, data and pad.
func (r *rc4Tokens) cryptPayload(dst, src []byte, seq uint64) {
	rc4Crypt(hmacMD5(r.crypt[:], binary.BigEndian.AppendUint32(nil, uint32(seq))), dst, src)
}

// sequenceField returns SND_SEQ in clear: the number, and four octets for the
// direction.
func sequenceField(seq uint64, fromAcceptor bool) (f [8]byte) {
	binary.BigEndian.PutUint32(f[:], uint32(seq))
	if fromAcceptor {
		copy(f[4:], "\xff\xff\xff\xff")
	}
	return f
}

// appendToken appends the frame with header, SND_SEQ, checksum and payload.
func (r *rc4Tokens) appendToken(dst []byte, header string, seq uint64, sum, payload []byte) []byte {
	field := sequenceField(seq, r.acceptor)
	r.cryptSequence(field[:], sum)
	return der.Append(dst, der.TagApplication(0), der.Element(der.TagOID, []byte(krbmsg.OIDKRB5)), []byte(header),
		field[:], sum, payload)
}

func (r *rc4Tokens) wrap(_ *rotation, dst, plaintext []byte, seq uint64, sealed bool) []byte {
	payload := make([]byte, krbmsg.RC4Confounder, krbmsg.RC4Confounder+len(plaintext)+krbmsg.RC4Pad)
	rand.Read(payload)
	payload = append(append(payload, plaintext...), 1)
	header := rc4HeaderIntegrity
	if sealed {
		header = rc4HeaderSealed
	}
	sum := r.checksum(rc4SaltWrap, []byte(header), payload)
	if sealed {
		r.cryptPayload(payload, payload, seq)
	}
	return r.appendToken(dst, header, seq, sum[:], payload)
}

func (r *rc4Tokens) mic(dst, message []byte, seq uint64) []byte {
	sum := r.checksum(rc4SaltMIC, []byte(rc4HeaderMIC), message)
	return r.appendToken(dst, rc4HeaderMIC, seq, sum[:], nil)
}

// unframe splits a token into its fields and decrypts SND_SEQ.
func (r *rc4Tokens) unframe(token []byte) (header string, seq [8]byte, sum, payload []byte, err error) {
	t, err := krbmsg.ReadRC4Token(token)
	if err != nil {
		return "", seq, nil, nil, refuseMessage(ErrMessageToken, "%v", err)
	}
	copy(seq[:], t.SndSeq)
	r.cryptSequence(seq[:], t.Sum)
	return string(t.Header), seq, t.Sum, t.Payload, nil
}

func (r *rc4Tokens) unwrap(_ *rotation, dst, token []byte) (out []byte, number uint64, sealed bool, err error) {
	header, seq, sum, payload, err := r.unframe(token)
	if err != nil {
		return nil, 0, false, err
	}
	sealed = header == rc4HeaderSealed
	if !sealed && header != rc4HeaderIntegrity || len(payload) < krbmsg.RC4Confounder+krbmsg.RC4Pad {
		return nil, 0, false, refuseMessage(ErrMessageToken, "no Wrap token of RFC 4757: header %x, payload of %d octets",
			header, len(payload))
	}
	number = uint64(binary.BigEndian.Uint32(seq[:]))
	dst = slices.Grow(dst, len(payload))
	plain := dst[len(dst) : len(dst)+len(payload)]
	if copy(plain, payload); sealed {
		r.cryptPayload(plain, payload, number)
	}
	want := r.checksum(rc4SaltWrap, []byte(header), plain)
	end := len(plain) - krbmsg.RC4Pad
	if r.authentic(want, sum, seq)&subtle.ConstantTimeByteEq(plain[end], 1) != 1 {
		clear(plain)
		return nil, 0, false, &MessageError{Err: ErrMessageIntegrity}
	}
	n := copy(plain, plain[krbmsg.RC4Confounder:end])
	clear(plain[n:])
	return dst[:len(dst)+n], number, sealed, nil
}

func (r *rc4Tokens) verifyMIC(message, token []byte) (number uint64, err error) {
	header, seq, sum, payload, err := r.unframe(token)
	if err != nil {
		return 0, err
	}
	if header != rc4HeaderMIC || len(payload) != 0 {
		return 0, refuseMessage(ErrMessageToken, "no MIC token of RFC 4757: header %x, payload of %d octets",
			header, len(payload))
	}
	if r.authentic(r.checksum(rc4SaltMIC, []byte(header), message), sum, seq) != 1 {
		return 0, &MessageError{Err: ErrMessageIntegrity}
	}
	return uint64(binary.BigEndian.Uint32(seq[:])), nil
}

// authentic returns 1 if the checksum is right and the token is the peer's,
// else 0. SND_SEQ is decrypted too, so there is one error for both.
func (r *rc4Tokens) authentic(want [8]byte, sum []byte, seq [8]byte) int {
	peer := sequenceField(0, !r.acceptor)
	return subtle.ConstantTimeCompare(want[:], sum) & subtle.ConstantTimeCompare(peer[4:], seq[4:])
}
