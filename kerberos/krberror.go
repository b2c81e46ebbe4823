package kerberos

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Error codes of RFC 4120 7.5.9 that acceptors send.
const (
	krbErrPolicy        = 12 // KDC_ERR_POLICY
	krbErrEtype         = 14 // KDC_ERR_ETYPE_NOSUPP
	krbErrTicketExpired = 32 // KRB_AP_ERR_TKT_EXPIRED
	krbErrTicketNotYet  = 33 // KRB_AP_ERR_TKT_NYV
	krbErrRepeat        = 34 // KRB_AP_ERR_REPEAT
	krbErrNotUs         = 35 // KRB_AP_ERR_NOT_US
	krbErrBadMatch      = 36 // KRB_AP_ERR_BADMATCH
	krbErrSkew          = 37 // KRB_AP_ERR_SKEW
	krbErrBadAddress    = 38 // KRB_AP_ERR_BADADDR
	krbErrModified      = 41 // KRB_AP_ERR_MODIFIED
	krbErrBadKeyVersion = 44 // KRB_AP_ERR_BADKEYVER
	krbErrGeneric       = 60 // KRB_ERR_GENERIC
)

// A KRBError is a KRB-ERROR message of a peer or KDC (RFC 4120 5.9.1). Nothing authenticates it, so it says why something
// failed and decides nothing.
type KRBError struct {
	Code    int32     // RFC 4120 7.5.9
	Time    time.Time // the sender's clock, with microseconds
	Realm   string    // of the service
	Service string    // its name without realm; may be empty
	Text    string    // e-text; may be empty
	Data    []byte    // e-data; nil when absent. Its form depends on Code
}

// Error names the code and what the sender wrote.
func (e *KRBError) Error() string {
	s := fmt.Sprintf("KRB-ERROR %d (%s)", e.Code, KRBErrorName(e.Code))
	if e.Service != "" {
		s += fmt.Sprintf(" of %.200q", e.Service+"@"+e.Realm)
	}
	if e.Code == krbErrSkew {
		s += ", its clock has " + stamp(e.Time)
	}
	if e.Text != "" {
		s += fmt.Sprintf(": %.200q", e.Text)
	}
	return s
}

// parseKRBError reads KRB-ERROR. It is lenient with names and texts, which are only shown: some senders leave the service
// empty. Strings are valid UTF-8 afterwards and of bounded length.
func parseKRBError(b []byte) (*KRBError, error) {
	p := derParser{in: "KRB-ERROR"}
	seq := p.whole(p.whole(b, tagApplication(30), "tag 30"), tagSequence, "sequence")
	p.constant(&seq, 0, pvno, "pvno")
	p.constant(&seq, 1, 30, "msg-type")
	p.optionalTime(&seq, 2, "ctime")
	p.optional(&seq, 3, tagInteger, "cusec")
	e := new(KRBError)
	e.Time = p.timeField(&seq, 4, "stime")
	e.Time = e.Time.Add(p.microseconds(&seq, 5, "susec"))
	e.Code = p.int32Field(&seq, 6, "error-code")
	p.optional(&seq, 7, tagGeneralString, "crealm")
	p.optional(&seq, 8, tagSequence, "cname")
	realm, _ := p.optional(&seq, 9, tagGeneralString, "realm")
	sname, _ := p.optional(&seq, 10, tagSequence, "sname")
	text, _ := p.optional(&seq, 11, tagGeneralString, "e-text")
	e.Data, _ = p.optional(&seq, 12, tagOctetString, "e-data")
	p.end(seq, "end")
	if p.err != nil {
		return nil, p.err
	}
	e.Realm, e.Text, e.Data = printable(realm), printable(text), append([]byte(nil), e.Data...)
	names := derParser{in: "KRB-ERROR"}
	if w := readNameContent(&names, sname, "sname"); names.err == nil {
		e.Service = string(w.appendText(nil))
	}
	return e, nil
}

// printable is text of a peer for people: valid UTF-8 of a bounded length.
func printable(b []byte) string {
	s := strings.ToValidUTF8(string(b[:min(len(b), maxNameBytes)]), string(utf8.RuneError))
	return strings.TrimRight(s, "\x00")
}

// appendKRBError appends KRB-ERROR for a service, whose name is as the ticket has it.
func appendKRBError(dst []byte, code int32, now time.Time, realm []byte, sname wireName) []byte {
	now = now.UTC()
	return appendDER(dst, tagApplication(30), derElement(tagSequence,
		derField(0, tagInteger, derInteger(pvno)),
		derField(1, tagInteger, derInteger(30)),
		derField(4, tagGeneralizedTime, derTime(now)),
		derField(5, tagInteger, derInteger(int64(now.Nanosecond()/1000))),
		derField(6, tagInteger, derInteger(int64(code))),
		derField(9, tagGeneralString, realm),
		derField(10, tagSequence, derField(0, tagInteger, derInteger(2)), derField(1, tagSequence, sname.strings))))
}

// krbErrorOf is what a peer is told of a refusal. What needs our keys to be found out has one code, so that whoever has no
// key learns nothing of those that we have, KRB_AP_ERR_BADKEYVER (RFC 4120 3.2.3) included; a client that has proved itself
// is told the reason.
func krbErrorOf(c Code) int32 {
	switch c {
	case CodeService, CodeNoPrincipal:
		return krbErrNotUs
	case CodeEtype, CodeNoEtype:
		return krbErrEtype
	case CodeNoKvno, CodeTicketIntegrity, CodeTicketMalformed, CodeAuthIntegrity, CodeAuthMalformed:
		return krbErrModified
	case CodeTicketExpired:
		return krbErrTicketExpired
	case CodeTicketNotYet, CodeTicketInvalid:
		return krbErrTicketNotYet
	case CodeClientMismatch:
		return krbErrBadMatch
	case CodeSkew:
		return krbErrSkew
	case CodeClientRealm:
		return krbErrPolicy
	case CodeAddress:
		return krbErrBadAddress
	case CodeReplay:
		return krbErrRepeat
	}
	return krbErrGeneric
}

// KRBErrorName is the name that RFC 4120 7.5.9 has for an error code, or "unknown".
func KRBErrorName(code int32) string {
	if name, ok := krbErrorNames[code]; ok {
		return name
	}
	return "unknown"
}

var krbErrorNames = map[int32]string{
	0: "KDC_ERR_NONE", 1: "KDC_ERR_NAME_EXP", 2: "KDC_ERR_SERVICE_EXP", 3: "KDC_ERR_BAD_PVNO", 4: "KDC_ERR_C_OLD_MAST_KVNO",
	5: "KDC_ERR_S_OLD_MAST_KVNO", 6: "KDC_ERR_C_PRINCIPAL_UNKNOWN", 7: "KDC_ERR_S_PRINCIPAL_UNKNOWN",
	8: "KDC_ERR_PRINCIPAL_NOT_UNIQUE", 9: "KDC_ERR_NULL_KEY", 10: "KDC_ERR_CANNOT_POSTDATE", 11: "KDC_ERR_NEVER_VALID",
	12: "KDC_ERR_POLICY", 13: "KDC_ERR_BADOPTION", 14: "KDC_ERR_ETYPE_NOSUPP", 15: "KDC_ERR_SUMTYPE_NOSUPP",
	16: "KDC_ERR_PADATA_TYPE_NOSUPP", 17: "KDC_ERR_TRTYPE_NOSUPP", 18: "KDC_ERR_CLIENT_REVOKED", 19: "KDC_ERR_SERVICE_REVOKED",
	20: "KDC_ERR_TGT_REVOKED", 21: "KDC_ERR_CLIENT_NOTYET", 22: "KDC_ERR_SERVICE_NOTYET", 23: "KDC_ERR_KEY_EXPIRED",
	24: "KDC_ERR_PREAUTH_FAILED", 25: "KDC_ERR_PREAUTH_REQUIRED", 26: "KDC_ERR_SERVER_NOMATCH", 27: "KDC_ERR_MUST_USE_USER2USER",
	28: "KDC_ERR_PATH_NOT_ACCEPTED", 29: "KDC_ERR_SVC_UNAVAILABLE", 31: "KRB_AP_ERR_BAD_INTEGRITY", 32: "KRB_AP_ERR_TKT_EXPIRED",
	33: "KRB_AP_ERR_TKT_NYV", 34: "KRB_AP_ERR_REPEAT", 35: "KRB_AP_ERR_NOT_US", 36: "KRB_AP_ERR_BADMATCH", 37: "KRB_AP_ERR_SKEW",
	38: "KRB_AP_ERR_BADADDR", 39: "KRB_AP_ERR_BADVERSION", 40: "KRB_AP_ERR_MSG_TYPE", 41: "KRB_AP_ERR_MODIFIED",
	42: "KRB_AP_ERR_BADORDER", 44: "KRB_AP_ERR_BADKEYVER", 45: "KRB_AP_ERR_NOKEY", 46: "KRB_AP_ERR_MUT_FAIL",
	47: "KRB_AP_ERR_BADDIRECTION", 48: "KRB_AP_ERR_METHOD", 49: "KRB_AP_ERR_BADSEQ", 50: "KRB_AP_ERR_INAPP_CKSUM",
	51: "KRB_AP_PATH_NOT_ACCEPTED", 52: "KRB_ERR_RESPONSE_TOO_BIG", 60: "KRB_ERR_GENERIC", 61: "KRB_ERR_FIELD_TOOLONG",
	68: "KDC_ERR_WRONG_REALM",
}
