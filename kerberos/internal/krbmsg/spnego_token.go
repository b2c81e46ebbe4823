package krbmsg

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// NoKerberos returns the refusal of a client that does not offer Kerberos, with
// the mechanisms that it offers.
func NoKerberos(init *NegTokenInit) *kerberos.Error {
	if slices.Contains(init.Mechs, OIDNTLM) {
		e := ErrNTLM()
		e.Detail += " (it offers " + MechNames(init.Mechs) + ")"
		return e
	}
	return kerberos.Errorf(kerberos.CodeNegotiation, "client offers %s, none of which is Kerberos", MechNames(init.Mechs))
}

// MechNames returns the names of mechanisms, given as DER content of their
// OIDs, in one line.
func MechNames(oids []string) string {
	var names []string
	for _, oid := range oids {
		names = append(names, MechName(oid))
	}
	return strings.Join(names, ", ")
}

// A NegState is the state of a negotiation in a [NegTokenResp] (RFC 4178
// 4.2.2).
type NegState int

// States of a negotiation (RFC 4178 4.2.2).
const (
	NegAbsent           NegState = -1 // some senders leave it out
	NegAcceptCompleted  NegState = 0
	NegAcceptIncomplete NegState = 1
	NegReject           NegState = 2
	NegRequestMIC       NegState = 3
)

// String returns the state's name in RFC 4178.
func (s NegState) String() string {
	switch s {
	case NegAbsent:
		return "absent"
	case NegAcceptCompleted:
		return "accept-completed"
	case NegAcceptIncomplete:
		return "accept-incomplete"
	case NegReject:
		return "reject"
	case NegRequestMIC:
		return "request-mic"
	}
	return fmt.Sprintf("unknown state %d", int(s))
}

// MaxMechTypes bounds the mechanisms of a [NegTokenInit]; real ones have up to
// five.
const MaxMechTypes = 32

// HintName is what acceptors that speak first put into NegTokenInit2 (MS-SPNG
// 2.2.1).
const HintName = "not_defined_in_RFC4178@please_ignore"

// NegTokenInit is NegTokenInit (RFC 4178 4.2.1) or NegTokenInit2 (MS-SPNG
// 2.2.1). Slices lie in the token.
type NegTokenInit struct {
	MechTypes   []byte   // the element MechTypeList as received: what a mechListMIC is over
	Mechs       []string // DER content of its OIDs
	ReqFlags    []byte   // to be ignored (RFC 4178 4.2.1), since nothing protects them; nil when absent
	MechToken   []byte   // for the first mechanism; nil when absent
	MechListMIC []byte   // nil when absent
	Hints       bool     // it is a NegTokenInit2
}

// NegTokenResp is NegTokenResp (RFC 4178 4.2.2). Slices lie in the token.
type NegTokenResp struct {
	State         NegState
	SupportedMech string // DER content of the OID; "" when absent
	ResponseToken []byte // nil when absent
	MechListMIC   []byte // nil when absent
}

// ParseNegotiationToken reads a NegotiationToken (RFC 4178 4.2), with or
// without a GSS-API frame. The frame belongs around the first token only, but
// old senders put it around others too. One of init and resp is not nil.
func ParseNegotiationToken(b []byte) (init *NegTokenInit, resp *NegTokenResp, err error) {
	p := der.Parser{In: "SPNEGO"}
	if len(b) > 0 && b[0] == der.TagApplication(0) {
		var oid []byte
		if oid, b, p.Err = ReadFrame(b); string(oid) != OIDSPNEGO {
			p.Fail("mechanism", "is not SPNEGO")
		}
	}
	switch {
	case p.Err != nil:
	case len(b) > 0 && b[0] == der.TagContext(0):
		init = readNegTokenInit(&p, b)
	case len(b) > 0 && b[0] == der.TagContext(1):
		resp = readNegTokenResp(&p, b)
	default:
		p.Fail("NegotiationToken", "neither NegTokenInit nor NegTokenResp"+firstOctet(b))
	}
	if p.Err != nil {
		return nil, nil, p.Err
	}
	return init, resp, nil
}

func readNegTokenInit(p *der.Parser, b []byte) *NegTokenInit {
	p.In = "NegTokenInit"
	t := new(NegTokenInit)
	seq := p.Whole(p.Whole(b, der.TagContext(0), "tag 0"), der.TagSequence, "sequence")
	t.MechTypes = p.Next(&seq, der.TagContext(0), "mechTypes")
	for list := p.Whole(t.MechTypes, der.TagSequence, "mechTypes"); len(list) > 0; {
		if t.Mechs = append(t.Mechs, string(p.Next(&list, der.TagOID, "mechTypes"))); len(t.Mechs) > MaxMechTypes {
			p.Fail("mechTypes", "too many")
		}
		if p.Err != nil {
			return nil
		}
	}
	if len(t.Mechs) == 0 {
		p.Fail("mechTypes", "names no mechanism")
	}
	t.ReqFlags, _ = p.Optional(&seq, 1, der.TagBitString, "reqFlags")
	t.MechToken, _ = p.Optional(&seq, 2, der.TagOctetString, "mechToken")
	mic := byte(3)
	if len(seq) > 0 && seq[0] == der.TagContext(3) {
		if content, _, why := der.Cut(seq, der.TagContext(3)); why == "" && len(content) > 0 &&
			content[0] == der.TagSequence {
			p.Next(&seq, der.TagContext(3), "negHints") // MS-SPNG 2.2.1: to be ignored
			t.Hints, mic = true, 4
		}
	}
	t.MechListMIC, _ = p.Optional(&seq, mic, der.TagOctetString, "mechListMIC")
	p.End(seq, "end")
	return t
}

func readNegTokenResp(p *der.Parser, b []byte) *NegTokenResp {
	p.In = "NegTokenResp"
	t := &NegTokenResp{State: NegAbsent}
	seq := p.Whole(p.Whole(b, der.TagContext(1), "tag 1"), der.TagSequence, "sequence")
	if state, ok := p.Optional(&seq, 0, der.TagEnumerated, "negState"); ok {
		if t.State = NegState(p.Integer(state, "negState")); t.State < NegAcceptCompleted || t.State > NegRequestMIC {
			p.Fail("negState", "no such state")
		}
	}
	mech, _ := p.Optional(&seq, 1, der.TagOID, "supportedMech")
	t.SupportedMech = string(mech)
	t.ResponseToken, _ = p.Optional(&seq, 2, der.TagOctetString, "responseToken")
	t.MechListMIC, _ = p.Optional(&seq, 3, der.TagOctetString, "mechListMIC")
	p.End(seq, "end")
	if t.MechListMIC != nil && bytes.Equal(t.MechListMIC, t.ResponseToken) {
		t.MechListMIC = nil // Windows 2000 repeats the token there
	}
	return t
}

// Token returns the DER of t: bare as NegotiationToken, for all but the first
// token.
func (t *NegTokenResp) Token() []byte {
	var fields [][]byte
	if t.State != NegAbsent {
		fields = append(fields, der.Field(0, der.TagEnumerated, []byte{byte(t.State)}))
	}
	if t.SupportedMech != "" {
		fields = append(fields, der.Field(1, der.TagOID, []byte(t.SupportedMech)))
	}
	if t.ResponseToken != nil {
		fields = append(fields, der.Field(2, der.TagOctetString, t.ResponseToken))
	}
	if t.MechListMIC != nil {
		fields = append(fields, der.Field(3, der.TagOctetString, t.MechListMIC))
	}
	return der.Element(der.TagContext(1), der.Element(der.TagSequence, fields...))
}

// MechTypeList returns the element MechTypeList of mechanisms.
func MechTypeList(mechs ...string) []byte {
	var list []byte
	for _, m := range mechs {
		list = der.Append(list, der.TagOID, []byte(m))
	}
	return der.Element(der.TagSequence, list)
}

// Token returns the GSS-API initial token (RFC 2743 3.1) that holds t. A hint
// has no [NegTokenInit.MechToken].
func (t *NegTokenInit) Token() []byte {
	fields := [][]byte{der.Element(der.TagContext(0), t.MechTypes)}
	if t.MechToken != nil {
		fields = append(fields, der.Field(2, der.TagOctetString, t.MechToken))
	}
	if t.Hints {
		fields = append(fields, der.Field(3, der.TagSequence, der.Field(0, der.TagGeneralString, []byte(HintName))))
	}
	return der.Element(der.TagApplication(0), der.Element(der.TagOID, []byte(OIDSPNEGO)),
		der.Element(der.TagContext(0), der.Element(der.TagSequence, fields...)))
}

// MechName returns a mechanism's name, or its OID.
func MechName(oid string) string {
	switch oid {
	case OIDKRB5:
		return "krb5"
	case OIDMSKRB5:
		return "MS-krb5"
	case OIDOldKRB5:
		return "krb5-old"
	case OIDSPNEGO:
		return "SPNEGO"
	case OIDNTLM:
		return "NTLM"
	case OIDNegoEx:
		return "NEGOEX"
	case OIDIAKERB:
		return "IAKERB"
	case OIDU2U:
		return "krb5-user-to-user"
	}
	return OIDText(oid)
}

// maxOIDText bounds the octets of an OID that are shown; a mechanism's has
// about ten.
const maxOIDText = 32

// OIDText returns the dotted form of an OID's DER content, and "" for an empty
// one. Content that is not an OID is returned in hexadecimal; of one that is
// too long to be a mechanism's, the first octets.
func OIDText(oid string) string {
	if oid == "" {
		return ""
	}
	if len(oid) > maxOIDText {
		return fmt.Sprintf("OID of %d octets, content %x...", len(oid), oid[:maxOIDText])
	}
	var text []byte
	arc, size := uint64(0), 0
	for i := range len(oid) {
		arc, size = arc<<7|uint64(oid[i]&0x7f), size+1
		if size > 8 || size == 1 && oid[i] == 0x80 || i == len(oid)-1 && oid[i]&0x80 != 0 {
			return fmt.Sprintf("OID content %x", oid)
		}
		if oid[i]&0x80 != 0 {
			continue
		}
		if text == nil {
			first := min(arc/40, 2)
			text = fmt.Appendf(text, "%d.%d", first, arc-40*first)
		} else {
			text = fmt.Appendf(text, ".%d", arc)
		}
		arc, size = 0, 0
	}
	return string(text)
}

// IsKerberos reports whether a mechanism is Kerberos with a service key, by any
// of its names.
func IsKerberos(oid string) bool { return oid == OIDKRB5 || oid == OIDMSKRB5 || oid == OIDOldKRB5 }
