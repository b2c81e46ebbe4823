// Package kdc is the client's side of Kerberos: it logs in, gets tickets for
// services, renews and forwards them, and finds and asks KDCs.
//
//	c, err := kdc.NewClient(kdc.ClientConfig{Client: "alice@EXAMPLE.COM", Keytab: kt, Krb5Conf: text})
//	ticket, err := c.ServiceTicket(ctx, "HTTP/gw.example.com")
//	token, key, err := gss.NewToken(ticket, gss.TokenOptions{})
//
//	specification                        Go
//	AS and TGS exchange (4120 3.1, 3.3)  Client.ServiceTicket; renewal there and in Client.Maintain
//	forwarded ticket (4120 2.6)          Client.Forwarded
//	referrals, canonicalize (6806 3, 8)  Client.ServiceTicket
//	KDC by DNS, UDP and TCP (4120 7.2)   Transport; Exchanger is what a Client needs of it
//
// # Security considerations
//
// A KDC's reply counts when it opens with the client's key, or that of our
// request, and says the same as the request: nonce, client, realm, and a
// session key of an encryption type that was asked for. What is in clear is
// not trusted. A KRB-ERROR, which anybody on the network can send, makes a
// request fail and nothing more. A login that the KDC refuses for the
// password's sake is not tried again for a while, so as not to lock the
// account. Referrals end, and lead only where the realm asked sends us.
package kdc
