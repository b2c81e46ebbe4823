package gateway

// A Code is the outcome of an exchange that the gateway itself refused or
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

// A CodeInfo explains a Code to an operator.
type CodeInfo struct {
	Code  Code
	Cause string // what has happened, in one sentence
	Cure  string // what to do about it
}

// Codes explains every Code of this package. [faultOf] has what a client is
// told.
func Codes() []CodeInfo {
	return []CodeInfo{
		{CodeNoRoute,
			"No route has the request's path.",
			"Compare the client's URL with path: of the routes; paths are matched exactly."},
		{CodeMethod,
			"The request's method is not POST.",
			"Send SOAP messages by POST. A WSDL (GET …?wsdl) is not served."},
		{CodeMediaType,
			"Content-Type is neither text/xml (SOAP 1.1) nor application/soap+xml (SOAP 1.2), is there twice, or has " +
				"a parameter that cannot be read.",
			"Correct the client's Content-Type; the error names what is wrong. The action of SOAP 1.2 needs quotes: " +
				"application/soap+xml; action=\"urn:x\"."},
		{CodeMultipart,
			"The message is multipart/related: SOAP with Attachments, MTOM or XOP.",
			"Turn MTOM and attachments off in the client; they are not supported."},
		{CodeContentEncoding,
			"The body is compressed (Content-Encoding).",
			"Turn compression of requests off in the client."},
		{CodeTooLarge,
			"The request is larger than max-message.",
			"Raise max-message if such messages are meant to pass."},
		{CodeTimeout,
			"The body did not arrive within read-timeout.",
			"Look for a slow client or network; raise read-timeout for large messages on slow links."},
		{CodeCut,
			"The connection ended before the body did.",
			"Look at the client or at a proxy between."},
		{CodeTooSlow,
			"The body came more slowly than min-read-rate while its memory was needed for others.",
			"Look for a slow client or network, or an attack; lower min-read-rate for slow links, or raise " +
				"max-in-flight."},
		{CodeOverloaded,
			"The exchanges in progress hold what max-in-flight allows them; the error says which limit it was: that " +
				"of all, of those not verified yet (unverified-share), or of one client (client-share). Or there are " +
				"max-connections exchanges in progress, or max-client-connections of one client.",
			"Raise max-in-flight if there is memory for it (two octets for each), or add a node. If the client is a " +
				"proxy or load balancer, name it in trusted-proxies, so that those behind it have shares of their own " +
				"(client-address)."},
		{CodeHeld,
			"2048 messages, or 512 of one client address, are being verified, or were refused and wait for the time of " +
				"their answers. This one was not looked at.",
			"Look in the log for who sends so many that are refused, and keep it away; else add a node."},
		{CodeDisabled,
			"The route's kerberos-service has disabled: true.",
			"Remove disabled from the service when it is to be used again."},
		{CodeSOAPVersion,
			"The envelope is of one SOAP version, Content-Type of the other.",
			"Correct the client: text/xml for SOAP 1.1, application/soap+xml for SOAP 1.2."},
		{CodeNotAuthorized,
			"The client's ticket is good, but allowed-principals or allowed-realms of the route do not name it, or " +
				"its name cannot be told in an HTTP header.",
			"Add the principal that the event shows, if it is to have access; rename one with white space or a comma."},
		{CodeNotInGroup,
			"The client's ticket is good, but the groups that its PAC tells are none of allowed-groups of the route, " +
				"or it tells none.",
			"Add the client to a group, or the group's SID to the route; a client gets new groups with a new ticket " +
				"(klist purge). Without groups: the KDC writes no PAC with LOGON_INFO; Active Directory and Samba do, " +
				"unless the account is exempt (NO_AUTH_DATA_REQUIRED). Clients of another realm than the service's are in " +
				"the groups only that realm-sids lets their realm tell of."},
		{CodeAddress,
			"The message's protected wsa:To is none of addresses of the route; or there is none, and wsa-to is " +
				"required.",
			"Add the address that the error names if it is this route's, in the client's spelling; only case of " +
				"scheme and host, default ports and needless escapes make no difference. If it is another route's, " +
				"something between client and gateway led the message astray."},
		{CodeAction,
			"SOAPAction, or the action parameter of Content-Type, is not the message's protected wsa:Action; or that " +
				"is there twice, or is no URI.",
			"Let the client send the action of its message, or none, in HTTP. Something between may have changed the " +
				"header; it is under no signature."},
		{CodeBackendDown,
			"The backend took no connection, or broke it.",
			"See that the backend runs and that backend: of the route is its address."},
		{CodeBackendTimeout,
			"The backend's reply was not complete within backend-timeout.",
			"Look at the backend, or raise backend-timeout."},
		{CodeBackendNotSOAP,
			"The backend's reply is not a SOAP message of the request's version, or an HTTP error without a SOAP " +
				"fault.",
			"Call the backend directly and look at what it answers; often the URL's path is wrong."},
		{CodeBackendTooLarge,
			"The backend's reply is larger than max-message.",
			"Raise max-message if such replies are meant to pass."},
		{CodeProtect,
			"The reply could not be protected with the request's key. Nothing of it was sent.",
			"The error in the event says why; if the backend's message is well, report it."},
		{CodeClientGone,
			"The client closed its connection before it had the answer.",
			"Compare the client's timeout with the backend's time in the event."},
		{CodeShutdown,
			"wssgate was told to stop, and the exchange was not done within shutdown-timeout. Whether the backend did " +
				"its part is not known.",
			"Make shutdown-timeout longer than backend-timeout, and what stops the process (systemd's TimeoutStopSec, " +
				"Kubernetes' terminationGracePeriodSeconds) longer still."},
		{CodeInternal,
			"A bug in wssgate.",
			"Please report it with the event, which has the stack."},

		// The errors of package xmltext.
		{CodeXMLSyntax,
			"The message is not well-formed XML with namespaces. The error has place and rule.",
			"Mend what writes the message; a proxy may have cut or changed it. If the rule is about a relative " +
				"namespace name: relative-namespaces: true."},
		{CodeXMLDoctype,
			"The message has a DOCTYPE, which SOAP forbids and attacks use.",
			"Mend the client; there is no switch."},
		{CodeXMLInstruction,
			"The message has a processing instruction, which SOAP forbids.",
			"Mend the client."},
		{CodeXMLEncoding,
			"The encoding is not UTF-8, UTF-16 or US-ASCII, or charset, byte order mark and XML declaration " +
				"contradict each other.",
			"Let the client write UTF-8 and say so, or say nothing."},
		{CodeXMLLimit,
			"The message is deeper, has more elements, attributes or namespaces, or longer names or values than is " +
				"accepted.",
			"The error names limit and place; no real service comes near, so look at the sender first."},
	}
}
