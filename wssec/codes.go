package wssec

// A Code names the rule that a message broke. Codes are stable and for
// operators; on the wire most of them are one fault ([FaultFor]).
type Code string

// The codes.
const (
	CodeSecurityMissing   Code = "security-header-missing"    // the policy requires a Security header and there is none
	CodeSecurityDuplicate Code = "security-header-duplicate"  // two Security headers for this node
	CodeSecurityInvalid   Code = "security-header-invalid"    // an element of the header breaks the specification
	CodeUnsupportedToken  Code = "unsupported-security-token" // a token type that the policy does not name
	CodeUnsupportedAlg    Code = "unsupported-algorithm"      // an algorithm that is not in the policy's suite
	CodeInvalidToken      Code = "invalid-security-token"     // a token that cannot be decoded
	CodeTokenMissing      Code = "security-token-missing"     // the token that the policy requires is not there
	CodeTokenAmbiguous    Code = "security-token-ambiguous"   // tokens at two of the places where one may stand
	CodeTokenSearch       Code = "security-token-search"      // the search for the token failed or took too much work
	CodeTokenUnavailable  Code = "security-token-unavailable" // a reference to a token that is not available
	CodeTokenSuspended    Code = "security-token-suspended"   // too many messages referred to its key and failed
	CodeContextUnknown    Code = "security-context-unknown"   // a SecurityContextToken of no context of this route
	CodeContextExpired    Code = "security-context-expired"   // one whose context has expired
	CodeContextCancelled  Code = "security-context-cancelled" // one whose context was cancelled
	CodeContextInstance   Code = "security-context-instance"  // one with an Instance that is not, or no longer, good
	CodeContextCookie     Code = "security-context-cookie"    // one without its Cookie, or whose Cookie does not open
	CodeContextType       Code = "security-context-type"      // one that was issued for another token type of a policy
	CodeEndorsingClient   Code = "endorsing-client"           // an endorsing SecurityContextToken of another client
	CodeContextStore      Code = "security-context-store"     // the store of contexts failed; nothing is accepted
	CodeFailedAuth        Code = "failed-authentication"      // the TokenVerifier refused the token
	CodeKeyLength         Code = "key-length"                 // a key that does not fit the suite
	CodeDerivedKey        Code = "derived-key-invalid"        // a DerivedKeyToken outside the bounds or the policy
	CodeReference         Code = "reference-invalid"          // a reference to nothing, or to a place out of bounds
	CodeDuplicateID       Code = "duplicate-id"               // an Id that two elements carry
	CodeSignatureMissing  Code = "signature-missing"          // the policy requires a signature and there is none
	CodeSignatureExtra    Code = "signature-unexpected"       // a signature that the policy does not allow
	CodeSignatureInvalid  Code = "signature-invalid"          // the SignatureValue is wrong
	CodeDigestInvalid     Code = "digest-invalid"             // a DigestValue is wrong
	CodeNotSigned         Code = "part-not-signed"            // a part that must be signed is not
	CodeNotEncrypted      Code = "part-not-encrypted"         // a part that must be encrypted is not
	CodeDecryption        Code = "decryption-failed"          // padding, tag or length of a ciphertext is wrong
	CodePlaintext         Code = "plaintext-invalid"          // the plaintext is not the XML it must be
	CodeProtectionOrder   Code = "protection-order"           // signed and encrypted in the wrong order
	CodeLayout            Code = "layout"                     // order of the Security header against the policy's Layout
	CodeTimestampMissing  Code = "timestamp-missing"          // the policy requires a Timestamp and there is none
	CodeTimestampInvalid  Code = "timestamp-invalid"          // a Timestamp that cannot be read
	CodeMessageExpired    Code = "message-expired"            // too old, or created in the future
	CodeMessageReplayed   Code = "message-replayed"           // the same signature was seen before
	CodeReplayUnavailable Code = "replay-store-unavailable"   // the replay store failed; nothing is accepted
	CodeContentPrefix     Code = "content-prefix"             // a name in content whose prefix no digest covers
	CodeConfirmation      Code = "signature-confirmation"     // SignatureConfirmation missing or wrong
	CodeTransport         Code = "transport-not-secure"       // the policy requires TLS
	CodeNotUnderstood     Code = "header-not-understood"      // a mandatory header block that would be lost
	CodeHeaderRefused     Code = "header-refused"             // a header block without protection
	CodeActorNotForwarded Code = "actor-not-forwarded"        // a mandatory header block for another actor
	CodePolicyMismatch    Code = "policy-mismatch"            // several policies, and the message fits none
	CodeLimit             Code = "security-limit"             // more elements of a kind than any peer sends
	CodeNoMemory          Code = "memory"                     // Config.Reserve refused memory for the message
	CodePlaintextMemory   Code = "plaintext-memory"           // Config.Reserve refused memory for a plaintext's index
	CodeProtect           Code = "protect-failed"             // a reply could not be protected
)

// A CodeInfo explains a [Code] to an operator.
type CodeInfo struct {
	Code  Code
	Cause string // what has happened, in one sentence
	Cure  string // what to do about it
}

// Codes explains every [Code] of this package. All but a few are one fault on
// the wire, so this is where an operator learns which it was.
func Codes() []CodeInfo {
	return []CodeInfo{
		{CodeSecurityMissing,
			"The message has no wsse:Security header for this node.",
			"Configure the client with the route's policy. If the error names another actor or role, remove it in " +
				"the client, or set actor: of the policy to it."},
		{CodeSecurityDuplicate,
			"The message has two wsse:Security headers for this node: without actor or role, for next, for the ultimate " +
				"receiver, or for an actor of the policy.",
			"Configure the client to write one, or to address the others to another actor."},
		{CodeSecurityInvalid,
			"An element of the Security header breaks WS-Security or the Basic Security Profile.",
			"Fix the client; the error names the element and the rule."},
		{CodeUnsupportedToken,
			"The message has a security token of a type that the policy does not accept.",
			"Configure the client with the route's policy; the error names the tokens that it accepts. UsernameToken, " +
				"X.509 and SAML tokens are not supported."},
		{CodeUnsupportedAlg,
			"The message uses an algorithm that is not in the policy's suite.",
			"Set algorithm-suite, or signature-method, of route and client to the same value; the error names the " +
				"algorithm."},
		{CodeInvalidToken,
			"A security token cannot be decoded.",
			"Fix the client; a proxy may have changed the message."},
		{CodeTokenMissing,
			"The message has no security token that the policy accepts.",
			"Configure the client with the route's policy; the error names the tokens that it accepts, or the places " +
				"where it may stand."},
		{CodeTokenAmbiguous,
			"The message has tokens at two of the places where the route looks for one, or an expression selects two.",
			"Let the client send its token once. If it does, look for what adds the other one: which of them counts " +
				"must not depend on that. Narrow an expression that selects other elements too."},
		{CodeTokenSearch,
			"The expression that says where the token stands failed for this message, or took more work than its size " +
				"allows.",
			"Write the expression with fewer // and without predicates that look at the whole message. If it is " +
				"simple, look at the sender: this can be an attack."},
		{CodeTokenUnavailable,
			"A reference names a token that is neither in the message nor remembered.",
			"For clients that send their token once, set token-once in the policy. After a restart such clients have " +
				"to send it again."},
		{CodeTokenSuspended,
			"Too many messages named the key of a remembered token by its hash and failed before they proved to have " +
				"the key. Until the client sends a token again, no message may name the key.",
			"Nothing for the client: it sends its token again by itself. The askers of the event are the addresses " +
				"that those messages came from; one may belong to an attacker who has recorded the client's messages " +
				"and tries to decrypt them."},
		{CodeContextUnknown,
			"The message names a security context that is not one of this route.",
			"Nothing for most clients: they request a new context when they see the fault. If it happens often, look " +
				"for restarts, or for clients that come to several nodes: each keeps the contexts that it has issued. " +
				"The context may also be of another route, or long gone."},
		{CodeContextExpired,
			"The message names a security context that has expired.",
			"Nothing for most clients: they request a new context when they see the fault. If it happens often, " +
				"synchronize the clocks of client and gateway (NTP); a context ends with its client's ticket at the latest."},
		{CodeContextCancelled,
			"The message names a security context that its client has cancelled.",
			"Nothing for a message that the Cancel overtook. Otherwise fix the client, which uses a context that it gave up."},
		{CodeContextInstance,
			"The message names an Instance of a security context that there never was, or whose key is no longer " +
				"accepted after a renewal.",
			"Fix the client: after a renewal it must use the new Instance. The key before is accepted for five minutes."},
		{CodeContextCookie,
			"The message names a security context whose state travels in the token, and the token came without it, or " +
				"with a Cookie that is not its own: altered, of another route or token, or under a key that is gone.",
			"Nothing for most clients: they request a new context when they see the fault. If it happens often, look " +
				"for nodes that do not have the same state-keys, or for a key that was removed too early. A client " +
				"that leaves the Cookie out needs a route with context-storage: store."},
		{CodeContextType,
			"The message names a security context that was issued for another type of token: a context from a " +
				"negotiation is not accepted in a conversation, nor the other way round.",
			"Configure the client with the route's policy; the error names the types."},
		{CodeEndorsingClient,
			"The message asks to renew a security context that is another client's.",
			"Nothing for an attempt of misuse. A client that changes its account in a conversation has to begin a new one."},
		{CodeContextStore,
			"The store of security contexts failed, so nothing is accepted.",
			"The error has the reason."},
		{CodeFailedAuth,
			"The token verifier refused the token.",
			"The error has the reason."},
		{CodeKeyLength,
			"The key does not fit the algorithm suite.",
			"Choose a suite that the key's type fits (Basic128 fits all), create an AES-256 key for the service, or " +
				"set key-fit for this kind of client."},
		{CodeDerivedKey,
			"A DerivedKeyToken is out of bounds, or the policy's derived-keys does not allow it.",
			"Set derived-keys of route and client to the same value; the error has the rule."},
		{CodeReference,
			"A reference leads to nothing, or to a place that the policy does not allow.",
			"If the error says that the policy does not allow the place, compare the client's policy with the route's. " +
				"Otherwise look at the sender: this can be an attack (signature wrapping). If it is not, fix the client."},
		{CodeDuplicateID,
			"Two elements that a reference may name have the same Id.",
			"Look at the sender: this can be an attack (signature wrapping). If it is not, fix the client."},
		{CodeSignatureMissing,
			"The policy requires a signature and there is none.",
			"Configure the client with the route's policy."},
		{CodeSignatureExtra,
			"The message has a signature that the policy does not allow.",
			"Configure the client with the route's policy."},
		{CodeSignatureInvalid,
			"The HMAC over SignedInfo is wrong: the peer used another key, or the message was changed.",
			"Configure both sides to use the same key of the ticket, session key or subkey; see derived-keys and " +
				"key-fit of the policy. If they do, a proxy or an attacker changes messages on the way."},
		{CodeDigestInvalid,
			"A signed part differs from what was signed.",
			"Look for what changes messages between client and gateway: a proxy that re-formats XML, or an attacker."},
		{CodeNotSigned,
			"A part that the policy requires to be signed is not.",
			"Set signed-parts of route and client to the same parts; the error names the part."},
		{CodeNotEncrypted,
			"A part that the policy requires to be encrypted is not.",
			"Set encrypted-parts and encrypt-signature of route and client to the same values; the error names the " +
				"part."},
		{CodeDecryption,
			"A ciphertext cannot be decrypted: the peer used another key, or the ciphertext was changed.",
			"See key-fit and derived-keys. Many of these from one client can be an attack on the cipher."},
		{CodePlaintext,
			"A decrypted part is not the XML that it must be.",
			"See key-fit and derived-keys. Many of these from one client can be an attack on the cipher."},
		{CodeProtectionOrder,
			"The message was signed and encrypted in the wrong order.",
			"Set protection-order of route and client to the same value."},
		{CodeLayout,
			"The order of the Security header breaks the policy's layout.",
			"Set layout: lax, or the client's layout."},
		{CodeTimestampMissing,
			"The policy requires a wsu:Timestamp and there is none.",
			"Configure the client to send one (IncludeTimestamp), or set timestamp: optional."},
		{CodeTimestampInvalid,
			"The wsu:Timestamp cannot be read.",
			"Fix the client; the error has the rule."},
		{CodeMessageExpired,
			"The message is too old, or was created in the future.",
			"Synchronize the clocks of client and gateway (NTP); max-age and clock-skew of the policy are the limits."},
		{CodeMessageReplayed,
			"The signature was received before.",
			"A client that retries must create a new message. If it does, this is an attack."},
		{CodeReplayUnavailable,
			"The replay store failed, so nothing is accepted.",
			"The error has the reason. If the store is full of live records, raise its limit."},
		{CodeContentPrefix,
			"A signed part has a qualified name in its content, as in xsi:type, and no digest covers the declaration " +
				"of its prefix; the route refuses those.",
			"Configure the sender to list the prefix in a PrefixList (CXF does for declarations on and around a part) " +
				"or to use it in a name. For senders that do neither, such as WCF, set Config.ContentPrefixes to " +
				"PrefixesAsReceived."},
		{CodeConfirmation,
			"A SignatureConfirmation is missing or wrong.",
			"Set signature-confirmation of route and client to the same value."},
		{CodeTransport,
			"The policy relies on TLS and the message came without TLS.",
			"Call https, or set Channel.TLS if a proxy in front terminates TLS."},
		{CodeNotUnderstood,
			"A mandatory header block is not understood here, where it is addressed to, or not forwarded.",
			"Protect the header block (signed-parts), or forward it unprotected (HeaderRule). If it is for next or an " +
				"actor of the policy, name it in Forwarding.Understood."},
		{CodeHeaderRefused,
			"A header block has no protection, and the route refuses those.",
			"Protect the header block (signed-parts), or forward or drop it (HeaderRule)."},
		{CodeActorNotForwarded,
			"A mandatory header block is for another actor, and the route does not pass it on.",
			"Name the actor in Forwarding.Actors if it stands behind this node, or in actor: of the policy if it is this " +
				"node."},
		{CodePolicyMismatch,
			"The route accepts several policies, and the message fits none of them.",
			"Configure the client with one of them; the error lists what the message carries."},
		{CodeLimit,
			"The Security header has more elements of a kind than any peer sends.",
			"Look at the sender: this is usually an attack."},
		{CodeNoMemory,
			"There is no memory for the plaintext of the message, or for its reply.",
			"Allow more in Config.Reserve, or verify fewer messages at once."},
		{CodePlaintextMemory,
			"A decrypted part has so many elements, for its length, that there is no memory for their index. The " +
				"client gets the same fault as for any other failure.",
			"Look at the sender first. Allow more in Config.Reserve if such messages are legitimate."},
		{CodeProtect,
			"A message could not be protected.",
			"The error has the reason."},
	}
}
