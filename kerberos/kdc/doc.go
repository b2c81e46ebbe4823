// Package kdc is the client side of Kerberos: it logs in, gets, renews and
// forwards tickets, and finds KDCs and exchanges messages with them.
//
//	c, err := kdc.NewClient(kdc.ClientConfig{Client: "alice@EXAMPLE.COM", Keytab: kt, Krb5Conf: text})
//	ticket, err := c.ServiceTicket(ctx, "HTTP/gw.example.com")
//	token, key, err := gss.NewToken(ticket, gss.TokenOptions{})
//
//	specification                        Go
//	AS and TGS exchange (4120 3.1, 3.3)  Client.ServiceTicket; renewal there and in Client.Maintain
//	forwarded ticket (4120 2.6)          Client.Forwarded
//	S4U2Self (MS-SFU 3.1.5.1.1)          Client.ServiceTicketFor: protocol transition
//	S4U2Proxy (MS-SFU 3.1.5.2)           Client.ProxyTicket: constrained delegation, also resource-based
//	referrals, canonicalize (6806 3, 8)  Client.ServiceTicket
//	KDC by DNS, UDP and TCP (4120 7.2)   Transport; Exchanger is what a Client needs of it
//	change of a password (3244)          Transport.AskPassword passes the messages on
//
// # Security considerations
//
// A KDC's reply is accepted if it decrypts under the client's key, or the
// request's, and agrees with the request: nonce, client, realm, and a session
// key of an encryption type that was asked for. Its cleartext is not trusted. A
// KRB-ERROR, which anyone on the network can send, makes a request fail and
// nothing more. A login that the KDC refuses because of the password is not
// tried again for a while, so that the account does not get locked. Referrals
// are bounded, and lead only where the realm that was asked sends us.
//
// The client of a reply is in clear. For most tickets it is the one who asks; a
// ticket in the name of a user is taken only if it is opened by the service's own
// key and names the user (S4U2Self), or if the user's ticket that was presented
// names the same (S4U2Proxy). Such tickets let their holder act as the user: ask
// for them when the user has been authenticated and admitted, not before.
//
// Whoever can guess the port of a socket can answer by UDP in a KDC's name. Each
// exchange has a new socket, and takes an answer only if it is of the request's
// kind and has its name; what it says is proved by the client's key alone.
package kdc
