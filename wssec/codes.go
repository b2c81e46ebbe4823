package wssec

// A Code says what was wrong with a message. Codes are for operators; on the
// wire most of them are one fault ([FaultFor]).
type Code string

// The codes.
const (
	CodeSecurityMissing   Code = "security-header-missing"    // the policy asks for a Security header and there is none
	CodeSecurityDuplicate Code = "security-header-duplicate"  // two Security headers for this node
	CodeSecurityInvalid   Code = "security-header-invalid"    // an element of the Security header breaks the specification
	CodeUnsupportedToken  Code = "unsupported-security-token" // a token type that the policy does not name
	CodeUnsupportedAlg    Code = "unsupported-algorithm"      // an algorithm that is not in the policy's suite
	CodeInvalidToken      Code = "invalid-security-token"     // a token that cannot be decoded
	CodeTokenMissing      Code = "security-token-missing"     // the token that the policy asks for is not there
	CodeTokenUnavailable  Code = "security-token-unavailable" // a reference to a token that is not at hand
	CodeTokenSuspended    Code = "security-token-suspended"   // too many messages named its key and failed
	CodeFailedAuth        Code = "failed-authentication"      // the ticket was refused, for a cause of package kerberos
	CodeKeyLength         Code = "key-length"                 // a key that does not fit the suite
	CodeDerivedKey        Code = "derived-key-invalid"        // a DerivedKeyToken outside the bounds or the policy
	CodeReference         Code = "reference-invalid"          // a reference to nothing, or to a place out of bounds
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
	CodeContentPrefix     Code = "content-prefix"             // a name in content whose prefix no digest covers
	CodeConfirmation      Code = "signature-confirmation"     // SignatureConfirmation missing or wrong
	CodeTransport         Code = "transport-not-secure"       // the policy asks for TLS
	CodeNotUnderstood     Code = "header-not-understood"      // a mandatory header block that would be lost
	CodeHeaderRefused     Code = "header-refused"             // a header block without protection
	CodePolicyMismatch    Code = "policy-mismatch"            // several policies, and the message is for none
	CodeLimit             Code = "security-limit"             // more elements of a kind than any peer sends
	CodeNoMemory          Code = "memory"                     // Config.Reserve refused, for the message's size
	CodePlaintextMemory   Code = "plaintext-memory"           // Config.Reserve refused, for what a plaintext is
	CodeProtect           Code = "protect-failed"             // a reply could not be protected
)

// A CodeInfo explains a Code to an operator.
type CodeInfo struct {
	Code  Code
	Cause string // what has happened, in one sentence
	Cure  string // what to do about it
}

// Codes explains every Code of this package. All but a few are one fault on
// the wire, so this is where an operator learns which it was.
func Codes() []CodeInfo {
	return []CodeInfo{
		{CodeSecurityMissing,
			"The message has no wsse:Security header for this node.",
			"Give the client the route's policy; or, if the error says that the header is for another actor or role, " +
				"let the client leave that out, or set actor: of the policy to it."},
		{CodeSecurityDuplicate,
			"Two wsse:Security headers are for this node.",
			"Let the client write one, or give the others an actor."},
		{CodeSecurityInvalid,
			"An element of the Security header is not as WS-Security says.",
			"The error has the element; mend the client."},
		{CodeUnsupportedToken,
			"The message brings a token of a type that the policy does not name.",
			"Give the client a Kerberos policy; user names, X.509 and SAML are not accepted."},
		{CodeUnsupportedAlg,
			"An algorithm is not in the policy's suite.",
			"Bring algorithm-suite (or signature-method) of route and client together; the error names the algorithm."},
		{CodeInvalidToken,
			"A token cannot be decoded.",
			"Mend the client; a proxy may have changed the message."},
		{CodeTokenMissing,
			"The policy asks for a Kerberos token and there is none.",
			"Give the client the route's policy."},
		{CodeTokenUnavailable,
			"A reference names a token that is neither in the message nor remembered.",
			"For clients that send the ticket once set token-once in the policy. After a restart such clients have to " +
				"send it again."},
		{CodeTokenSuspended,
			"Too many messages named the key of a remembered ticket by its hash and then failed before they proved to " +
				"have it. Until the client sends a ticket again nobody may name the key.",
			"The client sends its ticket again by itself. Look at askers of the event: they are the addresses that " +
				"those messages came from, perhaps of somebody who has recorded the client's messages and asks what they " +
				"hold."},
		{CodeFailedAuth,
			"The ticket was refused.",
			"The error has the reason."},
		{CodeKeyLength,
			"The Kerberos key does not fit the algorithm suite.",
			"Take a suite that the key's type fits (Basic128 fits all), give the service an AES-256 key, or set " +
				"key-fit for this kind of client."},
		{CodeDerivedKey,
			"A DerivedKeyToken is out of bounds, or the policy's derived-keys does not allow it.",
			"Bring derived-keys of route and client together; the error has the rule."},
		{CodeReference,
			"A reference points to nothing, or to a place that the policy does not allow.",
			"A message like this can be an attack (signature wrapping); else mend the client."},
		{CodeDuplicateID,
			"Two elements that matter have the same Id.",
			"A message like this can be an attack (signature wrapping); else mend the client."},
		{CodeSignatureMissing,
			"The policy asks for a signature and there is none.",
			"Give the client the route's policy."},
		{CodeSignatureExtra,
			"There is a signature that the policy does not ask for.",
			"Bring the policies of route and client together."},
		{CodeSignatureInvalid,
			"The HMAC over SignedInfo is wrong: another key, or a changed message.",
			"Let both sides use one key of the ticket, session key or subkey; see derived-keys and key-fit of the " +
				"policy; else something between changes messages."},
		{CodeDigestInvalid,
			"A signed part is not what was signed.",
			"Something between the client and here changes messages: a proxy that re-formats, or an attack."},
		{CodeNotSigned,
			"A part that the policy wants signed is not.",
			"Bring signed-parts of route and client together; the error has the part."},
		{CodeNotEncrypted,
			"A part that the policy wants encrypted is not.",
			"Bring encrypted-parts and encrypt-signature of route and client together; the error has the part."},
		{CodeDecryption,
			"A ciphertext does not open: another key, or changed octets.",
			"See key-fit and derived-keys; many of these from one client can be an attack on the cipher."},
		{CodePlaintext,
			"A decrypted part is not the XML that has to be there.",
			"As for decryption-failed."},
		{CodeProtectionOrder,
			"The message was signed and encrypted in the other order.",
			"Bring protection-order of route and client together."},
		{CodeLayout,
			"The order in the Security header is not the policy's layout.",
			"Set layout: lax, or the client's."},
		{CodeTimestampMissing,
			"The policy asks for a wsu:Timestamp and there is none.",
			"Let the client send one (IncludeTimestamp), or set timestamp: optional."},
		{CodeTimestampInvalid,
			"The wsu:Timestamp cannot be read.",
			"Mend the client; the error has the rule."},
		{CodeMessageExpired,
			"The message is too old, or is from the future.",
			"Set the clocks (NTP) of client and gateway; max-age: of the policy and clock-skew are the limits."},
		{CodeMessageReplayed,
			"The same signature was seen before.",
			"A retry must be a new message; else it is an attack."},
		{CodeReplayUnavailable,
			"The replay store could not be asked, so nothing is accepted.",
			"The error has the reason: give the replay store more room if it is full of live records."},
		{CodeContentPrefix,
			"A signed part holds a qualified name in its content, as xsi:type does, whose prefix is declared where no " +
				"digest covers it, and the route refuses those.",
			"Let the sender list the prefix in a PrefixList (CXF does for declarations on and around a part) or use " +
				"it in a name; else set Config.ContentPrefixes to PrefixesAsReceived, for senders that do neither, as " +
				"WCF's."},
		{CodeConfirmation,
			"SignatureConfirmation is missing or wrong.",
			"Bring signature-confirmation of route and client together."},
		{CodeTransport,
			"The policy relies on TLS and the message came without.",
			"Call https, or set Channel.TLS if a proxy in front ends TLS."},
		{CodeNotUnderstood,
			"A mandatory header block is neither processed here nor forwarded.",
			"Protect the header (signed-parts), or forward it without (HeaderRule)."},
		{CodeHeaderRefused,
			"A header block has no protection, and the route refuses those.",
			"Protect the header (signed-parts), or forward or drop it without (HeaderRule)."},
		{CodePolicyMismatch,
			"The route accepts several policies, and the message carries what a message under none of them does.",
			"Give the client one of them; the error says what the message carries."},
		{CodeLimit,
			"The Security header has more elements of a kind than any peer sends.",
			"Look at the sender; this is an attack more often than not."},
		{CodeNoMemory,
			"There is no memory for the plaintext of the message, or for its reply.",
			"Let Config.Reserve give more, or verify fewer messages at once."},
		{CodePlaintextMemory,
			"A decrypted part has so many elements, for its length, that there is no memory for their index. The " +
				"client is told nothing of it.",
			"Look at the sender first; let Config.Reserve give more if such messages are meant to pass."},
		{CodeProtect,
			"A message could not be protected.",
			"The error has the reason."},
	}
}
