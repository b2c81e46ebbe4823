// Package soap reads SOAP 1.1 and SOAP 1.2 envelopes, with the header blocks of
// WS-Addressing, and writes SOAP faults.
//
// An [Envelope] is a message as received: its structure was checked, but
// nothing in it is authenticated. Package wssec verifies it.
//
// # Specifications
//
//   - Simple Object Access Protocol (SOAP) 1.1, W3C Note 8 May 2000
//   - SOAP Version 1.2 Part 1: Messaging Framework (Second Edition), W3C
//     Recommendation 27 April 2007
//   - Web Services Addressing 1.0 (WS-A): Core and SOAP Binding, W3C
//     Recommendations 9 May 2006; Metadata, 4 September 2007; and the submission
//     of August 2004
//
// # Terms
//
//	Specification                              Go
//	-----------------------------------------  ------------------------------
//	SOAP Envelope (1.1 §4.1, 1.2 §5.1)         Envelope, Parse
//	SOAP Header, header block (1.2 §5.2)       Envelope.Header, Envelope.Blocks
//	mustUnderstand (1.1 §4.2.3, 1.2 §5.2.3)    Envelope.MustUnderstand
//	actor (1.1 §4.2.2), role (1.2 §5.2.2)      Envelope.Role, Envelope.IsFor
//	relay (1.2 §5.2.4)                         Envelope.Relay
//	SOAP Body (1.1 §4.3, 1.2 §5.3)             Envelope.Body
//	SOAP Fault (1.1 §4.4, 1.2 §5.4)            Fault, FaultCode
//	Upgrade, NotUnderstood (1.2 §5.4.7, 8)     Fault.AppendEnvelope
//	envelope version (1.2 Appendix A)          Version
//	message addressing properties (WS-A §3.1)  Addressing, Envelope.Addressing
//	faults of WS-Addressing (WS-A SOAP §6.4)   AddressingFault, AddressingError
//	[action] of a fault (WS-A SOAP §6)         FaultAction
//	[action] of a reply (WS-A Metadata §4.4.4) ReplyAction
//
// # Security considerations
//
// [Parse] refuses what the SOAP specifications forbid and what two receivers of
// one message could interpret differently: a second Body, a Body that is not
// the last child, text between header blocks, processing instructions, a
// document type declaration. The XML rules are those of package xmltext.
package soap
