// Package gsspeer runs GSS-API initiators and acceptors of other
// implementations for interoperability tests: MIT's library by a Python script,
// Heimdal's by a C program, and Java's by a class. All three speak one
// protocol, so that one test compares us with each.
//
// # Protocol
//
// A request is a line in hexadecimal, and so is its answer. The first octet of
// a request is a command:
//
//	N  begin a context: role|service|mechanism|flags|bindings| with role initiate or accept, mechanism spnego or krb5,
//	   flags of mutual,delegate,replay,sequence, for MIT ntlm-first, which offers NTLM before Kerberos, and for Java
//	   tls, which makes bindings as its LDAP client does, with address type 0; bindings are the application data of
//	   channel bindings
//	T  take a token, which may be empty: the answer is c (complete) or n (not yet), and the token to send
//	S  wrap, sealed        P  wrap, in clear       U  unwrap: the answer is s or p, and the text
//	M  make a MIC          V  verify one: the text's length in four octets, the text, the MIC
//	I  initiator|acceptor|flags|delegated: names, GSS-API flags as a number, whose the delegated credential is
//
// The first octet of an answer is o for success, else e, followed by the length
// of the peer's error text in four octets, the text, and a token to send, if
// there is one.
//
//	term                                   Go
//	GSS_Init_sec_context, GSS_Accept_…     Peer.Begin, Peer.Step
//	per-message calls (RFC 2743 2.3)       Peer.Wrap, Unwrap, MIC, VerifyMIC
//	GSS_Inquire_context                    Peer.Info
//
// It is for tests only: each function fails or skips its test.
package gsspeer
