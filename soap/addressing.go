package soap

import (
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// Namespaces of WS-Addressing: that of the W3C, and the submission of August
// 2004 that older clients have.
const (
	NSAddressing   = "http://www.w3.org/2005/08/addressing"
	NSAddressing04 = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
)

// IsAddressing reports whether a namespace is one of WS-Addressing.
func IsAddressing(space string) bool { return space == NSAddressing || space == NSAddressing04 }

// IsAddressingHeader reports whether WS-Addressing defines header blocks of a
// name: those of its properties, and FaultDetail (1.0 SOAP Binding §6.3).
func IsAddressingHeader(name xmltext.Name) bool {
	switch name.Local {
	case "To", "Action", "MessageID", "RelatesTo", "From", "ReplyTo", "FaultTo":
		return IsAddressing(name.Space)
	case "FaultDetail":
		return name.Space == NSAddressing
	}
	return false
}

// IsAnonymousAddress reports whether an address is the anonymous one
// (WS-Addressing 1.0 Core §2.1; submission §2.1), which is also the destination
// of a message without wsa:To (Core §3.2).
func IsAnonymousAddress(address string) bool {
	return address == NSAddressing+"/anonymous" || address == NSAddressing04+"/role/anonymous"
}

// IsNoneAddress reports whether an address is the one that no message is sent to
// (WS-Addressing 1.0 Core §2.1). The submission has none; Apache CXF writes one in
// its namespace.
func IsNoneAddress(address string) bool {
	return address == NSAddressing+"/none" || address == NSAddressing04+"/role/none"
}

// maxRelatesTo bounds the relationships of a message; a reply has one.
const maxRelatesTo = 64

// Addressing holds the message addressing properties of a message by the header
// blocks that they stand in (WS-Addressing 1.0 Core §3.1; submission §3). The
// zero value is that of a message without any. Nothing in it is authenticated.
type Addressing struct {
	Namespace string // NSAddressing or NSAddressing04, "" without a block of either

	To, Action, MessageID  xmltext.Node // zero without one
	From, ReplyTo, FaultTo xmltext.Node // endpoint references; zero without one
	RelatesTo              []xmltext.Node
}

// Addressing returns the message addressing properties that are for a node with
// the roles, beside those of the ultimate receiver and of every node. A block for
// another role is none of them. The error is an [*AddressingError] for what two
// receivers could read differently: a property that is there twice, blocks of
// both versions, an endpoint reference without an address, or a property that is
// not plain text of up to 8 KiB. What was read before it is returned beside it.
func (e *Envelope) Addressing(roles ...string) (a Addressing, err error) {
	for b := range e.Blocks() {
		if !IsAddressing(b.Space()) || !e.IsFor(b, roles...) {
			continue
		}
		if err := a.add(b); err != nil {
			return a, err
		}
	}
	return a, nil
}

// add reads a header block. One that is no property, such as a reference
// parameter, is passed over.
func (a *Addressing) add(b xmltext.Node) (err error) {
	p, isReference := a.property(b.Local())
	if p == nil && b.Local() != "RelatesTo" {
		return nil
	}
	if a.Namespace == "" {
		a.Namespace = b.Space()
	}
	switch {
	case b.Space() != a.Namespace:
		return a.invalid(b, FaultInvalidHeader, "the message has header blocks of two versions of WS-Addressing")
	case p == nil && len(a.RelatesTo) == maxRelatesTo:
		return a.invalid(b, FaultCardinality, fmt.Sprintf("more than %d RelatesTo", maxRelatesTo))
	case p == nil:
		a.RelatesTo = append(a.RelatesTo, b)
		return nil
	case !p.IsZero():
		return a.invalid(b, FaultCardinality, "a second "+b.Local())
	case isReference:
		_, err = a.EndpointAddress(b)
	default:
		_, err = a.text(b)
	}
	if err == nil {
		*p = b
	}
	return err
}

// property returns the field of a block's local name, nil for others, and
// whether it is an endpoint reference.
func (a *Addressing) property(local string) (p *xmltext.Node, isReference bool) {
	switch local {
	case "To":
		return &a.To, false
	case "Action":
		return &a.Action, false
	case "MessageID":
		return &a.MessageID, false
	case "From":
		return &a.From, true
	case "ReplyTo":
		return &a.ReplyTo, true
	case "FaultTo":
		return &a.FaultTo, true
	}
	return nil, false
}

// text returns the text of a property, without white space at its ends.
func (a *Addressing) text(n xmltext.Node) (string, error) {
	_, from, to, _ := n.SourceRange()
	switch {
	case to-from > maxAddress:
		return "", a.invalid(n, FaultInvalidHeader, fmt.Sprintf("longer than %d octets", maxAddress))
	case !n.FirstChild().IsZero():
		return "", a.invalid(n, FaultInvalidHeader, "holds elements")
	}
	return trimSpace(n.Text()), nil
}

// Text returns the text of one of To, Action and MessageID, "" for a zero Node.
func (a *Addressing) Text(property xmltext.Node) string {
	if property.IsZero() {
		return ""
	}
	text, _ := a.text(property) // checked when it was read
	return text
}

// EndpointAddress returns the address of one of From, ReplyTo and FaultTo, ""
// for a zero Node (Core §2.1).
func (a *Addressing) EndpointAddress(reference xmltext.Node) (string, error) {
	if reference.IsZero() {
		return "", nil
	}
	var address xmltext.Node
	for c := range reference.Children() {
		switch {
		case !c.Is(a.Namespace, "Address"):
		case !address.IsZero():
			return "", a.invalid(reference, FaultReference, "two addresses")
		default:
			address = c
		}
	}
	if address.IsZero() {
		return "", a.invalid(reference, FaultNoAddress, "no address")
	}
	return a.text(address)
}

// invalid returns the error for a block.
func (a *Addressing) invalid(n xmltext.Node, f AddressingFault, msg string) *AddressingError {
	return &AddressingError{Namespace: a.Namespace, Fault: f, Property: strings.Clone(n.Local()), Path: n.Path(), Msg: msg}
}

// Required returns the error for a message without a property that its receiver
// requires, or nil if a message has no WS-Addressing.
func (a *Addressing) Required(property string) error {
	if a.Namespace == "" {
		return nil
	}
	return &AddressingError{Namespace: a.Namespace, Fault: FaultRequired, Property: property, Path: "/Envelope/Header",
		Msg: "no " + property}
}

// NewMessageID returns a new wsa:MessageID: a urn:uuid of random octets (RFC 9562
// §5.4).
func NewMessageID() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
