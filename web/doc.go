// Package web is the client that runs in a page of a browser: a user logs in at a
// KDC through a relay, and calls services with tickets. It is what the ES module
// beside it calls, compiled to WebAssembly by the program in web/wasm, and works
// on any system.
//
//	s, err := web.Login(ctx, web.Config{Relay: "wss://gw.example.com/kerberos5", Realm: "EXAMPLE.COM",
//		User: "alice", Password: password, Transport: http.DefaultTransport})
//	defer s.Logout(ctx)
//	resp, err := (&http.Client{Transport: s}).Get("https://gw.example.com/app")
//	reply, err := s.Call(ctx, web.Call{URL: "https://gw.example.com/quotes", Message: body, Policy: "SspiNegotiated"})
//
// All of Kerberos, WS-Security and WS-Trust is in the packages that it calls.
// Promised to users is the module, as wssgate.d.ts declares it, and not this package.
//
//	of a page                          Go
//	login                              Login: the AS exchange (RFC 4120 3.1), kdc.Client
//	session.fetch                      Session.RoundTrip: HTTP Negotiate (RFC 4559), negotiate.Transport
//	session.soap                       Session.Call: WS-Security, client.Client
//	session.tickets                    Session.Tickets: a tree of package inspect
//	session.logout                     Session.Logout
//	code, cause and cure of an error   Explain: the catalogue of errors
//	the KDC's clock (RFC 4120 3.1.3)   Session.ClockOffset
//
// # Security considerations
//
// The password is used for one login, which sends a timestamp that is encrypted
// under a key made of it, and nothing else of it. It is not kept: a ticket that has
// ended and cannot be renewed needs another login. Neither Go nor JavaScript can
// wipe a string, so its octets stay in memory until that is used again.
//
// Tickets and keys are in the memory of the page alone, and gone with it.
// [Session.Logout] wipes the keys of tickets; what calls have made of them, subkeys
// and keys of security contexts, stays in memory until that is used again. Nothing
// is stored, and nothing logged; no error and no tree holds a key, a ticket or the
// password.
//
// Whatever runs in the page can use the session, and read the password while the
// user types it. docs/browser.md has what follows from that.
//
// What a KDC says of the time is in a KRB-ERROR, which anybody on the way can
// write. It decides which time the next login is made for; the KDC's reply is
// accepted only if its times agree. Whoever changes the error gets an encrypted
// timestamp of another hour, which is of use to guess the password, like any.
//
// Tokens go to the host that the page names, by TLS, for the ticket of that host.
// Redirections are not followed.
package web
