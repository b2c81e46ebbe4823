package client

import (
	"errors"
	"fmt"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// A Code is how a call failed.
type Code string

// The codes.
const (
	CodeMessage    Code = "message-not-sent"   // the message is no SOAP message, or cannot be protected
	CodeTicket     Code = "no-ticket"          // no ticket for the service
	CodeNetwork    Code = "no-answer"          // no whole answer came back in time
	CodeNoSOAP     Code = "answer-not-soap"    // an HTTP answer that is no SOAP message of the request's version
	CodeRefused    Code = "service-refuses"    // a fault in clear where a protected reply was due
	CodeUnverified Code = "reply-not-verified" // a reply that is not the service's to this request
	CodeFault      Code = "service-fault"      // a fault, verified like any reply

	CodeNegotiation Code = "negotiation-failed" // the service's side of agreeing on a security context breaks the rules
)

// A CodeInfo explains a Code.
type CodeInfo struct {
	Code  Code
	Cause string // what has happened, in one sentence
	Cure  string // what to do about it
}

// Codes explains every Code of this package.
func Codes() []CodeInfo {
	return []CodeInfo{
		{CodeMessage,
			"The message to be sent is not a SOAP message, or cannot be protected as the policy asks.",
			"The error has the reason; nothing was sent."},
		{CodeTicket,
			"There is no ticket for the service.",
			"Run kinit, or give a keytab or password; mind the name of the service principal. The error is that of package " +
				"kerberos."},
		{CodeNetwork,
			"No whole answer of the service came back in time.",
			"Look at the URL, the network and TLS. Whether the service has got the message is not known."},
		{CodeNoSOAP,
			"The service answers with HTTP alone, or with what is no SOAP message of the request's version.",
			"Look at the status, the URL, and at proxies on the way. Redirections are not followed."},
		{CodeRefused,
			"A fault in clear came back where a protected reply was due.",
			"ServerTooBusy: try again later. BadContextToken: the next call asks for a new context. HTTP 404, 413 and 415 " +
				"are about the URL, the size and the media type. For all others the service could not verify the message, or " +
				"the client may not call it; its log has the reason, the fault has not. Compare policy, service principal " +
				"and clocks."},
		{CodeUnverified,
			"The reply is not protected as the policy asks, or not with the key of the request.",
			"Compare the policy with the service's. To a message with wsa:MessageID, under a security context, the service " +
				"has to reply with wsa:RelatesTo. If all that is right somebody has changed the reply, or put another one in " +
				"its place."},
		{CodeNegotiation,
			"Client and service do not come to a security context: an answer breaks the rules of the negotiation, or proves " +
				"nothing.",
			"The error has the rule. Compare the versions of WS-Trust, and the algorithm suites. A CXF server sends no " +
				"Authenticator."},
		{CodeFault,
			"The service answers with a SOAP fault, which was verified like any reply.",
			"The fault has the reason: the service itself refuses the call, it is not available, or the client may not " +
				"call it. Under a policy that protects replies by TLS alone, InvalidSecurity means that the message was not " +
				"verified."},
	}
}

// An Error is a call that failed. Its text never holds keys, tickets or
// plaintext of the message sent.
type Error struct {
	Code Code
	Err  error // the cause; nil where Fault has it
	// Fault is what the service has answered, with CodeFault and CodeRefused.
	// With CodeRefused nothing but TLS authenticates it, if that: show it, and do
	// not believe it.
	Fault *soap.Fault
	// Reply is the whole fault message, plain, with CodeFault.
	Reply *Reply
	// Status is that of HTTP, 0 without an answer.
	Status int

	tls bool // it came over TLS
}

// Error returns the code and the cause.
func (e *Error) Error() string {
	s := "client: " + string(e.Code)
	if e.Status != 0 && e.Code != CodeFault {
		s += fmt.Sprintf(" (HTTP status %d)", e.Status)
	}
	switch {
	case e.Fault == nil && e.Err != nil:
		return s + ": " + e.Err.Error()
	case e.Fault == nil:
		return s
	}
	s += ": " + faultText(e.Fault)
	switch {
	case e.Code == CodeRefused && e.tls:
		s += ", over TLS and not protected as the policy asks"
	case e.Code == CodeRefused:
		s += ", in clear: nothing authenticates it"
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns the Code as a string, for the error catalogue.
func (e *Error) ErrorCode() string { return string(e.Code) }

// faultText is a fault in one line.
func faultText(f *soap.Fault) string {
	code := [...]string{"Sender", "Receiver", "VersionMismatch", "MustUnderstand"}[f.Code]
	if f.Subcode.Local != "" {
		code = f.Subcode.Local
	}
	return fmt.Sprintf("%.60q, %.200q", code, f.Reason)
}

// replyError is the error for a reply that does not verify: a fault in clear is
// told apart, since a service that cannot verify a message has no key to protect
// its answer with.
func replyError(err error, a *answer) *Error {
	if clear, ok := errors.AsType[*wssec.UnprotectedFault](err); ok {
		return &Error{Code: CodeRefused, Err: err, Fault: clear.Fault, Status: a.status, tls: a.tls}
	}
	return &Error{Code: CodeUnverified, Err: err, Status: a.status}
}
