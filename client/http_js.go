package client

import (
	"errors"
	"net/http"
)

// httpClient sends requests by a transport alone: that of net/http has HTTP/2 and
// TLS with it, three megabytes of a program for pages, which fetch by themselves.
type httpClient struct{ transport http.RoundTripper }

func newHTTPClient(transport http.RoundTripper) *httpClient { return &httpClient{transport} }

// Do sends a request.
func (c *httpClient) Do(r *http.Request) (*http.Response, error) {
	if c.transport == nil {
		return nil, errors.New("Config has no Transport, which is required in a browser")
	}
	return c.transport.RoundTrip(r)
}
