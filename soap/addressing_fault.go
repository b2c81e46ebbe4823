package soap

import (
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// An AddressingFault is a fault of WS-Addressing by its name in version 1.0 (SOAP
// Binding §6.4).
type AddressingFault string

// The faults, and what is said of the property they are about. In the submission
// (§4) those of an invalid property are InvalidMessageInformationHeader.
const (
	FaultInvalidHeader  AddressingFault = "InvalidAddressingHeader"         // it cannot be read
	FaultCardinality    AddressingFault = "InvalidCardinality"              // it is there more often than it may be
	FaultReference      AddressingFault = "InvalidEPR"                      // it is no endpoint reference
	FaultNoAddress      AddressingFault = "MissingAddressInEPR"             // the endpoint reference has no address
	FaultActionMismatch AddressingFault = "ActionMismatch"                  // the transport has another action
	FaultOnlyAnonymous  AddressingFault = "OnlyAnonymousAddressSupported"   // replies go back the way of the request
	FaultRequired       AddressingFault = "MessageAddressingHeaderRequired" // it is missing
	FaultUnreachable    AddressingFault = "DestinationUnreachable"          // the message is for another address
)

// An AddressingError is what makes the message addressing properties of a message
// invalid, or not acceptable to its receiver.
type AddressingError struct {
	Namespace string          // of the message's WS-Addressing
	Fault     AddressingFault // that answers it
	Property  string          // the local name of the header block, such as ReplyTo
	Path      string          // element path, as "/Envelope/Header/ReplyTo"
	Msg       string
}

// Error returns path and cause.
func (e *AddressingError) Error() string { return "soap: " + e.Path + ": " + e.Msg }

// SOAPFault returns the fault of version v (1.0 SOAP Binding §6.2, §6.3;
// submission §4). Its detail names the property: SOAP 1.1 has no place for details
// about header blocks but a header block.
func (e *AddressingError) SOAPFault(v Version) *Fault {
	f := &Fault{Code: Sender, Reason: e.reason()}
	name := func(local string) xmltext.Name { return xmltext.Name{Space: e.Namespace, Local: local} }
	if e.Namespace == NSAddressing04 {
		f.Subcode = name(e.submissionCode())
		return f
	}
	switch e.Fault {
	case FaultInvalidHeader, FaultRequired, FaultUnreachable:
		f.Subcode = name(string(e.Fault))
	default:
		f.Subcode, f.Subsubcode = name(string(FaultInvalidHeader)), name(string(e.Fault))
	}
	detail := `<wsa:ProblemHeaderQName xmlns:wsa="` + NSAddressing + `">wsa:` + e.Property + `</wsa:ProblemHeaderQName>`
	if v == V12 {
		f.Detail = []byte(detail)
	} else {
		f.Header = []byte(`<wsa:FaultDetail xmlns:wsa="` + NSAddressing + `">` + detail + `</wsa:FaultDetail>`)
	}
	return f
}

// submissionCode returns the name of the fault in the submission.
func (e *AddressingError) submissionCode() string {
	switch e.Fault {
	case FaultRequired:
		return "MessageInformationHeaderRequired"
	case FaultUnreachable:
		return string(FaultUnreachable)
	}
	return "InvalidMessageInformationHeader"
}

// reason returns the text for the client: what is wrong with which property.
func (e *AddressingError) reason() string {
	switch e.Fault {
	case FaultOnlyAnonymous:
		return "Replies and faults are sent only to the anonymous address, or to none: " + e.Property + "."
	case FaultRequired:
		return "A required addressing header is missing: " + e.Property + "."
	case FaultUnreachable:
		return "The message is for another address."
	case FaultActionMismatch:
		return "The action in HTTP is not that of the message."
	}
	return "An addressing header is not valid: " + e.Property + "."
}

// FaultAction returns the action of a message with a fault, in a version of
// WS-Addressing (1.0 SOAP Binding §6, where faults of WS-Addressing itself have an
// action of their own; submission §4).
func FaultAction(space string, f *Fault) string {
	if space == NSAddressing && (f == nil || !IsAddressing(f.Subcode.Space)) {
		return NSAddressing + "/soap/fault"
	}
	return space + "/fault"
}

// ReplyAction returns the action of the reply to a request by the default of
// WS-Addressing Metadata 1.0 (§4.4.4), under which those of an operation end with
// Request and Response; to other actions, such as one that is the operation's
// name, it appends Response.
func ReplyAction(request string) string {
	return strings.TrimSuffix(request, "Request") + "Response"
}
