package kerberos

// Codes of contexts that could not be established, besides those of tokens.
const (
	CodeNegotiation  Code = "spnego-negotiation"
	CodeMechListMIC  Code = "spnego-mic"
	CodeContextState Code = "context-state"
	CodePeerRefused  Code = "peer-refused"
	CodeMutual       Code = "mutual-authentication"
)

// contextCodes returns the part of the catalogue about contexts.
func contextCodes() []CodeInfo {
	return []CodeInfo{
		{CodeNegotiation,
			"SPNEGO did not come to a mechanism, or its tokens came in no legal order.",
			"Let the client offer Kerberos: register the service principal name for the host name that it calls."},
		{CodeMechListMIC,
			"The checksum over the list of mechanisms is missing or wrong.",
			"An attack that weakens the negotiation, or a faulty client library."},
		{CodeContextState,
			"A negotiation was continued that is not open: too old, finished, continued before, begun elsewhere, or " +
				"under keys that this process does not have.",
			"The client begins anew. Let all nodes have the same state keys, routes and clocks, and share their " +
				"replay store."},
		{CodePeerRefused,
			"The service refused our token.",
			"Look at the service's own log; the error has its reason."},
		{CodeMutual,
			"The service did not prove that it has the key of the ticket.",
			"The answer is of another service or was altered: check the name that is called and who is in between."},
	}
}
