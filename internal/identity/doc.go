// Package identity tells a backend who its client is, so that the backend can
// check it: by a short-lived assertion that wssgate signs.
//
// An assertion is a JSON Web Token (RFC 7519), signed with ES256 as a JWS in
// compact form (RFC 7515), for one request. It is for a backend that others than
// wssgate can reach, or that passes it on.
//
//	claim         what it says
//	iss, aud      who signs, and for whom, as configured
//	sub, realm    the client's principal, and its realm alone
//	groups        the SIDs of its groups, if there are some and they are wanted
//	route         the name of the route that has admitted it
//	iat, nbf, exp now, half a minute before, and the end of the lifetime
//	jti           128 random bits, another for each request
//
// The header names the type of the assertion, which is wssgate+jwt unless
// another one is configured, so that no other token of the same key is taken
// for one (RFC 8725 §3.11), and the key by its thumbprint.
//
// A [Signer] signs with the first of its [Keys]. A new key is first put behind
// the one that signs, until all backends have the new [Keys.JWKS], and then
// before it; the old one is removed when all of its assertions have expired.
//
//	specification                          Go
//	RFC 7515 §7.1, compact serialization   Signer.Sign
//	RFC 7517 §5, JWK Set                   Keys.JWKS
//	RFC 7518 §3.4, ES256                   Signer.Sign
//	RFC 7518 §6.2, elliptic curve keys     jwk
//	RFC 7519 §4.1, claims                  claims
//	RFC 7638, thumbprint                   thumbprint
//	RFC 8725 §3.8–3.11, iss, sub, aud, typ Config
//
//	file          job
//	keys.go       key files, thumbprints, JWK Sets
//	signer.go     assertions
//	transport.go  the header in requests to backends
package identity
