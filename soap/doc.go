// Package soap reads SOAP 1.1 and SOAP 1.2 envelopes and writes SOAP faults.
//
// An [Envelope] is a message as received: its shape was checked, but nothing in
// it is authenticated. Package wssec turns it into a verified message.
//
// # Specifications
//
//   - Simple Object Access Protocol (SOAP) 1.1, W3C Note 8 May 2000
//   - SOAP Version 1.2 Part 1: Messaging Framework (Second Edition), W3C
//     Recommendation 27 April 2007
//
// # Terms
//
//	Specification                              Go
//	-----------------------------------------  ------------------------------
//	SOAP Envelope (1.1 §4.1, 1.2 §5.1)         Envelope, Parse
//	SOAP Header, header block (1.2 §5.2)       Envelope.Header, Envelope.Blocks
//	mustUnderstand (1.1 §4.2.3, 1.2 §5.2.3)    MustUnderstand
//	actor (1.1 §4.2.2), role (1.2 §5.2.2)      Role
//	SOAP Body (1.1 §4.3, 1.2 §5.3)             Envelope.Body
//	SOAP Fault (1.1 §4.4, 1.2 §5.4)            Fault, FaultCode
//	envelope version (1.2 Appendix A)          Version
//
// # Security considerations
//
// Parse refuses what the SOAP specifications forbid and what would make two
// readers of one message disagree: a second Body, a Body that is not the last
// child, text between header blocks, processing instructions, a document type
// declaration. The XML rules are those of package xmltext.
package soap
