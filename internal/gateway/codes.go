package gateway

// A Code is the outcome of an exchange that the gateway itself refused or
// failed. The packages below have codes of their own. The [Catalogue] has them
// all.
type Code string

// The codes.
const (
	CodeNoRoute         Code = "no-route"              // no route has this path at this host
	CodeMethod          Code = "method-not-allowed"    // not POST
	CodePath            Code = "path-ambiguous"        // a path that may be one of another route
	CodeMisdirected     Code = "misdirected"           // the host is not that of the TLS connection
	CodeMediaType       Code = "media-type"            // Content-Type is not that of a SOAP message
	CodeMultipart       Code = "multipart"             // MTOM where it is refused
	CodeAttachments     Code = "attachments"           // SOAP with Attachments
	CodePackage         Code = "mtom-package"          // parts that are not as MTOM has them
	CodeInclude         Code = "mtom-include"          // attachments that the message does not name one by one
	CodeContentEncoding Code = "content-encoding"      // a compressed body
	CodeTooLarge        Code = "request-too-large"     // body over max-message
	CodeTimeout         Code = "request-timeout"       // body did not arrive in read-timeout
	CodeCut             Code = "request-cut"           // body ended early
	CodeTooSlow         Code = "request-too-slow"      // body came below min-read-rate while memory was short
	CodeNoDocument      Code = "wsdl-no-document"      // a description that does not have the document
	CodeNoDescription   Code = "wsdl-unavailable"      // the WSDL cannot be loaded
	CodeOverloaded      Code = "overloaded"            // max-in-flight is used up
	CodeHeld            Code = "too-many-refusals"     // as many refusals wait for their time as may
	CodeClientRate      Code = "client-rate"           // the client's address has sent too many requests
	CodeFailureRate     Code = "failure-rate"          // the client's address has failed to authenticate too often
	CodePrincipalRate   Code = "principal-rate"        // the client has had too many exchanges
	CodeDisabled        Code = "service-disabled"      // the route's service is switched off
	CodeSOAPVersion     Code = "soap-version-mismatch" // envelope and Content-Type are of two versions

	CodeXMLSyntax      Code = "xml-syntax"      // not well-formed XML
	CodeXMLDoctype     Code = "xml-doctype"     // a DOCTYPE
	CodeXMLInstruction Code = "xml-instruction" // a processing instruction
	CodeXMLEncoding    Code = "xml-encoding"    // charset, byte order mark and declaration do not agree
	CodeXMLLimit       Code = "xml-limit"       // deeper, wider or more than is accepted

	CodeNotAuthorized   Code = "not-authorized"      // a verified client that the route does not admit
	CodeDenied          Code = "denied"              // a verified client that a deny list of the route has
	CodeNotInGroup      Code = "not-in-group"        // a verified client that is in none of the route's groups
	CodeAddress         Code = "wrong-address"       // the protected wsa:To is not of the route
	CodeAddressing      Code = "addressing-invalid"  // header blocks of WS-Addressing contradict each other
	CodeReplyTo         Code = "reply-to-elsewhere"  // a reply would go elsewhere than to the client
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
	Cause string // what has happened
	Cure  string // what to do about it
}

// Codes explains every Code of this package. faultOf maps them to faults.
func Codes() []CodeInfo {
	return []CodeInfo{
		{CodeNoRoute,
			"No route has the request's path, at its host and on its listener.",
			"Compare the client's URL with path:, hosts: and on-listeners: of the routes; paths are matched exactly."},
		{CodeMethod,
			"The request's method is not POST; on a route of HTTP requests it is CONNECT or TRACE.",
			"Send SOAP messages by POST. A WSDL (GET …?wsdl) is served where wsdl: of the route says so. CONNECT and TRACE " +
				"never pass."},
		{CodePath,
			"The request's path can be read as one of another route: it has \"..\", a backslash, a parameter or escapes " +
				"of escapes, or differs from that route's path by case.",
			"Look at the client: only an attacker or a fault writes such paths. Give paths that must differ by case a " +
				"listener of their own."},
		{CodeMisdirected,
			"The request's host has a certificate of its own, and the client's TLS connection is for a host with another " +
				"one (421).",
			"Nothing, if the client comes again by a connection of its own, as browsers do. Else let it name the same host " +
				"in TLS (SNI) and in the request."},
		{CodeNoDocument,
			"The request asks for a document that the description of the service does not have, such as ?singleWsdl " +
				"of a service that has none, or for something else than metadata at the path of the metadata.",
			"Let the client begin with ?wsdl: the names of other documents are in it, and change with the backend's."},
		{CodeNoDescription,
			"The WSDL of the service, or a document that it imports, could not be loaded, or is not one that can be " +
				"published.",
			"The error has the reason. wsdl: of the route says where it is loaded from, wsdl-imports what else is fetched."},
		{CodeMediaType,
			"Content-Type is neither text/xml (SOAP 1.1) nor application/soap+xml (SOAP 1.2) nor multipart/related " +
				"with the parameters of MTOM, is there twice, or has a parameter that cannot be read; or there are two values " +
				"of SOAPAction.",
			"Correct the client's Content-Type or SOAPAction; the error names what is wrong. The action of SOAP 1.2 needs " +
				"quotes: application/soap+xml; action=\"urn:x\"."},
		{CodeMultipart,
			"The message is multipart/related: MTOM, or SOAP with Attachments. The route has mtom: refuse.",
			"Turn MTOM and attachments off in the client, or remove mtom: refuse from the route; SOAP with Attachments is " +
				"not supported."},
		{CodeAttachments,
			"The message is SOAP with Attachments: multipart/related with another type than application/xop+xml. No " +
				"signature covers what it has beside its envelope.",
			"Let the client send its files by MTOM, or in the envelope."},
		{CodePackage,
			"The parts of an MTOM message, their header fields or their boundaries are not as MIME and XOP have them: the " +
				"error names part and rule.",
			"Look at what the client writes; a proxy between may have changed it. What several readers could understand " +
				"differently is refused."},
		{CodeInclude,
			"xop:Include elements and attachments of an MTOM message do not belong together one by one: an attachment " +
				"that no element names, and no digest covers; one that two name; an element that names none.",
			"If the elements are encrypted and the attachments are not, as CXF's streaming client has it: use CXF's other " +
				"one, and let it expand xop:Include elements, which is its default. Else look at the sender, which may attack."},
		{CodeContentEncoding,
			"The body is compressed (Content-Encoding).",
			"Turn compression of requests off in the client; the answer's Accept-Encoding says that there is none."},
		{CodeTooLarge,
			"The request is larger than max-message, or is with its MTOM attachments as base64; or it has 1000 of them.",
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
			"The exchanges in progress hold what max-in-flight allows them, for messages and large header sections; " +
				"the error says which limit it was: that " +
				"of all, of those not verified yet (unverified-share), or of one client (client-share). Or there are " +
				"max-connections exchanges in progress, or max-client-connections of one client.",
			"Raise max-in-flight if there is memory for it (two octets for each), or add a node. If the client is a " +
				"proxy or load balancer, name it in trusted-proxies, so that those behind it have shares of their own " +
				"(client-address)."},
		{CodeHeld,
			"2048 messages, or 512 of one client address, are being verified, or were refused and wait for the time of " +
				"their answers. This one was not looked at.",
			"Look in the log for who sends so many that are refused, and keep it away; else add a node."},
		{CodeClientRate,
			"The client's address (of IPv6: its /64) has sent more than client-rate requests a second, and client-burst at " +
				"once.",
			"Raise client-rate if so many are meant to pass. If the address is a proxy or load balancer, name it in " +
				"trusted-proxies, so that those behind it are counted each (client-address)."},
		{CodeFailureRate,
			"The client's address (of IPv6: its /64) has failed to authenticate more than failure-rate times within a " +
				"minute. Its requests are not looked at for failure-pause.",
			"Look in the log for the refusals before, which have their own codes. For a proxy see client-rate; if many " +
				"share the address by address translation, raise failure-rate."},
		{CodePrincipalRate,
			"The client, by its principal, has had more than principal-rate exchanges a second, and principal-burst at once.",
			"Raise principal-rate of the route if the client is meant to send so many; else let it come again after the " +
				"time in Retry-After."},
		{CodeDisabled,
			"The route's kerberos-service has disabled: true.",
			"Remove disabled from the service when it is to be used again."},
		{CodeSOAPVersion,
			"The envelope is of one SOAP version, Content-Type of the other.",
			"Correct the client: text/xml for SOAP 1.1, application/soap+xml for SOAP 1.2."},
		{CodeNotAuthorized,
			"The client's ticket is good, but no entry of allowed-principals or of allowed-realms of the route matches, or " +
				"its name cannot be written in an HTTP header.",
			"Add the principal that the event shows, if it is to have access; rename one with white space or a comma."},
		{CodeDenied,
			"The client's ticket is good, but denied-principals, denied-realms or denied-groups of the route have it; or " +
				"they may: it has an enterprise name beside denied-principals, or a ticket that names no groups beside " +
				"denied-groups.",
			"See rule in the event. A client that should be admitted and has an enterprise name asks for a ticket with its " +
				"canonical one (kinit -C); for one without groups see not-in-group."},
		{CodeNotInGroup,
			"The client's ticket is good, but none of the groups in its PAC is in allowed-groups of the route, or it " +
				"holds none.",
			"Add the client to a group, or the group's SID to the route; a client gets new groups with a new ticket " +
				"(klist purge). Without groups: the KDC writes no PAC with LOGON_INFO; Active Directory and Samba do, " +
				"unless the account is exempt (NO_AUTH_DATA_REQUIRED). Clients of another realm than the service's are in " +
				"those groups only that realm-sids allows for their realm."},
		{CodeAddress,
			"The message's protected wsa:To is none of addresses of the route; or there is none, and wsa-to is " +
				"required.",
			"Add the address that the error names if it is this route's, in the client's spelling; only case of " +
				"scheme and host, default ports and needless escapes make no difference. If it is another route's, " +
				"something between client and gateway led the message astray."},
		{CodeAddressing,
			"The message's header blocks of WS-Addressing are not valid: one of a kind that may be there once is there " +
				"twice, blocks are of both versions, one is longer than 8 KiB, an endpoint reference has no address, or " +
				"wsa:Action is missing on a route with addressing: terminate.",
			"Fix the client; the error has the block. If the client does not write it: something between adds blocks."},
		{CodeReplyTo,
			"wsa:ReplyTo or wsa:FaultTo, for whatever actor, names an address that is neither the anonymous one nor " +
				"none; or wsa:From does in the version of 2004/08 without wsa:ReplyTo. wssgate answers the connection " +
				"that the request came by, and calls no other address.",
			"Let the client take its reply from that connection: in CXF without a decoupled endpoint, in WCF without " +
				"a duplex binding. If the client does not write it: something between wants the reply."},
		{CodeAction,
			"SOAPAction, or the action parameter of Content-Type, is not the message's wsa:Action; or that is no URI.",
			"Let the client send the action of its message, or none, in HTTP. Something between may have changed the " +
				"header; it is under no signature."},
		{CodeBackendDown,
			"No backend took a connection, or the one that got the message broke it.",
			"See that the backend runs and that backend: of the route is its address. The error names each that was tried; " +
				"if it is about a certificate see backend-ca, backend-server-name and backend-cert. wssgate doctor looks at " +
				"them all."},
		{CodeBackendTimeout,
			"The backend's reply was not complete within backend-timeout.",
			"Look at the backend, or raise backend-timeout."},
		{CodeBackendNotSOAP,
			"The backend's reply is not a SOAP message of the request's version, is compressed by something else than " +
				"gzip or deflate, or is an HTTP error without a SOAP fault.",
			"Call the backend directly and look at what it answers; often the URL's path is wrong."},
		{CodeBackendTooLarge,
			"The backend's reply is larger than max-message, or is when it has been decompressed.",
			"Raise max-message if such replies are meant to pass."},
		{CodeProtect,
			"The reply could not be protected with the request's key. Nothing of it was sent.",
			"The error in the event has the reason; if the backend's message is correct, report it."},
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
			"Let the client write UTF-8, and declare that or nothing."},
		{CodeXMLLimit,
			"The message is deeper, has more elements, attributes or namespaces, or longer names or values than is " +
				"accepted.",
			"The error names limit and place; no real service comes near, so look at the sender first."},
	}
}
