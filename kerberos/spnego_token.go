package kerberos

import (
	"bytes"
	"fmt"
)

// A negState is the state of a negotiation in a NegTokenResp (RFC 4178 4.2.2).
type negState int

const (
	negAbsent           negState = -1 // some senders leave it out
	negAcceptCompleted  negState = 0
	negAcceptIncomplete negState = 1
	negReject           negState = 2
	negRequestMIC       negState = 3
)

// String is the state's name in RFC 4178.
func (s negState) String() string {
	switch s {
	case negAbsent:
		return "absent"
	case negAcceptCompleted:
		return "accept-completed"
	case negAcceptIncomplete:
		return "accept-incomplete"
	case negReject:
		return "reject"
	case negRequestMIC:
		return "request-mic"
	}
	return fmt.Sprintf("unknown state %d", int(s))
}

// maxMechTypes bounds the mechanisms of a NegTokenInit; real ones have up to five.
const maxMechTypes = 32

// hintName is what acceptors that speak first put into NegTokenInit2 (MS-SPNG 2.2.1).
const hintName = "not_defined_in_RFC4178@please_ignore"

// negTokenInit is NegTokenInit (RFC 4178 4.2.1) or NegTokenInit2 (MS-SPNG 2.2.1). Slices lie in the token.
type negTokenInit struct {
	mechTypes   []byte   // the element MechTypeList as received: what a mechListMIC is over
	mechs       []string // DER content of its OIDs
	mechToken   []byte   // for the first mechanism; nil when absent
	mechListMIC []byte   // nil when absent
	hints       bool     // it is a NegTokenInit2
}

// negTokenResp is NegTokenResp (RFC 4178 4.2.2). Slices lie in the token.
type negTokenResp struct {
	state         negState
	supportedMech string // DER content of the OID; "" when absent
	responseToken []byte // nil when absent
	mechListMIC   []byte // nil when absent
}

// parseNegotiationToken reads a NegotiationToken, with or without the GSS-API frame that belongs around the first one
// only: old senders put it around the others too. One of init and resp is not nil.
func parseNegotiationToken(b []byte) (init *negTokenInit, resp *negTokenResp, err error) {
	p := derParser{in: "SPNEGO"}
	if len(b) > 0 && b[0] == tagApplication(0) {
		body := p.whole(b, tagApplication(0), "GSS-API frame")
		if oid := p.next(&body, tagOID, "mechanism"); p.err == nil && string(oid) != oidSPNEGO {
			p.fail("mechanism", "is not SPNEGO")
		}
		b = body
	}
	switch {
	case p.err != nil:
	case len(b) > 0 && b[0] == tagContext(0):
		init = readNegTokenInit(&p, b)
	case len(b) > 0 && b[0] == tagContext(1):
		resp = readNegTokenResp(&p, b)
	default:
		p.fail("NegotiationToken", "neither NegTokenInit nor NegTokenResp"+firstOctet(b))
	}
	if p.err != nil {
		return nil, nil, p.err
	}
	return init, resp, nil
}

func readNegTokenInit(p *derParser, b []byte) *negTokenInit {
	p.in = "NegTokenInit"
	t := new(negTokenInit)
	seq := p.whole(p.whole(b, tagContext(0), "tag 0"), tagSequence, "sequence")
	t.mechTypes = p.next(&seq, tagContext(0), "mechTypes")
	for list := p.whole(t.mechTypes, tagSequence, "mechTypes"); len(list) > 0; {
		if t.mechs = append(t.mechs, string(p.next(&list, tagOID, "mechTypes"))); len(t.mechs) > maxMechTypes {
			p.fail("mechTypes", "too many")
		}
		if p.err != nil {
			return nil
		}
	}
	if len(t.mechs) == 0 {
		p.fail("mechTypes", "names no mechanism")
	}
	p.optional(&seq, 1, tagBitString, "reqFlags") // to be ignored (RFC 4178 4.2.1): nothing protects them
	t.mechToken, _ = p.optional(&seq, 2, tagOctetString, "mechToken")
	mic := byte(3)
	if len(seq) > 0 && seq[0] == tagContext(3) {
		if content, _, why := cut(seq, tagContext(3)); why == "" && len(content) > 0 && content[0] == tagSequence {
			p.next(&seq, tagContext(3), "negHints") // MS-SPNG 2.2.1: to be ignored
			t.hints, mic = true, 4
		}
	}
	t.mechListMIC, _ = p.optional(&seq, mic, tagOctetString, "mechListMIC")
	p.end(seq, "end")
	return t
}

func readNegTokenResp(p *derParser, b []byte) *negTokenResp {
	p.in = "NegTokenResp"
	t := &negTokenResp{state: negAbsent}
	seq := p.whole(p.whole(b, tagContext(1), "tag 1"), tagSequence, "sequence")
	if state, ok := p.optional(&seq, 0, tagEnumerated, "negState"); ok {
		if t.state = negState(p.integer(state, "negState")); t.state < negAcceptCompleted || t.state > negRequestMIC {
			p.fail("negState", "no such state")
		}
	}
	mech, _ := p.optional(&seq, 1, tagOID, "supportedMech")
	t.supportedMech = string(mech)
	t.responseToken, _ = p.optional(&seq, 2, tagOctetString, "responseToken")
	t.mechListMIC, _ = p.optional(&seq, 3, tagOctetString, "mechListMIC")
	p.end(seq, "end")
	if t.mechListMIC != nil && bytes.Equal(t.mechListMIC, t.responseToken) {
		t.mechListMIC = nil // Windows 2000 repeats the token there
	}
	return t
}

// token is the DER of t: bare as NegotiationToken, for all but the first token.
func (t *negTokenResp) token() []byte {
	var fields [][]byte
	if t.state != negAbsent {
		fields = append(fields, derField(0, tagEnumerated, []byte{byte(t.state)}))
	}
	if t.supportedMech != "" {
		fields = append(fields, derField(1, tagOID, []byte(t.supportedMech)))
	}
	if t.responseToken != nil {
		fields = append(fields, derField(2, tagOctetString, t.responseToken))
	}
	if t.mechListMIC != nil {
		fields = append(fields, derField(3, tagOctetString, t.mechListMIC))
	}
	return derElement(tagContext(1), derElement(tagSequence, fields...))
}

// mechTypeList is the element MechTypeList of mechanisms.
func mechTypeList(mechs ...string) []byte {
	var list []byte
	for _, m := range mechs {
		list = appendDER(list, tagOID, []byte(m))
	}
	return derElement(tagSequence, list)
}

// token is the GSS-API initial token (RFC 2743 3.1) that holds t. A hint has no mechToken.
func (t *negTokenInit) token() []byte {
	fields := [][]byte{derElement(tagContext(0), t.mechTypes)}
	if t.mechToken != nil {
		fields = append(fields, derField(2, tagOctetString, t.mechToken))
	}
	if t.hints {
		fields = append(fields, derField(3, tagSequence, derField(0, tagGeneralString, []byte(hintName))))
	}
	return derElement(tagApplication(0), derElement(tagOID, []byte(oidSPNEGO)),
		derElement(tagContext(0), derElement(tagSequence, fields...)))
}

// mechName is a mechanism's name, or its OID.
func mechName(oid string) string {
	switch oid {
	case oidKRB5:
		return "krb5"
	case oidMSKRB5:
		return "MS-krb5"
	case oidOldKRB5:
		return "krb5-old"
	case oidSPNEGO:
		return "SPNEGO"
	case oidNTLM:
		return "NTLM"
	case oidNegoEx:
		return "NEGOEX"
	case oidIAKERB:
		return "IAKERB"
	case oidU2U:
		return "krb5-user-to-user"
	}
	return oidText(oid)
}

// maxOIDText is how many octets of an OID are shown in whole; the mechanisms' have some ten.
const maxOIDText = 32

// oidText is the dotted form of an OID's DER content, "" for none, hexadecimal for what is no OID and for the beginning of
// what is none that a mechanism has.
func oidText(oid string) string {
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

// isKerberos says whether a mechanism is Kerberos with a service key, by any of its names.
func isKerberos(oid string) bool { return oid == oidKRB5 || oid == oidMSKRB5 || oid == oidOldKRB5 }
