// Package wssec applies WS-Security to SOAP messages with Kerberos keys: it
// verifies and decrypts what a peer protected, and protects what goes back, as
// one [Policy] asks.
//
// A [Processor] turns a soap.Envelope, in which nothing is trusted, into a
// [Message], which only Verify can make. What was verified is remembered as
// nodes of the one scanned document, never as Ids, and only those nodes are
// forwarded.
//
// # Specifications
//
//   - Web Services Security: SOAP Message Security 1.1.1 (OASIS, 18 May 2012)
//   - Web Services Security: Kerberos Token Profile 1.1.1 (OASIS, 18 May 2012)
//   - WS-SecurityPolicy 1.2 (OASIS, 1 July 2007): the terms of Policy
//   - WS-SecureConversation, February 2005 and 1.3 (OASIS, 1 March 2007):
//     derived keys
//   - Basic Security Profile 1.1 (WS-I, 24 January 2010)
//
// # Terms
//
//	Specification                                Go
//	-------------------------------------------  -------------------------------------
//	wsse:Security (WSS §5)                       Processor.Verify, Processor.Protect
//	security tokens (WSS §6)                     token.go: a file for each type
//	BinarySecurityToken (WSS §6.3, KTP §3.2)     TokenVerifier, VerifiedToken, token_kerberos.go
//	SecurityTokenReference (WSS §7)              token_reference.go
//	KeyIdentifier Kerberosv5APREQSHA1 (KTP §3.3) TokenHash, TokenCache
//	EncryptedKey (WSS §7.7, §9.2)                token_encryptedkey.go
//	Signature (WSS §8), STR-Transform (§8.3)     verify_signature.go, verify_strtransform.go
//	Encryption (WSS §9), EncryptedHeader (§9.3)  verify_decrypt.go
//	Timestamp (WSS §10)                          timestamp.go
//	SignatureConfirmation (WSS §8.5)             Policy.SignatureConfirmation
//	DerivedKeyToken (WSC §7)                     DeriveKey, token_derivedkey.go
//	error codes (WSS §12)                        Code, FaultFor
//	[Security Binding] (SP §7)                   Binding
//	[Algorithm Suite] (SP §6.1)                  Suite, Policy.AlgorithmSuite
//	[Timestamp] (SP §6.2)                        TimestampRule
//	[Protection Order] (SP §6.3)                 ProtectionOrder
//	[Security Header Layout] (SP §6.7)           Layout
//	SignedParts, EncryptedParts (SP §4)          Parts
//	supporting tokens (SP §8)                    SupportingToken, TokenUse
//
// # Security considerations
//
// Algorithms come from the policy, never from the message: what the message
// names is compared with the policy's suite before any work is done with it.
//
// Header order decides meaning: each Signature is digested over the document as
// decrypted by the ReferenceLists before it, and never retried in another
// state. The HMAC over SignedInfo is checked, and its value entered in the
// replay store, before any plaintext but that of an encrypted Signature is
// parsed: a recorded message gives an attacker one question about its Body, not
// thousands.
//
// An encrypted Signature has to be decrypted before its HMAC can be checked.
// Whoever has recorded a session under a CBC suite, in which messages name
// their token by its hash, can put any of its ciphertext there and ask whether
// it opens, as often as they like. Every failure is answered with the same
// fault, but if wrong padding ended at once and right padding were scanned to
// the first mistake, the time of the answer would tell one from the other, and
// with that the plaintext. So one EncryptedData is opened as the Signature, of
// a length that the message's parts can need; a plaintext that has not the
// shape of a Signature is refused in the same time as wrong padding; and a
// [KeyGuard] suspends a key after a few dozen failures.
//
// Verify as a whole does not take the same time for all messages, and what it
// takes depends on secrets in ways that nobody may have thought of. Whoever
// calls it should write a refusal at a time that is fixed when the message has
// been read, far enough behind it that every verification is done by then; if
// one is not, as much later again, and call [Processor.AnsweredLate]. wssgate
// does so (internal/gateway/release.go), and docs/timing.md has what was
// measured. Policies without encrypt-signature, and GCM suites, decrypt nothing
// before they know from whom it is.
//
// References resolve only to children of the processed Security header, header
// blocks, the Body, and EncryptedData at the positions that the policy
// encrypts. Ids inside the content of the Body are the application's data. An
// element of the Security header that is signed as a header block was moved
// there, and is refused.
//
// With encrypt-before-sign the signature covers ciphertext. Names in the
// plaintext may then use no declaration outside it but that of the Body's own
// name, for those are not signed. With derived keys under a CBC suite nothing
// authenticates which derived key decrypts: whoever changes its Nonce turns the
// plaintext into noise, which is refused unless it happens to be text, as it
// may for a Body of a few octets. GCM suites have no such gap.
//
// Verify remembers no token. Who uses a Processor with TokenOnce calls
// Message.Remember once it has decided that the client may call; until then
// every ticket of the realm is good enough to be verified, and none takes room.
//
// The SHA-1 of a token (TokenHash) names a key that the peer has already proved
// to hold; a second token with the same hash gains nothing, since its key is
// checked anew.
package wssec
