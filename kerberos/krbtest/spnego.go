package krbtest

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// More mechanism OIDs, as DER content.
var (
	OIDSPNEGO = []byte("\x2b\x06\x01\x05\x05\x02")
	OIDNTLM   = []byte("\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a")
	OIDNegoEx = []byte("\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e")
)

// States of a [NegTokenResp] (RFC 4178 4.2.2); StateAbsent leaves the field
// out.
const (
	StateAbsent = iota - 1
	StateAcceptCompleted
	StateAcceptIncomplete
	StateReject
	StateRequestMIC
)

// MechTypes returns the element MechTypeList (RFC 4178 4.1).
func MechTypes(oids ...[]byte) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, oid := range oids {
				b.AddASN1(asn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes(oid) })
			}
		})
	})
}

// NegTokenInit is the content of a NegTokenInit (RFC 4178 4.2.1).
type NegTokenInit struct {
	MechTypes []byte // the element; see MechTypes
	MechToken []byte // nil: none
	MIC       []byte // nil: none
	Hints     bool   // make it a NegTokenInit2 (MS-SPNG 2.2.1)
	NoFrame   bool   // leave the GSS-API frame out
}

// Token returns the DER.
func (t NegTokenInit) Token() []byte {
	inner := build(func(b *cryptobyte.Builder) {
		sequence(b, 0, func(b *cryptobyte.Builder) {
			explicit(b, 0, func(b *cryptobyte.Builder) { b.AddBytes(t.MechTypes) })
			if t.MechToken != nil {
				octets(b, 2, t.MechToken)
			}
			mic := uint8(3)
			if t.Hints {
				sequence(b, 3, func(b *cryptobyte.Builder) { str(b, 0, "not_defined_in_RFC4178@please_ignore") })
				mic = 4
			}
			if t.MIC != nil {
				octets(b, mic, t.MIC)
			}
		})
	})
	if t.NoFrame {
		return inner
	}
	return Frame(OIDSPNEGO, []byte{}, inner)
}

// NegTokenResp is the content of a NegTokenResp (RFC 4178 4.2.2).
type NegTokenResp struct {
	State         int
	SupportedMech []byte // OID content; nil: none
	ResponseToken []byte // nil: none
	MIC           []byte // nil: none
}

// Token returns the DER.
func (t NegTokenResp) Token() []byte {
	return build(func(b *cryptobyte.Builder) {
		sequence(b, 1, func(b *cryptobyte.Builder) {
			if t.State != StateAbsent {
				explicit(b, 0, func(b *cryptobyte.Builder) {
					b.AddASN1(asn1.ENUM, func(b *cryptobyte.Builder) { b.AddUint8(uint8(t.State)) })
				})
			}
			if t.SupportedMech != nil {
				explicit(b, 1, func(b *cryptobyte.Builder) {
					b.AddASN1(asn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes(t.SupportedMech) })
				})
			}
			if t.ResponseToken != nil {
				octets(b, 2, t.ResponseToken)
			}
			if t.MIC != nil {
				octets(b, 3, t.MIC)
			}
		})
	})
}

// ReadNegTokenResp reads a [NegTokenResp] strictly. ok is false if token is not
// one.
func ReadNegTokenResp(token []byte) (t NegTokenResp, ok bool) {
	s, field := cryptobyte.String(token), cryptobyte.String(nil)
	if !s.ReadASN1(&field, tag(1)) || !s.Empty() || !field.ReadASN1(&s, asn1.SEQUENCE) || !field.Empty() {
		return t, false
	}
	t.State = StateAbsent
	read := func(n uint8, inner asn1.Tag, to *[]byte) bool {
		var present bool
		if !s.ReadOptionalASN1(&field, &present, tag(n)) || !present {
			return !present
		}
		var content cryptobyte.String
		if !field.ReadASN1(&content, inner) || !field.Empty() {
			return false
		}
		*to = append([]byte{}, content...)
		return true
	}
	var state []byte
	ok = read(0, asn1.ENUM, &state) && read(1, asn1.OBJECT_IDENTIFIER, &t.SupportedMech) &&
		read(2, asn1.OCTET_STRING, &t.ResponseToken) && read(3, asn1.OCTET_STRING, &t.MIC) && s.Empty()
	if len(state) == 1 {
		t.State = int(state[0])
	}
	return t, ok
}
