// Package location finds the Kerberos token of a message where an operator says
// that clients put it. A [Location] is one such place:
//
//	security-header      the wsse:Security header that is meant for the gateway
//	any-security-header  that one and those of other actors
//	xpath:EXPRESSION     what an XPath 1.0 expression selects in the message
//	authorization        Authorization: Negotiate (RFC 4559 §4.2)
//	header:NAME          another HTTP header
//	query:NAME           a parameter of the URL's query
//	cookie:NAME          a cookie (RFC 6265 §4.2)
//
// Specifications: XPath 1.0; RFC 4559; WSS 1.1.1 §6.3.
//
//	location path (XPath §2)                     [Location], [ParseXPath]
//	namespace declarations of the expression (§1) namespaces of [ParseXPath]
//	BinarySecurityToken (WSS §6.3)                [Found]
//
// # Security considerations
//
// A token outside the signed header is a bearer token, unless its key signs the
// message: the policy of package wssec decides that, and this package does not
// verify anything. A message has its token at one place. If two of the
// locations have one, the message is refused, since which of them counts must
// not depend on what an attacker adds.
//
// Names in expressions are expanded names: a name without a prefix has no
// namespace, whatever the message declares. The work for one message is bounded
// by its size, whatever the expression costs: the library that evaluates it
// cannot be interrupted, so the navigator that it moves through the message
// counts the moves. Functions that can make a long text of a short one are
// refused when the expression is compiled, and the memory for the texts of the
// others is known before the search ([Locations.Memory]).
package location
