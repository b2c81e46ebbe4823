// Package gateway is the message path of wssgate: an HTTP request with one SOAP
// message in, the verified message on to the backend, its protected reply back.
//
// A door of package door admits messages. The files:
//
//	exchange.go     exchange.run, the whole path on one screen
//	mtom.go         messages in MTOM packages, in and out
//	receive.go      reads and parses a request, within limits, or leaves its body
//	reading.go      a body in memory that grows with what arrives, or is decoded
//	shadow.go       messages that pass unverified, and what would become of them
//	release.go      the time at which a refusal is written
//	authorize.go    which clients may call
//	forward.go      the backend's request and reply
//	stream.go       a request that HTTP Negotiate authenticates, and its response,
//	                which pass without being held
//	paths.go        for which route such a request is
//	address.go      WS-Addressing of the message: for which route it was made,
//	                where its reply goes, which SOAPAction the backend gets, and
//	                the blocks to the backend, in replies and faults
//	describe.go     the WSDL of a route, and WS-MetadataExchange
//	headers.go      which HTTP headers the backend gets
//	budget.go       octets that exchanges in progress may hold
//	client.go       the address of a client, also behind proxies
//	connections.go  limits on connections and arriving headers; the PROXY
//	                protocol; answers that leave in one write
//	fault.go        errors to SOAP faults and HTTP status codes
//	codes.go        the codes of the gateway itself, with cause and cure
//	catalogue.go    every error code: cause, cure, fault
//	event.go        one structured event for each exchange
//	bindings.go     channel bindings of TLS
//	server.go       listener, timeouts
//	shutdown.go     graceful shutdown
//
// Specifications: SOAP 1.1 §6 and SOAP 1.2 Part 2 §7 (HTTP bindings), WS-I
// Basic Profile 1.1 §4.3 (status codes), RFC 9110 (HTTP semantics), RFC 7303
// (XML media types). Package wssec implements wsse:Security.
//
//	SOAPAction, action       [soaphttp.Media].Action
//	[action] (WS-Addressing) exchange.chooseAction
//	[destination]            exchange.checkTo
//	[reply endpoint], [fault endpoint]  exchange.checkEndpoint, exchange.unwanted
//	[relationship], [message id]  addressing.relatesTo
//	SOAP node, intermediary  [Gateway]
//	role of the backend      [Route]
//
// # Security considerations
//
//   - forward takes a door.Admitted, which only a door makes, and a door with a
//     policy makes it of a *wssec.Message alone, which only Processor.Verify
//     makes. Code that forwards anything else does not compile.
//   - Likewise pass takes a door.AdmittedRequest, which a door makes of an
//     established GSS-API context alone. What authenticates the client stays
//     here. A path that a backend may read as one of another route is refused.
//   - A refusal of any door of messages is written at a time that depends on the size of the
//     message alone. Its place is taken before the door is called.
//   - The backend gets the nodes that verification covered, never the octets
//     that were received, and only HTTP headers of a short list. A client cannot
//     write the headers that name it to the backend, in any spelling.
//   - Until verification has succeeded, answers are unprotected faults, made by
//     one function that shows no detail. After it every answer, faults of the
//     gateway and of the backend included, goes through Admitted.Protect. If
//     that fails the client gets a fault with nothing of the backend's reply.
//   - Sizes are limited before memory is allocated, for requests and replies, and
//     their sum over all exchanges has a budget. Every wait has a limit.
//   - The memory of a message is used by later ones once its answer and its event
//     have been written, and not after an error (exchange.giveBack). A large one is
//     let go as soon as it is written for the backend (exchange.letGo). What
//     outlives an exchange is a copy. Tests overwrite that memory.
//   - Replies go back by the connection of the request. A message that wants them
//     elsewhere is refused, whoever wrote that, and its address neither called nor
//     passed on.
//   - SOAPAction is not signed. If the message has a signed wsa:Action, the
//     backend gets that, and a different SOAPAction is refused. If it has none, a
//     backend that dispatches on SOAPAction must compare it with the Body.
package gateway
