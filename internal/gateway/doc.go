// Package gateway is the message path of wssgate: HTTP in, one verified SOAP
// message through to the backend, its protected reply out.
//
// exchange.run, in exchange.go, is the whole path on one screen. What lets an
// exchange in is a door, of package door. Around it:
//
//	receive.go    limits before reading, one scan of one buffer
//	media.go      Content-Type and SOAPAction
//	reading.go    a body in memory that follows what arrives
//	release.go    when a refusal is written
//	authorize.go  who may call
//	forward.go    the backend's request and reply
//	address.go    for which route a message was made
//	action.go     whose SOAPAction the backend gets
//	headers.go    which HTTP headers cross the gateway
//	budget.go     octets in flight: memory is admitted, not hoped for
//	client.go     whose address a request comes from, also behind proxies
//	connections.go how many connections, of whom; the PROXY protocol
//	fault.go      any error to SOAP fault and HTTP status, in one place
//	codes.go      the codes of the gateway itself, with cause and cure
//	catalogue.go  every error code: cause, cure, fault
//	event.go      one structured event for each exchange
//	bindings.go   channel bindings of TLS, for tokens that are bound to one
//	server.go     listener, timeouts, graceful shutdown
//
// Specifications: SOAP 1.1 §6 and SOAP 1.2 Part 2 §7 (HTTP bindings), WS-I
// Basic Profile 1.1 §4.3 (status codes), RFC 9110 (HTTP semantics), RFC 7303
// (XML media types). What wsse:Security means is package wssec's affair.
//
//	SOAPAction, action      media.action
//	[action] (WS-Addressing) exchange.chooseAction
//	SOAP node, intermediary [Gateway]
//	role of the backend     [Route]
//
// # Security considerations
//
//   - forward takes a door.Admitted, which only a door makes, and that of a
//     policy from a *wssec.Message alone, which only Processor.Verify makes:
//     sending anything that no door has let in does not compile.
//   - A refusal of whatever door is written at a time that its message's size
//     says: the place for that is taken before the door is asked.
//   - The backend gets the nodes that verification covered, never the octets
//     that arrived, and only HTTP headers of a short list. The headers that tell
//     who the client is cannot be written by a client under any spelling.
//   - Until verification has succeeded answers are unprotected faults, made by
//     one function that shows no detail. After it every answer, faults of the
//     gateway and of the backend included, goes through Admitted.Protect; if
//     that fails the client gets a fault that holds nothing of the backend's.
//   - Sizes are limited before memory is taken, for requests and replies, and
//     their sum over all exchanges has a budget. Every wait has a limit.
//   - SOAPAction is under no signature. If the message has a wsa:Action that is,
//     the backend gets that one and a client's other one is refused; if it has
//     none, a backend that dispatches on SOAPAction must compare it with the Body.
package gateway
