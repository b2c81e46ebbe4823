// Package kdcproxy relays Kerberos messages between clients that cannot reach a
// KDC and the KDCs of listed realms: over HTTPS as [MS-KKDCP] has it, in
// WebSockets, and by plain TCP and UDP. A [Client] is the other end of the first
// two.
//
//	relay, err := kdcproxy.New(kdcproxy.Config{Realms: []kdcproxy.Realm{{Name: "EXAMPLE.COM"}}, Krb5Conf: text})
//	http.Handle("/KdcProxy", relay.Proxy())
//	http.Handle("/kerberos5", relay.WebSocket())
//
//	specification                           Go
//	KDC-PROXY-MESSAGE ([MS-KKDCP] 2.2.2)    Relay.Proxy, Client
//	target-domain ([MS-KKDCP] 3.1.5.1)      Realm
//	AS-REQ, TGS-REQ (RFC 4120 5.4.1)        Kind
//	password protocol (RFC 3244 2)          Kind
//	TCP, UDP (RFC 4120 7.2)                 Relay.ServeTCP, Relay.ServeUDP; [kdc.Transport] to the KDCs
//	WebSocket (RFC 6455)                    Relay.WebSocket, Client
//
// # WebSocket
//
// No specification says how Kerberos messages stand in a WebSocket. Here a
// binary message holds one request, either bare, as in a datagram, or after its
// length in four octets, as in TCP; the reply comes in the same form, in one
// binary message. The octets of a request with a length may be spread over
// several messages. A bare one begins with 0x6a or 0x6c, a length with 0x00. A
// client waits for the reply before it sends the next request. What cannot be
// answered closes the socket: 1003 for text, 1007 for what is no request, 1008
// for a realm that is not relayed, 1009 for what is too large, 1013 for a limit
// or a KDC that does not answer, 1000 after the time that it may be idle, 1001
// when the relay stops.
//
// # Security considerations
//
// A relay for strangers must not become a scanner of the network behind it. A
// message is relayed if it is an AS-REQ, a TGS-REQ or a password request as the
// strict readers of this module have them, for a listed realm; nothing is looked
// up and no packet leaves before that. The target-domain and the realm inside
// the request have to be the same realm. Hosts come from the configuration, or
// from DNS for listed realms. Only what has the form of a KDC's reply comes back.
//
// The messages protect themselves, but not against guessing: anybody may try
// passwords, list names by the errors, and collect what is encrypted under
// passwords. Clients and realms have limits, and each request is reported with
// the names in it, which nothing proves. A KDC is asked after another only when
// that is silent or fails, because each copy of an AS-REQ counts as a login.
// A password request is sent once. Answers by UDP are those of [kdc.Transport]:
// one for another client, which may be guessed at, does not reach this one.
//
// A page in a browser can reach a relay that its user can reach; requests with
// an Origin that is not listed are refused.
package kdcproxy
