package gateway

// Code is the outcome of an exchange that the gateway itself refused or
// failed; those of the layers below are strings of their own packages. All are
// in the [Catalogue].
type Code string

// The codes.
const (
	CodeNoRoute         Code = "no-route"              // no route has this path
	CodeMethod          Code = "method-not-allowed"    // not POST
	CodeMediaType       Code = "media-type"            // Content-Type is not that of a SOAP message
	CodeMultipart       Code = "multipart"             // SOAP with Attachments or MTOM
	CodeContentEncoding Code = "content-encoding"      // a compressed body
	CodeTooLarge        Code = "request-too-large"     // body over max-message
	CodeTimeout         Code = "request-timeout"       // body did not arrive in read-timeout
	CodeCut             Code = "request-cut"           // body ended early
	CodeTooSlow         Code = "request-too-slow"      // body came below min-read-rate while memory was short
	CodeOverloaded      Code = "overloaded"            // max-in-flight is used up
	CodeHeld            Code = "too-many-refusals"     // as many refusals wait for their time as may
	CodeDisabled        Code = "service-disabled"      // the route's service is switched off
	CodeSOAPVersion     Code = "soap-version-mismatch" // envelope and Content-Type are of two versions

	CodeXMLSyntax      Code = "xml-syntax"      // not well-formed XML
	CodeXMLDoctype     Code = "xml-doctype"     // a DOCTYPE
	CodeXMLInstruction Code = "xml-instruction" // a processing instruction
	CodeXMLEncoding    Code = "xml-encoding"    // charset, byte order mark and declaration do not agree
	CodeXMLLimit       Code = "xml-limit"       // deeper, wider or more than is accepted

	CodeNotAuthorized   Code = "not-authorized"      // a verified client that the route does not admit
	CodeNotInGroup      Code = "not-in-group"        // a verified client that is in none of the route's groups
	CodeAddress         Code = "wrong-address"       // the protected wsa:To is not of the route
	CodeAction          Code = "action-mismatch"     // the action in HTTP is not that of the message
	CodeBackendDown     Code = "backend-down"        // no connection, or it broke
	CodeBackendTimeout  Code = "backend-timeout"     // no whole reply in backend-timeout
	CodeBackendNotSOAP  Code = "backend-not-soap"    // the reply is not a SOAP message of the request's version
	CodeBackendTooLarge Code = "backend-too-large"   // reply over max-message
	CodeProtect         Code = "reply-not-protected" // the reply could not be protected, and was withheld
	CodeClientGone      Code = "client-gone"         // the client closed the connection
	CodeShutdown        Code = "shutdown"            // this process ended before the exchange did
	CodeInternal        Code = "internal"            // a bug
)

// kerberos.Codes gives every Code of this package.
func Codes() []Code {
	var codes []Code
	for _, e := range append(ownEntries(), xmlEntries()...) {
		codes = append(codes, Code(e.Code))
	}
	return codes
}
