package krbmsg

import (
	"encoding/binary"

	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// Flags of per-message tokens (RFC 4121 4.2.2). Other bits are ignored, as the
// RFC says; the checksum covers them.
const (
	FlagSentByAcceptor = 0x01
	FlagSealed         = 0x02
	FlagAcceptorSubkey = 0x04
)

// Token identifiers of per-message tokens (RFC 4121 4.2.6.1, 4.2.6.2).
const (
	TokWrap = "\x05\x04"
	TokMIC  = "\x04\x04"
)

// CFXHeader is the length of a token's header in octets: identifier, flags,
// filler, EC and RRC of Wrap tokens, SND_SEQ.
const CFXHeader = 16

// A MessageHeader is the header of a Wrap or MIC token (RFC 4121 4.2.6).
type MessageHeader struct {
	Wrap    bool // it is a Wrap token, not a MIC token
	Flags   byte
	EC, RRC uint16 // of a Wrap token
	Seq     uint64 // SND_SEQ
}

// ReadMessageHeader reads the header of a Wrap or MIC token, and reports
// whether token begins with one.
func ReadMessageHeader(token []byte) (h MessageHeader, ok bool) {
	if len(token) < CFXHeader {
		return h, false
	}
	h.Flags, h.Seq = token[2], binary.BigEndian.Uint64(token[8:])
	switch string(token[:2]) {
	case TokWrap:
		h.Wrap, h.EC, h.RRC = true, binary.BigEndian.Uint16(token[4:]), binary.BigEndian.Uint16(token[6:])
		return h, token[3] == 0xff
	case TokMIC:
		return h, string(token[3:8]) == "\xff\xff\xff\xff\xff"
	}
	return h, false
}

// An RC4Token is a per-message token of RFC 1964 1.2 in its frame, as RC4 has
// it still (RFC 4757 7). Slices lie in the token.
type RC4Token struct {
	Header  []byte // TOK_ID, SGN_ALG, SEAL_ALG and filler
	SndSeq  []byte // encrypted
	Sum     []byte // SGN_CKSUM
	Payload []byte // of a Wrap token: confounder, message and pad
}

// ReadRC4Token takes a token apart.
func ReadRC4Token(token []byte) (t RC4Token, err error) {
	oid, body, err := ReadFrame(token)
	switch {
	case err != nil:
		return t, err
	case string(oid) != OIDKRB5 || len(body) < RC4MICLen:
		return t, &der.SyntaxError{Field: "GSS-API token", Why: "a frame that holds no per-message token of RFC 4757"}
	}
	return RC4Token{Header: body[:8], SndSeq: body[8:16], Sum: body[16:24], Payload: body[24:]}, nil
}

// Lengths in per-message tokens of RC4, in octets (RFC 4757 7).
const (
	RC4MICLen     = 24 // header, SND_SEQ, SGN_CKSUM
	RC4Confounder = 8
	RC4Pad        = 1           // RFC 4757 7.3: one octet, always
	RC4MaxMessage = 16<<20 - 64 // the frame's length has three octets
)
