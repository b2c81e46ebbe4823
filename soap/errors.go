package soap

// Code names a way in which a message is not a SOAP message. kerberos.Codes are stable: logs,
// metrics and the error catalogue use them.
type Code string

// The codes.
const (
	CodeVersionMismatch Code = "version-mismatch" // root is not an Envelope of a version we know
	CodeEnvelope        Code = "envelope-invalid" // children of Envelope, Header or Body are not as SOAP says
	CodeMustUnderstand  Code = "must-understand"  // a mandatory header block is not understood
)

// kerberos.Codes gives every Code of this package.
func Codes() []Code { return []Code{CodeVersionMismatch, CodeEnvelope, CodeMustUnderstand} }

// Error says where and how a message breaks the SOAP rules.
type Error struct {
	Code Code
	Path string // element path, as "/Envelope/Header"
	Msg  string
}

// Error gives path and cause.
func (e *Error) Error() string { return "soap: " + e.Path + ": " + e.Msg }

// ErrorCode gives the Code as a string, for the error catalogue.
func (e *Error) ErrorCode() string { return string(e.Code) }
