package wssec

import (
	"errors"
	"fmt"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// Error says which rule a message broke, where, and why. Its text is for
// operators: it never contains key octets, tokens or plaintext.
type Error struct {
	Code Code
	Path string // element path, "" if the message as a whole
	Err  error  // the cause
	// Block is the header block that a CodeNotUnderstood error is about.
	Block xmltext.Name
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

// ErrorCode returns the most telling code for the error catalogue: that of the
// Kerberos error that made an authentication fail, of the replay store's or
// that of Config.Reserve, else Code.
func (e *Error) ErrorCode() string {
	var inner interface{ ErrorCode() string }
	switch e.Code {
	case CodeFailedAuth, CodeReplayUnavailable, CodeNoMemory:
		if errors.As(e.Err, &inner) {
			return inner.ErrorCode()
		}
	}
	return string(e.Code)
}

// UnprotectedFault is a fault in clear where a protected reply was due. Whoever
// is between the peers can have written it: it may be shown, and must not be
// believed.
type UnprotectedFault struct {
	Fault *soap.Fault
	Err   error // the rule that the reply broke
}

// Error returns the rule, and what the fault says.
func (e *UnprotectedFault) Error() string {
	code := [...]string{"Sender", "Receiver", "VersionMismatch", "MustUnderstand"}[e.Fault.Code]
	if e.Fault.Subcode.Local != "" {
		code = e.Fault.Subcode.Local
	}
	return fmt.Sprintf("%v; the reply is a fault in clear, for which nothing vouches: %.60q, "+
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

// FaultFor is the one mapping from an error to what the peer is told. Every
// failure of the security processing (ticket, decryption, plaintext, digest,
// HMAC, coverage, structure) is the same fault, octet for octet, so that nobody
// learns from the answer which check failed (protocol attacks on CBC, protocol
// guessing). Distinct are those that say nothing about keys: MessageExpired,
// MustUnderstand, VersionMismatch, and a message that is not a SOAP message at
// all. For any other error it returns a Receiver fault without detail.
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
	switch e.Code {
	case CodeMessageExpired:
		return &soap.Fault{Subcode: xmltext.Name{Space: NSWSSE, Local: "MessageExpired"}, Reason: "The message has expired"}
	case CodeNotUnderstood:
		return &soap.Fault{Code: soap.MustUnderstandFault, Reason: "A mandatory header block was not understood.",
			NotUnderstood: []xmltext.Name{e.Block}}
	case CodeReplayUnavailable, CodeNoMemory, CodeProtect:
		return &soap.Fault{Code: soap.Receiver, Reason: "The message could not be processed."}
	}
	return &soap.Fault{Subcode: xmltext.Name{Space: NSWSSE, Local: "InvalidSecurity"},
		Reason: "An error was discovered processing the <wsse:Security> header."}
}
