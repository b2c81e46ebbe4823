package resecure

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// requests returns the leg of a login for HTTP requests of any kind. Each has a
// token of its own, so that a backend that authenticates connections takes none
// for another caller's.
func (t *Transport) requests(tickets Tickets) (*leg, error) {
	rt, err := negotiate.NewTransport(negotiate.TransportConfig{
		Tickets: bare{tickets}, Hosts: []string{t.backend.Host}, AllowHTTP: t.backend.Scheme == "http",
		Service: func(*url.URL) string { return t.cfg.Service }, Preemptive: true, MutualAlways: true, Base: t.cfg.Base,
	})
	if err != nil {
		return nil, err
	}
	return &leg{RoundTripper: &requests{rt}, close: tickets.Close}, nil
}

type requests struct{ *negotiate.Transport }

// RoundTrip sends a request with a token, and returns the response of a backend
// that has proved who it is.
func (q *requests) RoundTrip(r *http.Request) (*http.Response, error) {
	out := r.WithContext(r.Context())
	out.Header = r.Header.Clone()
	out.Header.Del("Authorization") // it would stand in the place of the token
	resp, err := q.Transport.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusProxyAuthRequired {
		_ = resp.Body.Close()
		return nil, &Error{CodeRefused, fmt.Errorf("HTTP status %d to a request with a token", resp.StatusCode)}
	}
	for _, name := range []string{"WWW-Authenticate", "Proxy-Authenticate", "Authentication-Info", "Persistent-Auth",
		"Proxy-Support"} {
		resp.Header.Del(name) // what is about this leg is nothing to the caller
	}
	return resp, nil
}
