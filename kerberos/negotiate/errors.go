package negotiate

import "github.com/wssgate/wssgate/kerberos"

// Codes of requests that are refused before or beside the token. Those of
// tokens are in package kerberos; all are of type [*kerberos.Error].
const (
	CodeNoToken       kerberos.Code = "negotiate-no-token"       // challenged, or refused where that is off
	CodeAuthorization kerberos.Code = "negotiate-authorization"  // Authorization is malformed
	CodeUnknown       kerberos.Code = "negotiate-unknown"        // continues a negotiation that is not known
	CodeFull          kerberos.Code = "negotiate-full"           // no room for one more negotiation
	CodeStore         kerberos.Code = "negotiate-store"          // the store of negotiations failed
	CodeSession       kerberos.Code = "negotiate-session"        // the session cookie is not valid any more
	CodeChallenge     kerberos.Code = "negotiate-challenge"      // client: the server's header is malformed
	CodeNotMutual     kerberos.Code = "negotiate-not-mutual"     // client: the server has not proved who it is
	CodeServerRefused kerberos.Code = "negotiate-server-refused" // client: the server refused the token
)

// Codes returns the catalogue of this package's codes.
func Codes() []kerberos.CodeInfo {
	return []kerberos.CodeInfo{
		{Code: CodeNoToken, Cause: "The request has no token of the scheme Negotiate.",
			Cure: "Nothing, if the client is challenged and comes again. Else enable Negotiate in the client for this " +
				"host: browsers use it for listed hosts only."},
		{Code: CodeAuthorization, Cause: "The Authorization header does not hold one token in base64.",
			Cure: "Check the client, and proxies that cut or fold long headers."},
		{Code: CodeUnknown, Cause: "The token continues a negotiation that is not known: its cookie is missing, was used " +
			"before or has expired, or is of another route or node.",
			Cure: "The client keeps cookies while it negotiates. Nodes that share clients share their store and state keys."},
		{Code: CodeFull, Cause: "There is no room for one more negotiation, in all or for this client address.",
			Cure: "Find out who begins negotiations and does not end them. Behind a proxy let the addresses of clients be " +
				"known, else all of them share the limit of one."},
		{Code: CodeStore, Cause: "The store of negotiations and contexts failed.",
			Cure: "Look at the store that the error names."},
		{Code: CodeSession, Cause: "The session cookie has expired, or was sealed by another key or for another route.",
			Cure: "Nothing, if the client is challenged and comes again. Nodes that share clients share their state keys."},
		{Code: CodeChallenge, Cause: "The server's WWW-Authenticate header is malformed.",
			Cure: "Check the server, and proxies in between."},
		{Code: CodeNotMutual, Cause: "The server accepted the request and did not prove that it has the service's key.",
			Cure: "Do not trust the response. If the server cannot return its token, and TLS is proof enough, do not demand " +
				"mutual authentication."},
		{Code: CodeServerRefused, Cause: "The server refused the token.",
			Cure: "The error has the server's reason, if it gave one; nothing authenticates it. The next request gets a new " +
				"ticket."},
	}
}
