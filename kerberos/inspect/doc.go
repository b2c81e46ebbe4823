// Package inspect explains tokens, messages and files of Kerberos to people:
// what is in them, and with a keytab what an acceptor does with them, and why.
//
//	messages of Kerberos (RFC 4120 5.10)         Inspector.Inspect, by krbmsg
//	tokens of GSS-API and SPNEGO                 the same
//	per-message tokens (RFC 4121 4.2, RFC 4757)  gss.MessageProtection, once the keys are known
//	PAC (MS-PAC)                                 pac.ParseBuffers, pac.PAC.Read
//	keytab, credential cache                     keytab.ParseEntries, ccache.ParsePartial
//	the verdict                                  Inspection.Err, by gss.Acceptor
//
// All is read by the readers that acceptors and clients use, so that what is
// shown is what they see, and an acceptor that keeps nothing is asked for its
// verdict. What these readers refuse is shown by the shape of its DER alone,
// and is marked as not read.
//
// # Security considerations
//
// Octets of keys are shown only when asked for. Control characters of the
// input are escaped. Work and output are bounded.
package inspect
