package soap

import (
	"slices"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// Roles that the specifications define.
const (
	ActorNext            = "http://schemas.xmlsoap.org/soap/actor/next"                    // SOAP 1.1 §4.2.2
	RoleNext             = "http://www.w3.org/2003/05/soap-envelope/role/next"             // SOAP 1.2 §2.2
	RoleNone             = "http://www.w3.org/2003/05/soap-envelope/role/none"             // SOAP 1.2 §2.2
	RoleUltimateReceiver = "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver" // SOAP 1.2 §2.2
)

// MustUnderstand reports whether a header block is mandatory: 1 or 0 in SOAP
// 1.1 (§4.2.3), an xs:boolean in SOAP 1.2 (§5.2.3), absent means false. The
// schema type of SOAP 1.1 is a restriction of xs:boolean, and stacks write
// "true" there too; both forms are accepted in both versions. The error is an
// [*Error] of [CodeEnvelope].
func (e *Envelope) MustUnderstand(block xmltext.Node) (bool, error) {
	return e.boolean(block, "mustUnderstand")
}

// Relay reports whether a header block that is for a node, and that the node
// does not process, may be passed on (SOAP 1.2 §5.2.4), absent means false. It
// is false in SOAP 1.1, where no node may pass on a block that was for it
// (§4.2.2). The error is an [*Error] of [CodeEnvelope].
func (e *Envelope) Relay(block xmltext.Node) (bool, error) {
	if e.Version != V12 {
		return false, nil
	}
	return e.boolean(block, "relay")
}

// boolean returns the value of a SOAP attribute of type xs:boolean.
func (e *Envelope) boolean(block xmltext.Node, name string) (bool, error) {
	v, ok := block.Attr(e.Version.Namespace(), name)
	if !ok {
		return false, nil
	}
	switch trimSpace(v) {
	case "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	}
	return false, &Error{CodeEnvelope, block.Path(), name + " is neither 0, 1, true nor false"}
}

// Role returns the SOAP 1.1 actor or SOAP 1.2 role of a header block. It
// returns "" for the ultimate receiver: for a block that has none, and for an
// explicit [RoleUltimateReceiver].
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

// IsFor reports whether a header block is for a node that acts in the roles,
// compared character by character, beside those of the ultimate receiver and of
// every node (SOAP 1.2 §2.2; actors in SOAP 1.1).
func (e *Envelope) IsFor(block xmltext.Node, roles ...string) bool {
	role := e.Role(block)
	return role == "" || IsNext(role) || slices.Contains(roles, role)
}

// IsNext reports whether a role names every node on the path (SOAP 1.1 §4.2.2,
// SOAP 1.2 §2.2).
func IsNext(role string) bool { return role == ActorNext || role == RoleNext }

// trimSpace removes XML white space at both ends, as whiteSpace="collapse" of
// xs:boolean and xs:anyURI does.
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
