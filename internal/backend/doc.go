// Package backend sends requests to the backends of a route.
//
// A [Set] is an [http.RoundTripper] over several backends that do the same. It
// keeps what a request asks for, its path and query, and chooses the backend:
// of those that work the one with the fewest requests that wait for an answer,
// and among equals one after the other.
//
// # At most once
//
// A request is sent once. It goes to the next backend only if nothing of it was
// sent: no connection came about, TLS failed, or a kept connection took no octet
// of it, since the backend had closed it. Package net/http by itself repeats
// more than that on kept connections ([http.Transport]): requests with a safe
// method, or with a header Idempotency-Key, of which all was sent, and in HTTP/2
// what a backend refuses (RFC 9113 §8.7). A Set makes requests that it does not
// repeat: with a body that cannot be had again. One gap is left: a POST, PUT or
// PATCH without a body, by HTTP/2, is sent again if the backend says by
// REFUSED_STREAM or GOAWAY that it has not looked at it.
//
// Whether something was sent is known by counting: of TLS the octets inside, as
// a backend can do nothing with a part of a record. A connection of HTTP/2 has
// the octets of other requests too, so there all counts as sent.
//
// # Health
//
// Nothing is sent but the requests of clients. A backend that fails three times
// in a row is out for a second, then for twice as long each time, up to 30
// seconds, and up to half as long again at random, so that several wssgate do
// not come at once. When the time is over one request goes there; its answer,
// whatever it is, brings the backend back. If all are out, or failed to take the
// request, those that are out are tried all the same: nothing is refused
// without trying.
//
// A failure is a connection that does not come about or breaks before the
// answer, and no answer in time. An answer is none, whatever its status. One
// that is 503 with Retry-After (RFC 9110 §10.2.3) asks for a pause, and gets it,
// up to 30 seconds, if there is another backend. That a client goes away, or its body ends early, says
// nothing of the backend.
//
//	specification                     Go
//	RFC 9110 §9.2.2, no repetition    once, attempt
//	RFC 9110 §10.2.3, Retry-After     pauseAsked
//	RFC 9113 §8.7, refused streams    once
//	RFC 8446, TLS to a backend        dialTLS, TLSFiles
//
//	file         job
//	set.go       Config, Set, the order of attempts
//	attempt.go   one attempt, and what of it was sent
//	once.go      requests that net/http does not repeat
//	dial.go      connections: TCP, unix sockets, TLS; what they have sent
//	files.go     authorities and certificates from files
//	health.go    which backends are in, out, or tried
package backend
