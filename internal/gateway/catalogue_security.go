package gateway

// securityEntries are the codes of package wssec. All but a few are one fault
// on the wire, so this is where an operator learns which it was.
func securityEntries() []Entry {
	return []Entry{
		{Code: "security-header-missing", Cause: "The message has no wsse:Security header for this node.", Cure: "Give the client the route's policy; or the header is for another actor (actor: of the policy)."},
		{Code: "security-header-duplicate", Cause: "Two wsse:Security headers are for this node.", Cure: "Let the client write one, or give the others an actor."},
		{Code: "security-header-invalid", Cause: "An element of the Security header is not as WS-Security says.", Cure: "The error has the element; mend the client."},
		{Code: "unsupported-security-token", Cause: "The message brings a token of a type that the policy does not name.", Cure: "Give the client a Kerberos policy; user names, X.509 and SAML are not accepted."},
		{Code: "unsupported-algorithm", Cause: "An algorithm is not in the policy's suite.", Cure: "Bring algorithm-suite (or signature-method) of route and client together; the error names the algorithm."},
		{Code: "invalid-security-token", Cause: "A token cannot be decoded.", Cure: "Mend the client; a proxy may have changed the message."},
		{Code: "security-token-missing", Cause: "The policy asks for a Kerberos token and there is none.", Cure: "Give the client the route's policy."},
		{Code: "security-token-unavailable", Cause: "A reference names a token that is neither in the message nor remembered.", Cure: "For clients that send the ticket once set token-once in the policy. After a restart such clients have to send it again."},
		{Code: "security-token-suspended", Cause: "Too many messages named the key of a remembered ticket by its hash and then failed before they proved to have it. Until the client sends a ticket again nobody may name the key.", Cure: "The client sends its ticket again by itself. Look at askers of the event: they are the addresses that those messages came from, perhaps of somebody who has recorded the client's messages and asks what they hold."},
		{Code: "failed-authentication", Cause: "The ticket was refused.", Cure: "The error has the reason."},
		{Code: "key-length", Cause: "The Kerberos key does not fit the algorithm suite.", Cure: "Take a suite that the key's type fits (Basic128 fits all), give the service an AES-256 key, or set key-fit for this kind of client."},
		{Code: "derived-key-invalid", Cause: "A DerivedKeyToken is out of bounds, or the policy's derived-keys does not allow it.", Cure: "Bring derived-keys of route and client together; the error has the rule."},
		{Code: "reference-invalid", Cause: "A reference points to nothing, or to a place that the policy does not allow.", Cure: "A message like this can be an attack (signature wrapping); else mend the client."},
		{Code: "duplicate-id", Cause: "Two elements that matter have the same Id.", Cure: "A message like this can be an attack (signature wrapping); else mend the client."},
		{Code: "signature-missing", Cause: "The policy asks for a signature and there is none.", Cure: "Give the client the route's policy."},
		{Code: "signature-unexpected", Cause: "There is a signature that the policy does not ask for.", Cure: "Bring the policies of route and client together."},
		{Code: "signature-invalid", Cause: "The HMAC over SignedInfo is wrong: another key, or a changed message.", Cure: "See kerberos-key (session or subkey), derived-keys and key-fit; else something between changes messages."},
		{Code: "digest-invalid", Cause: "A signed part is not what was signed.", Cure: "Something between the client and here changes messages: a proxy that re-formats, or an attack."},
		{Code: "part-not-signed", Cause: "A part that the policy wants signed is not.", Cure: "Bring signed-parts of route and client together; the error has the part."},
		{Code: "part-not-encrypted", Cause: "A part that the policy wants encrypted is not.", Cure: "Bring encrypted-parts and encrypt-signature of route and client together; the error has the part."},
		{Code: "decryption-failed", Cause: "A ciphertext does not open: another key, or changed octets.", Cure: "See key-fit and derived-keys; many of these from one client can be an attack on the cipher."},
		{Code: "plaintext-invalid", Cause: "A decrypted part is not the XML that has to be there.", Cure: "As for decryption-failed."},
		{Code: "protection-order", Cause: "The message was signed and encrypted in the other order.", Cure: "Bring protection-order of route and client together."},
		{Code: "layout", Cause: "The order in the Security header is not the policy's layout.", Cure: "Set layout: lax, or the client's."},
		{Code: "timestamp-missing", Cause: "The policy asks for a wsu:Timestamp and there is none.", Cure: "Let the client send one (IncludeTimestamp), or set timestamp: optional."},
		{Code: "timestamp-invalid", Cause: "The wsu:Timestamp cannot be read.", Cure: "Mend the client; the error has the rule."},
		{Code: "message-expired", Cause: "The message is too old, or is from the future.", Cure: "Set the clocks (NTP) of client and gateway; max-age: of the policy and clock-skew are the limits."},
		{Code: "message-replayed", Cause: "The same signature was seen before.", Cure: "A retry must be a new message; else it is an attack."},
		{Code: "replay-store-unavailable", Cause: "The replay store could not be asked, so nothing is accepted.", Cure: "The error has the reason: raise replay-memory if it is full of live records."},
		{Code: "content-prefix", Cause: "A signed part holds a qualified name in its content, as xsi:type does, whose prefix is declared where no digest covers it, and the route refuses those.", Cure: "Let the client list the prefix in a PrefixList (CXF does for declarations on and around a part) or use it in a name; else set content-prefixes: as-received, for clients that do neither, as WCF's."},
		{Code: "signature-confirmation", Cause: "SignatureConfirmation is missing or wrong.", Cure: "Bring signature-confirmation of route and client together."},
		{Code: "transport-not-secure", Cause: "The policy relies on TLS and the message came without.", Cure: "Call https, or set tls-offloaded if a proxy in front ends TLS."},
		{Code: "header-not-understood", Cause: "A mandatory header block is neither processed here nor forwarded.", Cure: "Protect the header (signed-parts), or set other-headers: pass."},
		{Code: "header-refused", Cause: "A header block has no protection, and the route refuses those.", Cure: "Protect the header (signed-parts), or set other-headers to drop or pass."},
		{Code: "security-limit", Cause: "The Security header has more elements of a kind than any peer sends.", Cure: "Look at the sender; this is an attack more often than not."},
		{Code: "protect-failed", Cause: "A message could not be protected.", Cure: "The error has the reason."},
	}
}
