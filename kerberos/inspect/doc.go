// Package inspect explains tokens, messages and files of Kerberos to people:
// what is in them, and with a keytab what an acceptor would do with them, and
// why.
//
//	any message of RFC 4120, GSS-API or SPNEGO token, keytab, credential cache   Inspector.Inspect
//
// # Security considerations
//
// Octets of keys are shown only when asked for. Control characters of the
// input are escaped. Work and output are bounded.
package inspect
