// Package client calls SOAP services that WS-Security protects with Kerberos:
// it gets a ticket, protects a plain message as a policy asks, sends it, and
// verifies and decrypts the reply.
//
//	tickets, err := kdc.NewClient(kdc.ClientConfig{CCache: "/tmp/krb5cc_1000", Krb5Conf: text})
//	policy, _ := wssec.Preset("Kerberos")
//	c, err := client.New(client.Config{URL: url, Service: "soap/gw.example.com", Policy: policy, Tickets: tickets})
//	defer c.Close(ctx)
//	reply, err := c.Call(ctx, client.Request{Message: envelope})
//
// Package kdc is kerberos/kdc; text is that of a krb5.conf. Under a policy that
// needs a security context (SspiNegotiated, SecureConversation, wsHttpBinding) the
// first call gets it, and Close cancels it where that is usual.
//
// A [Client] is also a [net/http.RoundTripper], for programs that speak plain
// SOAP over a [net/http.Client].
//
// # Terms
//
//	specification                               Go
//	Kerberos Token Profile 1.1.1                a policy with wssec.KerberosToken
//	SPNEGO negotiation of WS-Trust              a policy with wssec.SpnegoContextToken
//	WS-SecureConversation                       one with wssec.SecureConversationToken; Client.Close
//	SOAPAction, action (SOAP 1.1 §6.1.1, RFC 3902)  Request.Action
//	MTOM, in replies                                read as the envelope that they stand for
//	channel bindings (RFC 5929)                     ServerBinding
//	a token in HTTP, as with RFC 4559               Config.TokenTo
//	message addressing properties (WS-Addressing)   Config.Addressing
//	SOAP fault                                  Error.Fault
//
// # Security considerations
//
// Nothing of a reply is used before it has verified under the key of its
// request. A fault in clear, which is all that a service can answer to a message
// whose key it does not get at, is reported as what it is: anybody on the way can
// have written it. It decides nothing but that the next call asks for a new
// ticket. Redirections are not followed: a message is for one address. A request
// is never sent a second time, since nobody knows what became of the first. Only
// the Client's own request for a security context is made anew, once, if the
// service refuses it.
//
// Under a security context all messages have one key. A reply is accepted once and
// none of our requests as one; if the request has a wsa:MessageID the reply has to
// relate to it. Without WS-Addressing, whoever is in between can exchange the
// replies to two calls that are made at the same time. The context is forgotten,
// and the next call gets another, when a verified fault says that it is over.
//
// Tokens are bound to the TLS channel only with Config.ChannelBindings.
//
// Status and headers of HTTP are under no signature. An empty answer with status
// 202, as one-way messages have it, proves nothing.
package client
