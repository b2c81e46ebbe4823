package soap

import "github.com/wssgate/wssgate/soap/xmltext"

// Roles with a meaning fixed by the specifications.
const (
	ActorNext            = "http://schemas.xmlsoap.org/soap/actor/next"                    // SOAP 1.1 §4.2.2
	RoleNext             = "http://www.w3.org/2003/05/soap-envelope/role/next"             // SOAP 1.2 §2.2
	RoleNone             = "http://www.w3.org/2003/05/soap-envelope/role/none"             // SOAP 1.2 §2.2
	RoleUltimateReceiver = "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver" // SOAP 1.2 §2.2
)

// MustUnderstand reports whether a header block is mandatory: 1 or 0 in SOAP
// 1.1 (§4.2.3), an xs:boolean in SOAP 1.2 (§5.2.3), absent is false. SOAP 1.1's
// schema type is a restriction of xs:boolean, and stacks write "true" there
// too; both forms are read in both.
func (e *Envelope) MustUnderstand(block xmltext.Node) (bool, error) {
	v, ok := block.Attr(e.Version.Namespace(), "mustUnderstand")
	if !ok {
		return false, nil
	}
	switch trimSpace(v) {
	case "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	}
	return false, &Error{CodeEnvelope, block.Path(), "mustUnderstand is neither 0 nor 1"}
}

// Role returns the SOAP 1.1 actor or SOAP 1.2 role of a header block, "" if it
// has none (that is, the ultimate receiver; an explicit SOAP 1.2
// ultimateReceiver is "" too).
func (e *Envelope) Role(block xmltext.Node) string {
	name := "actor"
	if e.Version == V12 {
		name = "role"
	}
	v, _ := block.Attr(e.Version.Namespace(), name)
	v = trimSpace(v)
	if v == RoleUltimateReceiver {
		return ""
	}
	return v
}

// IsNext reports whether a role names every node on the path (SOAP 1.1 §4.2.2,
// SOAP 1.2 §2.2).
func IsNext(role string) bool { return role == ActorNext || role == RoleNext }

// trimSpace removes XML white space at both ends, as xs:boolean and xs:anyURI
// do.
func trimSpace(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
