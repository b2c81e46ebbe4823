package soap

// A Code names the rule of SOAP that a message broke. Codes are stable: logs,
// metrics and the error catalogue use them.
type Code string

// The codes.
const (
	CodeVersionMismatch Code = "version-mismatch" // the root element is not an Envelope of a known version
	CodeEnvelope        Code = "envelope-invalid" // Envelope, Header or Body break the SOAP specification
)

// A CodeInfo explains a [Code] to an operator.
type CodeInfo struct {
	Code  Code
	Cause string // what has happened, in one sentence
	Cure  string // what to do about it
}

// Codes explains every [Code] of this package.
func Codes() []CodeInfo {
	return []CodeInfo{
		{CodeVersionMismatch,
			"The root element is not an Envelope of SOAP 1.1 or 1.2.",
			"Check what the client sends; the error has the name of the root element."},
		{CodeEnvelope,
			"Envelope, Header or Body break the SOAP specification: an element after Body, no Body, text between " +
				"them, a mustUnderstand that is no truth value.",
			"Fix the client; the error has the element and the rule."},
	}
}

// Error describes where and how a message breaks the SOAP specification.
type Error struct {
	Code Code
	Path string // element path, as "/Envelope/Header"
	Msg  string
}

// Error returns path and cause.
func (e *Error) Error() string { return "soap: " + e.Path + ": " + e.Msg }

// ErrorCode returns e.Code, for the error catalogue.
func (e *Error) ErrorCode() string { return string(e.Code) }
