package web

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// RoundTrip sends a request to a service, and proves who the user is if the
// service asks for it by "Negotiate" or "Application Negotiate". The service has
// then proved who it is too, or the call fails. An address that has accepted a
// token gets one with each later request at once. Errors are those of
// negotiate.Transport, and [*Error].
func (s *Session) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := s.over(); err != nil {
		return nil, err
	}
	if err := s.allow(r.URL); err != nil {
		return nil, err
	}
	ctx, cancel := s.while(r.Context())
	transport, address := s.plain, addressOf(r.URL)
	if s.isProtected(address) {
		transport = s.eager
	}
	resp, err := transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, s.outcome(err)
	}
	proven := resp.Request != nil && resp.Request.Header.Get("Authorization") != ""
	if proven && resp.StatusCode < http.StatusBadRequest {
		s.setProtected(address)
	}
	resp.Body = &endingBody{resp.Body, cancel}
	return resp, nil
}

// addressOf returns what has to be the same for a token to be sent unasked. A
// service without protection at another path of the host would prove nothing.
func addressOf(u *url.URL) string {
	return strings.ToLower(u.Scheme+"://"+u.Host) + u.EscapedPath()
}

// maxProtected bounds the addresses that are remembered.
const maxProtected = 1000

func (s *Session) isProtected(address string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.protected[address]
}

func (s *Session) setProtected(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.protected) >= maxProtected {
		clear(s.protected)
	}
	s.protected[address] = true
}

// An endingBody ends the context of its call when it is closed.
type endingBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *endingBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
