// Package xmldsig implements the part of XML Signature that WS-Security
// messages with symmetric keys use: detached signatures over parts of the same
// document, HMAC methods, exclusive canonicalization.
//
// # Specifications
//
//   - XML Signature Syntax and Processing Version 1.1, W3C Recommendation 11
//     April 2013
//   - Exclusive XML Canonicalization Version 1.0, W3C Recommendation 18 July
//     2002
//   - RFC 6931, Additional XML Security Uniform Resource Identifiers
//   - WS-I Basic Security Profile 1.1, section 8 (which forms are allowed)
//
// # Terms
//
//	Specification                            Go
//	---------------------------------------  -------------------------------
//	Signature (§4.1)                         Signature, Parse
//	SignedInfo (§4.3)                        Signature.SignedInfo, Template
//	CanonicalizationMethod (§4.3.1)          Signature.C14N
//	SignatureMethod, HMAC (§4.3.2, §6.3)     SignatureMethod
//	SignatureValue (§4.2)                    Signature.CheckValue
//	Reference (§4.3.3)                       Reference
//	Transform (§4.3.3.4)                     Reference.C14N
//	STR-Transform (WSS §8.3)                 Reference.STRTransform
//	DigestMethod, DigestValue (§4.3.3.5–6)   DigestMethod, Reference.Digest
//	KeyInfo (§4.4)                           Signature.KeyInfo
//
// # Security considerations
//
// [Parse] verifies nothing. The caller compares the algorithms with its policy
// before it computes anything, resolves each [Reference] to a node by its own
// rules, and remembers that node. HMACOutputLength (CVE-2009-0217), Manifest,
// Object, external URIs, enveloped signatures, XPath and XSLT are refused.
// Values are compared in constant time.
package xmldsig
