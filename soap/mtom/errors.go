package mtom

import "fmt"

// A Code names a way in which a message is not a package that is read.
type Code string

// The codes.
const (
	// CodeAttachments: multipart/related, but not of XOP.
	CodeAttachments Code = "attachments"
	// CodePackage: the parts, their header fields or Content-Type are not as MIME
	// and XOP have them.
	CodePackage Code = "mtom-package"
	// CodeInclude: xop:Include elements and parts do not belong together one by
	// one.
	CodeInclude Code = "mtom-include"
	// CodeTooLarge: more octets, or more parts, than are read.
	CodeTooLarge Code = "mtom-too-large"
)

// An Error is why a package is not read.
type Error struct {
	Code Code
	Err  error // the cause, for operators; quotes a little of the message at most
}

// Error returns the code and the cause.
func (e *Error) Error() string { return "mtom: " + string(e.Code) + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns the Code as a string, for the error catalogue.
func (e *Error) ErrorCode() string { return string(e.Code) }

func errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}
