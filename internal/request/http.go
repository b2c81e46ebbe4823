package request

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/wssgate/wssgate/internal/location"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// TokenTo returns what puts the token of a message at a place of HTTP, which is
// written as the setting token-location has it; see client.Config.
func TokenTo(place string) (func(*http.Request, []byte) error, error) {
	l, err := location.Parse(place)
	switch {
	case err != nil:
		return nil, err
	case !l.InHTTP():
		return nil, fmt.Errorf("%s is no place in HTTP: write the message with its token there yourself", l)
	}
	return l.Put, nil
}

// HTTPConfig configures an [HTTP].
type HTTPConfig struct {
	Method, URL string
	Header      http.Header
	Body        []byte
	// Tickets are the client's, and Service is the principal that is called; ""
	// means that of the URL.
	Tickets negotiate.Tickets
	Service string
	// AllowHTTP calls services without TLS too.
	AllowHTTP       bool
	ChannelBindings bool
	Base            http.RoundTripper
	Timeout         time.Duration
}

// HTTP is a request of any kind, whose client HTTP Negotiate authenticates. It is
// safe for concurrent use.
type HTTP struct {
	cfg    HTTPConfig
	client http.Client
}

// check returns the URL, if it may be called.
func (cfg *HTTPConfig) check() (*url.URL, error) {
	u, err := url.Parse(cfg.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("%q is no http or https URL", cfg.URL)
	case u.Scheme == "http" && !cfg.AllowHTTP:
		return nil, errors.New("without TLS anybody in between can use the token: call an https URL, or give " +
			"--allow-plain-http")
	}
	return u, nil
}

// Check reports what is wrong with cfg, apart from its Tickets.
func (cfg HTTPConfig) Check() error {
	_, err := cfg.check()
	return err
}

// NewHTTP returns an HTTP, or an error if cfg is invalid.
func NewHTTP(cfg HTTPConfig) (*HTTP, error) {
	u, err := cfg.check()
	if err != nil {
		return nil, err
	}
	tc := negotiate.TransportConfig{Tickets: markedTickets{cfg.Tickets}, Hosts: []string{u.Host}, AllowHTTP: cfg.AllowHTTP,
		Preemptive: true, ChannelBindings: cfg.ChannelBindings, Base: cfg.Base}
	if cfg.Service != "" {
		tc.Service = func(*url.URL) string { return cfg.Service }
	}
	transport, err := negotiate.NewTransport(tc)
	if err != nil {
		return nil, err
	}
	return &HTTP{cfg, http.Client{Transport: transport, Timeout: cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// Do makes the request with a fresh token. It writes the body of the response to
// out, and its header to trace. The error is an [*HTTPError].
func (h *HTTP) Do(ctx context.Context, out, trace io.Writer) error {
	r, err := http.NewRequestWithContext(ctx, h.cfg.Method, h.cfg.URL, bytes.NewReader(h.cfg.Body))
	if err != nil {
		return &HTTPError{Code: HTTPFailed, Err: err}
	}
	maps.Copy(r.Header, h.cfg.Header)
	r.Host = h.cfg.Header.Get("Host")
	fmt.Fprintf(trace, "> %s %s, with a token\n", h.cfg.Method, h.cfg.URL)
	resp, err := h.client.Do(r)
	if err != nil {
		return httpError(err)
	}
	defer resp.Body.Close()
	writeHeader(trace, resp)
	if _, err := io.Copy(out, resp.Body); err != nil {
		return &HTTPError{Code: HTTPNoAnswer, Err: err}
	}
	if resp.StatusCode >= 400 {
		return &HTTPError{Code: HTTPRefused, Err: fmt.Errorf("HTTP status %d, %s; the service's log has the reason",
			resp.StatusCode, http.StatusText(resp.StatusCode))}
	}
	return nil
}

// writeHeader writes the header of a response. Cookies and tokens are as good as
// passwords: of these it writes the length.
func writeHeader(w io.Writer, resp *http.Response) {
	fmt.Fprintf(w, "< %s %s\n", resp.Proto, resp.Status)
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		for _, value := range resp.Header[name] {
			if name == "Set-Cookie" || name == "Www-Authenticate" && strings.Contains(value, " ") {
				value = fmt.Sprintf("(%d characters)", len(value))
			}
			fmt.Fprintf(w, "< %s: %s\n", name, value)
		}
	}
}

// The codes of an HTTPError: those of package client, where they mean the same.
const (
	HTTPFailed    = "request-not-sent"
	HTTPNoTicket  = "no-ticket"
	HTTPNoAnswer  = "no-answer"
	HTTPRefused   = "service-refuses"
	HTTPNotProven = "service-not-proven" // the server has not proved who it is
)

// An HTTPError is a request that failed.
type HTTPError struct {
	Code string
	Err  error
}

// Error returns the code and the cause.
func (e *HTTPError) Error() string { return e.Code + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *HTTPError) Unwrap() error { return e.Err }

// ErrorCode returns the code.
func (e *HTTPError) ErrorCode() string { return e.Code }

// httpError returns the error of a request without a response.
func httpError(err error) error {
	if ticket, ok := errors.AsType[*noTicket](err); ok {
		return &HTTPError{Code: HTTPNoTicket, Err: ticket.error}
	}
	coded, ok := errors.AsType[*kerberos.Error](err)
	if !ok {
		return &HTTPError{Code: HTTPNoAnswer, Err: err}
	}
	e := &HTTPError{Code: HTTPNotProven, Err: coded}
	if coded.Code == negotiate.CodeServerRefused {
		e.Code = HTTPRefused
	}
	for _, info := range negotiate.Codes() {
		if info.Code == coded.Code {
			e.Err = fmt.Errorf("%w\n%s %s", coded, info.Cause, info.Cure)
		}
	}
	return e
}

// noTicket marks the errors of tickets.
type noTicket struct{ error }

type markedTickets struct{ negotiate.Tickets }

// ServiceTicket implements [negotiate.Tickets].
func (t markedTickets) ServiceTicket(ctx context.Context, service string) (kerberos.Credential, error) {
	c, err := t.Tickets.ServiceTicket(ctx, service)
	if err != nil {
		err = &noTicket{err}
	}
	return c, err
}

// Forget is for tickets that a service refuses.
func (t markedTickets) Forget(service string) {
	if f, ok := t.Tickets.(interface{ Forget(service string) }); ok {
		f.Forget(service)
	}
}
