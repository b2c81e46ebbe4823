// Package resecure protects the messages between the gateway and a backend that is
// secured itself: a [Transport] takes a plain message, protects it as the
// backend's policy asks, verifies the reply, and returns it plain.
//
//	transport.go  the http.RoundTripper
//	source.go     as whom the backend is called: the gateway, or the caller
//	table.go      the clients of callers, a bounded number of them
//	message.go    a client of SOAP messages, by package client
//	request.go    a client of HTTP requests, by package negotiate
//	errors.go     what can go wrong, and what to do about it
//
// # Terms
//
//	specification                                         Go
//	Kerberos Token Profile, WS-Trust, WS-SecureConversation   Config.Policy
//	HTTP Negotiate (RFC 4559)                             Config.Policy that is nil
//	delegation (RFC 4120 2.6, RFC 4121 4.1.1)             Delegated
//	constrained delegation, protocol transition (MS-SFU)  Proxy, Self
//
// # Security considerations
//
// The caller is that of the request's context ([door.CallerOf]), which a door has
// verified. Clients of one caller serve no other: they are kept by the caller's
// name, and the tickets that a credential gets are refused if they are not the
// caller's. A credential that names another client than the caller is refused
// before it is used. They end with the credential, or a quarter of an hour after
// their last message; their keys are wiped.
//
// Nothing of a reply is passed on before it has verified. A fault in clear, a
// reply under another key or without protection, and a fault that is about the
// protection of this leg are errors, whose text is for the log. HTTP Negotiate
// proves who the backend is; what it answers is protected by TLS alone.
//
// A message is sent once. One that the backend refuses is not sent again with a
// fresh ticket: nobody knows what became of it. A context of HTTP Negotiate of
// several legs is the exception, in which the backend answers 401 until it has
// authenticated the client.
package resecure
