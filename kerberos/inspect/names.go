package inspect

import (
	"fmt"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// A bit is a named bit of a mask.
type bit struct {
	mask uint32
	name string
}

// bitNames lists the bits that are set, unknown ones in hexadecimal, or "none".
func bitNames(v uint32, names []bit) string {
	var list []string
	for _, b := range names {
		if v&b.mask != 0 {
			list = append(list, b.name)
			v &^= b.mask
		}
	}
	if v != 0 {
		list = append(list, fmt.Sprintf("0x%x", v))
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, " ")
}

// apOptionBits are ap-options (RFC 4120 5.5.1).
func apOptionBits() []bit {
	return []bit{{krbmsg.APUseSessionKey, "use-session-key"}, {krbmsg.APMutualRequired, "mutual-required"}}
}

// ticketFlagBits are TicketFlags (RFC 4120 5.3, RFC 6806 11, RFC 8062 3).
func ticketFlagBits() []bit {
	return []bit{{kerberos.FlagForwardable, "forwardable"}, {kerberos.FlagForwarded, "forwarded"},
		{kerberos.FlagProxiable, "proxiable"}, {kerberos.FlagProxy, "proxy"},
		{1 << 26, "may-postdate"}, {1 << 25, "postdated"}, {kerberos.FlagInvalid, "INVALID"},
		{kerberos.FlagRenewable, "renewable"}, {kerberos.FlagInitial, "initial"},
		{kerberos.FlagPreAuthent, "pre-authent"}, {kerberos.FlagHWAuthent, "hw-authent"},
		{kerberos.FlagTransitedPolicyChecked, "transited-policy-checked"},
		{kerberos.FlagOKAsDelegate, "ok-as-delegate"}, {1 << 16, "enc-pa-rep"}, {kerberos.FlagAnonymous, "anonymous"}}
}

// kdcOptionBits are KDCOptions (RFC 4120 5.4.1, RFC 6806 3, MS-SFU 2.2.3).
func kdcOptionBits() []bit {
	return []bit{{krbmsg.KDCForwardable, "forwardable"}, {krbmsg.KDCForwarded, "forwarded"},
		{1 << 28, "proxiable"}, {1 << 27, "proxy"}, {1 << 26, "allow-postdate"},
		{1 << 25, "postdated"}, {krbmsg.KDCRenewable, "renewable"}, {1 << 17, "cname-in-addl-tkt"},
		{krbmsg.KDCCanonicalize, "canonicalize"}, {1 << 15, "request-anonymous"},
		{1 << 5, "disable-transited-check"}, {1 << 4, "renewable-ok"}, {1 << 3, "enc-tkt-in-skey"},
		{krbmsg.KDCRenew, "renew"}, {1, "validate"}}
}

// gssFlagBits are the flags of the GSS-API checksum (RFC 4121 4.1.1.1).
func gssFlagBits() []bit {
	return []bit{{kerberos.GSSDeleg, "delegation"}, {kerberos.GSSMutual, "mutual"}, {kerberos.GSSReplay, "replay"},
		{kerberos.GSSSequence, "sequence"}, {kerberos.GSSConf, "confidentiality"},
		{kerberos.GSSInteg, "integrity"}, {kerberos.GSSAnon, "anonymous"}, {kerberos.GSSDCEStyle, "dce-style"},
		{kerberos.GSSIdentify, "identify"}, {0x4000, "extended-error"}}
}

// etypeText is "etype 18 aes256-cts-hmac-sha1-96".
func etypeText(etype int32) string {
	if name := anyEtypeName(etype); name != "" {
		return fmt.Sprintf("etype %d %s", etype, name)
	}
	return fmt.Sprintf("etype %d", etype)
}

// anyEtypeName also knows the types that this package cannot use (IANA
// "Kerberos Encryption Type Numbers").
func anyEtypeName(et int32) string {
	if e, ok := etype.ByID(et); ok {
		return e.Name
	}
	switch et {
	case 0:
		return "null: in clear"
	case 1:
		return "des-cbc-crc: withdrawn"
	case 2:
		return "des-cbc-md4: withdrawn"
	case 3:
		return "des-cbc-md5: withdrawn"
	case 16:
		return "des3-cbc-sha1: withdrawn"
	case 24:
		return "rc4-hmac-exp: withdrawn"
	case 25:
		return "camellia128-cts-cmac"
	case 26:
		return "camellia256-cts-cmac"
	case -128, -133, -135:
		return "rc4 of Windows NT: withdrawn"
	}
	return ""
}

// cksumName is a checksum type (IANA "Kerberos Checksum Type Numbers").
func cksumName(kind int32) string {
	switch kind {
	case 7:
		return "rsa-md5"
	case 12:
		return "hmac-sha1-des3"
	case 15:
		return "hmac-sha1-96-aes128"
	case 16:
		return "hmac-sha1-96-aes256"
	case 19:
		return "hmac-sha256-128-aes128"
	case 20:
		return "hmac-sha384-192-aes256"
	case -138:
		return "hmac-md5"
	}
	return "unknown"
}

func cksumText(kind int32) string {
	if kind == krbmsg.ChecksumGSS {
		return "type 0x8003 of GSS-API"
	}
	return fmt.Sprintf("type %d %s", kind, cksumName(kind))
}

// nameTypeName is a name type (RFC 4120 6.2, RFC 6111, RFC 6806, MS-KILE
// 3.1.5.11).
func nameTypeName(kind int64) string {
	switch kind {
	case 0:
		return "NT-UNKNOWN"
	case 1:
		return "NT-PRINCIPAL"
	case 2:
		return "NT-SRV-INST"
	case 3:
		return "NT-SRV-HST"
	case 4:
		return "NT-SRV-XHST"
	case 5:
		return "NT-UID"
	case 6:
		return "NT-X500-PRINCIPAL"
	case 7:
		return "NT-SMTP-NAME"
	case 10:
		return "NT-ENTERPRISE"
	case 11:
		return "NT-WELLKNOWN"
	case -130:
		return "NT-ENT-PRINCIPAL-AND-ID"
	}
	return fmt.Sprintf("name type %d", kind)
}

// Authorization data types that acceptors do not look at (RFC 8129, RFC 4537,
// MS-KILE 2.2).
const (
	adIndicator        = 97
	adEtypeNegotiation = 129
	adTargetPrincipal  = 144
)

// adName is an authorization data type (RFC 4120 7.5.4, RFC 6113, RFC 7751, RFC
// 8129, MS-KILE 2.2).
func adName(kind int32) string {
	switch kind {
	case krbmsg.ADIfRelevant:
		return "AD-IF-RELEVANT"
	case 4:
		return "AD-KDC-ISSUED"
	case 5:
		return "AD-AND-OR"
	case krbmsg.ADMandatoryForKDC:
		return "AD-MANDATORY-FOR-KDC"
	case 71:
		return "AD-fx-fast-armor"
	case 72:
		return "AD-fx-fast-used"
	case 96:
		return "AD-CAMMAC"
	case adIndicator:
		return "AD-AUTHENTICATION-INDICATOR"
	case krbmsg.ADWin2kPAC:
		return "AD-WIN2K-PAC"
	case adEtypeNegotiation:
		return "AD-ETYPE-NEGOTIATION"
	case 141:
		return "KERB-AUTH-DATA-TOKEN-RESTRICTIONS"
	case 142:
		return "KERB-LOCAL"
	case krbmsg.ADAPOptions:
		return "AD-AUTH-DATA-AP-OPTIONS"
	case adTargetPrincipal:
		return "AD-TARGET-PRINCIPAL"
	case 512:
		return "AD-SIGNTICKET"
	}
	return fmt.Sprintf("type %d", kind)
}

// paName is a pre-authentication data type (IANA "Pre-authentication and Typed
// Data").
func paName(kind int32) string {
	names := map[int32]string{krbmsg.PATGSReq: "PA-TGS-REQ", krbmsg.PAEncTimestamp: "PA-ENC-TIMESTAMP",
		3: "PA-PW-SALT", 11: "PA-ETYPE-INFO", 16: "PA-PK-AS-REQ",
		17: "PA-PK-AS-REP", krbmsg.PAETypeInfo2: "PA-ETYPE-INFO2", 128: "PA-PAC-REQUEST", 129: "PA-FOR-USER",
		130: "PA-FOR-X509-USER", krbmsg.PAFXCookie: "PA-FX-COOKIE", 136: "PA-FX-FAST", 137: "PA-FX-ERROR",
		138: "PA-ENCRYPTED-CHALLENGE",
		147: "PA-PKINIT-KX", 149: "PA-REQ-ENC-PA-REP",
		150: "PA-AS-FRESHNESS", 151: "PA-SPAKE", 165: "PA-SUPPORTED-ENCTYPES", 167: "PA-PAC-OPTIONS"}
	if name, ok := names[kind]; ok {
		return name
	}
	return fmt.Sprintf("type %d", kind)
}

// krbErrorMeaning is what services and KDCs mean by the commoner codes.
func krbErrorMeaning(code int32) string {
	switch code {
	case 6:
		return "the KDC does not know the client"
	case 7:
		return "the KDC does not know the service: no service principal name is registered for it"
	case kerberos.KRBErrEtype:
		return "the KDC or service has no key of an encryption type that was asked for"
	case 24:
		return "wrong password or key"
	case 25:
		return "ordinary: the KDC asks the client to prove itself"
	case kerberos.KRBErrTicketExpired, kerberos.KRBErrTicketNotYet, kerberos.KRBErrSkew:
		return "clocks differ, or the ticket is old"
	case kerberos.KRBErrNotUs:
		return "the ticket is not for this service"
	case kerberos.KRBErrModified:
		return "the service's key does not open the ticket: its keytab is not the KDC's key, or the name is on two accounts"
	case kerberos.KRBErrBadKeyVersion:
		return "the service has no key of the ticket's kvno"
	case kerberos.KRBErrRepeat:
		return "a replay, as the service sees it"
	case 52:
		return "the client has to ask over TCP"
	case 68:
		return "the client is of another realm"
	}
	return ""
}

// when is a time, and how far it is.
func (x *inspection) when(t time.Time) string { return FormatTime(t, x.now) }

// FormatTime returns a time as an Inspector writes it, with its distance from
// now: "2026-11-22T04:16:42Z, in 9h58m".
func FormatTime(t, now time.Time) string {
	d := t.Sub(now)
	switch {
	case d.Abs() < time.Second:
		return kerberos.FormatTime(t) + ", now"
	case d > 0:
		return kerberos.FormatTime(t) + ", in " + shortDuration(d)
	}
	return kerberos.FormatTime(t) + ", " + shortDuration(-d) + " ago"
}

// shortDuration is a duration in its two largest units: "9h58m", "3d4h", "12s".
func shortDuration(d time.Duration) string {
	d = d.Round(time.Second)
	const day = 24 * time.Hour
	units := []struct {
		size time.Duration
		name string
	}{{365 * day, "y"}, {day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}}
	for i, u := range units {
		if d < u.size {
			continue
		}
		text := fmt.Sprintf("%d%s", d/u.size, u.name)
		if i+1 < len(units) {
			if rest := d % u.size / units[i+1].size; rest > 0 {
				text += fmt.Sprintf("%d%s", rest, units[i+1].name)
			}
		}
		return text
	}
	return "0s"
}
