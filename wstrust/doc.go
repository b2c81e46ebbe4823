// Package wstrust answers and makes the messages by which two sides agree on a
// SecurityContextToken: the SPNEGO negotiation of WS-Trust, in which a key
// travels wrapped by the GSS-API context that was negotiated, and the issuing,
// renewing and cancelling of WS-SecureConversation over a channel that is
// secured already.
//
// # Specifications
//
//   - Web Services Trust Language, February 2005, and WS-Trust 1.3 (OASIS, 19
//     March 2007)
//   - Web Services Secure Conversation Language, February 2005, and
//     WS-SecureConversation 1.3 (OASIS, 1 March 2007)
//   - WS-Trust for SPNEGO, as .NET Framework's WCF speaks it: no document has
//     all of it
//
// # Terms
//
//	specification                                       Go
//	RequestSecurityToken (WS-Trust §3.1)                RequestSecurityToken, ReadRequest
//	RequestSecurityTokenResponse (§3.2)                 RequestSecurityTokenResponse, ReadResponses
//	RequestSecurityTokenResponseCollection (1.3 §3.3)   AppendCollection, ReadResponses
//	requestor (§1.4), of a negotiation and over a channel   Initiator, Requester
//	BinaryExchange (§7.4; 1.3 §8.5)                     BinaryExchange
//	RequestedProofToken (§4.2.4)                        ProofToken
//	Authenticator, CombinedHash (§8.5)                  Authenticator
//	Entropy, BinarySecret (§4.1)                        RequestSecurityToken.Entropy
//	RenewTarget, CancelTarget (§5, §6)                  ContextReference
//	SecurityContextToken (WSC §2)                       SecurityContextToken
//	SPNEGO negotiation, accepting side                  Negotiator, Leg
//	issuing, renewing, cancelling (WSC §3, §5, §6)      Issuer, Operation
//
// # A negotiation
//
//	client                      Negotiator
//	RST, SPNEGO token ───────►  Step: the token goes to a GSSContext
//	◄─────── RSTR, SPNEGO token Leg.Reply; the rest is kept in ContextStore
//	RSTR, SPNEGO token ──────►  Step: until the context is established
//	                            the caller authorizes Leg.Client
//	◄─── RSTRC: token, key, end Leg.Reply: the key is made, wrapped and issued
//
// With Kerberos first in the client's list the first leg is the last. Package
// kerberos/gss has the GSSContext; neither imports the other.
//
// # Security considerations
//
// The messages of a negotiation are protected by nothing. The GSS-API context
// proves the client, and to it the service; the key is wrapped under that
// context and always encrypted; and the Authenticator covers everything else
// that was said, so that whoever changes a key size or a list of mechanisms on
// the way is found out by the client, who has to check it. Nothing is decided by
// an address, an action or a Timestamp in them but whether they are answered.
//
// A negotiation of several legs goes on with the client address and the route
// that it was begun by, until a time that no leg puts off. Its state is sealed,
// bound to its place in the store, and taken out by the message that goes on
// with it: one that fails ends the negotiation, and none can be sent twice. A
// second first message with the same Context ends nothing. The store refuses
// what it has no room for, and evicts nothing.
//
// A security context is issued over a secured channel if nobody on the way can
// read or change the RST: its Body is signed and encrypted, or the policy relies
// on TLS. Otherwise whoever listens has both entropies, and with them the key. A
// context is cancelled by messages under its own key alone, and renewed by those,
// or by messages of its client under the bootstrap policy that its key endorses:
// nobody renews one without having its key. No context outlives the ticket that
// its client was authenticated by, which is a new one only in the second form.
//
// No key is made before the caller has authorized the client. Errors of this
// package are for operators and hold no token and no key; [FaultFor] says what a
// peer learns. NTLM is refused: what is authenticated here is Kerberos.
package wstrust
