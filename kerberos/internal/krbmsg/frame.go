package krbmsg

import (
	"bytes"
	"fmt"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// DER content of the mechanism OIDs.
const (
	OIDKRB5    = "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"     // 1.2.840.113554.1.2.2, RFC 4121
	OIDMSKRB5  = "\x2a\x86\x48\x82\xf7\x12\x01\x02\x02"     // 1.2.840.48018.1.2.2, what Windows 2000 made of it
	OIDOldKRB5 = "\x2b\x05\x01\x05\x02"                     // 1.3.5.1.5.2, before RFC 1964
	OIDSPNEGO  = "\x2b\x06\x01\x05\x05\x02"                 // 1.3.6.1.5.5.2, RFC 4178
	OIDNTLM    = "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a" // 1.3.6.1.4.1.311.2.2.10
	OIDNegoEx  = "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e" // 1.3.6.1.4.1.311.2.2.30, MS-NEGOEX
	OIDIAKERB  = "\x2b\x06\x01\x05\x02\x05"                 // 1.3.6.1.5.2.5
	OIDU2U     = "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x03" // 1.2.840.113554.1.2.2.3
)

// Token identifiers inside the frame (RFC 4121 4.1).
const (
	TokAPREQ = "\x01\x00"
	TokAPREP = "\x02\x00"
	TokError = "\x03\x00"
)

// Unframe returns the AP-REQ in a token of any of the six value types of the
// Kerberos Token Profile 1.1, which are two shapes: a GSS-API initial token
// (RFC 2743 3.1, first octet 0x60) or a bare AP-REQ (0x6e).
func Unframe(token []byte) (apReq []byte, err error) {
	switch {
	case len(token) > kerberos.MaxTokenBytes:
		return nil, kerberos.Errorf(kerberos.CodeTokenTooLarge, "token of %d octets, limit %d",
			len(token), kerberos.MaxTokenBytes)
	case bytes.HasPrefix(token, []byte("NTLMSSP\x00")):
		return nil, ErrNTLM()
	case len(token) > 0 && token[0] == der.TagApplication(14):
		return token, nil
	case len(token) > 0 && token[0] == der.TagApplication(0):
		return UnframeGSS(token)
	case len(token) > 0 && token[0] == der.TagContext(0) || len(token) > 0 && token[0] == der.TagContext(1):
		return nil, kerberos.Errorf(kerberos.CodeSPNEGO,
			"a SPNEGO negotiation token (NegTokenInit or NegTokenResp) where a Kerberos AP-REQ belongs")
	}
	return nil, kerberos.Errorf(kerberos.CodeTokenMalformed,
		"neither a GSS-API token (first octet 0x60) nor an AP-REQ (0x6e)%s", firstOctet(token))
}

func firstOctet(token []byte) string {
	if len(token) == 0 {
		return ": it is empty"
	}
	return fmt.Sprintf(": it begins with 0x%02x", token[0])
}

// ReadFrame reads the frame of a GSS-API token (RFC 2743 3.1): the DER content
// of its mechanism's OID, and what stands behind that.
func ReadFrame(token []byte) (oid, body []byte, err error) {
	p := der.Parser{In: "GSS-API token"}
	body = p.Whole(token, der.TagApplication(0), "frame")
	oid = p.Next(&body, der.TagOID, "mechanism")
	return oid, body, p.Err
}

// UnframeGSS returns the AP-REQ inside a GSS-API initial token (RFC 4121 4.1).
func UnframeGSS(token []byte) ([]byte, error) {
	oid, body, err := ReadFrame(token)
	if err != nil {
		return nil, &kerberos.Error{Code: kerberos.CodeTokenMalformed, Detail: "token is not a GSS-API token", Err: err}
	}
	switch string(oid) {
	case OIDKRB5, OIDMSKRB5, OIDOldKRB5:
	case OIDSPNEGO:
		return nil, kerberos.Errorf(kerberos.CodeSPNEGO, "a SPNEGO token where a Kerberos AP-REQ belongs")
	case OIDNTLM:
		return nil, ErrNTLM()
	case OIDU2U, OIDIAKERB:
		return nil, kerberos.Errorf(kerberos.CodeMechanism,
			"user-to-user or IAKERB mechanism; only Kerberos with a service key is accepted")
	default:
		return nil, kerberos.Errorf(kerberos.CodeMechanism, "GSS-API mechanism %s is not Kerberos", MechName(string(oid)))
	}
	if len(body) < 2 {
		return nil, kerberos.Errorf(kerberos.CodeTokenMalformed, "GSS-API token ends before its token identifier")
	}
	switch id := string(body[:2]); id {
	case TokAPREQ:
		return body[2:], nil
	case TokAPREP, TokError:
		return nil, kerberos.Errorf(kerberos.CodeMechanism, "an AP-REP or KRB-ERROR token where an AP-REQ belongs")
	default:
		return nil, kerberos.Errorf(kerberos.CodeMechanism, "GSS-API token identifier %x where 0100, AP-REQ, belongs", id)
	}
}

// ErrNTLM returns the refusal of an NTLM token, with the cure.
func ErrNTLM() *kerberos.Error {
	return kerberos.Errorf(kerberos.CodeNTLM,
		"the client sent an NTLM token: it found no service principal for the name it called (or called an "+
			"IP address) and fell back; register the principal and call the service by that name")
}

// AppendFrame appends the GSS-API frame of the krb5 mechanism around a token
// identifier and a Kerberos message (RFC 4121 4.1).
func AppendFrame(dst []byte, tokenID string, message []byte) []byte {
	return der.Append(dst, der.TagApplication(0), der.Element(der.TagOID, []byte(OIDKRB5)), []byte(tokenID), message)
}
