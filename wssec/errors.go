package wssec

import (
	"errors"
	"fmt"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// Code is one entry of the error catalogue: what was wrong with a message. kerberos.Codes are for
// operators; on the wire most of them are one fault (FaultFor).
type Code string

// The codes.
const (
	CodeSecurityMissing   Code = "security-header-missing"    // the policy asks for a Security header and there is none
	CodeSecurityDuplicate Code = "security-header-duplicate"  // two Security headers for this node
	CodeSecurityInvalid   Code = "security-header-invalid"    // an element of the Security header is not as the specification says
	CodeUnsupportedToken  Code = "unsupported-security-token" // a token type that the policy does not name
	CodeUnsupportedAlg    Code = "unsupported-algorithm"      // an algorithm that is not in the policy's suite
	CodeInvalidToken      Code = "invalid-security-token"     // a token that cannot be decoded
	CodeTokenMissing      Code = "security-token-missing"     // the token that the policy asks for is not there
	CodeTokenUnavailable  Code = "security-token-unavailable" // a reference to a token that is neither in the message nor known
	CodeTokenSuspended    Code = "security-token-suspended"   // a remembered token whose key too many messages named that then failed
	CodeFailedAuth        Code = "failed-authentication"      // the ticket was refused; the cause is from package kerberos
	CodeKeyLength         Code = "key-length"                 // a key that does not fit the suite
	CodeDerivedKey        Code = "derived-key-invalid"        // a DerivedKeyToken outside the bounds or the policy
	CodeReference         Code = "reference-invalid"          // a reference to nothing, or to a place the policy does not allow
	CodeDuplicateID       Code = "duplicate-id"               // an Id that two elements carry
	CodeSignatureMissing  Code = "signature-missing"          // the policy asks for a signature and there is none
	CodeSignatureExtra    Code = "signature-unexpected"       // a signature that the policy does not ask for
	CodeSignatureInvalid  Code = "signature-invalid"          // the SignatureValue is wrong
	CodeDigestInvalid     Code = "digest-invalid"             // a DigestValue is wrong
	CodeNotSigned         Code = "part-not-signed"            // a part that must be signed is not
	CodeNotEncrypted      Code = "part-not-encrypted"         // a part that must be encrypted is not
	CodeDecryption        Code = "decryption-failed"          // padding, tag or length of a ciphertext is wrong
	CodePlaintext         Code = "plaintext-invalid"          // the plaintext is not the XML it must be
	CodeProtectionOrder   Code = "protection-order"           // signed and encrypted in the other order
	CodeLayout            Code = "layout"                     // order of the Security header against the policy's Layout
	CodeTimestampMissing  Code = "timestamp-missing"          // the policy asks for a Timestamp and there is none
	CodeTimestampInvalid  Code = "timestamp-invalid"          // a Timestamp that cannot be read
	CodeMessageExpired    Code = "message-expired"            // too old, or from the future
	CodeMessageReplayed   Code = "message-replayed"           // the same signature was seen before
	CodeReplayUnavailable Code = "replay-store-unavailable"   // the replay store failed; nothing is accepted
	CodeContentPrefix     Code = "content-prefix"             // a qualified name in content whose prefix no digest covers
	CodeConfirmation      Code = "signature-confirmation"     // SignatureConfirmation missing or wrong
	CodeTransport         Code = "transport-not-secure"       // the policy asks for TLS
	CodeNotUnderstood     Code = "header-not-understood"      // a mandatory header block is neither processed nor forwarded
	CodeHeaderRefused     Code = "header-refused"             // a header block without protection, and the route refuses those
	CodeLimit             Code = "security-limit"             // more elements of a kind than any peer sends
	CodeNoMemory          Code = "memory"                     // Config.Reserve refused, for the size of the message alone
	CodePlaintextMemory   Code = "plaintext-memory"           // Config.Reserve refused, for what a plaintext is
	CodeProtect           Code = "protect-failed"             // a reply could not be protected
)

// kerberos.Codes gives every Code of this package.
func Codes() []Code {
	return []Code{CodeSecurityMissing, CodeSecurityDuplicate, CodeSecurityInvalid, CodeUnsupportedToken, CodeUnsupportedAlg,
		CodeInvalidToken, CodeTokenMissing, CodeTokenUnavailable, CodeTokenSuspended, CodeFailedAuth, CodeKeyLength, CodeDerivedKey, CodeReference,
		CodeDuplicateID, CodeSignatureMissing, CodeSignatureExtra, CodeSignatureInvalid, CodeDigestInvalid, CodeNotSigned,
		CodeNotEncrypted, CodeDecryption, CodePlaintext, CodeProtectionOrder, CodeLayout, CodeTimestampMissing,
		CodeTimestampInvalid, CodeMessageExpired, CodeMessageReplayed, CodeReplayUnavailable, CodeContentPrefix, CodeConfirmation, CodeTransport,
		CodeNotUnderstood, CodeHeaderRefused, CodeLimit, CodeNoMemory, CodePlaintextMemory, CodeProtect}
}

// Error says which rule a message broke, where, and why. Its text is for operators: it
// never contains key octets, tokens or plaintext.
type Error struct {
	Code Code
	Path string // element path, "" if the message as a whole
	Err  error  // the cause
	// Block is the header block that a CodeNotUnderstood error is about.
	Block xmltext.Name
	// Askers are the addresses whose messages made a KeyGuard suspend the key that this
	// message names; nil if it is not suspended, or if no address is known.
	Askers []string

	failure *failure // what a KeyGuard counted it as; nil if it did not
}

// Error gives code, place and cause.
func (e *Error) Error() string {
	s := "wssec: " + string(e.Code)
	if e.Path != "" {
		s += " at " + e.Path
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrorCode gives the most telling code for the error catalogue: that of the Kerberos
// error that made an authentication fail, of the replay store's or that of Config.Reserve,
// else Code.
func (e *Error) ErrorCode() string {
	var inner interface{ ErrorCode() string }
	if (e.Code == CodeFailedAuth || e.Code == CodeReplayUnavailable || e.Code == CodeNoMemory) && errors.As(e.Err, &inner) {
		return inner.ErrorCode()
	}
	return string(e.Code)
}

// UnprotectedFault is a fault in clear where a protected reply was due. Whoever is between
// the peers can have written it: it may be shown, and must not be believed.
type UnprotectedFault struct {
	Fault *soap.Fault
	Err   error // the rule that the reply broke
}

// Error gives the rule, and what the fault says.
func (e *UnprotectedFault) Error() string {
	code := [...]string{"Sender", "Receiver", "VersionMismatch", "MustUnderstand"}[e.Fault.Code]
	if e.Fault.Subcode.Local != "" {
		code = e.Fault.Subcode.Local
	}
	return fmt.Sprintf("%v; the reply is a fault in clear, for which nothing vouches: %.60q, %.200q", e.Err, code, e.Fault.Reason)
}

// Unwrap gives the rule.
func (e *UnprotectedFault) Unwrap() error { return e.Err }

// errAt makes an Error about an element.
func errAt(code Code, n xmltext.Node, format string, args ...any) *Error {
	e := &Error{Code: code, Err: fmt.Errorf(format, args...)}
	if !n.IsZero() {
		e.Path = n.Path()
	}
	return e
}

// wrapAt makes an Error about an element from an error of a lower package, which carries
// its own place.
func wrapAt(code Code, err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: code, Err: err}
}

// FaultFor is the one mapping from an error to what the peer is told. Every failure of
// the security processing (ticket, decryption, plaintext, digest, HMAC, coverage,
// structure) is the same fault, octet for octet, so that nobody learns from the answer
// which check failed (protocol attacks on CBC, protocol guessing). Distinct are those
// that say nothing about keys: MessageExpired, MustUnderstand, VersionMismatch, and a
// message that is not a SOAP message at all. For any other error it gives a Receiver
// fault without detail.
func FaultFor(err error) *soap.Fault {
	var we *Error
	var se *soap.Error
	var xe *xmltext.SyntaxError
	switch {
	case errors.As(err, &we):
		return we.fault()
	case errors.As(err, &se) && se.Code == soap.CodeVersionMismatch:
		return &soap.Fault{Code: soap.VersionMismatch, Reason: "The message is not a SOAP 1.1 or SOAP 1.2 envelope."}
	case errors.As(err, &se), errors.As(err, &xe):
		return &soap.Fault{Code: soap.Sender, Reason: "The message is not a well-formed SOAP envelope."}
	}
	return &soap.Fault{Code: soap.Receiver, Reason: "The message could not be processed."}
}

func (e *Error) fault() *soap.Fault {
	switch e.Code {
	case CodeMessageExpired:
		return &soap.Fault{Subcode: xmltext.Name{Space: NSWSSE, Local: "MessageExpired"}, Reason: "The message has expired"}
	case CodeNotUnderstood:
		return &soap.Fault{Code: soap.MustUnderstandFault, Reason: "A mandatory header block was not understood.",
			NotUnderstood: []xmltext.Name{e.Block}}
	case CodeReplayUnavailable, CodeNoMemory, CodeProtect:
		return &soap.Fault{Code: soap.Receiver, Reason: "The message could not be processed."}
	}
	return &soap.Fault{Subcode: xmltext.Name{Space: NSWSSE, Local: "InvalidSecurity"},
		Reason: "An error was discovered processing the <wsse:Security> header."}
}
