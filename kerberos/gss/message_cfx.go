package gss

import (
	"crypto/subtle"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// Key usages of per-message tokens (RFC 4121 2). Wrap tokens have the seal
// usage whether they are encrypted or not.
const (
	usageAcceptorSeal  = 22
	usageAcceptorSign  = 23
	usageInitiatorSeal = 24
	usageInitiatorSign = 25
)

// cfxTokens is the format of RFC 4121 4.2, for all encryption types but DES,
// DES3 and RC4. It is safe for concurrent use.
type cfxTokens struct {
	acceptor                bool
	flags                   byte // of tokens that are sent
	send                    *cfxKeys
	receive                 [2]*cfxKeys // without and with the AcceptorSubkey flag; nil if no such token is accepted
	sealedRRC, integrityRRC uint16
}

// cfxKeys are a key's derived keys for one sender. They are derived when first
// needed: many contexts are established only for the client's name, or for one
// message.
type cfxKeys struct {
	key                         etype.Key
	et                          *etype.Type
	sealUsage, signUsage        uint32
	trailer                     int // octets of an encrypted token besides plaintext and filler
	sealOnce, wrapOnce, micOnce sync.Once
	sealKey                     *etype.UsageKey
	wrapKey, micKey             etype.ChecksumKey
}

func newCFXKeys(k etype.Key, fromAcceptor bool) *cfxKeys {
	keys := &cfxKeys{key: k, sealUsage: usageInitiatorSeal, signUsage: usageInitiatorSign}
	if fromAcceptor {
		keys.sealUsage, keys.signUsage = usageAcceptorSeal, usageAcceptorSign
	}
	keys.et, _ = etype.ByID(k.Etype())
	keys.trailer = keys.et.MinCipher() + krbmsg.CFXHeader
	return keys
}

// seal returns the key of encrypted Wrap tokens.
func (k *cfxKeys) seal() *etype.UsageKey {
	k.sealOnce.Do(func() { k.sealKey = etype.NewUsageKey(k.key, k.sealUsage) })
	return k.sealKey
}

// wrap returns the key of Wrap tokens that are not encrypted.
func (k *cfxKeys) wrap() *etype.ChecksumKey {
	k.wrapOnce.Do(func() { k.wrapKey = etype.NewChecksumKey(k.key, k.sealUsage) })
	return &k.wrapKey
}

// mic returns the key of MIC tokens.
func (k *cfxKeys) mic() *etype.ChecksumKey {
	k.micOnce.Do(func() { k.micKey = etype.NewChecksumKey(k.key, k.signUsage) })
	return &k.micKey
}

func newCFXTokens(cfg *MessageConfig) *cfxTokens {
	c := &cfxTokens{acceptor: cfg.Acceptor, sealedRRC: cfg.SealedRRC, integrityRRC: cfg.IntegrityRRC}
	if cfg.Acceptor {
		c.flags |= krbmsg.FlagSentByAcceptor
	}
	key := cfg.Key
	if !cfg.AcceptorSubkey.IsZero() {
		key = cfg.AcceptorSubkey
		c.flags |= krbmsg.FlagAcceptorSubkey
		c.receive[1] = newCFXKeys(key, !cfg.Acceptor)
	}
	c.send = newCFXKeys(key, cfg.Acceptor)
	if cfg.Acceptor || cfg.AcceptorSubkey.IsZero() {
		c.receive[0] = newCFXKeys(cfg.Key, !cfg.Acceptor)
	}
	return c
}

// appendHeader appends a Wrap token's header.
func (c *cfxTokens) appendHeader(dst []byte, flags byte, ec, rrc uint16, seq uint64) []byte {
	dst = append(dst, krbmsg.TokWrap...)
	dst = append(dst, flags, 0xff)
	dst = binary.BigEndian.AppendUint16(dst, ec)
	dst = binary.BigEndian.AppendUint16(dst, rrc)
	return binary.BigEndian.AppendUint64(dst, seq)
}

// wrap appends a Wrap token (RFC 4121 4.2.4): if sealed, the ciphertext of
// plaintext and header, without filler; else plaintext and checksum.
func (c *cfxTokens) wrap(w *rotation, dst, plaintext []byte, seq uint64, sealed bool) []byte {
	start := len(dst)
	dst = slices.Grow(dst, krbmsg.CFXHeader+len(plaintext)+c.send.trailer)
	var header [krbmsg.CFXHeader]byte
	rrc := c.integrityRRC
	if sealed {
		rrc = c.sealedRRC
		c.appendHeader(header[:0], c.flags|krbmsg.FlagSealed, 0, 0, seq)
		dst = append(dst, header[:]...)
		dst = c.send.seal().AppendEncrypted(dst, plaintext, header[:])
	} else {
		c.appendHeader(header[:0], c.flags, 0, 0, seq)
		dst = append(append(dst, header[:]...), plaintext...)
		dst = c.send.wrap().AppendSum(dst, plaintext, header[:])
		binary.BigEndian.PutUint16(dst[start+4:], uint16(c.send.et.MACLen))
	}
	token := dst[start:]
	binary.BigEndian.PutUint16(token[6:], rrc)
	w.right(token[krbmsg.CFXHeader:], rrc)
	return dst
}

// unwrap checks a Wrap token (RFC 4121 4.2.4 to 4.2.6).
func (c *cfxTokens) unwrap(w *rotation, dst, token []byte) (out []byte, seq uint64, sealed bool, err error) {
	h, ok := krbmsg.ReadMessageHeader(token)
	if !ok || !h.Wrap {
		return nil, 0, false, refuseMessage(ErrMessageToken, "%d octets that do not begin as a Wrap token of RFC 4121",
			len(token))
	}
	keys, err := c.receiver(h.Flags)
	if err != nil {
		return nil, 0, false, err
	}
	var header [krbmsg.CFXHeader]byte // as the checksum covers it: RRC is 0
	copy(header[:], token)
	binary.BigEndian.PutUint16(header[6:], 0)
	body := w.left(token[krbmsg.CFXHeader:], h.RRC)
	if sealed = h.Flags&krbmsg.FlagSealed != 0; sealed {
		out, err = keys.open(dst, body, header[:])
	} else {
		out, err = keys.verify(dst, body, header[:])
	}
	return out, h.Seq, sealed, err
}

// receiver returns the keys for a token with these flags: it must be the
// peer's, under a key of the context.
func (c *cfxTokens) receiver(flags byte) (*cfxKeys, error) {
	if fromAcceptor := flags&krbmsg.FlagSentByAcceptor != 0; fromAcceptor == c.acceptor {
		return nil, refuseMessage(ErrMessageDirection, "flag SentByAcceptor is %t", fromAcceptor)
	}
	keys := c.receive[flags&krbmsg.FlagAcceptorSubkey/krbmsg.FlagAcceptorSubkey]
	if keys == nil {
		return nil, refuseMessage(ErrMessageToken, "flag AcceptorSubkey is %t, against the context's keys",
			flags&krbmsg.FlagAcceptorSubkey != 0)
	}
	return keys, nil
}

// open decrypts the body of an encrypted token to the end of dst. The header in
// the ciphertext must equal the one in clear, EC included: else an attacker on
// the path could move the end of the message.
func (k *cfxKeys) open(dst, body, header []byte) ([]byte, error) {
	filler := int(binary.BigEndian.Uint16(header[4:]))
	n := len(body) - k.trailer - filler
	if n < 0 {
		return nil, refuseMessage(ErrMessageToken,
			"sealed body of %d octets, shorter than its filler of %d and what must be there", len(body), filler)
	}
	dst = slices.Grow(dst, len(body))
	room := dst[len(dst):cap(dst)]
	plain, err := k.seal().Decrypt(room[:0], body)
	if err != nil || subtle.ConstantTimeCompare(plain[n+filler:], header) != 1 {
		clear(room[:len(body)])
		return nil, &MessageError{Err: ErrMessageIntegrity}
	}
	copy(room, plain[:n])
	clear(room[n:len(body)])
	return dst[:len(dst)+n], nil
}

// verify checks the body of a token that is not encrypted. The checksum is over
// plaintext and header, with EC and RRC 0; EC must be the checksum's length.
func (k *cfxKeys) verify(dst, body, header []byte) ([]byte, error) {
	size := k.et.MACLen
	if ec := int(binary.BigEndian.Uint16(header[4:])); ec != size || len(body) < size {
		return nil, refuseMessage(ErrMessageToken, "EC of %d and body of %d octets, where the checksum has %d",
			ec, len(body), size)
	}
	plain, sum := body[:len(body)-size], body[len(body)-size:]
	binary.BigEndian.PutUint16(header[4:], 0)
	if !k.wrap().Verify(sum, plain, header) {
		return nil, &MessageError{Err: ErrMessageIntegrity}
	}
	return append(dst, plain...), nil
}

// mic appends a MIC token (RFC 4121 4.2.6.1), whose checksum is over message
// and header.
func (c *cfxTokens) mic(dst, message []byte, seq uint64) []byte {
	start := len(dst)
	dst = append(append(dst, krbmsg.TokMIC...), c.flags, 0xff, 0xff, 0xff, 0xff, 0xff)
	dst = binary.BigEndian.AppendUint64(dst, seq)
	return c.send.mic().AppendSum(dst, message, dst[start:])
}

func (c *cfxTokens) verifyMIC(message, token []byte) (seq uint64, err error) {
	h, ok := krbmsg.ReadMessageHeader(token)
	if !ok || h.Wrap {
		return 0, refuseMessage(ErrMessageToken, "%d octets that do not begin as a MIC token of RFC 4121", len(token))
	}
	if h.Flags&krbmsg.FlagSealed != 0 {
		return 0, refuseMessage(ErrMessageToken, "flag Sealed in a MIC token")
	}
	keys, err := c.receiver(h.Flags)
	if err != nil {
		return 0, err
	}
	header, sum := token[:krbmsg.CFXHeader], token[krbmsg.CFXHeader:]
	if len(sum) != keys.et.MACLen {
		return 0, refuseMessage(ErrMessageToken, "checksum of %d octets, it has %d", len(sum), keys.et.MACLen)
	}
	if !keys.mic().Verify(sum, message, header) {
		return 0, &MessageError{Err: ErrMessageIntegrity}
	}
	return h.Seq, nil
}

// A rotation applies the right rotation count (RRC) of Wrap tokens (RFC 4121
// 4.2.5), and holds their octets meanwhile. The zero value is ready to use.
type rotation struct{ octets []byte }

// right rotates b right by count octets, in place (RFC 4121 4.2.5).
func (w *rotation) right(b []byte, count uint16) {
	r := int(count) % len(b) // b holds a checksum at least
	if r == 0 {
		return
	}
	w.octets = append(w.octets[:0], b[len(b)-r:]...)
	copy(b[r:], b)
	copy(b, w.octets)
}

// left returns b rotated left by count octets, which may be more than it has.
// It does not change b; the result is b or lies in w.
func (w *rotation) left(b []byte, count uint16) []byte {
	if len(b) == 0 || int(count)%len(b) == 0 {
		return b
	}
	r := int(count) % len(b)
	w.octets = append(append(w.octets[:0], b[r:]...), b[:r]...)
	return w.octets
}
