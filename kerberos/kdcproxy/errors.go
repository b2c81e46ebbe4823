package kdcproxy

import (
	"errors"
	"fmt"
	"net/http"
)

// A Code says what became of a request. Codes are stable and in kebab-case.
type Code string

// The codes.
const (
	CodeOK        Code = "ok"
	CodeHTTP      Code = "relay-http"
	CodeOrigin    Code = "relay-origin"
	CodeMalformed Code = "relay-malformed"
	CodeTooLarge  Code = "relay-too-large"
	CodeDomain    Code = "relay-domain"
	CodeRealm     Code = "relay-realm"
	CodeRate      Code = "relay-rate"
	CodeBusy      Code = "relay-busy"
	CodeNoServer  Code = "relay-no-server"
	CodeKDC       Code = "relay-kdc"
	CodeGone      Code = "relay-client-gone"
)

// A CodeInfo explains a Code to an operator.
type CodeInfo struct {
	Code   Code
	Status int    // that an HTTP client gets
	Cause  string // what has happened, in one sentence
	Cure   string // what to do about it
}

// Codes returns the catalogue, without CodeOK.
func Codes() []CodeInfo {
	return []CodeInfo{
		{CodeHTTP, http.StatusBadRequest, "The HTTP request is not one of MS-KKDCP, or no WebSocket handshake.",
			"Clients send POST with a Content-Length; see the error for what is missing. Health checks " +
				"should use another path."},
		{CodeOrigin, http.StatusForbidden, "A page of an origin that is not listed has sent the request.",
			"If the page is yours, list its origin in kdc-origins."},
		{CodeMalformed, http.StatusBadRequest, "The request holds no AS-REQ, TGS-REQ or password request.",
			"The error has the field. If a real client sends it, report it with the name of the client."},
		{CodeTooLarge, http.StatusRequestEntityTooLarge, "The request has more than 128 KiB.",
			"No Kerberos message is so large; look at the client."},
		{CodeDomain, http.StatusBadRequest, "The target-domain and the realm inside the request are not the same realm.",
			"If they are two names of one realm, list the other one in kdc-realm-aliases."},
		{CodeRealm, http.StatusServiceUnavailable, "The request is for a realm that is not relayed.",
			"If clients of that realm are to use the relay, list it in kdc-realms."},
		{CodeRate, http.StatusTooManyRequests, "The client, or all clients of the realm together, have " +
			"sent too many requests.",
			"Many from one address may be guesses of passwords; a proxy in front needs client-address. Raise kdc-client-rate " +
				"or kdc-realm-rate if they are wanted."},
		{CodeBusy, http.StatusServiceUnavailable, "Too many requests wait for KDCs, or too many connections are open.",
			"See why KDCs answer slowly; the events have the time of each answer."},
		{CodeNoServer, http.StatusServiceUnavailable, "No KDC, or no password server, of the realm is known.",
			"Name them in kdc-servers or kdc-password-servers, or in krb5.conf, or set kdc-dns."},
		{CodeKDC, http.StatusServiceUnavailable, "No KDC, or no password server, has answered.",
			"The error names each that was asked and what came of it."},
		{CodeGone, http.StatusServiceUnavailable, "The client has gone, or the relay stops, before there was an answer.",
			"None. Clients that give up often point at slow KDCs."},
	}
}

// An Error is why a request was not relayed, or not answered.
type Error struct {
	Code Code
	Err  error
	// status is what an HTTP client gets; 0 means that of the code.
	status int
}

// Error returns the code and the reason.
func (e *Error) Error() string { return fmt.Sprintf("kdcproxy: %s: %v", e.Code, e.Err) }

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

func refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

// httpStatus returns the status of the answer to an HTTP client.
func (e *Error) httpStatus() int {
	if e.status != 0 {
		return e.status
	}
	for _, c := range Codes() {
		if c.Code == e.Code {
			return c.Status
		}
	}
	return http.StatusServiceUnavailable
}

// codeOf returns the code of an error, CodeOK for nil.
func codeOf(err error) Code {
	if err == nil {
		return CodeOK
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeKDC
}
