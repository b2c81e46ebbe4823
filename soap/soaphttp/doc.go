// Package soaphttp is the HTTP binding of SOAP 1.1 and 1.2: media types, the
// action, status codes, and a bounded [Handler] for services. Nothing that it
// reads is authenticated.
//
// A service:
//
//	http.Handle("POST /quotes", &soaphttp.Handler{Answer: answer})
//
// # Specifications
//
//	Simple Object Access Protocol (SOAP) 1.1 §6         MediaOf, SetMedia, FaultStatus
//	SOAP Version 1.2 Part 2 §7                          the same; status codes of Handler
//	RFC 3902 (application/soap+xml)                     Media.Action
//	RFC 9110 §5.6.6 (parameters)                        MediaOf
//
// # Security considerations
//
// The limit of octets comes before anything is parsed, and that of messages at a
// time before anything is verified: nobody knows yet who sends them. A message
// whose envelope is not of the version that its media type names is refused,
// as two readers might else take it for two messages. Attachments and compressed
// bodies are refused. The action in HTTP is under no signature.
package soaphttp
