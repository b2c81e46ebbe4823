package wssec

import (
	"errors"
	"fmt"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// Error describes which rule a message broke, where, and why. Its text is for
// operators: it never contains key octets, tokens or plaintext. [FaultFor]
// returns what the peer may see of it.
type Error struct {
	Code Code
	Path string // element path, "" if the message as a whole
	Err  error  // the cause
	// Block is the header block that a CodeNotUnderstood error is about.
	Block xmltext.Name
	// Context is the namespace of WS-SecureConversation in which the message
	// named a security context that is of no use to it; "" for other errors.
	Context string
	// Askers are the addresses whose messages made a KeyGuard suspend the key
	// that this message names; nil if it is not suspended, or if no address is
	// known.
	Askers []string

	failure *failure // what a KeyGuard counted it as; nil if it did not
}

// Error returns code, place and cause.
func (e *Error) Error() string {
	s := "wssec: " + string(e.Code)
	if e.Path != "" {
		s += " at " + e.Path
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns the most specific code for the error catalogue: that of the
// token verifier's error, of the replay store's or of [Config].Reserve's if it
// has one, else e.Code.
func (e *Error) ErrorCode() string {
	var inner interface{ ErrorCode() string }
	switch e.Code {
	case CodeFailedAuth, CodeReplayUnavailable, CodeContextStore, CodeNoMemory:
		if errors.As(e.Err, &inner) {
			return inner.ErrorCode()
		}
	}
	return string(e.Code)
}

// UnprotectedFault is a fault in clear where a protected reply was due. Anybody
// on the path between the peers may have written it: show it to a person, and
// never act on it.
type UnprotectedFault struct {
	Fault *soap.Fault
	Err   error // the rule that the reply broke
}

// Error returns the rule that the reply broke, and code and reason of the
// fault.
func (e *UnprotectedFault) Error() string {
	code := [...]string{"Sender", "Receiver", "VersionMismatch", "MustUnderstand"}[e.Fault.Code]
	if e.Fault.Subcode.Local != "" {
		code = e.Fault.Subcode.Local
	}
	return fmt.Sprintf("%v; the reply is a fault in clear, which nothing authenticates: %.60q, "+
		"%.200q", e.Err, code, e.Fault.Reason)
}

// Unwrap returns the rule.
func (e *UnprotectedFault) Unwrap() error { return e.Err }

// errAt makes an Error about an element.
func errAt(code Code, n xmltext.Node, format string, args ...any) *Error {
	e := &Error{Code: code, Err: fmt.Errorf(format, args...)}
	if !n.IsZero() {
		e.Path = n.Path()
	}
	return e
}

// wrapAt makes an Error about an element from an error of a lower package,
// which carries its own place.
func wrapAt(code Code, err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: code, Err: err}
}

// FaultFor returns the fault that answers an error of [Processor.Verify] or
// [soap.Parse]. Every failure of the security processing (ticket, decryption,
// plaintext, digest, HMAC, coverage, structure) is the same fault, octet for
// octet, so that the answer does not disclose which check failed (padding
// oracles). Distinct are the faults that reveal nothing about keys:
// MessageExpired, MustUnderstand, that of a mandatory block for another actor,
// VersionMismatch, a message that is not SOAP, and BadContextToken for a
// security context that cannot be used, whatever the reason: its client then
// requests a new one. For any other error it returns a Receiver fault without
// detail.
func FaultFor(err error) *soap.Fault {
	var we *Error
	var se *soap.Error
	var xe *xmltext.SyntaxError
	switch {
	case errors.As(err, &we):
		return we.fault()
	case errors.As(err, &se) && se.Code == soap.CodeVersionMismatch:
		return &soap.Fault{Code: soap.VersionMismatch, Reason: "The message is not a SOAP 1.1 or SOAP 1.2 envelope."}
	case errors.As(err, &se), errors.As(err, &xe):
		return &soap.Fault{Code: soap.Sender, Reason: "The message is not a well-formed SOAP envelope."}
	}
	return &soap.Fault{Code: soap.Receiver, Reason: "The message could not be processed."}
}

func (e *Error) fault() *soap.Fault {
	if e.Context != "" {
		return &soap.Fault{Subcode: xmltext.Name{Space: e.Context, Local: "BadContextToken"},
			Reason: "The requested context elements are insufficient or unsupported."}
	}
	switch e.Code {
	case CodeMessageExpired:
		return &soap.Fault{Subcode: xmltext.Name{Space: NSWSSE, Local: "MessageExpired"}, Reason: "The message has expired"}
	case CodeNotUnderstood:
		return &soap.Fault{Code: soap.MustUnderstandFault, Reason: "A mandatory header block was not understood.",
			NotUnderstood: []xmltext.Name{e.Block}}
	case CodeActorNotForwarded:
		return &soap.Fault{Code: soap.Sender, Reason: "A mandatory header block for another role cannot be passed on."}
	case CodeReplayUnavailable, CodeContextStore, CodeNoMemory, CodeProtect:
		return &soap.Fault{Code: soap.Receiver, Reason: "The message could not be processed."}
	}
	return &soap.Fault{Subcode: xmltext.Name{Space: NSWSSE, Local: "InvalidSecurity"},
		Reason: "An error was discovered processing the <wsse:Security> header."}
}
