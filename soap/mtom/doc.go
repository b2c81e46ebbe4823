// Package mtom reads and writes SOAP messages whose binary content travels
// beside the envelope (SOAP Message Transmission Optimization Mechanism): a
// package of MIME parts, in which the envelope stands first and names the others
// by xop:Include elements.
//
// [Inline] makes one envelope of a package: the octets of each part stand in it
// as base64, in the place of the element that names the part. That is the
// original infoset, over which digests and signatures are computed (XOP 1.0 §1,
// Web Services Security 1.1 and Basic Security Profile 1.1 know no other).
// [Append] makes a package of an envelope.
//
// Whatever two readers could understand differently is refused: see [Inline].
//
//	specification                                     Go
//	XOP 1.0 §3.2, Interpreting XOP Packages           Inline
//	XOP 1.0 §3.1, Creating XOP Packages               Append
//	XOP 1.0 §2.1, xop:Include                         NSXOP, HasInclude
//	XOP 1.0 §4.1, MIME Multipart/Related packaging    Type, ParseType
//	MTOM §3.2, start-info; RFC 2387 §3                Type, ParseType
//	RFC 2046 §5.1, multipart syntax                   parts.go
//	RFC 2045 §5 to §8, header fields of a part        fields.go
//	RFC 2392, cid: URLs                               include.go
//
// SOAP Messages with Attachments is another use of multipart/related, whose
// attachments nothing in the envelope need name. It is told apart by the
// parameter type, and refused (CodeAttachments).
package mtom
