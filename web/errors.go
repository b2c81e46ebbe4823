package web

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/kdcproxy"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// A Code is how a call of a page failed before or beside Kerberos and SOAP.
type Code string

// The codes.
const (
	CodeArgument Code = "browser-argument" // a page's call makes no sense
	CodeInsecure Code = "browser-insecure" // without TLS
	CodeRelay    Code = "browser-relay"    // no WebSocket to the relay
	CodeFetch    Code = "browser-fetch"    // no response that the page may read
	CodeOver     Code = "browser-over"     // the session has ended
	CodeInternal Code = "browser-internal" // a fault of this module
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
		{CodeArgument,
			"A page calls the browser client with an argument that makes no sense.",
			"The error has the argument."},
		{CodeInsecure,
			"The page, the relay or the service is without TLS.",
			"Use https and wss. allowHTTP is for networks in which nobody is in between."},
		{CodeRelay,
			"The browser opens no WebSocket to the relay.",
			"See that the relay runs at that address with a certificate that the browser trusts, that kdc-origins has " +
				"the origin of the page, and that the page's Content-Security-Policy has the relay in connect-src. A " +
				"browser does not report to a page which it was; its console and the relay's log do."},
		{CodeFetch,
			"The browser has no response of the service that the page may read.",
			"See the console of the browser. The service may not be reached, or redirect, which is not followed. For " +
				"a page of another origin the service has to list that (cors-origins). The page's " +
				"Content-Security-Policy needs the service in connect-src."},
		{CodeOver,
			"The user has logged out of the session.",
			"Log in again."},
		{CodeInternal,
			"The browser client has failed.",
			"Load the page again, and report it with the text of the error."},
	}
}

// An Error is why a call of a page failed before or beside Kerberos and SOAP. It
// holds no secret.
type Error struct {
	Code Code
	Err  error
}

func failf(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Err: fmt.Errorf(format, args...)}
}

// Error returns the code and the reason.
func (e *Error) Error() string { return "web: " + string(e.Code) + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns the Code as a string, for the error catalogue.
func (e *Error) ErrorCode() string { return string(e.Code) }

// An Explanation is an error for a page: the code of the catalogue, with what has
// happened in general, what to do, and the text of the error itself.
type Explanation struct {
	Code, Cause, Cure string
	Text              string
	// Kind is what the error is about: "argument", "login", "kdc", "service",
	// "fault" of a service, "session" or "internal".
	Kind string
	// Status is that of HTTP, 0 if there is none. Fault is what a SOAP service has
	// answered.
	Status int
	Fault  *soap.Fault
}

// FaultCode returns the code of the fault, "Sender" or "InvalidSecurity".
func (x *Explanation) FaultCode() string {
	if x.Fault.Subcode.Local != "" {
		return x.Fault.Subcode.Local
	}
	return [...]string{"Sender", "Receiver", "VersionMismatch", "MustUnderstand"}[x.Fault.Code]
}

// Explain explains an error of this package. Canceled contexts are not explained:
// whoever ended them knows why.
func Explain(err error) Explanation {
	x := Explanation{Code: string(CodeInternal), Text: err.Error()}
	if failed, ok := errors.AsType[*client.Error](err); ok {
		x.Status, x.Fault = failed.Status, failed.Fault
		if failed.Code == client.CodeTicket && failed.Err != nil { // the reason is the ticket's
			err = failed.Err
		}
	}
	if errors.Is(err, kdcproxy.ErrNotOpened) && !errors.Is(err, context.DeadlineExceeded) {
		err = &Error{Code: CodeRelay, Err: err}
	}
	if coded, ok := errors.AsType[interface {
		error
		ErrorCode() string
	}](err); ok {
		x.Code = coded.ErrorCode()
	}
	x.Cause, x.Cure = catalogue(x.Code)
	x.Kind = kindOf(x.Code)
	return x
}

// catalogue returns cause and cure of a code.
func catalogue(code string) (cause, cure string) {
	for _, find := range []func(string) (string, string, bool){
		in(Codes()), in(kerberos.Codes()), in(negotiate.Codes()), in(client.Codes()), in(wssec.Codes()),
		in(wstrust.Codes()), in(soap.Codes()),
	} {
		if cause, cure, ok := find(code); ok {
			if own, ok := cures()[code]; ok {
				cure = own
			}
			return cause, cure
		}
	}
	return "", ""
}

// in returns a function that finds a code in a package's table.
func in[C ~string, I ~struct {
	Code  C
	Cause string
	Cure  string
}](codes []I) func(string) (cause, cure string, ok bool) {
	return func(code string) (string, string, bool) {
		for _, c := range codes {
			if info := (struct {
				Code  C
				Cause string
				Cure  string
			})(c); string(info.Code) == code {
				return info.Cause, info.Cure, true
			}
		}
		return "", "", false
	}
}

// cures returns cures for a page, of codes whose packages explain them in terms of
// programs.
func cures() map[string]string {
	return map[string]string{
		string(kerberos.CodePreauth): "Check the password, upper and lower case, and the layout of the keyboard.",
		string(kerberos.CodeKDC): "Try again in a moment. If it stays: the relay's log names each KDC that was asked, " +
			"and kdc-realms has to have the realm.",
		string(kerberos.CodeSkew): "Set the clock of this computer. A difference of up to 36 hours is learnt from the " +
			"KDC, so this is a greater one, or the clock was set since the user has logged in: log in again.",
		string(kerberos.CodeCredentialExpired): "Log in again.",
		string(kerberos.CodeCredential):        "Log in again.",
		string(kerberos.CodePasswordExpired):   "Set a new password, by another program.",
		string(kerberos.CodeClientUnknown):     "Check the name and the realm, upper and lower case included.",
	}
}

// kindOf returns the Kind of a code.
func kindOf(code string) string {
	is := func(codes ...kerberos.Code) bool { return slices.Contains(codes, kerberos.Code(code)) }
	switch {
	case code == string(CodeArgument), code == string(CodeInsecure):
		return "argument"
	case code == string(CodeOver):
		return "session"
	case code == string(CodeInternal), code == "":
		return "internal"
	case code == string(CodeRelay), is(kerberos.CodeKDC, kerberos.CodeKDCReply, kerberos.CodeRealm):
		return "kdc"
	case is(kerberos.CodePreauth, kerberos.CodePreauthType, kerberos.CodeClientUnknown, kerberos.CodeClientRevoked,
		kerberos.CodePasswordExpired, kerberos.CodeSkew, kerberos.CodeCredentialExpired, kerberos.CodeCredential,
		kerberos.CodeKDCEtype, kerberos.CodeKDCRefused):
		return "login"
	case code == string(client.CodeFault):
		return "fault"
	}
	return "service"
}
