package main

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// Flags of a token (RFC 4121 §4.2.2).
const (
	sentByAcceptor = 1
	isSealed       = 2
	acceptorSubkey = 4
)

// perMessage are Wrap and MIC tokens for each encryption type (RFC 4121 §4.2,
// RFC 4757 §7).
func perMessage(s *set) {
	for _, e := range []int32{17, 18, 19, 20} {
		s.cfx(e)
	}
	s.rc4()
}

const text = "per-message token\n"

// A messageToken is one token of a context.
type messageToken struct {
	etype    int32
	key      []byte
	acceptor []byte // subkey of the AP-REP, or nil
	from     string // who sent it
	sequence uint64
}

func (s *set) messageToken(kind, name, expect, comment string, c messageToken, token []byte, sealed bool) {
	lines := []line{{"kind", kind}, {"etype", c.etype}, {"key", hex.EncodeToString(c.key)}, {"from", c.from},
		{"sequence", c.sequence}, {"sealed", sealed}}
	if c.acceptor != nil {
		lines = append(lines, line{"acceptor-key", hex.EncodeToString(c.acceptor)})
	}
	flags := "per-message"
	if expect == "ok" {
		flags = "valid per-message"
	}
	s.add(kind, fmt.Sprintf("kerberos/%s-%d-%s.txtar", kind, c.etype, name), expect, comment, flags, lines,
		[]section{{"token", token}, {"text", []byte(text)}})
}

// cfx are the tokens of RFC 4121.
func (s *set) cfx(e int32) {
	s.rnd.seed(fmt.Sprint("per-message ", e))
	c := messageToken{etype: e, key: s.rnd.octets(krbtest.KeyLen(e)), from: "initiator", sequence: 7}
	wrap := func(flags byte, key []byte, seq uint64, ec, rrc uint16) []byte {
		b, err := krbtest.Wrap(s.rnd, e, key, []byte(text), flags|isSealed, seq, ec, rrc)
		check(err)
		return b
	}
	plain := func(flags byte, key []byte, rrc uint16) []byte {
		b, err := krbtest.WrapIntegrity(e, key, []byte(text), flags, c.sequence, rrc)
		check(err)
		return b
	}
	mic := func(flags byte, key []byte, message string) []byte {
		b, err := krbtest.MIC(e, key, []byte(message), flags, c.sequence)
		check(err)
		return b
	}
	sealed := wrap(0, c.key, 7, 0, 0)
	s.messageToken("wrap", "sealed", "ok", "Wrap with confidentiality.", c, sealed, true)
	for _, rrc := range []uint16{1, 12, 28, 1000} {
		s.messageToken("wrap", fmt.Sprintf("rrc-%d", rrc), "ok", fmt.Sprintf("Wrap, rotated by %d (RFC 4121 §4.2.5).",
			rrc), c,
			wrap(0, c.key, 7, 0, rrc), true)
	}
	s.messageToken("wrap", "ec", "ok", "Wrap with an EC of 16 octets of filler (RFC 4121 §4.2.3).", c,
		wrap(0, c.key, 7, 16, 0), true)
	s.messageToken("wrap", "integrity", "ok", "Wrap without confidentiality.", c, plain(0, c.key, 0), false)
	s.messageToken("wrap", "integrity-rrc", "ok", "Wrap without confidentiality, rotated by 12.", c, plain(0, c.key,
		12), false)
	s.messageToken("mic", "usual", "ok", "MIC.", c, mic(0, c.key, text), false)
	a := c
	a.acceptor, a.from = s.rnd.octets(krbtest.KeyLen(e)), "acceptor"
	const flags = sentByAcceptor | acceptorSubkey
	s.messageToken("wrap", "acceptor", "ok", "Wrap of the acceptor, under its own subkey.", a, wrap(flags, a.acceptor,
		7, 0, 0),
		true)
	s.messageToken("mic", "acceptor", "ok", "MIC of the acceptor, under its own subkey.", a, mic(flags, a.acceptor,
		text), false)
	refuse := func(kind, name, comment string, c messageToken, token []byte) {
		s.messageToken(kind, name, "refused", comment, c, token, true)
	}
	changed := func(b []byte, i int) []byte { return []byte(flipped(i)(string(b))) }
	refuse("wrap", "changed", "One bit of the ciphertext was changed.", c, changed(sealed, 20))
	refuse("wrap", "changed-sequence", "The sequence number in the clear header was changed.", c, changed(sealed, 15))
	refuse("wrap", "changed-flags", "The flag Sealed was cleared.", c, changed(append([]byte{}, sealed...), -1))
	refuse("wrap", "cut", "A token of 20 octets.", c, sealed[:20])
	refuse("wrap", "empty", "No token.", c, nil)
	refuse("wrap", "token-id", "The identifier of a MIC token.", c, append([]byte{4, 4}, sealed[2:]...))
	refuse("wrap", "filler", "The filler of the header is not ff.", c, changed(sealed, 3))
	refuse("wrap", "reflected", "A token of the receiver's own side.", c, wrap(sentByAcceptor, c.key, 7, 0, 0))
	refuse("wrap", "subkey-unknown", "Under an acceptor's subkey that there is not.", c, wrap(acceptorSubkey, c.key, 7,
		0, 0))
	refuse("wrap", "gap", "A sequence number that is ahead of its turn.", c, wrap(0, c.key, 8, 0, 0))
	refuse("wrap", "old", "A sequence number that was.", c, wrap(0, c.key, 6, 0, 0))
	refuse("wrap", "acceptor-old-key", "A token of the acceptor under the initiator's key, where it has a subkey.", a,
		wrap(sentByAcceptor, c.key, 7, 0, 0))
	refuse("wrap", "other-key", "Under another key.", c, wrap(0, s.rnd.octets(krbtest.KeyLen(e)), 7, 0, 0))
	refuse("mic", "changed", "One bit of the checksum was changed.", c, changed(mic(0, c.key, text), -1))
	refuse("mic", "other-message", "The MIC of another message.", c, mic(0, c.key, "another message\n"))
	refuse("mic", "cut", "The checksum was cut.", c, mic(0, c.key, text)[:20])
}

// rc4 are the tokens of RFC 4757 §7.2 and §7.3.
func (s *set) rc4() {
	s.rnd.seed("per-message 23")
	c := messageToken{etype: 23, key: s.rnd.octets(16), from: "initiator", sequence: 7}
	a := c
	a.from = "acceptor"
	sealed, integrity := s.rc4Wrap(c, true), s.rc4Wrap(c, false)
	mic := rc4MIC(c, text)
	s.messageToken("wrap", "sealed", "ok", "Wrap with confidentiality.", c, sealed, true)
	s.messageToken("wrap", "integrity", "ok", "Wrap without confidentiality.", c, integrity, false)
	s.messageToken("wrap", "acceptor", "ok", "Wrap of the acceptor.", a, s.rc4Wrap(a, true), true)
	s.messageToken("mic", "usual", "ok", "MIC.", c, mic, false)
	s.messageToken("mic", "acceptor", "ok", "MIC of the acceptor.", a, rc4MIC(a, text), false)
	refuse := func(kind, name, comment string, c messageToken, token []byte) {
		s.messageToken(kind, name, "refused", comment, c, token, true)
	}
	refuse("wrap", "changed", "One bit of the ciphertext was changed.", c, []byte(flipped(-1)(string(sealed))))
	refuse("wrap", "cut", "A token that ends early.", c, sealed[:len(sealed)-4])
	refuse("wrap", "reflected", "A token of the receiver's own side.", c, s.rc4Wrap(a, true))
	refuse("mic", "changed", "One bit of the checksum was changed.", c, []byte(flipped(-1)(string(mic))))
	refuse("mic", "other-message", "The MIC of another message.", c, rc4MIC(c, "another message\n"))
}

func hmacMD5(key, data []byte) []byte {
	h := hmac.New(md5.New, key)
	h.Write(data)
	return h.Sum(nil)
}

func rc4Crypt(key, data []byte) []byte {
	c, err := rc4.NewCipher(key)
	check(err)
	out := make([]byte, len(data))
	c.XORKeyStream(out, data)
	return out
}

// rc4Token makes a token around a payload; salt is the message type of RFC 4757
// §3.
func rc4Token(c messageToken, salt uint32, header string, covered, payload []byte) []byte {
	sum := md5.Sum(append(append(binary.LittleEndian.AppendUint32(nil, salt), header...), covered...))
	check8 := hmacMD5(hmacMD5(c.key, []byte("signaturekey\x00")), sum[:])[:8]
	field := binary.BigEndian.AppendUint32(nil, uint32(c.sequence))
	if c.from == "acceptor" {
		field = append(field, 0xff, 0xff, 0xff, 0xff)
	} else {
		field = append(field, 0, 0, 0, 0)
	}
	sequence := rc4Crypt(hmacMD5(hmacMD5(c.key, make([]byte, 4)), check8), field)
	inner := append(append([]byte(header[2:]), sequence...), check8...)
	return krbtest.Frame(krbtest.OIDKRB5, []byte(header[:2]), append(inner, payload...))
}

func rc4MIC(c messageToken, message string) []byte {
	return rc4Token(c, 15, "\x01\x01\x11\x00\xff\xff\xff\xff", []byte(message), nil)
}

// rc4Wrap makes a Wrap token: confounder, text and one octet of padding.
func (s *set) rc4Wrap(c messageToken, sealed bool) []byte {
	return s.rc4WrapText(c, []byte(text), sealed)
}

func (s *set) rc4WrapText(c messageToken, text []byte, sealed bool) []byte {
	data := append(append(s.rnd.octets(8), text...), 1)
	if !sealed {
		return rc4Token(c, 13, "\x02\x01\x11\x00\xff\xff\xff\xff", data, data)
	}
	local := append([]byte{}, c.key...)
	for i := range local {
		local[i] ^= 0xf0
	}
	key := hmacMD5(hmacMD5(local, make([]byte, 4)), binary.BigEndian.AppendUint32(nil, uint32(c.sequence)))
	return rc4Token(c, 13, "\x02\x01\x11\x00\x10\x00\xff\xff", data, rc4Crypt(key, data))
}
