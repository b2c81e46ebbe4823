package negotiate

import "net/http"

// defaultBase is nil: the transport of net/http has HTTP/2 and TLS with it, three
// megabytes of a program for pages, which fetch by themselves.
func defaultBase() http.RoundTripper { return nil }
