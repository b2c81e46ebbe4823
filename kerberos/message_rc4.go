package kerberos

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"slices"
)

// rc4Tokens are the tokens of RFC 4757 7 in the frame of RFC 1964 1.2. It is immutable. The sequence number stands
// encrypted, but under no checksum, and the keys of both directions are the same: see the security considerations.
type rc4Tokens struct {
	et       *enctype
	acceptor bool
	sign     [md5.Size]byte // Ksign
	sequence [md5.Size]byte // what Kseq is made of
	crypt    [md5.Size]byte // what Kcrypt is made of
}

// Salts of the checksum (RFC 4757 3, 7: the usages 23 and 22 as Windows numbers them).
const (
	rc4SaltMIC  = 15
	rc4SaltWrap = 13
)

// Headers (RFC 4757 7.2, 7.3): token identifier, SGN_ALG, SEAL_ALG of Wrap tokens, filler.
const (
	rc4HeaderMIC       = "\x01\x01\x11\x00\xff\xff\xff\xff"
	rc4HeaderSealed    = "\x02\x01\x11\x00\x10\x00\xff\xff"
	rc4HeaderIntegrity = "\x02\x01\x11\x00\xff\xff\xff\xff"
)

const (
	rc4MICLen     = 24 // header, SND_SEQ, SGN_CKSUM
	rc4Confounder = 8
	rc4Pad        = 1           // RFC 4757 7.3: one octet, always
	rc4MaxMessage = 16<<20 - 64 // the frame's length has three octets
)

func newRC4Tokens(w *scratch, k Key, acceptor bool) *rc4Tokens {
	et, _ := enctypeByID(EtypeRC4)
	r := &rc4Tokens{et: et, acceptor: acceptor}
	zero := make([]byte, 4)
	copy(r.sign[:], w.hmac(et, k.octets(), []byte("signaturekey\x00")))
	copy(r.sequence[:], w.hmac(et, k.octets(), zero))
	local := slices.Clone(k.octets())
	for i := range local {
		local[i] ^= 0xf0
	}
	copy(r.crypt[:], w.hmac(et, local, zero))
	clear(local)
	return r
}

// checksum is SGN_CKSUM: HMAC under Ksign over the MD5 of salt and parts, cut to 8 octets.
func (r *rc4Tokens) checksum(w *scratch, salt uint32, parts ...[]byte) (sum [8]byte) {
	h := w.hash(r.et)
	h.Reset()
	h.Write(binary.LittleEndian.AppendUint32(nil, salt))
	for _, p := range parts {
		h.Write(p)
	}
	copy(sum[:], w.hmac(r.et, r.sign[:], h.Sum(nil)))
	return sum
}

// cryptSequence encrypts or decrypts SND_SEQ in place.
func (r *rc4Tokens) cryptSequence(w *scratch, field, sum []byte) {
	newRC4(w.hmac(r.et, r.sequence[:], sum)).XORKeyStream(field, field)
}

// cryptPayload encrypts or decrypts confounder, data and pad.
func (r *rc4Tokens) cryptPayload(w *scratch, dst, src []byte, seq uint64) {
	newRC4(w.hmac(r.et, r.crypt[:], binary.BigEndian.AppendUint32(nil, uint32(seq)))).XORKeyStream(dst, src)
}

// sequenceField is SND_SEQ in clear: the number, and four octets that tell who sends.
func sequenceField(seq uint64, fromAcceptor bool) (f [8]byte) {
	binary.BigEndian.PutUint32(f[:], uint32(seq))
	if fromAcceptor {
		copy(f[4:], "\xff\xff\xff\xff")
	}
	return f
}

// appendToken appends the frame with header, SND_SEQ, checksum and payload.
func (r *rc4Tokens) appendToken(w *scratch, dst []byte, header string, seq uint64, sum, payload []byte) []byte {
	field := sequenceField(seq, r.acceptor)
	r.cryptSequence(w, field[:], sum)
	return appendDER(dst, tagApplication(0), derElement(tagOID, []byte(oidKRB5)), []byte(header), field[:], sum, payload)
}

func (r *rc4Tokens) wrap(w *scratch, dst, plaintext []byte, seq uint64, sealed bool) []byte {
	payload := make([]byte, rc4Confounder, rc4Confounder+len(plaintext)+rc4Pad)
	rand.Read(payload)
	payload = append(append(payload, plaintext...), 1)
	header := rc4HeaderIntegrity
	if sealed {
		header = rc4HeaderSealed
	}
	sum := r.checksum(w, rc4SaltWrap, []byte(header), payload)
	if sealed {
		r.cryptPayload(w, payload, payload, seq)
	}
	return r.appendToken(w, dst, header, seq, sum[:], payload)
}

func (r *rc4Tokens) mic(w *scratch, dst, message []byte, seq uint64) []byte {
	sum := r.checksum(w, rc4SaltMIC, []byte(rc4HeaderMIC), message)
	return r.appendToken(w, dst, rc4HeaderMIC, seq, sum[:], nil)
}

// unframe takes the frame off and decrypts SND_SEQ.
func (r *rc4Tokens) unframe(w *scratch, token []byte) (header string, seq [8]byte, sum, payload []byte, err error) {
	p := derParser{in: "RFC 1964 token"}
	body := p.whole(token, tagApplication(0), "frame")
	oid := p.next(&body, tagOID, "mechanism")
	switch {
	case p.err != nil:
		return "", seq, nil, nil, refuseMessage(ErrMessageToken, "%v", p.err)
	case string(oid) != oidKRB5 || len(body) < rc4MICLen:
		return "", seq, nil, nil, refuseMessage(ErrMessageToken, "a frame that holds no per-message token of RFC 4757")
	}
	header, sum, payload = string(body[:8]), body[16:24], body[24:]
	copy(seq[:], body[8:])
	r.cryptSequence(w, seq[:], sum)
	return header, seq, sum, payload, nil
}

func (r *rc4Tokens) unwrap(w *scratch, dst, token []byte) (out []byte, number uint64, sealed bool, err error) {
	header, seq, sum, payload, err := r.unframe(w, token)
	if err != nil {
		return nil, 0, false, err
	}
	sealed = header == rc4HeaderSealed
	if !sealed && header != rc4HeaderIntegrity || len(payload) < rc4Confounder+rc4Pad {
		return nil, 0, false, refuseMessage(ErrMessageToken, "no Wrap token of RFC 4757: header %x, payload of %d octets", header, len(payload))
	}
	number = uint64(binary.BigEndian.Uint32(seq[:]))
	dst = slices.Grow(dst, len(payload))
	plain := dst[len(dst) : len(dst)+len(payload)]
	if copy(plain, payload); sealed {
		r.cryptPayload(w, plain, payload, number)
	}
	want := r.checksum(w, rc4SaltWrap, []byte(header), plain)
	end := len(plain) - rc4Pad
	if r.authentic(want, sum, seq)&subtle.ConstantTimeByteEq(plain[end], 1) != 1 {
		clear(plain)
		return nil, 0, false, &MessageError{Err: ErrMessageIntegrity}
	}
	n := copy(plain, plain[rc4Confounder:end])
	clear(plain[n:])
	return dst[:len(dst)+n], number, sealed, nil
}

func (r *rc4Tokens) verifyMIC(w *scratch, message, token []byte) (number uint64, err error) {
	header, seq, sum, payload, err := r.unframe(w, token)
	if err != nil {
		return 0, err
	}
	if header != rc4HeaderMIC || len(payload) != 0 {
		return 0, refuseMessage(ErrMessageToken, "no MIC token of RFC 4757: header %x, payload of %d octets", header, len(payload))
	}
	if r.authentic(r.checksum(w, rc4SaltMIC, []byte(header), message), sum, seq) != 1 {
		return 0, &MessageError{Err: ErrMessageIntegrity}
	}
	return uint64(binary.BigEndian.Uint32(seq[:])), nil
}

// authentic is 1 when the checksum is right and the token the peer's. The latter is decrypted as well, so that there is
// one error for both.
func (r *rc4Tokens) authentic(want [8]byte, sum []byte, seq [8]byte) int {
	peer := sequenceField(0, !r.acceptor)
	return subtle.ConstantTimeCompare(want[:], sum) & subtle.ConstantTimeCompare(peer[4:], seq[4:])
}
