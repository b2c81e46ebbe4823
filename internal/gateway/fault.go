package gateway

import (
	"cmp"
	"errors"
	"net/http"
	"slices"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// Error is a failure in the gateway itself. Err has the details, for the log
// alone.
type Error struct {
	Code Code
	Err  error // a *soap.AddressingError has a fault of its own

	verifying bool // it happened while the protection was looked at
	behind    bool // Code is that of a Route's Transport
}

// Error returns the code and, after a colon, the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return "gateway: " + string(e.Code)
	}
	return "gateway: " + string(e.Code) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns the code as it is in the [Catalogue].
func (e *Error) ErrorCode() string { return string(e.Code) }

// refuse ends the exchange with the unprotected fault for err. The text of err
// does not reach the client. If the version is not known it is SOAP 1.1.
func (x *exchange) refuse(err error) answer {
	x.failed(err)
	v := x.in.Version
	if v == 0 {
		v = soap.V11
	}
	fault, status := faultOf(err, v)
	if !ownHeader(err) {
		addFaultBlocks(fault, x.in.namespace, x.in.messageID)
	}
	a := answer{status: status, version: v, body: fault.AppendEnvelope(nil, v)}
	if x.challenges(err) {
		a.status, a.challenge = http.StatusUnauthorized, true
	}
	return a
}

// challenges reports whether a refusal asks the client for a token in
// Authorization (RFC 4559 §4.1): it has sent none. One that has sent a token
// that is not accepted is not asked for another, so that no loop comes of it.
func (x *exchange) challenges(err error) bool {
	if x.rt == nil || !x.rt.Tokens.Load().HasAuthorization() {
		return false
	}
	code := codeOf(err)
	return code == string(wssec.CodeTokenMissing) || code == string(wssec.CodeSecurityMissing)
}

// faultReply returns the fault for err in place of the backend's reply, to be
// protected like that.
func (x *exchange) faultReply(err error) backendReply {
	x.failed(err)
	v := x.in.Version
	fault, status := faultOf(err, v)
	if !ownHeader(err) {
		addFaultBlocks(fault, x.to.Namespace, x.to.relatesTo)
	}
	if status != http.StatusTooManyRequests {
		status = soaphttp.FaultStatus
	}
	return backendReply{status: status, own: fault.AppendEnvelope(nil, v)}
}

// ownHeader reports whether the fault for err has the header blocks of
// WS-Addressing already: package wstrust reads those of its messages itself.
func ownHeader(err error) bool {
	_, ok := errors.AsType[*wstrust.Error](err)
	return ok
}

// faultOf is the only function that maps errors to faults and HTTP status
// codes: those of the gateway by their code, those of WS-Addressing by their
// name, those of negotiations and of operations on security contexts by
// [wstrust.FaultFor], all others by [wssec.FaultFor].
func faultOf(err error, v soap.Version) (*soap.Fault, int) {
	var own *Error
	if errors.As(err, &own) {
		if own.verifying {
			err = &wssec.Error{Code: wssec.CodeSecurityInvalid}
		} else if own.behind {
			fault, _ := CodeBackendDown.fault()
			return fault, soaphttp.FaultStatus
		} else if invalid, ok := errors.AsType[*soap.AddressingError](own.Err); ok {
			return invalid.SOAPFault(v), soaphttp.FaultStatus
		} else if fault, status := own.Code.fault(); fault != nil {
			return fault, cmp.Or(status, soaphttp.FaultStatus)
		}
	}
	fault := wssec.FaultFor(err)
	if trust := (*wstrust.Error)(nil); errors.As(err, &trust) {
		fault = wstrust.FaultFor(err)
	}
	switch code := codeOf(err); {
	case code == string(kerberos.CodeReplayStore):
		return receiver("The service is busy; try again."), http.StatusServiceUnavailable
	case slices.Contains(storeFailures, code):
		return fault, http.StatusServiceUnavailable
	}
	return fault, soaphttp.FaultStatus
}

// storeFailures are the codes of refusals for want of a store: the message may be
// good, and can be sent anew.
var storeFailures = []string{string(wssec.CodeReplayUnavailable), string(wssec.CodeContextStore),
	string(wstrust.CodeStore)}

// fault returns the fault for an error of the gateway, and its HTTP status, or
// 0 for that of the SOAP binding. The texts name what a client can mend, and
// nothing behind the gateway.
func (c Code) fault() (*soap.Fault, int) {
	switch c {
	case CodeNoRoute:
		return sender("There is no service at this address."), http.StatusNotFound
	case CodeMethod:
		return sender("Only POST is accepted."), http.StatusMethodNotAllowed
	case CodeNoDocument:
		return sender("There is no such document."), http.StatusNotFound
	case CodeNoDescription:
		return receiver("The description of the service is not available."), http.StatusServiceUnavailable
	case CodePath:
		return sender("The path is ambiguous."), http.StatusBadRequest
	case CodeMisdirected:
		return sender("The connection is for another host."), http.StatusMisdirectedRequest
	case CodeMediaType:
		return sender("Content-Type or SOAPAction is not that of a SOAP message."), http.StatusUnsupportedMediaType
	case CodeMultipart:
		return sender("MTOM is not accepted here."), http.StatusUnsupportedMediaType
	case CodeAttachments:
		return sender("SOAP with Attachments is not supported; MTOM is."), http.StatusUnsupportedMediaType
	case CodePackage:
		return sender("The parts of the message are not as MTOM has them."), http.StatusBadRequest
	case CodeInclude:
		return sender("The message does not name each of its attachments once."), http.StatusBadRequest
	case CodeContentEncoding:
		return sender("Content-Encoding is not supported."), http.StatusUnsupportedMediaType
	case CodeXMLEncoding:
		return sender("The character encoding is not supported, or not the one that is declared."),
			http.StatusUnsupportedMediaType
	case CodeTooLarge:
		return sender("The message is too large."), http.StatusRequestEntityTooLarge
	case CodeTimeout, CodeTooSlow:
		return sender("The message did not arrive in time."), http.StatusRequestTimeout
	case CodeCut:
		return sender("The message is incomplete."), http.StatusBadRequest
	case CodeOverloaded, CodeHeld:
		return receiver("The service is busy; try again."), http.StatusServiceUnavailable
	case CodeClientRate, CodePrincipalRate, CodeFailureRate:
		return receiver("Too many requests; try again later."), http.StatusTooManyRequests
	case CodeDisabled, CodeBackendDown, CodeBackendTimeout, CodeBackendNotSOAP, CodeBackendTooLarge,
		CodeClientGone, CodeShutdown:
		return receiver("The service is not available."), 0
	case CodeSOAPVersion:
		return sender("Content-Type and envelope are of different SOAP versions."), http.StatusUnsupportedMediaType
	case CodeNotAuthorized, CodeNotInGroup, CodeDenied:
		return subcode(wssec.NSWSSE, "FailedAuthentication",
			"The security token could not be authenticated or authorized"), 0
	case CodeAddress:
		return invalidAddressing(soap.FaultUnreachable), 0
	case CodeAction:
		return invalidAddressing(soap.FaultActionMismatch), 0
	case CodeReplyTo:
		return invalidAddressing(soap.FaultOnlyAnonymous), 0
	case CodeAddressing:
		return invalidAddressing(soap.FaultInvalidHeader), 0
	case CodeProtect:
		return receiver("The reply could not be protected."), 0
	case CodeInternal:
		return receiver("The message could not be processed."), 0
	}
	return nil, 0 // of package xmltext, which wssec.FaultFor knows
}

// invalidAddressing returns the fault of a code whose errors have one each.
func invalidAddressing(f soap.AddressingFault) *soap.Fault {
	return (&soap.AddressingError{Namespace: soap.NSAddressing, Fault: f}).SOAPFault(soap.V12)
}

func sender(reason string) *soap.Fault   { return &soap.Fault{Code: soap.Sender, Reason: reason} }
func receiver(reason string) *soap.Fault { return &soap.Fault{Code: soap.Receiver, Reason: reason} }

func subcode(space, local, reason string) *soap.Fault {
	return &soap.Fault{Code: soap.Sender, Subcode: xmltext.Name{Space: space, Local: local}, Reason: reason}
}
