// Package negotiate is HTTP Negotiate (RFC 4559): authentication of HTTP
// clients by Kerberos, with SPNEGO or without it. [Authenticator.Handler] is
// middleware for any server, and [Transport] is the client's side.
//
//	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kt})
//	a, err := negotiate.New(negotiate.Config{Acceptor: acceptor.ForServices("HTTP/gw.example.com")})
//	http.ListenAndServeTLS(":443", cert, key, a.Handler(mux))
//
// In a handler of mux:
//
//	client, _ := negotiate.FromRequestContext(r.Context())
//	name, realm := client.Client()
//
// # Specifications
//
// RFC 4559 (SPNEGO-based Kerberos and NTLM HTTP Authentication), RFC 9110 11
// (HTTP authentication), RFC 4178 and MS-SPNG (SPNEGO), RFC 5929
// (tls-server-end-point), MS-N2HT (Persistent-Auth), RFC 6265 (cookies). NTLM is
// recognized and refused.
//
//	specification                               Go
//	gssapi-data (4559 4.1, 4.2)                 one token in base64: Authorization, WWW-Authenticate
//	challenge, credentials (9110 11.3, 11.4)    Result.Header; Transport
//	security context (2743 1.2.2)               gss.Context; Identity of an established one
//	legs of a negotiation (4559 5)              Authenticator.Authenticate, Config.Store
//	mutual authentication (4559 5)              the token of a 2xx response; TransportConfig.NoMutual
//	tls-server-end-point (5929 4)               kerberos.EndPointBinding, Config.Bindings
//	session-based authentication (4559 6)       Config.ConnectionBound
//	delegation (4559 7)                         Identity.Delegated, TransportConfig.Delegate
//	authorization (9110 15.5.4)                 Config.Authorize
//
// # A negotiation
//
//	client                                Authenticator
//	GET ────────────────────────────────► 401, Negotiate
//	GET, token ─────────────────────────► the context is established: the handler's
//	                                      response, with our last token
//
// and if Kerberos is not the first mechanism of the client's list:
//
//	GET, token ─────────────────────────► 401, token, cookie; the context is kept in the Store
//	GET, token, cookie ─────────────────► 401, token, another cookie; or established
//
// # Security considerations
//
// A token proves who the client is, and nothing about the request: without TLS
// whoever is in between can put it on another request. Channel bindings prove
// that the client meant this TLS channel; they need TLS to end in this process.
//
// A cookie is as good as what it names. The secret in it is random and stored
// nowhere; what it names is sealed for its place, and used once, except for
// sessions, which can be used until they end by whoever has the cookie. They
// cannot be revoked one by one: remove the sealing key. A cookie that is
// forged, of another Scope, used up, expired, or present twice counts as none.
// A session proves who the client is, so that handlers of state-changing
// requests need their own protection against requests forged by other sites;
// SameSite=Lax keeps the cookie from those with other methods than GET.
//
// The body of a request is not read before its client is authenticated. A
// client address has a share of the Store; behind a proxy set
// Config.ClientAddr. Nothing that is live is evicted. A token is decoded after
// its length is checked.
//
// A refused client gets the token of the GSS-API context, which says what it
// may know, and no new invitation, unless Config.Invite is set: 401 with that
// token, 403 if there is none. Errors are for operators. They hold no token.
//
// Who may call is the handler's to decide, or Config.Authorize's. A handler that
// refuses a client has given it a session all the same, if there are sessions;
// Authorize is asked first.
//
// The client's side sends tokens to hosts that are listed, by HTTPS only by
// default, and not after a redirection from another host. Nothing of a response
// is passed on as successful before the server has proved who it is.
package negotiate
