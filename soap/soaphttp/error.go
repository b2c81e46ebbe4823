package soaphttp

import "net/http"

// A Code names a way in which an HTTP message is not one SOAP message.
type Code string

// The codes.
const (
	CodeMediaType       Code = "media-type"            // Content-Type is not that of a SOAP message
	CodeMultipart       Code = "multipart"             // SOAP with Attachments or MTOM
	CodeContentEncoding Code = "content-encoding"      // a compressed body
	CodeTooLarge        Code = "request-too-large"     // more octets than are read
	CodeCut             Code = "request-cut"           // the body ended early
	CodeSOAPVersion     Code = "soap-version-mismatch" // envelope and Content-Type are of two versions
	CodeBusy            Code = "overloaded"            // as many messages at a time as there may be
)

// An Error is why an HTTP message is not a SOAP message that can be read.
type Error struct {
	Code Code
	Err  error // the cause, for operators; may be nil
}

// Error returns the code and, behind a colon, the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return "soaphttp: " + string(e.Code)
	}
	return "soaphttp: " + string(e.Code) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns the Code as a string, for the error catalogue.
func (e *Error) ErrorCode() string { return string(e.Code) }

// Status returns the HTTP status to answer with.
func (e *Error) Status() int {
	switch e.Code {
	case CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case CodeCut:
		return http.StatusBadRequest
	case CodeBusy:
		return http.StatusServiceUnavailable
	}
	return http.StatusUnsupportedMediaType
}
