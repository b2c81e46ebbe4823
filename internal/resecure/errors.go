package resecure

import (
	"context"
	"errors"
	"slices"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// A Code is how the protected leg to a backend failed.
type Code string

// The codes.
const (
	CodeNotDelegated Code = "not-delegated"              // the caller has brought no credential that can be used
	CodeTicket       Code = "backend-no-ticket"          // no ticket for the backend
	CodeMessage      Code = "backend-not-protected"      // the message cannot be protected as backend-policy asks
	CodeRefused      Code = "backend-refuses"            // a fault in clear, or one about this leg's protection
	CodeUnverified   Code = "backend-reply-not-verified" // the reply is not the backend's to this message
	CodeNegotiation  Code = "backend-negotiation-failed" // no security context with the backend

	codeNotSOAP Code = "backend-not-soap" // of package gateway
)

// A CodeInfo explains a Code to an operator.
type CodeInfo struct {
	Code  Code
	Cause string // what has happened
	Cure  string // what to do about it
}

// Codes explains every Code of this package.
func Codes() []CodeInfo {
	return []CodeInfo{
		{CodeNotDelegated,
			"The backend is called in the client's name, and the client has delegated no credential, one that has ended, " +
				"or one of another client.",
			"Let the client delegate: a forwardable ticket (kinit -f), delegation on in the client (CXF: " +
				"requestCredentialDelegation), and the gateway's account trusted for delegation by the KDC. With a " +
				"session or security context that is older than the credential: log in anew."},
		{CodeTicket,
			"There is no ticket for the backend's service, backend-service.",
			"The error is the KDC's. Run wssgate doctor, which asks for the gateway's own; mind the name of the principal."},
		{CodeMessage,
			"The message cannot be protected as backend-policy asks.",
			"The error has the part that is missing, or the header block that stands in the way."},
		{CodeRefused,
			"The backend refuses the message by a fault in clear, by 401, or by a fault about its protection.",
			"Its log has the reason. Compare backend-policy, backend-service and the clocks. After a change of the " +
				"backend's key one message fails, and the next one gets a new ticket."},
		{CodeUnverified,
			"The backend's reply is not protected as backend-policy asks, or not with the key of its request. Nothing of " +
				"it was passed on.",
			"Compare the policy with the backend's. If it is right somebody has changed the reply, or put another one in " +
				"its place."},
		{CodeNegotiation,
			"Gateway and backend do not come to a security context.",
			"The error has the rule. Compare backend-trust and the algorithm suites. A CXF server sends no Authenticator: " +
				"backend-authenticator: false."},
	}
}

// An Error is a leg that failed. Its text is for the log alone.
type Error struct {
	Code Code
	Err  error
}

// Error returns the code and the cause.
func (e *Error) Error() string { return "resecure: " + string(e.Code) + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns the Code as a string, for the error catalogue.
func (e *Error) ErrorCode() string { return string(e.Code) }

// A ticketError is an error of the KDC's or of the credential.
type ticketError struct{ error }

func (e ticketError) Unwrap() error { return e.error }

// An uncoded error has no code of its own below it: what carries the message has
// failed, and the gateway has codes for that.
type uncoded struct{ text string }

func (e uncoded) Error() string { return e.text }

// legError returns an error of a leg with its code. One of memory, or of the
// network, stays what it is.
func legError(err error) error {
	if no, ok := errors.AsType[ticketError](err); ok {
		return ticketFailure(no.error)
	}
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	if full, ok := errors.AsType[memoryError](err); ok {
		return full.error
	}
	if failed, ok := errors.AsType[*client.Error](err); ok {
		return clientError(failed)
	}
	if refused, ok := errors.AsType[*kerberos.Error](err); ok {
		return negotiateError(refused)
	}
	return err
}

// ticketFailure returns the error for a ticket that there is not. That the KDC
// does not let the gateway act for the caller is named as it is.
func ticketFailure(err error) error {
	if no, ok := errors.AsType[*kerberos.Error](err); ok && slices.Contains([]kerberos.Code{kerberos.CodeDelegation,
		kerberos.CodeEvidence, kerberos.CodeProtocolTransit}, no.Code) {
		return no
	}
	return &Error{CodeTicket, err}
}

// clientError returns the error of a client of messages.
func clientError(e *client.Error) error {
	if code, ok := map[client.Code]Code{
		client.CodeTicket: CodeTicket, client.CodeMessage: CodeMessage, client.CodeRefused: CodeRefused,
		client.CodeFault: CodeRefused, client.CodeUnverified: CodeUnverified, client.CodeNegotiation: CodeNegotiation,
		client.CodeNoSOAP: codeNotSOAP,
	}[e.Code]; ok {
		return &Error{code, e}
	}
	if errors.Is(e, context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	if coded, ok := errors.AsType[interface {
		error
		ErrorCode() string
	}](e.Err); ok {
		return coded
	}
	return uncoded{e.Error()}
}

// negotiateError returns the error of HTTP Negotiate.
func negotiateError(e *kerberos.Error) error {
	switch e.Code {
	case negotiate.CodeNotMutual, negotiate.CodeChallenge:
		return &Error{CodeUnverified, e}
	}
	return &Error{CodeRefused, e}
}

// isOfLeg reports whether a verified fault is about the protection of this leg,
// and nothing to the caller: the namespaces of its codes are those of
// WS-Security, WS-Trust and WS-SecureConversation.
func isOfLeg(f *soap.Fault) bool {
	return f != nil && slices.Contains([]string{wssec.NSWSSE, wssec.NSWSC05, wssec.NSWSC13, wstrust.NSTrust05,
		wstrust.V13.Trust(), "http://schemas.microsoft.com/ws/2006/05/security"}, f.Subcode.Space)
}
