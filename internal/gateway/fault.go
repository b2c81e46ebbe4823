package gateway

import (
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

// refuse makes the unprotected fault for err and notes err in the event. No
// word of err reaches the client. Version 0 means SOAP 1.1.
func (g *Gateway) refuse(v soap.Version, err error, ev *event) answer {
	ev.failed(err)
	if v == 0 {
		v = soap.V11
	}
	fault, status := faultOf(err, v)
	return answer{status: status, version: v, body: fault.AppendEnvelope(nil, v)}
}

// faultReply puts the fault for err in the backend's place, to be protected as
// its reply would be, and notes err in the event.
func faultReply(v soap.Version, err error, ev *event) backendReply {
	ev.failed(err)
	fault, _ := faultOf(err, v)
	return backendReply{status: soapStatus(fault, v), fault: fault.AppendEnvelope(nil, v)}
}

// faultOf is the one place where errors become faults and HTTP status codes:
// those of the gateway by the catalogue, all others by wssec's uniform mapping.
func faultOf(err error, v soap.Version) (*soap.Fault, int) {
	var own *Error
	if errors.As(err, &own) && own.verifying {
		err = &wssec.Error{Code: wssec.CodeSecurityInvalid}
	} else if own != nil {
		if e, ok := lookup(own.Code); ok && e.fault != nil {
			status := e.status
			if status == 0 {
				status = soapStatus(e.fault, v)
			}
			if own.Subcode.Local == "" {
				return e.fault, status
			}
			fault := *e.fault
			fault.Subcode = own.Subcode
			return &fault, status
		}
	}
	fault := wssec.FaultFor(err)
	return fault, soapStatus(fault, v)
}

// soapStatus is the status of a fault by the HTTP bindings: always 500 in SOAP
// 1.1 (§6.2), 400 for the Sender's faults in SOAP 1.2 (Part 2 §7.5.2.2).
func soapStatus(f *soap.Fault, v soap.Version) int {
	if v == soap.V12 && f.Code == soap.Sender {
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}
