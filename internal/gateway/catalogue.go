package gateway

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// An Entry of the catalogue explains one error code: what happened and what to
// do about it, for the operator; what the client was told.
type Entry struct {
	Code  string
	Cause string
	Cure  string

	fault  *soap.Fault // nil: wssec's mapping
	status int         // HTTP status where it is not that of the SOAP binding
}

// Elsewhere reports whether serve ends no exchange with the code: it is one of
// clients, of doctor and inspect.
func (e Entry) Elsewhere() bool { return elsewhere(e.Code) }

// Fault words what the client gets: "wsse:InvalidSecurity", "soap:Receiver",
// with the HTTP status where it is a special one.
func (e Entry) Fault() string {
	if e.Elsewhere() || e.Code == string(CodeClientGone) || e.Code == string(CodeShutdown) {
		return "none"
	}
	fault := e.fault
	if fault == nil {
		fault = wssec.FaultFor(e.example())
	}
	name := [...]string{"soap:Sender", "soap:Receiver", "soap:VersionMismatch", "soap:MustUnderstand"}[fault.Code]
	switch {
	case fault.Subcode.Space == wssec.NSWSSE:
		name = "wsse:" + fault.Subcode.Local
	case fault.Subcode.Space == soap.NSAddressing:
		name = "wsa:" + fault.Subcode.Local
	}
	if e.status != 0 {
		name += ", HTTP " + strconv.Itoa(e.status)
	}
	return name
}

// example is an error of e's code, as its package makes it.
func (e Entry) example() error {
	for _, c := range soap.Codes() {
		if string(c) == e.Code {
			return &soap.Error{Code: c}
		}
	}
	for _, c := range wssec.Codes() {
		if string(c) == e.Code {
			return &wssec.Error{Code: c}
		}
	}
	for _, x := range xmlEntries() {
		if x.Code == e.Code {
			return &xmltext.SyntaxError{Err: xmltext.ErrMarkup}
		}
	}
	return &wssec.Error{Code: wssec.CodeFailedAuth} // wraps every code of package kerberos
}

// Catalogue gives an entry for every code: those that an exchange can end with,
// in the order in which a message meets them, then those that are of elsewhere.
func Catalogue() []Entry {
	var all, others []Entry
	for _, e := range slices.Concat(ownEntries(), xmlEntries(), soapEntries(), securityEntries(), kerberosEntries()) {
		if e.Elsewhere() {
			others = append(others, e)
		} else {
			all = append(all, e)
		}
	}
	return append(all, others...)
}

// lookup finds the gateway's own entries, whose faults are not wssec's.
func lookup(code Code) (Entry, bool) {
	for _, e := range ownEntries() {
		if e.Code == string(code) {
			return e, true
		}
	}
	return Entry{}, false
}

func sender(reason string) *soap.Fault   { return &soap.Fault{Code: soap.Sender, Reason: reason} }
func receiver(reason string) *soap.Fault { return &soap.Fault{Code: soap.Receiver, Reason: reason} }

// ownEntries are the gateway's own codes. The texts of the faults tell a
// client what it can mend and nothing of what is behind the gateway.
func ownEntries() []Entry {
	const unavailable = "The service is not available."
	return []Entry{
		{string(CodeNoRoute), "No route has the request's path.", "Compare the client's URL with path: of the routes; paths are matched exactly.",
			sender("There is no service at this address."), http.StatusNotFound},
		{string(CodeMethod), "The request's method is not POST.", "Send SOAP messages by POST. A WSDL (GET …?wsdl) is not served.",
			sender("Only POST is accepted."), http.StatusMethodNotAllowed},
		{string(CodeMediaType), "Content-Type is neither text/xml (SOAP 1.1) nor application/soap+xml (SOAP 1.2), is there twice, or has a parameter that cannot be read.", "Correct the client's Content-Type; the error names what is wrong. The action of SOAP 1.2 needs quotes: application/soap+xml; action=\"urn:x\".",
			sender("The Content-Type is not that of a SOAP message."), http.StatusUnsupportedMediaType},
		{string(CodeMultipart), "The message is multipart/related: SOAP with Attachments, MTOM or XOP.", "Turn MTOM and attachments off in the client; they are not supported.",
			sender("Attachments, MTOM and XOP are not supported."), http.StatusUnsupportedMediaType},
		{string(CodeContentEncoding), "The body is compressed (Content-Encoding).", "Turn compression of requests off in the client.",
			sender("Content-Encoding is not supported."), http.StatusUnsupportedMediaType},
		{string(CodeTooLarge), "The request is larger than max-message.", "Raise max-message if such messages are meant to pass.",
			sender("The message is too large."), http.StatusRequestEntityTooLarge},
		{string(CodeTimeout), "The body did not arrive within read-timeout.", "Look for a slow client or network; raise read-timeout for large messages on slow links.",
			sender("The message did not arrive in time."), http.StatusRequestTimeout},
		{string(CodeCut), "The connection ended before the body did.", "Look at the client or at a proxy between.",
			sender("The message is incomplete."), http.StatusBadRequest},
		{string(CodeTooSlow), "The body came more slowly than min-read-rate while its memory was needed for others.", "Look for a slow client or network, or an attack; lower min-read-rate for slow links, or raise max-in-flight.",
			sender("The message did not arrive in time."), http.StatusRequestTimeout},
		{string(CodeOverloaded), "The exchanges in progress hold what max-in-flight allows them; the error says which limit it was: that of all, of those not verified yet (unverified-share), or of one client (client-share). Or there are max-connections exchanges in progress, or max-client-connections of one client.", "Raise max-in-flight if there is memory for it (two octets for each), or add a node. If the client is a proxy or load balancer, name it in trusted-proxies, so that those behind it have shares of their own (client-address).",
			receiver("The service is busy; try again."), http.StatusServiceUnavailable},
		{string(CodeHeld), "2048 messages are being verified, or were refused and wait for the time of their answers. This one was not looked at.", "Look in the log for who sends so many that are refused, and keep it away; else add a node.",
			receiver("The service is busy; try again."), http.StatusServiceUnavailable},
		{string(CodeDisabled), "The route's kerberos-service has disabled: true.", "Remove disabled from the service when it is to be used again.",
			receiver(unavailable), 0},
		{string(CodeSOAPVersion), "The envelope is of one SOAP version, Content-Type of the other.", "Correct the client: text/xml for SOAP 1.1, application/soap+xml for SOAP 1.2.",
			sender("Content-Type and envelope are of different SOAP versions."), http.StatusUnsupportedMediaType},

		{string(CodeNotAuthorized), "The client's ticket is good, but allowed-principals or allowed-realms of the route do not name it, or its name cannot be told in an HTTP header.", "Add the principal that the event shows, if it is to have access; rename one with white space or a comma.",
			&soap.Fault{Code: soap.Sender, Subcode: xmltext.Name{Space: wssec.NSWSSE, Local: "FailedAuthentication"}, Reason: "The security token could not be authenticated or authorized"}, 0},
		{string(CodeNotInGroup), "The client's ticket is good, but the groups that its PAC tells are none of allowed-groups of the route, or it tells none.", "Add the client to a group, or the group's SID to the route; a client gets new groups with a new ticket (klist purge). Without groups: the KDC writes no PAC with LOGON_INFO; Active Directory and Samba do, unless the account is exempt (NO_AUTH_DATA_REQUIRED). Clients of another realm than the service's are in the groups only that realm-sids lets their realm tell of.",
			&soap.Fault{Code: soap.Sender, Subcode: xmltext.Name{Space: wssec.NSWSSE, Local: "FailedAuthentication"}, Reason: "The security token could not be authenticated or authorized"}, 0},
		{string(CodeAddress), "The message's protected wsa:To is none of addresses of the route; or there is none, and wsa-to is required.", "Add the address that the error names if it is this route's, in the client's spelling; only case of scheme and host, default ports and needless escapes make no difference. If it is another route's, something between client and gateway led the message astray.",
			&soap.Fault{Code: soap.Sender, Subcode: xmltext.Name{Space: soap.NSAddressing, Local: "DestinationUnreachable"}, Reason: "The message is for another address."}, 0},
		{string(CodeAction), "SOAPAction, or the action parameter of Content-Type, is not the message's protected wsa:Action; or that is there twice, or is no URI.", "Let the client send the action of its message, or none, in HTTP. Something between may have changed the header; it is under no signature.",
			sender("The action in HTTP is not that of the message."), 0},
		{string(CodeBackendDown), "The backend took no connection, or broke it.", "See that the backend runs and that backend: of the route is its address.", receiver(unavailable), 0},
		{string(CodeBackendTimeout), "The backend's reply was not complete within backend-timeout.", "Look at the backend, or raise backend-timeout.", receiver(unavailable), 0},
		{string(CodeBackendNotSOAP), "The backend's reply is not a SOAP message of the request's version, or an HTTP error without a SOAP fault.", "Call the backend directly and look at what it answers; often the URL's path is wrong.", receiver(unavailable), 0},
		{string(CodeBackendTooLarge), "The backend's reply is larger than max-message.", "Raise max-message if such replies are meant to pass.", receiver(unavailable), 0},
		{string(CodeProtect), "The reply could not be protected with the request's key. Nothing of it was sent.", "The error in the event says why; if the backend's message is well, report it.", receiver("The reply could not be protected."), 0},
		{string(CodeClientGone), "The client closed its connection before it had the answer.", "Compare the client's timeout with the backend's time in the event.", receiver(unavailable), 0},
		{string(CodeShutdown), "wssgate was told to stop, and the exchange was not done within shutdown-timeout. Whether the backend did its part is not known.", "Make shutdown-timeout longer than backend-timeout, and what stops the process (systemd's TimeoutStopSec, Kubernetes' terminationGracePeriodSeconds) longer still.", receiver(unavailable), 0},
		{string(CodeInternal), "A bug in wssgate.", "Please report it with the event, which has the stack.", receiver("The message could not be processed."), 0},
	}
}

// xmlEntries are the errors of package xmltext.
func xmlEntries() []Entry {
	return []Entry{
		{Code: string(CodeXMLSyntax), Cause: "The message is not well-formed XML with namespaces. The error has place and rule.", Cure: "Mend what writes the message; a proxy may have cut or changed it. If the rule is about a relative namespace name: relative-namespaces: true."},
		{Code: string(CodeXMLDoctype), Cause: "The message has a DOCTYPE, which SOAP forbids and attacks use.", Cure: "Mend the client; there is no switch."},
		{Code: string(CodeXMLInstruction), Cause: "The message has a processing instruction, which SOAP forbids.", Cure: "Mend the client."},
		{Code: string(CodeXMLEncoding), Cause: "The encoding is not UTF-8, UTF-16 or US-ASCII, or charset, byte order mark and XML declaration contradict each other.", Cure: "Let the client write UTF-8 and say so, or say nothing."},
		{Code: string(CodeXMLLimit), Cause: "The message is deeper, has more elements, attributes or namespaces, or longer names or values than is accepted.", Cure: "The error names limit and place; no real service comes near, so look at the sender first."},
	}
}

// soapEntries are the codes of package soap.
func soapEntries() []Entry {
	return []Entry{
		{Code: "version-mismatch", Cause: "The root element is not an Envelope of SOAP 1.1 or 1.2.", Cure: "See what the client sends; the error shows the root's name."},
		{Code: "envelope-invalid", Cause: "Envelope, Header and Body are not as SOAP says: an element after Body, no Body, text between.", Cure: "Mend the client; the error has the place."},
		{Code: "must-understand", Cause: "A header block is marked mustUnderstand in a way that cannot be read or met.", Cure: "Mend the client, or drop the header there."},
	}
}
