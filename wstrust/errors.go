package wstrust

import (
	"errors"
	"strconv"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// Error holds what was wrong with a message of WS-Trust, where, and why. Its
// text is for operators: it holds no key octets, tokens or plaintext.
type Error struct {
	Code Code
	Leg  int    // number of the client's message in its negotiation, from 1; 0 if it is none or not known
	Path string // element path, "" if the message as a whole
	Err  error  // the cause
	// Block is the header block that a CodeNotUnderstood error is about.
	Block xmltext.Name
	// Version is that of the message, which faults about security contexts
	// follow. Zero: February 2005.
	Version Version

	to addressing // of the message
}

// Error returns code, leg, place and cause.
func (e *Error) Error() string {
	s := "wstrust: " + string(e.Code)
	if e.Leg > 0 {
		s += " in leg " + strconv.Itoa(e.Leg)
	}
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
// Kerberos error that made a negotiation fail, of the store's or of package
// wssec's if there is one, else Code.
func (e *Error) ErrorCode() string {
	var inner interface{ ErrorCode() string }
	switch e.Code {
	case CodeFailedAuth, CodeStore, CodeBadContext:
		if errors.As(e.Err, &inner) {
			return inner.ErrorCode()
		}
	}
	return string(e.Code)
}

const nsMicrosoft = "http://schemas.microsoft.com/ws/2006/05/security"

// FaultFor is the one mapping from an error to what the peer is told, as WCF
// has it: FailedAuthentication for whatever the GSS-API context refuses,
// ServerTooBusy for a full store, InvalidRequest for all else of a negotiation,
// in the namespace of February 2005 in both versions; and for operations on a
// security context the faults of WS-SecureConversation §8 in that of the
// message. For any other error, those of package wssec included, it returns a
// Receiver fault without detail: wssec.FaultFor has the faults of messages.
//
// The fault has the blocks of WS-Addressing that answer those of the message.
func FaultFor(err error) *soap.Fault {
	var e *Error
	if !errors.As(err, &e) {
		return &soap.Fault{Code: soap.Receiver, Reason: "The message could not be processed."}
	}
	f := e.fault()
	f.Header = e.to.appendFaultBlocks(nil)
	return f
}

func (e *Error) fault() *soap.Fault {
	switch e.Code {
	case CodeFailedAuth:
		return fault(NSTrust05, "FailedAuthentication", "Authentication failed.")
	case CodeBusy:
		f := fault(nsMicrosoft, "ServerTooBusy", "The service is busy; try again.")
		f.Code = soap.Receiver
		return f
	case CodeStore, CodeAnswer:
		return &soap.Fault{Code: soap.Receiver, Reason: "The message could not be processed."}
	case CodeTimestamp:
		return fault(wssec.NSWSSE, "MessageExpired", "The message has expired")
	case CodeNotUnderstood:
		return &soap.Fault{Code: soap.MustUnderstandFault, Reason: "A mandatory header block was not understood.",
			NotUnderstood: []xmltext.Name{e.Block}}
	case CodeBadContext:
		return fault(e.scNamespace(), "BadContextToken",
			"The requested context elements are insufficient or unsupported.")
	case CodeUnableToRenew:
		return fault(e.scNamespace(), "UnableToRenew", "The context could not be renewed.")
	}
	return fault(NSTrust05, "InvalidRequest", "The request was invalid or malformed.")
}

func fault(space, local, reason string) *soap.Fault {
	return &soap.Fault{Subcode: xmltext.Name{Space: space, Local: local}, Reason: reason}
}

func (e *Error) scNamespace() string {
	if e.Version == V13 {
		return V13.SecureConversation()
	}
	return Feb2005.SecureConversation()
}
