// Package kerberos is Kerberos V5 for services and their clients: the GSS-API acceptor and initiator with SPNEGO and
// per-message tokens, the verification of AP-REQ tokens that stand in messages, keytabs, replay stores, and the exchanges
// with a KDC. It knows neither XML nor HTTP, and it never logs.
//
// An acceptor's context:
//
//	kt, err := kerberos.LoadKeytab("gw.keytab")
//	acceptor, err := kerberos.NewAcceptor(kerberos.AcceptorConfig{Keytab: kt, Replay: journal})
//	c := acceptor.ForServices("HTTP/gw.example.com").NewContext(kerberos.AcceptConfig{})
//	reply, done, err := c.Step(ctx, token) // until done; the reply goes out even beside an error
//	name, realm := c.Client()
//
// A token of the Kerberos Token Profile, which has no answer:
//
//	a, err := acceptor.ForServices("soap/gw.example.com").Accept(ctx, token)
//
// A client that gets a ticket and makes a context, or a token, with it:
//
//	i, err := kerberos.NewInitiator(kerberos.InitiatorConfig{Client: "alice@EXAMPLE.COM", Keytab: kt, Krb5Conf: text})
//	ticket, err := i.ServiceTicket(ctx, "HTTP/gw.example.com")
//	c, err := ticket.NewContext(kerberos.InitConfig{})
//
// # Specifications
//
// RFC 4120 (Kerberos V5), RFC 3961 and 3962 (AES with SHA-1), RFC 8009 (AES with SHA-2), RFC 4757 (RC4-HMAC), RFC 2743
// (GSS-API), RFC 4121 (its Kerberos mechanism), RFC 4178 and MS-SPNG (SPNEGO), RFC 6806 (referrals), MS-KILE and MS-PAC,
// OASIS WSS Kerberos Token Profile 1.1.1, MIT's file formats of keytabs and credential caches.
//
//	specification                                   Go
//	security context (2743 1.2.2)                   Context: Acceptor.NewContext, ServiceTicket.NewContext
//	GSS_Accept_sec_context, GSS_Init_sec_context    Context.Step
//	GSS_Export_sec_context, of a half-open one      Context.Export, Acceptor.Resume
//	mech flags (2743 1.2.1, 4121 4.1.1.1)           GSS…, Context.Flags
//	channel bindings (2743 1.1.6, 4121 4.1.1.2)     AcceptConfig.ChannelBindings, BindingRule; InitConfig.ChannelBindings
//	delegation, KRB-CRED (4121 4.1.1, 4120 5.8)     AcceptConfig.Delegation, Context.Delegated; InitConfig.Delegate
//	AP-REP, acceptor's subkey (4120 5.5.2)          Context.Step; AcceptConfig.NoAcceptorSubkey
//	KRB-ERROR (4120 5.9.1, 4121 4.1.3)              Context.Step beside its error; KRBError
//	NegTokenInit, NegTokenInit2, NegTokenResp       Context.Step; MechanismSPNEGO
//	mechListMIC (4178 5)                            Context.Step; ContextFacts.MechListMIC
//	AP-REQ, Authenticator, Ticket (4120 5.3, 5.5)   Acceptor.Accept, Authentication; ServiceTicket.InitToken makes one
//	GSS-API initial token (2743 3.1)                Acceptor.Accept, by the first octet: 0x60, else 0x6e for a bare AP-REQ
//	#GSS_Kerberosv5_AP_REQ…, #Kerberosv5_AP_REQ…    the same: the profile's six value types are these two shapes
//	PrincipalName and Realm (4120 5.2.2, 6)         Principal
//	EncryptionKey (4120 5.2.9)                      Key
//	string-to-key (3962 4, 8009 4, 4757 2)          KeysFromPassword
//	AS and TGS exchange (4120 3.1, 3.3)             Initiator.ServiceTicket; renewal there and in Initiator.Maintain
//	forwarded ticket (4120 2.6)                     Initiator.Forwarded
//	referrals, canonicalize (6806 3, 8)             Initiator.ServiceTicket
//	KDC by DNS, UDP and TCP (4120 7.2)              KDCClient; KDCExchanger is what an Initiator needs of it
//	krb5.conf, capaths                              Krb5Conf, ReadKrb5Conf
//	credential cache                                CCache
//	key usage, Ke, Ki (3961 5.3, 8009 5)            usageKey
//	clock skew (4120 1.6, 3.2.3)                    AcceptorConfig.MaxSkew, Facts.Skew
//	replay cache (4120 3.2.3)                       ReplayStore, MemoryReplayStore, ReplayJournal
//	ticket flags (4120 5.3)                         Flag…, Facts.TicketFlags
//	PAC (MS-PAC)                                    AcceptorConfig.PAC, PAC, Authentication.PAC and Groups; SID
//	any of these messages, tokens and files         Inspector explains them to people
//	transited field (4120 2.7, 3.3.3.2)             AcceptorConfig.ClientRealms, Paths
//	a token's key without AP-REP                    Authentication.Key: subkey of the authenticator, else session key
//	a context's key (4121 2)                        Context.Key: the acceptor's subkey before these
//	Wrap token (4121 4.2.6.2, 4757 7.3)             Context.Wrap, Unwrap; MessageProtection
//	MIC token (4121 4.2.6.1, 4757 7.2)              Context.MIC, VerifyMIC
//	EC and RRC (4121 4.2.3 to 4.2.5)                all accepted; SealedRRC, IntegrityRRC send
//	replay and sequence detection (2743 1.2.3)      MessageOrder, from the flags
//
// # Choice of the key
//
// The ticket names a principal, an encryption type and a key version (kvno). Keys of that principal and type are tried
// in this order: the very kvno (an entry that holds only 8 bits of it is compared by these); entries of kvno 0, which
// some tools write for all keys; then, unless AcceptorConfig.ExactKvno, the others, newest first. The last step lets
// tickets live through a change of keys and keytabs with wrong numbers work; it weakens nothing, since every key of the
// keytab opens tickets of its own kvno anyway. Facts.Fallback tells when it was needed. When no key fits, the error says
// what the keytab has and what the ticket wants.
//
// A KeytabFile follows its file while it is in use, and keeps replaced keys for the life of a ticket. A ticket for which
// there is no key makes it look at the file, and one of a newer key version than any waits for it a moment. That version
// is anybody's claim, so looks are few, a file that did not change is not read, and not many wait,
// of which no client address keeps the places from another.
//
// # Security considerations
//
// Everything in clear in an AP-REQ is the sender's claim: the realm and name of the service, encryption types, kvno. They
// choose the key; only that the ticket opens is proof. Principals with equal keys (several names of one Windows account)
// are one service to cryptography: a ticket for one can be presented as one for another. Give services of different trust
// different accounts.
//
// Client name and realm are compared between ticket and authenticator, both of them, and reported from the ticket. Every
// realm on a client's path could have made the name up, so each must be trusted, by the KDC's policy or ours.
//
// An authenticator is accepted once. Its identity is the SHA-256 of its ciphertext, which nobody can vary without the
// session key, and nothing else: rewriting the cleartext around it does not make it new. It is remembered until its own
// time plus the skew limit has passed, counted from the client's clock, so that one dated ahead cannot outlive its record.
// A store that cannot remember refuses. After a restart a ReplayJournal still knows, and refuses what was made while it was
// not open; a MemoryReplayStore does not, and refuses what was made before it began (see ReplayRisk for what remains).
//
// A context keeps to the order of RFC 4178: the mechanism is the first of the client's list that is Kerberos, its token is
// used only when it heads the list, and else the list must be under a MIC. So whoever puts a weaker mechanism first, or
// takes the MIC away, ends the negotiation. NTLM and all else are refused by name. After an error a context takes nothing
// more. What the client is told of a refusal is one code for all that concerns keys and integrity, KRB_AP_ERR_MODIFIED, and
// the reason only when it has proved itself or when it stands in clear in its own token.
//
// A PAC is taken from the ticket only, never from the authenticator, which the client writes; it must be signed with the
// very key that opened the ticket, and be of its client and authentication. The KDC's own signatures cannot be checked
// by a service, so whoever has the service's key can make any PAC for it.
//
// Channel bindings bind the context to the TLS channel it came through; without BindingsRequired a client that knows none
// is let in. A delegated credential is as good as the client's password for the ticket's life: it is decrypted only when
// asked for, and is never in what is printed.
//
// The state of a half-open context holds keys. It leaves the process sealed only, bound to AcceptConfig.StateBinding and the
// rules it was begun under, and once it knows its client is resumed once, within MaxOpen, for which all nodes need one replay
// store. KRB-ERROR is authenticated by nothing: an initiator reports it and decides nothing by it but to stop.
//
// A KDC's reply counts when it opens with the client's key, or that of our request, and says the same as the request: nonce,
// client, realm, and a session key of an encryption type that was asked for. What is in clear is not trusted: the parameters
// of a password's key are bounded below and above, and a KRB-ERROR, which anybody on the network can send, makes a request
// fail and nothing more. A login that the KDC refuses for the password's sake is not tried again for a while, so as not to
// lock the account. Referrals end, and lead only where the realm asked sends us.
//
// A per-message token is refused when it is one of our own come back, when any octet of it but RRC was altered, EC
// included, and when its number does not fit MessageOrder. A number counts only after the cryptography; all of that has
// one error. What a refused token held is wiped. Unwrap tells whether a token was sealed: the sender chooses, and who needs
// confidentiality must look.
//
// RC4 (23) is broken and accepted only when listed. Its per-message tokens are worse (RFC 4757 7): number and direction
// of a MIC or unsealed Wrap token are encrypted but under no checksum, so whoever is in between can change them, and
// replays and reflections of such tokens are not detected against it; and sealed tokens of equal number in both
// directions share a key stream, which they do when there is no AP-REP. Use them only inside TLS.
//
// Names with control characters or not in UTF-8 are refused. Input is DER to the letter, but for lengths in SPNEGO, which
// some senders do not write in their shortest form; tokens are bounded by MaxTokenBytes, or for per-message tokens by the
// caller, and nothing is allocated by an announced length.
//
// Errors are made for operators and tell a lot: answer clients with one fault for all.
package kerberos
