// Package wssec applies WS-Security to SOAP messages with the keys of Kerberos
// tickets and of security contexts: it verifies and decrypts what a peer
// protected, and protects what goes back, as one [Policy] asks.
//
// A [Processor] turns a [soap.Envelope], in which nothing is trusted, into a
// [Message], which only [Processor.Verify] can make. What was verified is
// remembered as nodes of the one scanned document, never as Ids, and only those
// nodes are forwarded.
//
// # Specifications
//
//   - Web Services Security: SOAP Message Security 1.1.1 (OASIS, 18 May 2012)
//   - Web Services Security: Kerberos Token Profile 1.1.1 (OASIS, 18 May 2012)
//   - WS-SecurityPolicy 1.2 (OASIS, 1 July 2007): the terms of Policy
//   - WS-SecureConversation, February 2005 and 1.3 (OASIS, 1 March 2007):
//     security contexts and derived keys
//   - Basic Security Profile 1.1 (WS-I, 24 January 2010)
//
// # Terms
//
//	Specification                          Go
//	-------------------------------------  ---------------------------------
//	wsse:Security (WSS §5)                 Processor.Verify, Protect
//	actor, role of the header (WSS §5)     Policy.Actors, IsSecurityHeader
//	forwarding node (SOAP 1.2 §2.7)        Forwarding, Message.AppendForward
//	security tokens (WSS §6)               token.go: a file for each type
//	BinarySecurityToken (WSS §6.3)         token_kerberos.go
//	AP-REQ as a token (KTP §3.2)           TokenVerifier, VerifiedToken
//	SecurityTokenReference (WSS §7)        token_reference.go
//	Kerberosv5APREQSHA1 (KTP §3.3)         TokenHash, TokenCache
//	EncryptedKey (WSS §7.7, §9.2)          token_encryptedkey.go
//	Signature (WSS §8)                     verify_signature.go
//	STR-Transform (WSS §8.3)               verify_strtransform.go
//	Encryption (WSS §9)                    verify_decrypt.go
//	EncryptedHeader (WSS §9.3)             verify_decrypt.go
//	Timestamp (WSS §10)                    timestamp.go
//	SignatureConfirmation (WSS §8.5)       Policy.SignatureConfirmation
//	DerivedKeyToken (WSC §7)               ParseDerivedKeyToken, DeriveKey, token_derivedkey.go
//	implied derived keys (WSC §8)          token_impliedkey.go
//	security context (WSC §2)              SecurityContext, SecurityContexts
//	SecurityContextToken (WSC §2)          token_securitycontext.go
//	Instance, renewal (WSC §2, §5)         SecurityContext.Instance, SecurityContexts.Renew
//	BadContextToken (WSC §9)               FaultFor, the codes CodeContext…
//	error codes (WSS §12)                  Code, FaultFor
//	[Security Binding] (SP §7)             Binding
//	[Algorithm Suite] (SP §6.1)            Suite, Policy.AlgorithmSuite
//	[Timestamp] (SP §6.2)                  TimestampRule
//	[Protection Order] (SP §6.3)           ProtectionOrder
//	[Security Header Layout] (SP §6.7)     Layout
//	SignedParts, EncryptedParts (SP §4)    Parts
//	supporting tokens (SP §8)              SupportingToken, TokenUse
//	endorsing a request to renew (SP §8.3) Config.EndorsingContexts, Message.Endorsing
//	SpnegoContextToken (SP §5.4.5)         SpnegoContextToken
//	SecureConversationToken (SP §5.4.7)    SecureConversationToken
//	sp:BootstrapPolicy (SP §5.4.7)         Policy.Bootstrap
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
// parsed: with a recorded message an attacker can test one ciphertext of the
// Body, not thousands.
//
// An encrypted Signature has to be decrypted before its HMAC can be checked. An
// attacker who has recorded a session under a CBC suite, in which messages name
// their token by its hash, can put any ciphertext of the session there and ask
// whether it decrypts, as often as they like. Every failure is answered with
// the same fault. But if wrong padding were refused at once and right padding
// were scanned to the first mistake, the time of the answer would distinguish
// the two, and disclose the plaintext. So one EncryptedData is decrypted as the
// Signature, and that of an endorsing token only behind it, when the message has
// proved to be its sender's and new; the length of each is bounded by the parts of
// the message; a plaintext that does not have the shape of a Signature is refused
// in the same time as wrong padding; and a [KeyGuard] suspends a key after a few
// dozen failures.
//
// The time of Verify as a whole differs between messages, and depends on
// secrets in ways that may not all be known. A caller should write a refusal at
// a time that is fixed when the message has been read, and that is late enough
// for every verification to be done. If one is not done, the caller should wait
// as long again and call [Processor.AnsweredLate]. wssgate does so
// (internal/gateway/release.go); docs/timing.md has measurements. Policies
// without encrypt-signature, and GCM suites, decrypt nothing before the sender
// is authenticated.
//
// Plaintext is overwritten when its message is released ([Message.Release], or for
// one that Verify has refused [soap.Envelope.Release]), or at once if it is refused
// itself, and its memory is used for other plaintexts. Without that it is left to
// the collector.
//
// References resolve only to children of the processed Security header, header
// blocks, the Body, and EncryptedData at the positions that the policy
// encrypts. Ids inside the content of the Body are the application's data. An
// element of the Security header that is signed as a header block was moved
// there, and is refused.
//
// With encrypt-before-sign the signature covers ciphertext. Names in the
// plaintext may then use no declaration outside it but that of the Body's own
// name, because those are not signed. With derived keys under a CBC suite
// nothing authenticates which derived key decrypts: a changed Nonce turns the
// plaintext into random octets, which are refused unless they happen to be
// well-formed, as a Body of a few octets may be. GCM suites have no such gap.
//
// Verify keeps no token. Under a policy with TokenOnce the caller calls
// [Message.Remember] once it has authorized the client. Until then any ticket
// of the realm can be verified, and none takes room in the [TokenCache].
//
// The SHA-1 of a token ([TokenHash]) names a key that the peer has already
// proved to hold. A second token with the same hash gains nothing, because its
// key is checked anew.
//
// A SecurityContextToken is a name that anybody can write. It proves nothing
// before a signature under the context's key does, and its messages bring no
// fresh ticket, so that policies with such tokens require a signature, a
// Timestamp and the check for replays. A context issued for one type of token
// is not accepted for the other. Entries of a [ContextStore] are sealed for
// their Identifier and scope: one that was exchanged does not open. Why a
// context cannot be used is in the error; the fault is the same for each
// reason.
//
// The key of an endorsing token signs the Signature of the message, or the
// Timestamp where TLS protects the message, and is good for nothing else: no
// reference of the message leads to it, and what it signs counts for no part that
// the policy signs. The clients of both tokens are the same.
package wssec
