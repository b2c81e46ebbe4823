// Package gss is the GSS-API with Kerberos: acceptors and their contexts,
// initiators' contexts, SPNEGO, per-message tokens, and the verification of
// AP-REQ tokens that stand in messages.
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
//	channel bindings (2743 1.1.6, 4121 4.1.1.2)     AcceptConfig.ChannelBindings, BindingRule; InitConfig.ChannelBindings; Acceptor.AcceptBound
//	delegation, KRB-CRED (4121 4.1.1, 4120 5.8)     AcceptConfig.Delegation, Context.Delegated; InitConfig.Delegate
//	AP-REP, acceptor's subkey (4120 5.5.2)          Context.Step; AcceptConfig.NoAcceptorSubkey
//	KRB-ERROR (4120 5.9.1, 4121 4.1.3)              Context.Step beside its error
//	NegTokenInit, NegTokenInit2, NegTokenResp       Context.Step; MechanismSPNEGO
//	mechListMIC (4178 5)                            Context.Step; ContextFacts.MechListMIC
//	AP-REQ, Authenticator, Ticket (4120 5.3, 5.5)   Acceptor.Accept, Authentication; NewToken makes one
//	GSS-API initial token (2743 3.1)                Acceptor.Accept, by the first octet: 0x60, else 0x6e for a bare AP-REQ
//	#GSS_Kerberosv5_AP_REQ…, #Kerberosv5_AP_REQ…    the same: the profile's six value types are these two shapes
//	clock skew (4120 1.6, 3.2.3)                    AcceptorConfig.MaxSkew, Facts.Skew
//	replay cache (4120 3.2.3)                       ReplayStore
//	PAC (MS-PAC)                                    AcceptorConfig.PAC, Authentication.PAC and Groups
//	transited field (4120 2.7, 3.3.3.2)             AcceptorConfig.ClientRealms, Paths
//	a token's key without AP-REP                    Authentication.Key: subkey of the authenticator, else session key
//	a context's key (4121 2)                        Context.Key: the acceptor's subkey before these
//	Wrap token (4121 4.2.6.2, 4757 7.3)             Context.Wrap, Unwrap; MessageProtection
//	MIC token (4121 4.2.6.1, 4757 7.2)              Context.MIC, VerifyMIC
//	EC and RRC (4121 4.2.3 to 4.2.5)                all accepted; SealedRRC, IntegrityRRC send
//	replay and sequence detection (2743 1.2.3)      MessageOrder, from the flags
//
// # Security considerations
//
// Everything in clear in an AP-REQ is the sender's claim: the realm and name
// of the service, encryption types, kvno. They choose the key; only that the
// ticket opens is proof. Principals with equal keys (several names of one
// Windows account) are one service to cryptography: a ticket for one can be
// presented as one for another. Give services of different trust different
// accounts.
//
// Client name and realm are compared between ticket and authenticator, both of
// them, and reported from the ticket. Every realm on a client's path could
// have made the name up, so each must be trusted, by the KDC's policy or ours.
//
// An authenticator is accepted once. Its identity is the SHA-256 of its
// ciphertext, which nobody can vary without the session key, and nothing else:
// rewriting the cleartext around it does not make it new. It is remembered
// until its own time plus the skew limit has passed, counted from the client's
// clock, so that one dated ahead cannot outlive its record. A store that
// cannot remember refuses. After a restart a replay.Journal still knows, and
// refuses what was made while it was not open; a replay.Memory does not, and
// refuses what was made before it began (see replay.Risk for what remains).
//
// A context keeps to the order of RFC 4178: the mechanism is the first of the
// client's list that is Kerberos, its token is used only when it heads the
// list, and else the list must be under a MIC. So whoever puts a weaker
// mechanism first, or takes the MIC away, ends the negotiation. NTLM and all
// else are refused by name. After an error a context takes nothing more. What
// the client is told of a refusal is one code for all that concerns keys and
// integrity, KRB_AP_ERR_MODIFIED, and the reason only when it has proved
// itself or when it stands in clear in its own token.
//
// Channel bindings bind the context to the TLS channel it came through;
// without BindingsRequired a client that knows none is let in. A delegated
// credential is as good as the client's password for the ticket's life: it is
// decrypted only when asked for, and is never in what is printed.
//
// The state of a half-open context holds keys. It leaves the process encrypted
// only, bound to AcceptConfig.StateBinding and the rules it was begun under,
// and once it knows its client is resumed once, within MaxOpen, for which all
// nodes need one replay store. KRB-ERROR is authenticated by nothing: an
// initiator reports it and decides nothing by it but to stop.
//
// A per-message token is refused when it is one of our own come back, when any
// octet of it but RRC was altered, EC included, and when its number does not
// fit MessageOrder. A number counts only after the cryptography; all of that
// has one error. What a refused token held is wiped. Unwrap reports whether a
// token was encrypted: the sender chooses, and who needs confidentiality must
// look.
//
// RC4 (23) is broken and accepted only when listed. Its per-message tokens are
// worse (RFC 4757 7): number and direction of a MIC or unencrypted Wrap token
// are encrypted but under no checksum, so whoever is in between can change
// them, and replays and reflections of such tokens are not detected against
// it; and encrypted tokens of equal number in both directions share a key
// stream, which they do when there is no AP-REP. Use them only inside TLS.
//
// Input is DER but for lengths, which some senders do not write in their
// shortest form. Tokens are bounded by kerberos.MaxTokenBytes, or by the caller
// for per-message tokens, and nothing is allocated by an announced length.
package gss
