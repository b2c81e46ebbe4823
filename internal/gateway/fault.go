package gateway

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// Error is a failure of the gateway's own. Err says more, for the log alone.
type Error struct {
	Code Code
	Err  error
	// Subcode is that of the fault where it follows from the message; zero means the
	// catalogue's.
	Subcode xmltext.Name

	verifying bool // it happened while the protection was looked at
}

// Error gives the code and, behind a colon, the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return "gateway: " + string(e.Code)
	}
	return "gateway: " + string(e.Code) + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrorCode gives the code as the catalogue has it.
func (e *Error) ErrorCode() string { return string(e.Code) }

// refuse makes the unprotected fault for err, which ends the exchange. No word
// of err reaches the client. Where the version is not known it is SOAP 1.1.
func (x *exchange) refuse(err error) answer {
	x.failed(err)
	v := x.in.version
	if v == 0 {
		v = soap.V11
	}
	fault, status := faultOf(err, v)
	return answer{status: status, version: v, body: fault.AppendEnvelope(nil, v)}
}

// faultReply puts the fault for err in the backend's place, to be protected as
// its reply would be.
func (x *exchange) faultReply(err error) backendReply {
	x.failed(err)
	v := x.in.version
	fault, _ := faultOf(err, v)
	return backendReply{status: soapStatus(fault, v), fault: fault.AppendEnvelope(nil, v)}
}

// faultOf is the one place where errors become faults and HTTP status codes:
// those of the gateway by their code, all others by wssec's uniform mapping.
func faultOf(err error, v soap.Version) (*soap.Fault, int) {
	var own *Error
	if errors.As(err, &own) {
		if own.verifying {
			err = &wssec.Error{Code: wssec.CodeSecurityInvalid}
		} else if fault, status := own.fault(); fault != nil {
			return fault, cmp.Or(status, soapStatus(fault, v))
		}
	}
	fault := wssec.FaultFor(err)
	return fault, soapStatus(fault, v)
}

// fault is what a client gets for an error of the gateway's own, and the HTTP
// status where it is not that of the SOAP binding, else 0. The texts tell a
// client what it can mend and nothing of what is behind the gateway.
func (e *Error) fault() (*soap.Fault, int) {
	fault, status := e.Code.fault()
	if fault != nil && e.Subcode.Local != "" {
		fault.Subcode = e.Subcode
	}
	return fault, status
}

func (c Code) fault() (*soap.Fault, int) {
	switch c {
	case CodeNoRoute:
		return sender("There is no service at this address."), http.StatusNotFound
	case CodeMethod:
		return sender("Only POST is accepted."), http.StatusMethodNotAllowed
	case CodeMediaType:
		return sender("The Content-Type is not that of a SOAP message."), http.StatusUnsupportedMediaType
	case CodeMultipart:
		return sender("Attachments, MTOM and XOP are not supported."), http.StatusUnsupportedMediaType
	case CodeContentEncoding:
		return sender("Content-Encoding is not supported."), http.StatusUnsupportedMediaType
	case CodeTooLarge:
		return sender("The message is too large."), http.StatusRequestEntityTooLarge
	case CodeTimeout, CodeTooSlow:
		return sender("The message did not arrive in time."), http.StatusRequestTimeout
	case CodeCut:
		return sender("The message is incomplete."), http.StatusBadRequest
	case CodeOverloaded, CodeHeld:
		return receiver("The service is busy; try again."), http.StatusServiceUnavailable
	case CodeDisabled, CodeBackendDown, CodeBackendTimeout, CodeBackendNotSOAP, CodeBackendTooLarge,
		CodeClientGone, CodeShutdown:
		return receiver("The service is not available."), 0
	case CodeSOAPVersion:
		return sender("Content-Type and envelope are of different SOAP versions."), http.StatusUnsupportedMediaType
	case CodeNotAuthorized, CodeNotInGroup:
		return subcode(wssec.NSWSSE, "FailedAuthentication",
			"The security token could not be authenticated or authorized"), 0
	case CodeAddress:
		return subcode(soap.NSAddressing, "DestinationUnreachable", "The message is for another address."), 0
	case CodeAction:
		return sender("The action in HTTP is not that of the message."), 0
	case CodeProtect:
		return receiver("The reply could not be protected."), 0
	case CodeInternal:
		return receiver("The message could not be processed."), 0
	}
	return nil, 0 // of package xmltext, which wssec.FaultFor knows
}

func sender(reason string) *soap.Fault   { return &soap.Fault{Code: soap.Sender, Reason: reason} }
func receiver(reason string) *soap.Fault { return &soap.Fault{Code: soap.Receiver, Reason: reason} }

func subcode(space, local, reason string) *soap.Fault {
	return &soap.Fault{Code: soap.Sender, Subcode: xmltext.Name{Space: space, Local: local}, Reason: reason}
}

// soapStatus is the status of a fault by the HTTP bindings: always 500 in SOAP
// 1.1 (§6.2), 400 for the Sender's faults in SOAP 1.2 (Part 2 §7.5.2.2).
func soapStatus(f *soap.Fault, v soap.Version) int {
	if v == soap.V12 && f.Code == soap.Sender {
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}
