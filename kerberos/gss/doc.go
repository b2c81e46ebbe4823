// Package gss is the GSS-API with Kerberos: acceptors and their contexts,
// initiators' contexts, SPNEGO, per-message tokens, and the verification of
// AP-REQ tokens in messages.
//
// An acceptor's context:
//
//	kt, err := keytab.Load("gw.keytab")
//	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kt, Replay: journal})
//	c := acceptor.ForServices("HTTP/gw.example.com").NewContext(gss.AcceptConfig{})
//	reply, done, err := c.Step(ctx, token) // until done; the reply goes out even beside an error
//	name, realm := c.Client()
//
// A token of the Kerberos Token Profile, which has no answer:
//
//	a, err := acceptor.ForServices("soap/gw.example.com").Accept(ctx, token)
//
// An initiator's context, or a token, with a ticket of package kdc:
//
//	c, err := gss.NewInitiatorContext(ticket, gss.InitConfig{})
//	token, key, err := gss.NewToken(ticket, gss.TokenOptions{})
//
// # Specifications
//
// RFC 2743 (GSS-API), RFC 4121 (its Kerberos mechanism), RFC 4178 and MS-SPNG
// (SPNEGO), RFC 4757 (RC4), RFC 4120, MS-KILE, OASIS WSS Kerberos Token
// Profile 1.1.1.
//
//	specification                                   Go
//	security context (2743 1.2.2)                   Context: Acceptor.NewContext, NewInitiatorContext
//	GSS_Accept_sec_context, GSS_Init_sec_context    Context.Step
//	GSS_Export_sec_context, of a half-open one      Context.Export, Acceptor.Resume
//	mech flags (2743 1.2.1, 4121 4.1.1.1)           kerberos.GSS…, Context.Flags
//	channel bindings (2743 1.1.6, 4121 4.1.1.2)     AcceptConfig.ChannelBindings, BindingRule;
//	                                                InitConfig.ChannelBindings; Acceptor.AcceptBound
//	delegation, KRB-CRED (4121 4.1.1, 4120 5.8)     AcceptConfig.Delegation, Context.Delegated; in
//	                                                messages AcceptorConfig.Delegation; Credentials;
//	                                                InitConfig.Delegate, TokenOptions.Delegate
//	AP-REP, acceptor's subkey (4120 5.5.2)          Context.Step; AcceptConfig.NoAcceptorSubkey
//	KRB-ERROR (4120 5.9.1, 4121 4.1.3)              Context.Step beside its error
//	NegTokenInit, NegTokenInit2, NegTokenResp       Context.Step; MechanismSPNEGO
//	mechToken of a client that has no answer        MechToken
//	mechListMIC (4178 5)                            Context.Step; ContextFacts.MechListMIC
//	AP-REQ, Authenticator, Ticket (4120 5.3, 5.5)   Acceptor.Accept, Authentication; NewToken makes one
//	GSS-API initial token (2743 3.1)                Acceptor.Accept, by the first octet: 0x60,
//	                                                else 0x6e for a bare AP-REQ
//	#GSS_Kerberosv5_AP_REQ…, #Kerberosv5_AP_REQ…    the same: the profile's six value types have
//	                                                these two forms
//	clock skew (4120 1.6, 3.2.3)                    AcceptorConfig.MaxSkew, Facts.Skew
//	replay cache (4120 3.2.3)                       ReplayStore
//	PAC (MS-PAC)                                    AcceptorConfig.PAC, Authentication.PAC and Groups
//	transited field (4120 2.7, 3.3.3.2)             AcceptorConfig.ClientRealms, Paths
//	a token's key without AP-REP                    Authentication.Key: authenticator's subkey, else session key
//	a context's key (4121 2)                        Context.Key: the acceptor's subkey before these
//	Wrap token (4121 4.2.6.2, 4757 7.3)             Context.Wrap, Unwrap; MessageProtection
//	MIC token (4121 4.2.6.1, 4757 7.2)              Context.MIC, VerifyMIC
//	EC and RRC (4121 4.2.3 to 4.2.5)                all accepted; SealedRRC, IntegrityRRC send
//	replay and sequence detection (2743 1.2.3)      MessageOrder, from the flags
//
// # Security considerations
//
// The cleartext of an AP-REQ is the sender's claim: the realm and name of the
// service, encryption types, kvno. They choose the key; only the decrypted
// ticket is proof. A ticket for one of several principals with the same key
// (several names of one Windows account) can be presented as one for another.
// Give services of different trust different accounts.
//
// Client name and realm must be the same in ticket and authenticator. Every
// realm on a client's path could have forged the name, so each must be trusted,
// by the KDC's policy or ours.
//
// An authenticator is accepted once. It is identified by the SHA-256 of its
// ciphertext alone, which nobody can vary without the session key: changing the
// cleartext around it does not make it new. It is remembered until its own time
// plus the skew limit, by the client's clock, so that one dated ahead cannot
// outlive its record. If the store cannot remember it, it is refused. After a
// restart a [replay.Journal] still has its records, and refuses authenticators
// made while it was not open; a [replay.Memory] refuses those made before it
// began (see [replay.Risk] for what remains).
//
// A context follows RFC 4178: it chooses the first mechanism of the client's
// list that is Kerberos, uses its token only if it is first in the list, and
// else demands a MIC of the list. So whoever puts a weaker mechanism first, or
// removes the MIC, ends the negotiation. NTLM and other mechanisms are refused.
// After an error a context takes no more tokens. A refused client gets one
// error code for all failures of keys and integrity, KRB_AP_ERR_MODIFIED, and
// the reason only if it has proved who it is or the reason is in its token in
// clear.
//
// Channel bindings bind the context to its TLS channel; without
// [BindingsRequired] a client that has none is accepted. A delegated credential
// is as good as the client's password for the ticket's life: it is decrypted
// only if [AcceptConfig.Delegation] or [AcceptorConfig.Delegation] is set, and
// never printed.
//
// The state of a half-open context holds keys. It leaves the process encrypted
// only, bound to [AcceptConfig.StateBinding] and the rules that it was begun
// under. A state with a verified client is resumed once, within MaxOpen, for
// which all nodes need one replay store. Nothing authenticates a KRB-ERROR: an
// initiator reports it and stops.
//
// A per-message token is refused if it is a reflected one of our own, if any
// octet of it but RRC was altered, EC included, and if its sequence number
// violates [MessageOrder]. The number is checked after the integrity, for which
// there is one error. The plaintext of a refused token is wiped.
// [MessageProtection.Unwrap] reports whether a token was encrypted: the sender
// chooses, so a caller that needs confidentiality must check.
//
// RC4 (23) is broken and accepted only if listed. Its per-message tokens are
// worse (RFC 4757 7): no checksum covers the encrypted number and direction of
// a MIC or unencrypted Wrap token, so an attacker on the path can change them,
// and replays and reflections of such tokens are not detected. Encrypted tokens
// with the same number in both directions, as without an AP-REP, share a key
// stream. Use them only inside TLS.
//
// Input is DER except that lengths need not be minimal, as some senders do not
// write them so. Tokens are bounded by [kerberos.MaxTokenBytes], per-message
// tokens by the caller, and nothing is allocated by a length from the input.
package gss
