package xmltext

import (
	"errors"
	"fmt"
)

// Causes of a [*SyntaxError], for errors.Is. Sections are those of XML 1.0 (5th
// edition) unless another specification is named.
var (
	ErrEncoding           = errors.New("encoding is not UTF-8, UTF-16 or US-ASCII")              // 4.3.3
	ErrCharset            = errors.New("charset, byte order mark and XML declaration disagree")  // 4.3.3, RFC 7303 3
	ErrCharacter          = errors.New("character not allowed in XML")                           // 2.2
	ErrXMLDecl            = errors.New("malformed XML declaration")                              // 2.8
	ErrDoctype            = errors.New("document type declaration not allowed")                  // SOAP 1.1 3, SOAP 1.2 5
	ErrPI                 = errors.New("processing instruction not allowed")                     // SOAP 1.1 3, SOAP 1.2 5
	ErrPISyntax           = errors.New("malformed processing instruction")                       // 2.6
	ErrComment            = errors.New("malformed comment")                                      // 2.5
	ErrCDATA              = errors.New("malformed CDATA section")                                // 2.7
	ErrCDATAEnd           = errors.New("]]> in character data")                                  // 2.4
	ErrMarkup             = errors.New("malformed markup")                                       // 2.4
	ErrName               = errors.New("not a qualified name")                                   // 2.3, Namespaces 4
	ErrTag                = errors.New("malformed tag")                                          // 3.1
	ErrAttribute          = errors.New("malformed attribute")                                    // 3.1
	ErrLessThan           = errors.New("< in attribute value")                                   // 3.1
	ErrDuplicateAttribute = errors.New("duplicate attribute")                                    // 3.1, Namespaces 6.3
	ErrEntity             = errors.New("undefined entity")                                       // 4.1
	ErrReference          = errors.New("malformed character or entity reference")                // 4.1
	ErrCharacterReference = errors.New("character reference to a character not allowed in XML")  // 4.1
	ErrUndeclaredPrefix   = errors.New("undeclared namespace prefix")                            // Namespaces 5
	ErrReservedPrefix     = errors.New("reserved namespace prefix or name")                      // Namespaces 3
	ErrEmptyNamespace     = errors.New("prefix declared with an empty namespace name")           // Namespaces 5
	ErrRelativeNamespace  = errors.New("relative namespace name")                                // Canonical XML 1.0
	ErrEndTag             = errors.New("end tag does not match")                                 // 3
	ErrTextOutsideRoot    = errors.New("text outside the root element")                          // 2.1
	ErrSecondRoot         = errors.New("second root element")                                    // 2.1
	ErrNoRoot             = errors.New("no root element")                                        // 2.1
	ErrUnexpectedEnd      = errors.New("unexpected end of input")                                // 2.1
	ErrLimit              = errors.New("limit exceeded")                                         // see LimitError
	ErrGraft              = errors.New("element cannot be replaced: it is the root or replaced") // XML Encryption 4.2
	ErrGraftNotOneElement = errors.New("plaintext of Type Element is not exactly one element")   // XML Encryption 4.2
	ErrOuterName          = errors.New("name uses a declaration outside the plaintext")          // see GraftNames
	ErrNotSerializable    = errors.New("tree is not well-formed XML")                            // see FromElement
)

// SyntaxError describes where the input stopped being acceptable, and why. It
// quotes at most a name or a few octets of the input.
type SyntaxError struct {
	Offset int64  // octets before the error, in the UTF-8 form; for a graft, in the plaintext
	Path   string // of the innermost open element, as Node.Path returns it; "/" outside the root
	Err    error  // one of the Err… values of this package, possibly wrapped with detail
}

// Error returns cause, offset and path.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("xml: %v at octet %d in %s", e.Err, e.Offset, e.Path)
}

// Unwrap returns e.Err.
func (e *SyntaxError) Unwrap() error { return e.Err }

// LimitError is the cause of a [SyntaxError] when a limit was exceeded. It
// matches [ErrLimit].
type LimitError struct {
	What string // the field of Limits, or what else is bounded
	Max  int    // the limit in force
}

// Error names the limit and its value.
func (e *LimitError) Error() string {
	return fmt.Sprintf("limit exceeded: %s %d", e.What, e.Max)
}

// Unwrap returns [ErrLimit].
func (e *LimitError) Unwrap() error { return ErrLimit }
