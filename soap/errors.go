package soap

// A Code names a way in which a message is not a SOAP message. Codes are
// stable: logs, metrics and the error catalogue use them.
type Code string

// The codes.
const (
	CodeVersionMismatch Code = "version-mismatch" // root is not an Envelope of a version we know
	CodeEnvelope        Code = "envelope-invalid" // children of Envelope, Header or Body are not as SOAP says
	CodeMustUnderstand  Code = "must-understand"  // a mandatory header block is not understood
)

// A CodeInfo explains a Code to an operator.
type CodeInfo struct {
	Code  Code
	Cause string // what has happened, in one sentence
	Cure  string // what to do about it
}

// Codes explains every Code of this package.
func Codes() []CodeInfo {
	return []CodeInfo{
		{CodeVersionMismatch,
			"The root element is not an Envelope of SOAP 1.1 or 1.2.",
			"See what the client sends; the error shows the root's name."},
		{CodeEnvelope,
			"Envelope, Header and Body are not as SOAP says: an element after Body, no Body, text between.",
			"Mend the client; the error has the place."},
		{CodeMustUnderstand,
			"A header block is marked mustUnderstand in a way that cannot be read or met.",
			"Mend the client, or drop the header there."},
	}
}

// Error says where and how a message breaks the SOAP rules.
type Error struct {
	Code Code
	Path string // element path, as "/Envelope/Header"
	Msg  string
}

// Error returns path and cause.
func (e *Error) Error() string { return "soap: " + e.Path + ": " + e.Msg }

// ErrorCode returns the Code as a string, for the error catalogue.
func (e *Error) ErrorCode() string { return string(e.Code) }
