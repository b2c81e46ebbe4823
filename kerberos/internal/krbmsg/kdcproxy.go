package krbmsg

import (
	"encoding/binary"
	"fmt"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// A KDCProxyMessage is KDC-PROXY-MESSAGE ([MS-KKDCP] 2.2.2). Message lies in
// what was parsed.
type KDCProxyMessage struct {
	Message      []byte // without the length of RFC 4120 7.2.2
	TargetDomain string // "" when absent
	Hint         uint32 // dclocator-hint; 0 when absent

	// Unframed says that kerb-message is the message alone, without the length
	// before it that [MS-KKDCP] 2.2.2 asks for: Apple's clients send it so, and
	// read replies so.
	Unframed bool
}

// ParseKDCProxyMessage reads a KDC-PROXY-MESSAGE.
func ParseKDCProxyMessage(b []byte) (m KDCProxyMessage, err error) {
	p := der.Parser{In: "KDC-PROXY-MESSAGE"}
	seq := p.Whole(b, der.TagSequence, "sequence")
	framed := p.Field(&seq, 0, der.TagOctetString, "kerb-message")
	domain, _ := p.Optional(&seq, 1, der.TagGeneralString, "target-domain")
	if hint, ok := p.Optional(&seq, 2, der.TagInteger, "dclocator-hint"); ok {
		m.Hint = uint32(p.Integer(hint, "dclocator-hint"))
	}
	p.End(seq, "end")
	if p.Err == nil && (len(domain) > kerberos.MaxNameBytes || !kerberos.LegalName(string(domain))) {
		p.Fail("target-domain", "too long, control characters or not UTF-8")
	}
	if p.Err == nil {
		m.Message, m.Unframed = unframed(&p, framed)
	}
	if p.Err != nil {
		return KDCProxyMessage{}, p.Err
	}
	m.TargetDomain = string(domain)
	return m, nil
}

// unframed returns the message in a kerb-message, and whether there is no length
// before it. All messages of KDCs are elements with an APPLICATION tag, and no
// length begins with such an octet.
func unframed(p *der.Parser, b []byte) (message []byte, bare bool) {
	const application, class = 0x60, 0xe0
	switch {
	case len(b) > 0 && b[0]&class == application:
		p.Whole(b, b[0], "kerb-message")
		return b, true
	case len(b) < 4 || binary.BigEndian.Uint32(b) != uint32(len(b)-4):
		p.Fail("kerb-message", "does not begin with its own length")
		return nil, false
	}
	return b[4:], false
}

// Encode returns KDC-PROXY-MESSAGE. Replies have no TargetDomain.
func (m KDCProxyMessage) Encode() []byte {
	var domain, hint []byte
	if m.TargetDomain != "" {
		domain = der.Field(1, der.TagGeneralString, []byte(m.TargetDomain))
	}
	if m.Hint != 0 {
		hint = der.Field(2, der.TagInteger, der.Integer(int64(m.Hint)))
	}
	var length []byte
	if !m.Unframed {
		length = binary.BigEndian.AppendUint32(nil, uint32(len(m.Message)))
	}
	return der.Element(der.TagSequence, der.Field(0, der.TagOctetString, length, m.Message), domain, hint)
}

// ParsePasswordRequest reads a request of the password protocol (RFC 3244 2):
// its length, version 1 or 0xff80, the length of the AP-REQ, the AP-REQ and a
// KRB-PRIV. It returns the AP-REQ.
func ParsePasswordRequest(b []byte) (APReq, error) {
	if len(b) < 6 || int(binary.BigEndian.Uint16(b)) != len(b) {
		return APReq{}, &der.SyntaxError{Field: "password request", Why: "does not begin with its own length"}
	}
	if version := binary.BigEndian.Uint16(b[2:]); version != 1 && version != 0xff80 {
		return APReq{}, &der.SyntaxError{Field: "password request", Why: fmt.Sprintf("version 0x%04x", version)}
	}
	n, rest := int(binary.BigEndian.Uint16(b[4:])), b[6:]
	if n > len(rest) {
		return APReq{}, &der.SyntaxError{Field: "password request", Why: "AP-REQ longer than the message"}
	}
	p := der.Parser{In: "password request"}
	p.Whole(rest[n:], der.TagApplication(21), "KRB-PRIV")
	if p.Err != nil {
		return APReq{}, p.Err
	}
	return ParseAPReq(rest[:n])
}
