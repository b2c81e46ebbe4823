package wstrust

import "github.com/wssgate/wssgate/wssec"

// A Version is a version of WS-Trust with the WS-SecureConversation that
// belongs to it. The zero value is no version.
type Version uint8

// The versions.
const (
	Feb2005 Version = 1 + iota // WS-Trust and WS-SecureConversation of February 2005
	V13                        // WS-Trust 1.3 and WS-SecureConversation 1.3, namespaces of December 2005
)

// Namespaces of WS-Trust.
const (
	NSTrust05 = "http://schemas.xmlsoap.org/ws/2005/02/trust"
	NSTrust13 = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
)

// GSSWrap names the wrapping of a proof key by GSS_Wrap (RFC 2743 2.3.3) in
// the context that was negotiated. WCF compares it octet for octet, in both
// versions; it has no "/ws/". CXF takes whatever ends in "spnego#GSS_Wrap".
const GSSWrap = "http://schemas.xmlsoap.org/2005/02/trust/spnego#GSS_Wrap"

const (
	nsXenc = "http://www.w3.org/2001/04/xmlenc#"
	// Namespaces of WS-Policy, for AppliesTo: WCF has the first, CXF the second.
	nsPolicy04 = "http://schemas.xmlsoap.org/ws/2004/09/policy"
	nsPolicy15 = "http://www.w3.org/ns/ws-policy"
)

// versionOf returns the version that a trust namespace is of, else zero.
func versionOf(space string) Version {
	switch space {
	case NSTrust05:
		return Feb2005
	case NSTrust13:
		return V13
	}
	return 0
}

// String returns "2005/02" or "1.3".
func (v Version) String() string {
	switch v {
	case Feb2005:
		return "2005/02"
	case V13:
		return "1.3"
	}
	return "no version"
}

// Trust returns the namespace of WS-Trust, "" for the zero Version.
func (v Version) Trust() string {
	switch v {
	case Feb2005:
		return NSTrust05
	case V13:
		return NSTrust13
	}
	return ""
}

// SecureConversation returns the namespace of WS-SecureConversation, "" for the
// zero Version.
func (v Version) SecureConversation() string {
	switch v {
	case Feb2005:
		return wssec.NSWSC05
	case V13:
		return wssec.NSWSC13
	}
	return ""
}

// TokenType returns the URI that names a SecurityContextToken: as TokenType,
// and as ValueType of a reference to one.
func (v Version) TokenType() string { return v.SecureConversation() + "/sct" }

// PSHA1 names the computed key of two entropies (WS-Trust §4.4.4, ComputedKey).
func (v Version) PSHA1() string { return v.Trust() + "/CK/PSHA1" }

// SPNEGO names the BinaryExchange of a SPNEGO token as CXF spells it. WCF has
// that of Feb2005 in both versions.
func (v Version) SPNEGO() string { return v.Trust() + "/spnego" }

// isSPNEGO reports whether a ValueType names SPNEGO in messages of v, in either
// spelling.
func (v Version) isSPNEGO(valueType string) bool {
	return valueType == v.SPNEGO() || valueType == Feb2005.SPNEGO()
}

// Types of a BinarySecret (WS-Trust §4.1).
func (v Version) nonce() string        { return v.Trust() + "/Nonce" }
func (v Version) symmetricKey() string { return v.Trust() + "/SymmetricKey" }

// A RequestType is what an RST asks for (WS-Trust §3.1).
type RequestType string

// The request types, as their URIs end.
const (
	Issue  RequestType = "Issue"
	Renew  RequestType = "Renew"
	Cancel RequestType = "Cancel"
)

// URI returns the URI of the request type in a version.
func (t RequestType) URI(v Version) string { return v.Trust() + "/" + string(t) }

// Actions of a negotiation (WCF's; WS-Trust §3.1 and §3.2 have them so).

// ActionRST is the action of the first message of a negotiation.
func (v Version) ActionRST() string { return v.Trust() + "/RST/Issue" }

// ActionRSTR is the action of the further ones, in both directions.
func (v Version) ActionRSTR() string { return v.Trust() + "/RSTR/Issue" }

// ActionFinal is the action of the last one: that of WS-Trust 1.3 has a name of
// its own.
func (v Version) ActionFinal() string {
	if v == V13 {
		return v.Trust() + "/RSTRC/IssueFinal"
	}
	return v.ActionRSTR()
}

// ActionSCT is the action of an RST for a SecurityContextToken over a secured
// channel (WS-SecureConversation §3, §5, §6).
func (v Version) ActionSCT(t RequestType) string { return v.Trust() + "/RST/SCT" + t.suffix() }

// ActionSCTReply is the action of the answer.
func (v Version) ActionSCTReply(t RequestType) string { return v.Trust() + "/RSTR/SCT" + t.suffix() }

func (t RequestType) suffix() string {
	if t == Issue {
		return ""
	}
	return "/" + string(t)
}
