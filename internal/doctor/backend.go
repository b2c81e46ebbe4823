package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// checkBackends asks each backend once.
func (d *doctor) checkBackends(ctx context.Context) []Result {
	var backends []string
	for i := range d.Settings.Routes {
		if b := d.Settings.Routes[i].Backend; !slices.Contains(backends, b) {
			backends = append(backends, b)
		}
	}
	return each(backends, func(b string) []Result { return []Result{d.checkBackend(ctx, b)} })
}

// checkBackend sends OPTIONS, which asks for nothing to be done. Any answer
// will do.
func (d *doctor) checkBackend(ctx context.Context, backend string) Result {
	u, err := url.Parse(backend)
	if err != nil {
		return fail("backend", "is not a URL", "write it as http://localhost:9100/service")
	}
	hasUser := u.User != nil
	u.User, u.RawQuery = nil, "" // neither shown nor sent
	subject := u.String()
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	began := time.Now()
	status, err := d.options(ctx, subject)
	took := time.Since(began).Round(100 * time.Microsecond)
	switch {
	case err != nil:
		return d.unreachable(subject, err)
	case status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout:
		return warn(subject, fmt.Sprintf("answers %d %s, in %v", status, http.StatusText(status), took), "something stands before the service, which does not run")
	case status == http.StatusNotFound:
		return warn(subject, fmt.Sprintf("answers 404 Not Found to OPTIONS, in %v", took), "fine if the service answers POST there; else correct the path in backend:")
	case status == http.StatusUnauthorized && hasUser:
		return ok(subject, "answers 401, in %v; doctor does not send the password", took)
	}
	return ok(subject, "answers OPTIONS with %d, in %v", status, took)
}

// options makes the request as the gateway would, without proxies and
// redirects.
func (d *doctor) options(ctx context.Context, target string) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodOptions, target, nil)
	if err != nil {
		return 0, err
	}
	transport := &http.Transport{DialContext: d.Dial, DisableKeepAlives: true, TLSClientConfig: &tls.Config{Time: d.Now}}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	io.CopyN(io.Discard, response.Body, 1<<10)
	return response.StatusCode, nil
}

func (d *doctor) unreachable(subject string, err error) Result {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		op        *net.OpError
	)
	switch {
	case errors.As(err, &dns):
		return fail(subject, "its host does not resolve: "+resolveError(err), "correct the host in backend:, or DNS")
	case errors.As(err, &authority):
		return fail(subject, "its certificate is of an authority that this machine does not trust", "put the authority's certificate into the system's store, or name it in SSL_CERT_FILE for wssgate")
	case errors.As(err, &host), errors.As(err, &invalid):
		return fail(subject, "its certificate is refused: "+err.Error(), "renew the backend's certificate, or call the backend by a name in it")
	case errors.As(err, &record):
		return fail(subject, "does not speak TLS", "write http:// in backend:, or the port of https")
	case errors.Is(err, context.DeadlineExceeded):
		return fail(subject, fmt.Sprintf("gives no answer within %v", d.Timeout), "check that the service runs, and the firewall; a slow service needs --timeout here, and backend-timeout")
	case errors.As(err, &op):
		return fail(subject, "no connection: "+op.Err.Error(), "start the service, or correct host and port in backend:")
	}
	return fail(subject, "does not answer as an HTTP server: "+err.Error(), "correct scheme, host and port in backend:")
}
