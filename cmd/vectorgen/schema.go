package main

// expectations are the values of expect: the closed list, with what each means
// to a receiver of any make. Where a code of wssgate's catalogue fits, it has
// that name.
func expectations() [][2]string {
	return [][2]string{
		{"ok", "accepted"},
		{"xml-syntax", "not well-formed XML 1.0 with namespaces"},
		{"xml-doctype", "a document type declaration"},
		{"xml-instruction", "a processing instruction"},
		{"xml-encoding", "not in the encoding that it claims, or in one that is not read"},
		{"xml-limit", "more, deeper or longer than the limits allow"},
		{"version-mismatch", "no Envelope of SOAP 1.1 or 1.2"},
		{"envelope-invalid", "Envelope, Header or Body break the SOAP specification"},
		{"attachments", "SOAP Messages with Attachments in the place of MTOM"},
		{"mtom-package", "parts, header fields or Content-Type are not as MIME and XOP have them"},
		{"mtom-include", "xop:Include elements and parts do not belong together one by one"},
		{"transport-not-secure", "the policy relies on TLS, and the message came without"},
		{"security-header-missing", "no Security header for the receiver"},
		{"security-header-duplicate", "two Security headers for the receiver"},
		{"security-header-invalid",
			"an element breaks WSS, XML Signature, XML Encryption or the Basic Security Profile"},
		{"security-limit", "more elements of a kind than the limits allow"},
		{"unsupported-security-token", "a token, or a reference to one, of a type that the policy does not have"},
		{"invalid-security-token", "a token that cannot be decoded"},
		{"security-token-missing", "the token that the policy asks for is not there"},
		{"security-token-unavailable", "a reference to a token that the receiver does not have"},
		{"unsupported-algorithm", "an algorithm that the policy's suite does not have"},
		{"key-length", "a key that does not fit the suite"},
		{"derived-key-invalid", "a derived key out of bounds, or against the policy"},
		{"reference-invalid", "a reference to nothing, or to an element that may not be referred to from there"},
		{"duplicate-id", "an Id that a reference names, and that two elements carry"},
		{"signature-missing", "the policy asks for a signature"},
		{"signature-unexpected", "a signature that the policy does not have"},
		{"signature-invalid", "SignatureValue is not the HMAC of SignedInfo under the key that KeyInfo names"},
		{"digest-invalid", "a DigestValue is not that of the part"},
		{"part-not-signed", "a part that must be signed is not"},
		{"part-not-encrypted", "a part that must be encrypted is not"},
		{"decryption-failed", "padding, tag or length of a ciphertext is wrong"},
		{"plaintext-invalid", "a plaintext is not the XML that it must be"},
		{"protection-order", "signed and encrypted in the other order"},
		{"layout", "the order of the Security header is not that of the policy's layout"},
		{"timestamp-missing", "a Timestamp is needed"},
		{"timestamp-invalid", "a Timestamp that cannot be read, or is forbidden"},
		{"message-expired", "too old, or created in the future"},
		{"message-replayed", "the same signature was received before, or is the receiver's own"},
		{"content-prefix", "a qualified name in content whose prefix no digest covers"},
		{"signature-confirmation", "SignatureConfirmation is missing, wrong or one too many"},
		{"security-context-unknown", "a SecurityContextToken of no context"},
		{"security-context-expired", "one whose context has expired"},
		{"security-context-cancelled", "one whose context was cancelled"},
		{"security-context-instance", "one with an Instance that is not good"},
		{"security-context-type", "one that was issued for another type of token"},
		{"token-too-large", "a token of more octets than the limit"},
		{"token-malformed", "no AP-REQ, or one that is not DER"},
		{"token-mechanism", "a GSS-API token of another mechanism or kind"},
		{"token-user-to-user", "an AP-REQ under the service's session key"},
		{"spnego-negotiation", "no mechanism in common, or not a step of a negotiation"},
		{"ntlm-token", "an NTLM token"},
		{"spnego-token", "a SPNEGO token where an AP-REQ is expected"},
		{"ticket-service", "a ticket for a service that is not the receiver's"},
		{"ticket-no-etype", "a ticket of an encryption type of which the keytab has no key"},
		{"ticket-no-key", "a ticket under a key version of which the keytab has no key"},
		{"etype-not-allowed", "an encryption type that is not switched on"},
		{"ticket-integrity", "the ticket does not decrypt"},
		{"ticket-malformed", "the decrypted ticket is not as RFC 4120 has it"},
		{"authenticator-integrity", "the authenticator does not decrypt"},
		{"authenticator-malformed", "the decrypted authenticator is not as RFC 4120 has it"},
		{"ticket-invalid", "a ticket with the flag INVALID"},
		{"ticket-not-yet-valid", "a ticket that begins later"},
		{"ticket-expired", "a ticket that has ended"},
		{"client-mismatch", "ticket and authenticator name two clients"},
		{"clock-skew", "the authenticator's time is too far from the receiver's"},
		{"authorization-data", "authorization data that has to be understood, and is not"},
		{"client-realm", "a client of a realm that is not accepted"},
		{"subkey-missing", "an authenticator without the subkey that is asked for"},
		{"channel-bindings", "made for another channel"},
		{"ticket-replay", "the same authenticator was accepted before"},
		{"refused", "a per-message token that does not verify or decrypt, or out of order; a negotiation that its " +
			"client must not " +
			"end with"},
	}
}

// schema is the JSON Schema of a header, as an object of its lines.
func schema() map[string]any {
	text := map[string]any{"type": "string"}
	number := map[string]any{"type": "integer"}
	boolean := map[string]any{"type": "boolean"}
	hexadecimal := map[string]any{"type": "string", "pattern": "^([0-9a-f]{2})*$"}
	list := func(of any) map[string]any { return map[string]any{"type": "array", "items": of} }
	var expect []string
	for _, e := range expectations() {
		expect = append(expect, e[0])
	}
	object := map[string]any{"type": "object"}
	return map[string]any{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "Header of a vector: each line \"key: value\" as a member",
		"type":                 "object",
		"additionalProperties": false,
		"required":             []string{"expect", "comment", "flags"},
		"properties": map[string]any{
			"expect": map[string]any{"type": "string", "enum": expect}, "comment": text,
			"flags": map[string]any{"type": "string", "pattern": "^[a-z0-9-]+( [a-z0-9-]+)*$"},
			"time": map[string]any{"type": "string",
				"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"},
			"tls": boolean, "policy": object, "bootstrap": object, "service": text, "client": text, "keytab": text,
			"direction": map[string]any{"type": "string", "enum": []string{"reply"}},
			"key":       hexadecimal, "token-key": hexadecimal, "contexts": list(object),
			"etypes": list(map[string]any{"type": "integer"}),
			"limits": object, "charset": text, "content-type": text,
			"kind": map[string]any{"type": "string", "enum": []string{"ap-req", "spnego", "wrap", "mic",
				"negotiation"}},
			"exact-kvno": boolean, "key-source": text, "max-skew": text, "binding-rule": text,
			"bindings":      list(hexadecimal),
			"client-realms": list(text), "etype": number, "sequence": number, "sealed": boolean, "from": text,
			"acceptor-key": hexadecimal, "initiator-key": hexadecimal, "identifier": text, "combined-hash": hexadecimal,
			"prefixes": list(text), "sha1": hexadecimal, "sha256": hexadecimal,
			"content-prefixes": map[string]any{"type": "string", "enum": []string{"as-received", "covered"}},
		},
	}
}
