// Package door decides which exchanges the gateway admits. A [Door] implements
// one standard, in a file of its own:
//
//	door.go          what a door is, and what it admits
//	security.go      wsse:Security under a policy of package wssec
//	negotiation.go   SPNEGO negotiations of WS-Trust, in front of another door
//	conversation.go  messages under security contexts, and requests for them
//	oneof.go         several policies on one route
//	none.go          no protection
//	shadow.go        no protection, beside a door that is tried
//	http.go          HTTP Negotiate, for requests of any kind
//	cors.go          preflights, and which origins' scripts may call
//	caller.go        the client, for what stands behind the gateway
//
// Specifications: those of package wssec.
//
//	wsse:Security (WSS 1.1.1 §5)  [Security]
//	policy alternatives           [OneOf]
//	policy on trial               [Shadow]
//	verified message              [Admitted]
//	token outside that header     [Tokens]
//	established context (RFC 2743 1.2.2)  [AdmittedRequest]
//
// # Security considerations
//
// The gateway forwards an [Admitted] or an [AdmittedRequest] and nothing else.
// They have an unexported method, so only this package implements them, and
// code that forwards anything else does not compile.
//
// The text of an error of [Door.Admit], and the time until it is returned, may
// depend on plaintext or keys. The gateway answers all of them with one fault,
// at a time that depends on the size of the message alone.
package door
