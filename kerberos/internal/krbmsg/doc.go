// Package krbmsg reads and writes the messages and structures of Kerberos:
// AP-REQ and AP-REP (RFC 4120 5.5), KDC-REQ and KDC-REP (5.4), KRB-ERROR (5.9),
// KRB-CRED (5.8), the PA-DATA of S4U2Self and S4U2Proxy (MS-SFU 2.2), the
// GSS-API frame and checksum (RFC 4121 4.1), and the tokens of SPNEGO (RFC 4178
// 4.2). It decides nothing.
package krbmsg
