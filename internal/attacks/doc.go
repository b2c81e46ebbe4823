// Package attacks makes attacks on SOAP message security out of valid messages:
// what somebody can send who has recorded a message, or two, and has no key.
//
// A receiver may refuse an attack or accept it, but what it takes for the message
// must be what the client protected: [Read] gives both a form in which they can be
// compared. The package shares no code with what it attacks; its parser is
// encoding/xml. The same messages give the same attacks, in the same order.
//
// Its tests send all of them through the gateway to a backend that records
// what it gets, and give those on replies to clients. `go run ./cmd/vectorgen
// -attack request.xml -out DIR` writes the attacks on a message as files, for
// receivers of others.
//
//	signature wrapping (WS-Attacker)         wrapping.go
//	Ids, comments, namespaces, QNames        structure.go
//	signatures, algorithms, truncated HMACs  signature.go
//	tokens, derived keys, encryption         tokens.go
//	large, many and deep                     bombs.go
//	HTTP, WS-Addressing, MIME                transport.go
//	parts of two messages                    splice.go
//	what a message means                     meaning.go
//	files                                    write.go
//
// # Security considerations
//
// The attacks are for receivers of one's own. They hold no key, and the largest
// is a megabyte.
package attacks
