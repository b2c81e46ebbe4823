// Package kerberos holds what the packages below it share: principals,
// credentials, the catalogue of refusals, ticket and GSS-API flags. None of
// them knows XML or HTTP, and none logs.
//
//	kerberos/etype     encryption types and keys (RFC 3961, 3962, 8009, 4757)
//	kerberos/keytab    keytab files, and what follows them while they change
//	kerberos/ccache    credential cache files
//	kerberos/krb5conf  krb5.conf
//	kerberos/pac       privilege attribute certificates (MS-PAC)
//	kerberos/kdc       a client's exchanges with KDCs (RFC 4120 3.1, 3.3)
//	kerberos/gss       the GSS-API: acceptors, contexts, SPNEGO, per-message tokens
//	kerberos/inspect   tokens and files, explained to people
//	kerberos/krbtest   a KDC in process and real ones, for tests
//	replay             stores for authenticators that were accepted
//
// # Specifications
//
// RFC 4120 (Kerberos V5), RFC 6806 (referrals), MS-KILE.
//
//	specification                         Go
//	PrincipalName, Realm (4120 5.2.2, 6)  Principal
//	ticket with its session key           Credential
//	KRB-ERROR (4120 5.9.1)                KRBError
//	ticket flags (4120 5.3)               Flag…
//	flags of a context (4121 4.1.1.1)     GSS…
//
// # Security considerations
//
// Names with control characters or not in UTF-8 are refused everywhere. Errors
// are for operators and have details that a client must not see: answer clients
// with one fault for all.
package kerberos
