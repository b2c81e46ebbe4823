package kerberos

import (
	"bytes"
	"fmt"
)

// MaxTokenBytes bounds a token before anything is done with it. Windows' MaxTokenSize ends at 65,535 octets; a
// delegated credential inside the authenticator comes on top.
const MaxTokenBytes = 128 << 10

// DER content of the mechanism OIDs.
const (
	oidKRB5    = "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"     // 1.2.840.113554.1.2.2, RFC 4121
	oidMSKRB5  = "\x2a\x86\x48\x82\xf7\x12\x01\x02\x02"     // 1.2.840.48018.1.2.2, what Windows 2000 made of it
	oidOldKRB5 = "\x2b\x05\x01\x05\x02"                     // 1.3.5.1.5.2, before RFC 1964
	oidSPNEGO  = "\x2b\x06\x01\x05\x05\x02"                 // 1.3.6.1.5.5.2, RFC 4178
	oidNTLM    = "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a" // 1.3.6.1.4.1.311.2.2.10
	oidNegoEx  = "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e" // 1.3.6.1.4.1.311.2.2.30, MS-NEGOEX
	oidIAKERB  = "\x2b\x06\x01\x05\x02\x05"                 // 1.3.6.1.5.2.5
	oidU2U     = "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x03" // 1.2.840.113554.1.2.2.3
)

// Token identifiers inside the frame (RFC 4121 4.1).
const (
	tokAPREQ = "\x01\x00"
	tokAPREP = "\x02\x00"
	tokError = "\x03\x00"
)

// unframe finds the AP-REQ in a token of any of the six value types of the Kerberos Token Profile 1.1, which are two
// shapes: a GSS-API initial token (RFC 2743 3.1, first octet 0x60) or a bare AP-REQ (0x6e).
func unframe(token []byte) (apReq []byte, err error) {
	switch {
	case len(token) > MaxTokenBytes:
		return nil, refuse(CodeTokenTooLarge, "token of %d octets, limit %d", len(token), MaxTokenBytes)
	case bytes.HasPrefix(token, []byte("NTLMSSP\x00")):
		return nil, errNTLM()
	case len(token) > 0 && token[0] == tagApplication(14):
		return token, nil
	case len(token) > 0 && token[0] == tagApplication(0):
		return unframeGSS(token)
	case len(token) > 0 && token[0] == tagContext(0) || len(token) > 0 && token[0] == tagContext(1):
		return nil, refuse(CodeSPNEGO, "a SPNEGO negotiation token (NegTokenInit or NegTokenResp) where a Kerberos AP-REQ belongs")
	}
	return nil, refuse(CodeTokenMalformed, "neither a GSS-API token (first octet 0x60) nor an AP-REQ (0x6e)%s", firstOctet(token))
}

func firstOctet(token []byte) string {
	if len(token) == 0 {
		return ": it is empty"
	}
	return fmt.Sprintf(": it begins with 0x%02x", token[0])
}

// unframeGSS takes the frame off an AP-REQ.
func unframeGSS(token []byte) ([]byte, error) {
	p := derParser{in: "GSS-API token"}
	body := p.whole(token, tagApplication(0), "frame")
	oid := p.next(&body, tagOID, "mechanism")
	if p.err != nil {
		return nil, &Error{Code: CodeTokenMalformed, Detail: "token is not a GSS-API token", Err: p.err}
	}
	switch string(oid) {
	case oidKRB5, oidMSKRB5, oidOldKRB5:
	case oidSPNEGO:
		return nil, refuse(CodeSPNEGO, "a SPNEGO token where a Kerberos AP-REQ belongs")
	case oidNTLM:
		return nil, errNTLM()
	case oidU2U, oidIAKERB:
		return nil, refuse(CodeMechanism, "user-to-user or IAKERB mechanism; only Kerberos with a service key is accepted")
	default:
		return nil, refuse(CodeMechanism, "GSS-API mechanism %s is not Kerberos", mechName(string(oid)))
	}
	if len(body) < 2 {
		return nil, refuse(CodeTokenMalformed, "GSS-API token ends before its token identifier")
	}
	switch id := string(body[:2]); id {
	case tokAPREQ:
		return body[2:], nil
	case tokAPREP, tokError:
		return nil, refuse(CodeMechanism, "an AP-REP or KRB-ERROR token where an AP-REQ belongs")
	default:
		return nil, refuse(CodeMechanism, "GSS-API token identifier %x where 0100, AP-REQ, belongs", id)
	}
}

func errNTLM() *Error {
	return refuse(CodeNTLM, "the client sent an NTLM token: it found no service principal for the name it called (or called an "+
		"IP address) and fell back; register the principal and call the service by that name")
}

// appendFrame appends the GSS-API frame of the krb5 mechanism around a token identifier and a Kerberos message (RFC 4121 4.1).
func appendFrame(dst []byte, tokenID string, message []byte) []byte {
	return appendDER(dst, tagApplication(0), derElement(tagOID, []byte(oidKRB5)), []byte(tokenID), message)
}
