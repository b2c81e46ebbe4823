package kerberos

import (
	"fmt"
	"time"
)

// Error codes of RFC 4120 7.5.9 that acceptors send.
const (
	KRBErrPolicy        = 12 // KDC_ERR_POLICY
	KRBErrEtype         = 14 // KDC_ERR_ETYPE_NOSUPP
	KRBErrTicketExpired = 32 // KRB_AP_ERR_TKT_EXPIRED
	KRBErrTicketNotYet  = 33 // KRB_AP_ERR_TKT_NYV
	KRBErrRepeat        = 34 // KRB_AP_ERR_REPEAT
	KRBErrNotUs         = 35 // KRB_AP_ERR_NOT_US
	KRBErrBadMatch      = 36 // KRB_AP_ERR_BADMATCH
	KRBErrSkew          = 37 // KRB_AP_ERR_SKEW
	KRBErrBadAddress    = 38 // KRB_AP_ERR_BADADDR
	KRBErrModified      = 41 // KRB_AP_ERR_MODIFIED
	KRBErrBadKeyVersion = 44 // KRB_AP_ERR_BADKEYVER
	KRBErrGeneric       = 60 // KRB_ERR_GENERIC
)

// A KRBError is a KRB-ERROR message of a peer or KDC (RFC 4120 5.9.1). Nothing
// authenticates it: it explains a failure and must decide nothing.
type KRBError struct {
	Code    int32     // RFC 4120 7.5.9
	Time    time.Time // the sender's clock, with microseconds
	Realm   string    // of the service
	Service string    // name without realm; may be empty
	Client  string    // name with realm; empty when not told
	Text    string    // e-text; may be empty
	Data    []byte    // e-data; nil when absent. Its form depends on Code
}

// Error returns the code, its name, and the sender's text.
func (e *KRBError) Error() string {
	s := fmt.Sprintf("KRB-ERROR %d (%s)", e.Code, KRBErrorName(e.Code))
	if e.Service != "" {
		s += fmt.Sprintf(" of %.200q", e.Service+"@"+e.Realm)
	}
	if e.Code == KRBErrSkew {
		s += ", its clock has " + FormatTime(e.Time)
	}
	if e.Text != "" {
		s += fmt.Sprintf(": %.200q", e.Text)
	}
	return s
}

// KRBErrorName returns the name that RFC 4120 7.5.9 has for an error code, or
// "unknown".
func KRBErrorName(code int32) string {
	if name, ok := krbErrorNames[code]; ok {
		return name
	}
	return "unknown"
}

var krbErrorNames = map[int32]string{
	0: "KDC_ERR_NONE", 1: "KDC_ERR_NAME_EXP", 2: "KDC_ERR_SERVICE_EXP", 3: "KDC_ERR_BAD_PVNO",
	4: "KDC_ERR_C_OLD_MAST_KVNO", 5: "KDC_ERR_S_OLD_MAST_KVNO", 6: "KDC_ERR_C_PRINCIPAL_UNKNOWN",
	7: "KDC_ERR_S_PRINCIPAL_UNKNOWN", 8: "KDC_ERR_PRINCIPAL_NOT_UNIQUE", 9: "KDC_ERR_NULL_KEY",
	10: "KDC_ERR_CANNOT_POSTDATE", 11: "KDC_ERR_NEVER_VALID", 12: "KDC_ERR_POLICY", 13: "KDC_ERR_BADOPTION",
	14: "KDC_ERR_ETYPE_NOSUPP", 15: "KDC_ERR_SUMTYPE_NOSUPP", 16: "KDC_ERR_PADATA_TYPE_NOSUPP",
	17: "KDC_ERR_TRTYPE_NOSUPP", 18: "KDC_ERR_CLIENT_REVOKED", 19: "KDC_ERR_SERVICE_REVOKED",
	20: "KDC_ERR_TGT_REVOKED", 21: "KDC_ERR_CLIENT_NOTYET", 22: "KDC_ERR_SERVICE_NOTYET",
	23: "KDC_ERR_KEY_EXPIRED", 24: "KDC_ERR_PREAUTH_FAILED", 25: "KDC_ERR_PREAUTH_REQUIRED",
	26: "KDC_ERR_SERVER_NOMATCH", 27: "KDC_ERR_MUST_USE_USER2USER", 28: "KDC_ERR_PATH_NOT_ACCEPTED",
	29: "KDC_ERR_SVC_UNAVAILABLE", 31: "KRB_AP_ERR_BAD_INTEGRITY", 32: "KRB_AP_ERR_TKT_EXPIRED",
	33: "KRB_AP_ERR_TKT_NYV", 34: "KRB_AP_ERR_REPEAT", 35: "KRB_AP_ERR_NOT_US", 36: "KRB_AP_ERR_BADMATCH",
	37: "KRB_AP_ERR_SKEW", 38: "KRB_AP_ERR_BADADDR", 39: "KRB_AP_ERR_BADVERSION", 40: "KRB_AP_ERR_MSG_TYPE",
	41: "KRB_AP_ERR_MODIFIED", 42: "KRB_AP_ERR_BADORDER", 44: "KRB_AP_ERR_BADKEYVER", 45: "KRB_AP_ERR_NOKEY",
	46: "KRB_AP_ERR_MUT_FAIL", 47: "KRB_AP_ERR_BADDIRECTION", 48: "KRB_AP_ERR_METHOD", 49: "KRB_AP_ERR_BADSEQ",
	50: "KRB_AP_ERR_INAPP_CKSUM", 51: "KRB_AP_PATH_NOT_ACCEPTED", 52: "KRB_ERR_RESPONSE_TOO_BIG",
	60: "KRB_ERR_GENERIC", 61: "KRB_ERR_FIELD_TOOLONG", 68: "KDC_ERR_WRONG_REALM",
}
