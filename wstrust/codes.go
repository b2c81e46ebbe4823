package wstrust

// A Code says what was wrong with a message. Codes are for operators; on the
// wire several are one fault ([FaultFor]).
type Code string

// The codes.
const (
	CodeInvalidRequest Code = "trust-invalid-request" // an RST or RSTR that breaks the specification
	CodeTokenType      Code = "trust-token-type"      // the RST asks for another type of token
	CodeKeySize        Code = "trust-key-size"        // a key size that the suite does not have
	CodeUnknownContext Code = "trust-context-unknown" // no negotiation of this client waits under the Context
	CodeContextInUse   Code = "trust-context-in-use"  // a negotiation of this client waits under the Context already
	CodeTimestamp      Code = "trust-timestamp"       // a Timestamp of a negotiation that is not fresh
	CodeNotUnderstood  Code = "trust-not-understood"  // a mandatory header block
	CodeFailedAuth     Code = "trust-authentication"  // the GSS-API context refused the token
	CodeBusy           Code = "trust-busy"            // no room for a further negotiation or context
	CodeStore          Code = "trust-store"           // the store failed; nothing is accepted
	CodeAnswer         Code = "trust-answer"          // an answer that could not be made
	CodeUnprotected    Code = "trust-unprotected"     // an RST for a security context that nothing protects
	CodeEntropy        Code = "trust-entropy"         // key material that is not as it must be
	CodeBadContext     Code = "trust-bad-context"     // Renew or Cancel of another context than that of the message
	CodeUnableToRenew  Code = "trust-unable-to-renew" // a context that cannot be renewed
	CodeReply          Code = "trust-reply"           // an answer that breaks the rules of its negotiation or operation
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
		{CodeInvalidRequest,
			"An RST or RSTR breaks WS-Trust: text between elements, an element twice or of the wrong form, no Context.",
			"Mend the client; the error has the place."},
		{CodeTokenType,
			"The client asks for a token that is not a SecurityContextToken of its message's version.",
			"Set the client to SPNEGO negotiation (WCF: SspiNegotiated); no other tokens are issued here."},
		{CodeKeySize,
			"The client asks for a key size that the policy's algorithm suite does not have.",
			"Give client and route the same algorithm suite."},
		{CodeUnknownContext,
			"A further leg of a negotiation came, and none waits under its Context for this client address: it " +
				"has expired, is over, or was begun at another address or node.",
			"Clients begin anew by themselves. If it is frequent, look for slow clients, for a proxy that changes " +
				"client addresses, and for nodes that share no state-keys and store."},
		{CodeContextInUse,
			"A first leg came with the Context of a negotiation of the same client address that is not over.",
			"The first one goes on. Clients make the Context anew for each negotiation; mend one that does not."},
		{CodeTimestamp,
			"The Timestamp of a negotiation message is too old or from the future.",
			"Check both clocks."},
		{CodeNotUnderstood,
			"A negotiation message has a mandatory header block that is not known here.",
			"Leave the block out at the client."},
		{CodeFailedAuth,
			"The client's SPNEGO token was refused.",
			"The error has the cause, a code of package kerberos. NTLM, which clients fall back to without a " +
				"ticket, is never accepted."},
		{CodeBusy,
			"There is no room for a further negotiation or security context, or this client has its share of them.",
			"If the load is genuine, raise max-negotiations or max-contexts, or lower context-lifetime if clients " +
				"negotiate anew for each call. Nothing live makes room."},
		{CodeStore,
			"The store of negotiations and contexts failed, so nothing could be remembered or found.",
			"The error has the cause."},
		{CodeAnswer,
			"An answer could not be made.",
			"The error has the cause."},
		{CodeUnprotected,
			"An RST for a security context came with an unprotected Body: whoever sees it and the answer can " +
				"compute the key.",
			"Let the bootstrap policy sign and encrypt the Body, as CXF and WCF do by default, or use TLS."},
		{CodeEntropy,
			"The key material of an RST is missing or not as it must be: no entropy where the answer would hold " +
				"the key unencrypted, or a ComputedKeyAlgorithm other than P_SHA1.",
			"Let the client send Entropy with CK/PSHA1, as CXF and WCF do by default."},
		{CodeBadContext,
			"The RenewTarget or CancelTarget is not the security context that protects the message, or endorses it.",
			"A context is cancelled under its own key, and renewed under that or by a message that it endorses; mend the " +
				"client."},
		{CodeUnableToRenew,
			"The context cannot be renewed: its ticket ends, it was not issued over a secured channel, or the client " +
				"comes with a ticket for another service.",
			"Clients begin anew by themselves."},
		{CodeReply,
			"A service's answer breaks the rules of the negotiation or operation: it is of another one, proves nothing, or " +
				"its key is not as it must be.",
			"The error says which rule. If client and service agree on version and algorithm suite, somebody has " +
				"changed the messages."},
	}
}
