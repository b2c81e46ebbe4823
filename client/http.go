//go:build !js

package client

import "net/http"

// httpClient sends requests.
type httpClient = http.Client

// newHTTPClient returns one that follows no redirection: a message is for one
// address, and whoever redirects it is not the service.
func newHTTPClient(transport http.RoundTripper) *httpClient {
	return &http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
